#include "codec/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace mitral::codec {
namespace {

Json must_parse(std::string_view text, const ParseOptions& options = {}) {
  auto out = Json::parse(text, options);
  EXPECT_TRUE(out.has_value()) << text << ": " << (out ? "" : out.error().detail);
  return out ? std::move(*out) : Json();
}

bool refused(std::string_view text, const ParseOptions& options = {}, ErrorCode code = ErrorCode::malformed) {
  const auto out = Json::parse(text, options);
  return !out && out.error().code == code && !out.error().client.empty();
}

std::string nested(std::size_t depth, std::string_view open, std::string_view close, std::string_view inner = "") {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) out += open;
  out += inner;
  for (std::size_t i = 0; i < depth; ++i) out += close;
  return out;
}

TEST(Json, ParsesEveryKindOfValue) {
  const auto json =
      must_parse(R"( { "n" : null , "t":true,"f":false,"i":-12,"d":1.50,"s":"x","a":[1,[],{}],"o":{"k":"v"} } )");
  EXPECT_TRUE(json.is_object());
  EXPECT_EQ(json.size(), 8U);
  EXPECT_TRUE(json["n"].is_null());
  EXPECT_EQ(json["t"].as_bool(), true);
  EXPECT_EQ(json["f"].as_bool(), false);
  EXPECT_EQ(json["i"].as_int64(), -12);
  EXPECT_EQ(json["d"].as_double(), 1.5);
  EXPECT_EQ(json["s"].as_string(), "x");
  EXPECT_EQ(json["a"].size(), 3U);
  EXPECT_EQ(json["a"][0].as_int64(), 1);
  EXPECT_TRUE(json["a"][1].is_array());
  EXPECT_EQ(json["o"]["k"].string_or(), "v");
  EXPECT_EQ(json.dump(), R"({"n":null,"t":true,"f":false,"i":-12,"d":1.50,"s":"x","a":[1,[],{}],"o":{"k":"v"}})");
}

TEST(Json, ReadingTheWrongTypeGivesNothing) {
  const auto json = must_parse(R"({"s":"1","n":1,"a":["x"]})");
  EXPECT_FALSE(json["s"].as_int64());
  EXPECT_FALSE(json["s"].as_double());
  EXPECT_FALSE(json["s"].as_bool());
  EXPECT_FALSE(json["n"].as_string());
  EXPECT_FALSE(json["n"].as_bool());
  EXPECT_EQ(json["n"].string_or("no"), "no");
  EXPECT_EQ(json["s"].int_or(7), 7);
  EXPECT_TRUE(json["missing"]["deeper"][3].is_null());
  EXPECT_TRUE(json["a"][1].is_null());
  EXPECT_TRUE(json["a"][-1].is_null());
  EXPECT_TRUE(json["a"]["x"].is_null());
  EXPECT_EQ(json.find("missing"), nullptr);
  EXPECT_TRUE(json["s"].items().empty());
  EXPECT_TRUE(json["s"].members().empty());
  EXPECT_TRUE(json["s"].lexeme().empty());
}

TEST(Json, NumbersKeepTheirLexeme) {
  for (std::string_view text : {"0", "-0", "1.50", "1.500000000000000000000001", "1e2", "1E+2", "1e-2", "-0.0e0",
                                "123456789012345678901234567890", "0.00000000000000000000000000000001"}) {
    const auto json = must_parse(text);
    EXPECT_TRUE(json.is_number());
    EXPECT_EQ(json.lexeme(), text);
    EXPECT_EQ(json.dump(), text);
  }
}

TEST(Json, NumbersOutsideTheGrammarAreRefused) {
  for (std::string_view text : {"01", "-", "+1", ".5", "1.", "1.e1", "1e", "1e+", "0x10", "NaN", "Infinity",
                                "-Infinity", "1_0", "--1", "00", "-01", "1e1.5", "\xd9\xa1"}) {
    EXPECT_TRUE(refused(text)) << text;
    EXPECT_FALSE(Json::number(text)) << text;
  }
  EXPECT_EQ(Json::number("1.50")->dump(), "1.50");
  EXPECT_FALSE(Json::number(""));
  EXPECT_FALSE(Json::number("1 "));
}

