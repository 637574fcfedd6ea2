// JsonReader and JsonScanner: as strict as Json::parse(), whatever way the bytes come (threats J-13, J-14, S-10).
#include "codec/json_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mitral::codec {
namespace {

using Step = JsonScanner::Step;

struct Scanned {
  bool ok = false;
  ErrorCode error = ErrorCode::internal;
  Json head;
  std::vector<Json> items;
  std::vector<std::string> bytes, watched;
};

/// Feeds the text in pieces of these sizes, the last one for all the rest.
Scanned scan(std::string_view text, const std::vector<std::size_t>& sizes, JsonScanner::Options options = {}) {
  options.array = "entry";
  options.watched = "resource";
  JsonScanner scanner(options);
  Scanned out;
  std::size_t round = 0;
  bool over = false;
  while (true) {
    JsonScanner::Item item;
    auto step = scanner.step(item);
    for (; step == Step::item; step = scanner.step(item)) {
      out.bytes.emplace_back(item.bytes);
      out.watched.emplace_back(item.watched);
      out.items.push_back(std::as_const(item.value));  // a copy
      item = {};
    }
    if (step == Step::refused) {
      out.error = scanner.error().code;
      return out;
    }
    if (step == Step::done) break;
    scanner.release();
    EXPECT_FALSE(over) << "asks for more after the end";
    if (text.empty()) {
      scanner.end();
      over = true;
      continue;
    }
    const auto size =
        std::min(text.size(), round < sizes.size() ? std::max<std::size_t>(sizes[round], 1) : text.size());
    ++round;
    scanner.feed(text.substr(0, size));
    text.remove_prefix(size);
  }
  out.ok = true;
  out.head = scanner.head();
  return out;
}

std::vector<std::size_t> ones(std::size_t count) { return std::vector<std::size_t>(count, 1); }

/// What the parser of whole texts thinks of it.
bool acceptable(std::string_view text) {
  const auto whole = Json::parse_object(text);
  if (!whole) return false;
  const auto* const entries = whole->find("entry");
  if (entries == nullptr) return true;
  return entries->is_array() &&
         std::ranges::all_of(entries->items(), [](const Json& entry) { return entry.is_object(); });
}

void agree(std::string_view text) {
  std::vector<Scanned> all{scan(text, {}), scan(text, ones(text.size()))};
  for (std::size_t cut = 0; cut < text.size(); cut += 1 + text.size() / 40) all.push_back(scan(text, {cut}));
  const bool wanted = acceptable(text);
  for (const auto& scanned : all) {
    ASSERT_EQ(scanned.ok, wanted) << text;
    if (!wanted) continue;
    auto whole = *Json::parse_object(text);
    Json built = scanned.head;
    if (whole.contains("entry")) {
      Json entries = Json::array();
      for (std::size_t i = 0; i < scanned.items.size(); ++i) {
        EXPECT_EQ(Json::parse(scanned.bytes[i]).value(), scanned.items[i]);
        const auto* const resource = scanned.items[i].find("resource");
        EXPECT_EQ(scanned.watched[i].empty(), resource == nullptr);
        if (resource != nullptr) EXPECT_EQ(Json::parse(scanned.watched[i]).value(), *resource);
        entries.push_back(scanned.items[i]);
      }
      built.set("entry", std::move(entries));
    }
    ASSERT_EQ(built, whole) << text;
  }
}

TEST(JsonScanner, GivesOutItemsAndKeepsTheRest) {
  const auto out =
      scan(R"( { "a" : 1.50, "entry":[ {"resource":{"x":"é"},"n":1} , {"y":[]} ], "link":["\u0041"] } )", {});
  ASSERT_TRUE(out.ok);
  ASSERT_EQ(out.items.size(), 2U);
  EXPECT_EQ(out.watched[0], R"({"x":"é"})");
  EXPECT_EQ(out.bytes[1], R"({"y":[]})");
  EXPECT_TRUE(out.watched[1].empty());
  EXPECT_EQ(out.head, Json::parse(R"({"a":1.50,"link":["A"]})").value());
}

TEST(JsonScanner, S10_AgreesWithTheParserOnHostileTexts) {
  for (const auto* const text : {
           "",
           "{",
           "{}",
           " {\t}\r\n",
           "{} x",
           "[]",
           "null",
           "\xef\xbb\xbf{}",
           R"({"entry":[]})",
           R"({"entry":null})",
           R"({"entry":{}})",
           R"({"entry":[1]})",
           R"({"entry":[null]})",
           R"({"entry":[{}],"entry":[]})",
           R"({"entry":[{}],"\u0065ntry":[]})",
           R"({"\u0065ntry":[{}]})",
           R"({"a":1,"a":2})",
           R"({"a":1,"entry":[],"\u0061":2})",
           R"({"entry":[{"a":1,"a":2}]})",
           R"({"entry":[{"resource":{"a":1},"resource":{"a":2}}]})",
           R"({"entry":[{"resource":{"x":{"b":1,"\u0062":1}}}]})",
           R"({"entry":[{}{}]})",
           R"({"entry":[{},]})",
           R"({"entry":[,{}]})",
           R"({"entry":[{}]"x":1})",
           R"({"entry":[{}],})",
           R"({"entry" [{}]})",
           R"({"entry":[{}])",
           R"({"entry":[{)",
           R"({"total":12)",
           R"({"total":12})",
           R"({"total":012})",
           R"({"total":-})",
           R"({"total":1e5,"x":-0.5E-3})",
           R"({"total":1.})",
           R"({"x":tru})",
           R"({"x":true,"y":false,"z":null})",
           R"({"x":"\ud83d\ude00","entry":[{"e":"\ud83d\ude00"}]})",
           R"({"x":"\ud83d"})",
           R"({"entry":[{"x":"\ud83d"}]})",
           R"({"entry":[{"x":"\u0000"}]})",
           R"({"entry":[{"x":"\q"}]})",
           "{\"entry\":[{\"x\":\"\xc3\xa4\xf0\x9f\x98\x80\"}]}",
           "{\"entry\":[{\"x\":\"\xc3\"}]}",
           "{\"entry\":[{\"x\":\"\xed\xa0\x80\"}]}",
           "{\"x\":\"a\nb\"}",
           R"({"a":{"entry":[{}]},"entry":[{"entry":[{}]}]})",
           R"({1:2})",
           R"({"a"})",
           R"({"a":})",
       }) {
    agree(text);
  }
}

TEST(JsonScanner, AgreesWithTheParserOnDamagedTexts) {
  const std::string good =
      R"({"resourceType":"Bundle","total":2,"entry":[{"fullUrl":"http://a/b","resource":{"resourceType":"Patient",)"
      R"("id":"a","name":[{"family":"M\u00fcller","given":["Ä"]}],"n":[1,2.50,-3e4,true,null]}},{"search":{}}],"link":[]})";
  agree(good);
  std::mt19937 random(7);
  const std::string bytes = "\"\\{}[],:0e\x80 \n";
  for (int i = 0; i < 150; ++i) {
    auto text = good;
    const auto at = random() % text.size();
    switch (random() % 3) {
      case 0: text[at] = bytes[random() % bytes.size()]; break;
      case 1: text.erase(at, 1 + random() % 3); break;
      default: text.insert(at, 1, bytes[random() % bytes.size()]); break;
    }
    agree(text);
  }
}

TEST(JsonScanner, J14_DepthCountsFromTheOutside) {
  for (const std::size_t depth : {61, 62, 63, 64, 65}) {
    agree(R"({"entry":[{"resource":)" + std::string(depth - 3, '[') + std::string(depth - 3, ']') + "}]}");
    agree(R"({"x":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}");
  }
}

TEST(JsonScanner, S10_PartsHaveTheirLimits) {
  const JsonScanner::Options small{.array = {}, .watched = {}, .item_max = 100, .head_max = 100};
  const std::string fits(80, 'x');
  const std::string large(200, 'x');
  EXPECT_TRUE(scan(R"({"entry":[{"a":")" + fits + R"("}]})", {}, small).ok);
  EXPECT_TRUE(scan(R"({"a":")" + fits + R"("})", {}, small).ok);
  for (const auto& text : {R"({"entry":[{"a":")" + large + R"("}]})", R"({"a":")" + large + R"("})",
                           R"({"a":")" + fits + R"(","b":")" + fits + R"("})"}) {
    for (const auto& sizes : {std::vector<std::size_t>{}, ones(text.size())}) {
      const auto out = scan(text, sizes, small);
      EXPECT_FALSE(out.ok);
      EXPECT_EQ(out.error, ErrorCode::too_large);
    }
  }
  std::string names = "{";
  for (std::size_t i = 0; i <= limits::kStreamHeadMembersMax; ++i)
    names += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  EXPECT_FALSE(scan(names + "}", {}).ok);
}

// A piece of a large item must not cost reading the item from its beginning again.
TEST(JsonScanner, S10_ALargeItemInSmallPiecesIsReadAFewTimesOnly) {
  const std::string text = R"({"entry":[{"resource":{"x":")" + std::string(4'000'000, 'x') + R"("}}]})";
  const auto out = scan(text, std::vector<std::size_t>(text.size() / 50 + 1, 50));
  EXPECT_TRUE(out.ok);
  ASSERT_EQ(out.watched.size(), 1U);
  EXPECT_EQ(out.watched[0].size(), 4'000'008U);
}

TEST(JsonScanner, S10_AMillionEntriesFitIntoLittleMemory) {
  JsonScanner scanner({.array = "entry", .watched = "resource"});
  scanner.feed(R"({"entry":[)");
  std::size_t count = 0;
  std::size_t held = 0;
  JsonScanner::Item item;
  for (int piece = 0; piece < 1000; ++piece) {
    std::string bytes;
    for (int i = 0; i < 1000; ++i) bytes += piece + i == 0 ? "{}" : ",{\"resource\":{\"id\":\"a\"}}";
    scanner.feed(bytes);
    while (scanner.step(item) == Step::item) {
      ++count;
      item = {};
    }
    held = std::max(held, scanner.held());
    scanner.release();
  }
  scanner.feed("]}");
  scanner.end();
  EXPECT_EQ(scanner.step(item), Step::done);
  EXPECT_EQ(count, 1'000'000U);
  EXPECT_LT(held, std::size_t{1024} * 1024);
}

TEST(JsonReader, CopiesOwnTheirBytesAndChangesDoNotReachTheArena) {
  Json copy;
  Json changed;
  {
    std::string text =
        R"({"a":"a text that is longer than fourteen bytes","list":[{"deep":"another text of some length"},2],)"
        R"("a name that is longer than fifteen bytes":{}})";
    JsonReader reader;
    Json value;
    std::size_t used = 0;
    ASSERT_EQ(reader.read(text, value, used), Front::value);
    EXPECT_EQ(used, text.size());
    copy = std::as_const(value);
    EXPECT_EQ(copy, value);
    EXPECT_EQ(value.dump(), text);
    value.set("b", Json("one more"));
    value.find("list")->push_back(Json("pushed, and long enough for the heap"));
    EXPECT_EQ(value.find("list")->remove_items_if([](const Json& item) { return item.is_number(); }), 1U);
    EXPECT_TRUE(value.erase("a"));
    value.find("list")->items()[0] = Json("replaced in place by something longer");
    changed = std::as_const(value);
    value = {};
    reader.clear();
    text.assign(text.size(), '#');
  }
  EXPECT_EQ(copy["list"][0]["deep"].string_or(), "another text of some length");
  EXPECT_EQ(copy["a"].string_or(), "a text that is longer than fourteen bytes");
  EXPECT_EQ(changed.dump(),
            R"({"list":["replaced in place by something longer","pushed, and long enough for the heap"],)"
            R"("a name that is longer than fifteen bytes":{},"b":"one more"})");
}

}  // namespace
}  // namespace mitral::codec