TEST(Json, Int64OnlyForPlainIntegersInRange) {
  EXPECT_EQ(must_parse("9223372036854775807").as_int64(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(must_parse("-9223372036854775808").as_int64(), std::numeric_limits<std::int64_t>::min());
  for (std::string_view text : {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "1E0", "0.5"}) {
    EXPECT_FALSE(must_parse(text).as_int64()) << text;
  }
  EXPECT_EQ(must_parse("1e3").as_double(), 1000.0);
  EXPECT_FALSE(must_parse("1e999").as_double());
}

TEST(Json, J13_DuplicateMembersAreRefusedAtEveryLevel) {
  for (std::string_view text :
       {R"({"alg":"ES256","alg":"none"})", R"({"aud":1,"x":2,"aud":1})", R"({"":1,"":1})", R"({"a":{"sub":1,"sub":2}})",
        R"([{"a":[{"k":1,"k":1}]}])", R"({"alg":"ES256","\u0061lg":"none"})", R"({"\u00e9":1,"é":2})",
        R"({"\ud83d\ude00":1,"😀":2})", R"({"a\/b":1,"a/b":2})", R"({"cnf":{"jkt":"a","\u006akt":"b"}})"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
  // Names that only look alike are different names.
  EXPECT_EQ(must_parse(R"({"a":1,"A":2,"a ":3,"а":4})").size(), 4U);
}

TEST(Json, J13_DuplicatesInBigObjectsAreFoundQuickly) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"name" + std::to_string(i) + "\":0,";
  EXPECT_EQ(must_parse(text + "\"last\":0}").size(), 200'001U);
  EXPECT_TRUE(refused(text + "\"name77777\":1}"));
  EXPECT_TRUE(refused(text + "\"\\u006eame0\":1}"));
  // Around the border between pairs and sorting.
  for (int count = 1; count < 40; ++count) {
    std::string object = "{";
    for (int i = 0; i < count; ++i) object += "\"k" + std::to_string(i) + "\":0,";
    EXPECT_FALSE(refused(object + "\"z\":0}")) << count;
    EXPECT_TRUE(refused(object + "\"k" + std::to_string(count / 2) + "\":0}")) << count;
  }
}

TEST(Json, J13_NothingMayFollowTheValue) {
  for (std::string_view text : {"{}{}", "{} x", "1 2", "null,", "[]]", "\"a\"b", "truefalse", "nullx", "{}//c"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
  EXPECT_TRUE(refused(std::string_view("{}\0", 3)));
  EXPECT_TRUE(must_parse(" \t\r\n{}\n\r\t ").is_object());
  EXPECT_TRUE(refused("\v{}"));
  EXPECT_TRUE(refused("\xc2\xa0{}"));
}

TEST(Json, SyntaxOutsideTheGrammarIsRefused) {
  for (std::string_view text : {"",
                                " ",
                                "{",
                                "}",
                                "[",
                                "]",
                                "[1",
                                "[1,",
                                "[,1]",
                                "[1,]",
                                "[1 2]",
                                "{\"a\"",
                                "{\"a\":",
                                "{\"a\":1",
                                "{\"a\":1,",
                                "{\"a\":1,}",
                                "{\"a\" 1}",
                                "{a:1}",
                                "{'a':1}",
                                "{1:1}",
                                "{,}",
                                "{\"a\":1 \"b\":2}",
                                "[1:2]",
                                "tru",
                                "True",
                                "NULL",
                                "undefined",
                                "'x'",
                                "\"",
                                "\"\\",
                                "\"\\u",
                                "\"\\u12\"",
                                "\"\\x41\"",
                                "\"\\u00g0\"",
                                "\"\\U0041\"",
                                "\"a\nb\"",
                                "\"a\tb\"",
                                "/**/1",
                                "//\n1",
                                "[}",
                                "{]"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
}

TEST(Json, J14_DepthIsLimited) {
  EXPECT_FALSE(refused(nested(limits::kJsonDepthMax, "[", "]")));
  EXPECT_TRUE(refused(nested(limits::kJsonDepthMax + 1, "[", "]"), {}, ErrorCode::too_large));
  EXPECT_TRUE(refused(nested(10'000, "[", "]"), {}, ErrorCode::too_large));
  EXPECT_TRUE(refused(nested(1'000'000, "[", ""), {}, ErrorCode::too_large));
  EXPECT_FALSE(refused(nested(16, "{\"a\":", "}", "1"), kJoseJson));
  EXPECT_TRUE(refused(nested(17, "{\"a\":", "}", "1"), kJoseJson, ErrorCode::too_large));
  // Siblings don't add up.
  std::string wide = "[";
  for (int i = 0; i < 100; ++i) wide += "[[]],";
  EXPECT_FALSE(refused(wide + "1]", {.max_depth = 3}));
  // Nobody can switch the bound off.
  EXPECT_TRUE(refused(nested(100'000, "[", "]"), {.max_depth = 1'000'000}, ErrorCode::too_large));
}

TEST(Json, J14_BytesAndValuesAreLimited) {
  EXPECT_TRUE(refused(std::string(limits::kRequestObjectMax + 1, ' '), kJoseJson, ErrorCode::too_large));
  EXPECT_FALSE(refused("[1,2,3]", {.max_bytes = 7}));
  EXPECT_TRUE(refused("[1,2,34]", {.max_bytes = 7}, ErrorCode::too_large));
  EXPECT_FALSE(refused("[1,2,3]", {.max_nodes = 4}));
  EXPECT_TRUE(refused("[1,2,3,4]", {.max_nodes = 4}, ErrorCode::too_large));
  EXPECT_TRUE(refused(R"({"a":{"b":1}})", {.max_nodes = 2}, ErrorCode::too_large));
}

TEST(Json, J24_EncodingIsStrictUtf8) {
  using namespace std::string_view_literals;
  for (std::string_view text :
       {"\xef\xbb\xbf{}"sv, "\xff\xfe{\0}\0"sv, "{\0}\0"sv, "\"\x80\""sv, "\"\xc0\xaf\""sv, "\"\xc1\xbf\""sv,
        "\"\xe0\x80\xaf\""sv, "\"\xed\xa0\x80\""sv, "\"\xed\xbf\xbf\""sv, "\"\xf0\x80\x80\xaf\""sv,
        "\"\xf4\x90\x80\x80\""sv, "\"\xf5\x80\x80\x80\""sv, "\"\xe2\x82\""sv, "\"\xe2\x82"sv, "\"\xff\""sv,
        "\"\xc3\"\xa9\""sv, "{\"\xc3\":1}"sv, "\"12345678\xc3(\""sv}) {
    EXPECT_TRUE(refused(text)) << testing::PrintToString(text);
  }
  EXPECT_EQ(must_parse("\"é€😀\"").as_string(), "é€😀");
}

TEST(Json, J24_NulIsRefusedUnlessAskedFor) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(refused(R"({"sub":"admin\u0000x"})"));
  EXPECT_TRUE(refused(R"({"sub\u0000":"x"})"));
  EXPECT_TRUE(refused("\"a\0b\""sv));
  EXPECT_TRUE(refused("\"a\0b\""sv, {.allow_nul = true}));  // raw controls never
  EXPECT_EQ(must_parse(R"("a\u0000b")", {.allow_nul = true}).as_string(), "a\0b"sv);
  EXPECT_EQ(must_parse(R"("a\u0000b")", {.allow_nul = true}).dump(), R"("a\u0000b")");
}

TEST(Json, J24_SurrogatesComeInPairs) {
  for (std::string_view text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")", R"("\ud800\ud800")",
                                R"("\ude00\ud83d")", R"("\ud83d\u0041")", R"("\ud83d\u")", R"("\ud83d\)"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
  EXPECT_EQ(must_parse(R"("\uD83D\uDE00")").as_string(), "😀");
  EXPECT_EQ(must_parse(R"("\u00e9\u20ac")").as_string(), "é€");
}

TEST(Json, EscapesRoundTrip) {
  const auto json = must_parse(R"("\"\\\/\b\f\n\r\t\u001f\u007f\u2028")");
  EXPECT_EQ(json.as_string(), "\"\\/\b\f\n\r\t\x1f\x7f\xe2\x80\xa8");
  EXPECT_EQ(json.dump(), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\\u007f\xe2\x80\xa8\"");
  EXPECT_EQ(must_parse(json.dump()), json);
}

TEST(Json, StringsOfEveryLengthAroundTheInlineSize) {
  for (std::size_t length = 0; length < 64; ++length) {
    const std::string text(length, 'a');
    const auto json = must_parse('"' + text + '"');
    EXPECT_EQ(json.as_string(), text);
    const Json copy = json;  // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(copy, json);
    EXPECT_EQ(Json(text).dump(), '"' + text + '"');
    // An escape, a control and a broken byte at every place of the fast path.
    for (std::size_t at = 0; at < length; ++at) {
      std::string other = text;
      other[at] = '\n';
      EXPECT_TRUE(refused('"' + other + '"'));
      EXPECT_EQ(must_parse(Json(other).dump()).as_string(), other);
      other[at] = '\xff';
      EXPECT_TRUE(refused('"' + other + '"'));
      other[at] = '"';
      EXPECT_EQ(must_parse(Json(other).dump()).as_string(), other);
    }
  }
}

TEST(Json, DumpIsAlwaysValidUtf8) {
  EXPECT_EQ(Json("a\xff"
                 "b\xc3")
                .dump(),
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\"");
  EXPECT_TRUE(Json::parse(Json("\xed\xa0\x80\xf0\x9f").dump()));
}

TEST(Json, BuildsObjectsAndArrays) {
  const std::optional<std::string> none;
  auto json = Json::object({{"access_token", std::string("abc")},
                            {"expires_in", 300},
                            {"ok", true},
                            {"scopes", Json::array({"a", 2, nullptr})}});
  json.set_if("state", none).set_if("scope", std::optional<std::string>("openid"));
  EXPECT_EQ(json.dump(), R"({"access_token":"abc","expires_in":300,"ok":true,"scopes":["a",2,null],"scope":"openid"})");
  json.set("expires_in", 60);
  EXPECT_TRUE(json.erase("ok"));
  EXPECT_FALSE(json.erase("ok"));
  EXPECT_EQ(json.dump(), R"({"access_token":"abc","expires_in":60,"scopes":["a",2,null],"scope":"openid"})");
  EXPECT_EQ(Json::object({{"a", 1}, {"a", 2}}).dump(), R"({"a":2})");
  EXPECT_EQ(Json::array_of(std::vector<std::string>{"x", "y"}).dump(), R"(["x","y"])");
  Json grows;
  grows.set("k", Json::array().push_back(1));
  EXPECT_EQ(grows.dump(), R"({"k":[1]})");
  EXPECT_EQ(Json::object().dump(), "{}");
  EXPECT_EQ(Json::array().dump(), "[]");
}

TEST(Json, NumbersFromTypes) {
  EXPECT_EQ(Json(std::numeric_limits<std::int64_t>::min()).dump(), "-9223372036854775808");
  EXPECT_EQ(Json(std::numeric_limits<std::uint64_t>::max()).dump(), "18446744073709551615");
  EXPECT_EQ(Json(0.5).dump(), "0.5");
  EXPECT_TRUE(Json::parse(Json(1e300).dump()));
  EXPECT_TRUE(Json(std::numeric_limits<double>::infinity()).is_null());
  EXPECT_TRUE(Json(std::numeric_limits<double>::quiet_NaN()).is_null());
}

TEST(Json, CopiesAreDeepAndMovesLeaveNull) {
  auto json =
      must_parse(R"({"a":[1,{"b":"a string that is longer than fourteen bytes"}],"n":12345678901234567890123})");
  Json copy = json;
  copy.find("a")->push_back(2);
  EXPECT_NE(copy, json);
  EXPECT_EQ(json["a"].size(), 2U);
  Json moved = std::move(json);
  EXPECT_TRUE(json.is_null());  // NOLINT(bugprone-use-after-move)
  copy = moved;
  EXPECT_EQ(copy, moved);
  // A value may be assigned from its own part.
  moved = std::move(*moved.find("a"));
  EXPECT_TRUE(moved.is_array());
  moved = Json(moved[1]["b"]);
  EXPECT_EQ(moved.as_string(), "a string that is longer than fourteen bytes");
  const Json& self = copy;
  copy = self;
  EXPECT_TRUE(copy.is_object());
}

TEST(Json, EqualityIgnoresTheOrderOfMembersOnly) {
  EXPECT_EQ(must_parse(R"({"a":1,"b":[1,2]})"), must_parse(R"({"b":[1,2],"a":1})"));
  EXPECT_NE(must_parse(R"({"a":1})"), must_parse(R"({"a":1,"b":null})"));
  EXPECT_NE(must_parse("[1,2]"), must_parse("[2,1]"));
  EXPECT_NE(must_parse("1.0"), must_parse("1.00"));
  EXPECT_NE(must_parse("\"1\""), must_parse("1"));
  EXPECT_NE(must_parse("true"), must_parse("false"));
}

TEST(Json, ChangesInPlace) {
  auto json = must_parse(R"({"entry":[{"id":1},{"id":2},{"id":3}],"link":{"self":"x"}})");
  EXPECT_EQ(json.find("entry")->remove_items_if([](const Json& e) { return e["id"].as_int64() == 2; }), 1U);
  for (auto& member : json.members_mut()) {
    if (member.key == "link") member.value.set("self", "y");
  }
  for (auto& item : json.find("entry")->items()) item.set("seen", true);
  EXPECT_EQ(json.dump(), R"({"entry":[{"id":1,"seen":true},{"id":3,"seen":true}],"link":{"self":"y"}})");
}

TEST(Json, PrettyIsTheSameValue) {
  const auto json = must_parse(R"({"a":[1,{"b":[]},{}],"c":"x"})");
  EXPECT_EQ(json.dump_pretty(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    },\n    {}\n  ],\n  \"c\": \"x\"\n}");
  EXPECT_EQ(must_parse(json.dump_pretty()), json);
}

TEST(Json, ParseObjectWantsAnObject) {
  EXPECT_TRUE(Json::parse_object("{}"));
  for (std::string_view text : {"[]", "null", "1", "\"{}\"", "true"}) EXPECT_FALSE(Json::parse_object(text)) << text;
}

TEST(Json, ErrorsTellWhereButNotWhat) {
  const auto out = Json::parse(R"({"password":"hunter2", "x":hunter2})");
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().detail.find("hunter"), std::string::npos);
  EXPECT_NE(out.error().detail.find("at byte 27"), std::string::npos) << out.error().detail;
}

}  // namespace
}  // namespace mitral::codec
