// Answers judged while they pass: the same verdicts as those judged whole, in bounded memory, cut and never ended when
// something is wrong (smart-fhir §4.10; threats S-10, S-11, S-13).
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "gateway/stream_judge.h"
#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

using fhir::InteractionKind;

/// A text cut at random places, perhaps with an error instead of its end.
class Cut final : public codec::BodySource {
 public:
  Cut(std::string text, unsigned seed, std::size_t most, bool fails = false)
      : text_(std::move(text)), random_(seed), most_(most), fails_(fails) {}
  Task<Result<std::string>> next() override {
    if (at_ == text_.size() && fails_) co_return fail(ErrorCode::unavailable, {}, "upstream died");
    auto out = text_.substr(at_, 1 + random_() % most_);
    at_ += out.size();
    co_return out;
  }

 private:
  std::string text_;
  std::mt19937 random_;
  std::size_t most_;
  bool fails_;
  std::size_t at_ = 0;
};

struct Outcome {
  Result<std::string> body = std::string();
  std::vector<Shown> shown;
  std::size_t withheld = 0;
  std::size_t written = 0;  ///< calls of write_down
  bool early = true;        ///< failed before the first piece
};

Result<std::string> all_of(codec::BodySource& source) {
  std::string out;
  while (true) {
    auto piece = run_sync(source.next());
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) return out;
    out += *piece;
  }
}

struct Streams : testing::Test {
  policy::TokenFacts facts(std::string_view scope) {
    policy::TokenFacts out;
    out.scopes = spec::smart::ScopeSet::parse_known(scope, policy::scope_rules()).value();
    out.client = "app";
    out.subject = "u_maria";
    out.patient = "maria";
    out.fhir_user = std::string(kPublic) + "/Patient/maria";
    out.own_base = kPublic;
    return out;
  }
  void token(std::string_view scope) {
    access = std::make_shared<const policy::Access>(policy::Access::compile(facts(scope)));
  }
  void asks(std::string_view path, std::string_view query = {}) {
    interaction = fhir::classify({.method = Method::get,
                                  .path = path,
                                  .query = query,
                                  .content_type = {},
                                  .body = {},
                                  .if_none_exist = false})
                      .value();
    const auto decided = policy::decide(*access, interaction);
    EXPECT_TRUE(decided.decision.permitted()) << policy::name(decided.decision.reason);
    plan = decided.plan;
  }
  StreamRules rules() const {
    return {.access = access,
            .plan = plan,
            .interaction = interaction,
            .public_base = kPublic,
            .upstream_base = kUpstream,
            .self_link = "https://gw.example/fhir/self",
            .seal_link = [](std::string_view link) -> std::optional<std::string> {
              return link.find("next") == std::string_view::npos ? std::nullopt
                                                                 : std::optional("sealed:" + std::string(link));
            }};
  }
  Outcome stream(std::shared_ptr<codec::BodySource> upstream) {
    Outcome out;
    StreamHooks hooks{.write_down = [&](std::vector<Shown> shown, std::size_t withheld) -> Task<Result<void>> {
                        ++out.written;
                        out.withheld += withheld;
                        for (auto& item : shown) out.shown.push_back(std::move(item));
                        return [](bool fails) -> Task<Result<void>> {
                          if (fails) co_return fail(ErrorCode::unavailable, {}, "disk full");
                          co_return Result<void>{};
                        }(out.written > audits_before_failure);
                      },
                      .moment = {}};
    auto source = run_sync(judge_bundle_stream(std::move(upstream), rules(), hooks));
    if (!source) {
      out.body = std::unexpected(source.error());
      return out;
    }
    out.early = false;
    out.body = all_of(**source);
    return out;
  }
  Outcome stream(const std::string& text, unsigned seed = 1, std::size_t most = 3000) {
    return stream(std::make_shared<Cut>(text, seed, most));
  }
  Result<Judged> whole(const std::string& text) const {
    MITRAL_TRY(auto json, parse_upstream(text, kUpstream, kPublic));
    const auto owned = rules();
    return judge_bundle(std::move(json), {.access = *access,
                                          .plan = plan,
                                          .interaction = interaction,
                                          .public_base = owned.public_base,
                                          .upstream_base = owned.upstream_base,
                                          .self_link = owned.self_link,
                                          .seal_link = owned.seal_link});
  }

  std::shared_ptr<const policy::Access> access;
  policy::Plan plan;
  fhir::Interaction interaction;
  std::size_t audits_before_failure = 1'000'000;
};

std::vector<std::string> sorted_entries(const Json& bundle) {
  std::vector<std::string> out;
  for (const auto& entry : bundle["entry"].items()) {
    std::string text;  // in one order of members
    for (const auto* const name : {"fullUrl", "resource", "search", "request", "response"}) text += entry[name].dump();
    EXPECT_LE(entry.size(), 4U);
    out.push_back(std::move(text));
  }
  std::ranges::sort(out);
  return out;
}

std::vector<std::string> sorted_names(const std::vector<Shown>& shown) {
  std::vector<std::string> out;
  for (const auto& item : shown)
    out.push_back(item.type + "/" + item.id + (item.patients.empty() ? "" : item.patients[0]));
  std::ranges::sort(out);
  return out;
}

/// Upstream's answers, decent and indecent.
class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}

  std::string bundle(std::size_t entries, std::string_view type) {
    const auto owner = [&] { return pick({"maria", "maria", "otto"}); };
    Json list = Json::array();
    for (std::size_t i = 0; i < entries; ++i) list.push_back(entry(std::to_string(i), owner(), entries));
    std::vector<std::pair<std::string, Json>> members{
        {"resourceType", "Bundle"},
        {"type", type},
        {"id", "b1"},
        {"meta", Json::object({{"lastUpdated", "2025-01-01T00:00:00Z"}, {"tag", Json::array({Json("x")})}})},
        {"total", static_cast<std::int64_t>(entries)},
        {"link", links()},
        {"entry", std::move(list)}};
    std::ranges::shuffle(members, random_);
    Json out = Json::object();
    for (auto& [name, value] : members) out.set(name, std::move(value));
    return random_() % 2 == 0 ? out.dump() : out.dump_pretty();
  }

 private:
  std::string pick(std::vector<std::string> from) { return from[random_() % from.size()]; }
  Json links() {
    Json out = Json::array({Json::object({{"relation", "self"}, {"url", std::string(kUpstream) + "/Observation"}})});
    if (random_() % 2 == 0) {
      out.push_back(Json::object({{"relation", "next"}, {"url", std::string(kUpstream) + "?next=2"}}));
    }
    return out;
  }
  Json reference(const std::string& owner) {
    const auto base = pick({"", "", std::string(kUpstream) + "/", std::string(kPublic) + "/", "http://elsewhere/"});
    return Json::object({{"reference", base + "Patient/" + owner}});
  }
  Json entry(const std::string& id, const std::string& owner, std::size_t entries) {
    Json resource = Json::object();
    switch (random_() % 8) {
      case 0:
        resource = Json::object(
            {{"resourceType", "Provenance"},
             {"id", "p" + id},
             {"target",
              Json::array({Json::object({{"reference", "Observation/o" + std::to_string(random_() % entries)}})})}});
        break;
      case 1: resource = Json::object({{"resourceType", "Patient"}, {"id", owner}}); break;
      case 2: resource = Json::object({{"resourceType", "Practitioner"}, {"id", "dr" + id}}); break;
      case 3: resource = Json::object({{"resourceType", "OperationOutcome"}, {"issue", Json::array()}}); break;
      default:
        resource = Json::object({{"resourceType", "Observation"},
                                 {"id", "o" + id},
                                 {"status", "final"},
                                 {"code", Json::object({{"text", "a\u00e4\n\"" + std::string(random_() % 300, 't')}})},
                                 {"note", Json::array({Json("see " + std::string(kUpstream) + "/Patient/otto")})},
                                 {"subject", reference(owner)}});
        resource.set("valueQuantity", Json::object({{"value", *Json::number("1.50")}}));
    }
    Json out = Json::object({{"fullUrl", std::string(kUpstream) + "/x/" + id}});
    if (random_() % 20 != 0) out.set("resource", std::move(resource));
    const auto mode = pick({"match", "match", "match", "include", "outcome", ""});
    if (!mode.empty()) out.set("search", Json::object({{"mode", mode}, {"score", 1}}));
    out.set("request", Json::object({{"method", pick({"PUT", "DELETE"})}, {"url", "Observation/o" + id}}));
    out.set("response", Json::object({{"status", "200"}, {"etag", "W/\"1\""}, {"location", kUpstream}}));
    return out;
  }
  std::mt19937 random_;
};

TEST_F(Streams, S10_TheVerdictsAreThoseOfTheWholeAnswer) {
  const struct {
    const char* scope;
    const char* path;
    const char* query;
    const char* type;
  } rows[] = {
      {"patient/*.rs", "/Observation", "", "searchset"},
      {"patient/*.rs", "/Observation", "_revinclude=Provenance:target&_include=Observation:subject", "searchset"},
      {"patient/Observation.rs patient/Practitioner.r", "/Observation", "_elements=code", "searchset"},
      {"patient/*.rs", "/Provenance", "_include=Provenance:target", "searchset"},
      {"patient/*.rs", "/Observation/_history", "", "history"},
      {"patient/*.rs", "/Observation/o1/_history", "", "history"},
      {"user/*.rs", "/Observation", "_summary=text", "searchset"}};
  unsigned seed = 1;
  std::size_t shown = 0;
  for (const auto& row : rows) {
    token(row.scope);
    asks(row.path, row.query);
    for (int i = 0; i < 30; ++i, ++seed) {
      const auto text = Writer(seed).bundle(1 + seed % 60, row.type);
      const auto expected = whole(text);
      const auto got = stream(text, seed, seed % 3 == 0 ? 7 : 5000);
      ASSERT_EQ(got.body.has_value(), expected.has_value()) << row.path << seed;
      if (!expected) {
        EXPECT_EQ(got.body.error().code, expected.error().code);
        EXPECT_TRUE(got.early);
        continue;
      }
      auto json = Json::parse(*got.body);
      ASSERT_TRUE(json) << *got.body;
      EXPECT_EQ(sorted_entries(*json), sorted_entries(expected->body)) << row.path << seed;
      EXPECT_EQ(sorted_names(got.shown), sorted_names(expected->shown));
      EXPECT_EQ(got.withheld, expected->withheld) << row.path << seed;
      EXPECT_GE(got.written, 1U);
      auto a = *json;
      auto b = expected->body;
      a.erase("entry");
      b.erase("entry");
      EXPECT_EQ(a, b);
      EXPECT_EQ(got.body->find("fhir.internal"), std::string::npos) << "upstream's name";
      shown += expected->shown.size();
    }
  }
  EXPECT_GT(shown, 500U) << "the property must not be about nothing";
}

TEST_F(Streams, UntouchedResourcesLeaveByteForByte) {
  token("patient/*.rs");
  asks("/Observation");
  const std::string odd =
      R"({ "resourceType":"Observation", "id":"o1","subject":{"reference":"Patient\/maria"},"valueQuantity":{"value":1.50e+2} })";
  const auto got = stream(rig::bundle({{odd}}));
  ASSERT_TRUE(got.body);
  EXPECT_NE(got.body->find(odd), std::string::npos) << *got.body;
}

TEST_F(Streams, ProvenanceWaitsForItsTargets) {
  token("patient/*.rs");
  asks("/Provenance", "_include=Provenance:target");
  const auto about = [](std::string_view id, std::string_view target) {
    return R"({"resourceType":"Provenance","id":")" + std::string(id) + R"(","target":[{"reference":"Observation/)" +
           std::string(target) + R"("}]})";
  };
  const auto got = stream(rig::bundle({{about("p1", "o1")},
                                       {about("p2", "o2")},
                                       {observation("o1", "maria"), "include"},
                                       {observation("o2", "otto"), "include"},
                                       {about("p3", "o1")}}));
  ASSERT_TRUE(got.body);
  EXPECT_EQ(sorted_names(got.shown),
            (std::vector<std::string>{"Observation/o1maria", "Provenance/p1", "Provenance/p3"}));
  EXPECT_EQ(got.withheld, 2U);
}

TEST_F(Streams, S10_WhatWaitsHasItsLimit) {
  token("patient/*.rs");
  asks("/Provenance", "_include=Provenance:target");
  std::vector<EntryText> entries;
  const std::string filler(100'000, 'f');
  for (int i = 0; i < 60; ++i) {
    entries.push_back({R"({"resourceType":"Provenance","id":"p)" + std::to_string(i) +
                       R"(","target":[{"reference":"Observation/o1"}],"policy":[")" + filler + R"("]})"});
  }
  entries.push_back({observation("o1", "maria"), "include"});
  const auto got = stream(rig::bundle(entries), 3, 60'000);
  ASSERT_TRUE(got.body);
  EXPECT_EQ(got.shown.size() + got.withheld, 61U);
  EXPECT_GT(got.shown.size(), 30U);
  EXPECT_LT(got.shown.size() * filler.size(), limits::kStreamHeldMax + 2 * filler.size());
}

TEST_F(Streams, S10_BrokenAnswersEndWithAnErrorAndShowNothingUnjudged) {
  token("patient/*.rs");
  asks("/Observation");
  std::vector<EntryText> entries;
  for (int i = 0; i < 400; ++i) {
    const auto id = "o" + std::to_string(i);
    entries.push_back({observation(id, i % 2 == 0 ? "maria" : "otto", R"(,"x":")" + std::string(400, 'x') + R"(")")});
  }
  const auto good = rig::bundle(entries);
  const auto body = good.substr(0, good.size() - 2);  // without "]}"
  const std::vector<std::string> broken{
      body,                                                                             // truncated
      body + "]",                                                                       //
      body + R"(],"entry":[]})",                                                        // a second entry
      body + R"(],"\u0065ntry":[]})",                                                   // in disguise
      body + R"(],"link":[]})",                                                         // a second link
      body + R"(,1]})",                                                                 // something else than an entry
      body + R"(,{"resource":{"a":1,"a":2}}]})",                                        // a duplicate in a resource
      body + R"(,{"resource":{},"resource":{}}]})",                                     // and in an entry
      body + ",{\"resource\":{\"a\":\"\xff\"}}]}",                                      // not UTF-8
      body + R"(,{"resource":)" + std::string(70, '[') + std::string(70, ']') + "}]}",  // too deep
      good + "{}",                                                                      // something after it
  };
  for (const auto& text : broken) {
    const auto got = stream(text, 5, 20'000);
    ASSERT_FALSE(got.body) << text.substr(text.size() - 60);
    EXPECT_FALSE(got.early) << "by then the first pieces had left";
    for (const auto& item : got.shown) EXPECT_EQ(item.patients, std::vector<std::string>{"maria"});
  }
  const auto died = stream(std::make_shared<Cut>(body, 5, 20'000, true));
  ASSERT_FALSE(died.body);
  EXPECT_EQ(died.body.error().code, ErrorCode::unavailable);
  // What is wrong from the start is told before anything has left.
  for (const auto* const text : {"", "null", "<html>", R"({"resourceType":"Patient","id":"maria"})",
                                 R"({"resourceType":"Bundle","type":"history","entry":[{}]})",
                                 R"({"resourceType":"Bundle","type":"searchset"} x)"}) {
    const auto got = stream(text);
    EXPECT_FALSE(got.body) << text;
    EXPECT_TRUE(got.early) << text;
  }
}

TEST_F(Streams, NothingLeavesThatIsNotWrittenDown) {
  token("patient/*.rs");
  asks("/Observation");
  std::vector<EntryText> entries;
  for (int i = 0; i < 2000; ++i) entries.push_back({observation("o" + std::to_string(i), "maria")});
  audits_before_failure = 3;
  struct Counting final : codec::BodySource {
    explicit Counting(std::string text) : inner(std::move(text), 1, 40'000) {}
    Task<Result<std::string>> next() override { return inner.next(); }
    Cut inner;
  };
  const auto got = stream(std::make_shared<Counting>(rig::bundle(entries)));
  ASSERT_FALSE(got.body);
  EXPECT_EQ(got.body.error().code, ErrorCode::unavailable);
  EXPECT_EQ(got.written, 4U);
  audits_before_failure = 0;
  EXPECT_TRUE(stream(rig::bundle(entries)).early);
}

TEST_F(Streams, AnEmptyAnswerIsWrittenDownToo) {
  token("patient/*.rs");
  asks("/Observation");
  const auto got = stream(rig::bundle({{observation("o1", "otto")}}));
  ASSERT_TRUE(got.body);
  EXPECT_EQ(got.written, 1U);
  EXPECT_EQ(got.withheld, 1U);
  EXPECT_FALSE(Json::parse(*got.body).value().contains("entry"));
  EXPECT_EQ(Json::parse(*got.body).value()["total"].int_or(-1), 0);
}

TEST_F(Streams, CountsAreCountsOfWhatMayBeSeen) {
  token("patient/*.rs");
  asks("/Observation", "_summary=count");
  const auto text = rig::bundle(
      {{observation("o1", "maria")}, {observation("o2", "otto")}, {observation("o3", "maria")}}, "[]", R"(,"total":3)");
  const auto got = stream(text);
  ASSERT_TRUE(got.body);
  const auto json = Json::parse(*got.body).value();
  EXPECT_FALSE(json.contains("entry"));
  EXPECT_EQ(json["total"].int_or(-1), 2);
  EXPECT_EQ(whole(text)->body, json);
}

TEST_F(Streams, NdjsonIsJudgedLineByLine) {
  token("patient/Observation.rs");
  const auto run = [&](std::string text, std::string type = "Observation", std::size_t most = 9) {
    Outcome out;
    StreamHooks hooks{.write_down = [&](std::vector<Shown> shown, std::size_t withheld) -> Task<Result<void>> {
                        out.withheld += withheld;
                        ++out.written;
                        for (auto& item : shown) out.shown.push_back(std::move(item));
                        return []() -> Task<Result<void>> { co_return Result<void>{}; }();
                      },
                      .moment = {}};
    const auto source =
        judge_ndjson(std::make_shared<Cut>(std::move(text), 4, most),
                     {.access = access, .type = type, .public_base = kPublic, .upstream_base = kUpstream}, hooks);
    out.body = all_of(*source);
    if (!out.body) EXPECT_FALSE(run_sync(source->next())) << "an error stays one";
    return out;
  };
  const auto mine = observation("o1", "maria");
  const auto moved = R"({"resourceType":"Observation","id":"o3","subject":{"reference":")" + std::string(kUpstream) +
                     R"(/Patient/maria"}})";
  const auto good = run(mine + "\r\n\n  " + observation("o2", "otto") + "\n" + moved);
  ASSERT_TRUE(good.body) << good.body.error().detail;
  EXPECT_TRUE(good.body->starts_with(mine + "\n")) << *good.body;
  EXPECT_NE(good.body->find(std::string(kPublic) + "/Patient/maria"), std::string::npos);
  EXPECT_EQ(sorted_names(good.shown), (std::vector<std::string>{"Observation/o1maria", "Observation/o3maria"}));
  EXPECT_EQ(good.withheld, 1U);
  EXPECT_EQ(run("").written, 1U);
  for (const auto& bad : {patient("maria"), std::string("{"), mine + mine, mine + "\nnull", std::string("[]"),
                          std::string(R"({"resourceType":"Observation","id":"a","id":"b"})")}) {
    EXPECT_FALSE(run(bad + "\n").body) << bad;
  }
  std::string large = R"({"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/maria"},"x":")";
  large += std::string(limits::kFhirResourceMax, 'x') + "\"}";
  const auto refused = run(large, "Observation", 500'000);
  ASSERT_FALSE(refused.body);
  EXPECT_EQ(refused.body.error().code, ErrorCode::too_large);
}

// ---- through the gateway

TEST(StreamedAnswers, LargeSearchesArriveInPiecesAndAreAudited) {
  Rig rig;
  std::vector<EntryText> entries;
  for (int i = 0; i < 3000; ++i) {
    entries.push_back({observation("o" + std::to_string(i), i % 3 == 0 ? "otto" : "maria",
                                   R"(,"note":[{"text":")" + std::string(200, 'n') + R"("}])")});
  }
  const auto text = rig::bundle(entries, R"([{"relation":"next","url":")" + std::string(kUpstream) + R"(?page=2"}])");
  rig.world.upstream = [&text](Request) -> Task<Response> {
    return [](const std::string& body) -> Task<Response> {
      auto out = Response::with(200, "application/fhir+json", "");
      out.stream = std::make_shared<Cut>(body, 11, 64 * 1024);
      co_return out;
    }(text);
  };
  const auto token = rig.jwt();
  auto response = rig.get("/Observation", token);
  EXPECT_EQ(response.status, 200);
  ASSERT_TRUE(response.stream);
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store, private");
  const auto before = rig.audit.list.size();
  EXPECT_GE(before, 1U) << "the first piece is written down";
  response.body = all_of(*response.stream).value();
  EXPECT_EQ(ids(response).size(), 2000U);
  EXPECT_EQ(response.body.find("otto"), std::string::npos);
  EXPECT_NE(link(response, "next"), "");
  EXPECT_GT(rig.audit.list.size(), before);

  // No audit, no bytes.
  rig.audit.fails = true;
  EXPECT_EQ(rig.get("/Observation", token).status, 503);
}

TEST(StreamedAnswers, SmallOnesAreJudgedWholeHoweverTheyCome) {
  Rig rig;
  rig.world.upstream = [](Request) -> Task<Response> {
    auto out = Response::with(200, "application/fhir+json", "");
    out.stream = std::make_shared<Cut>(rig::bundle({{observation("o1", "maria")}, {observation("o2", "otto")}}), 2, 10);
    co_return out;
  };
  const auto response = rig.get("/Observation", rig.jwt());
  EXPECT_FALSE(response.stream);
  EXPECT_EQ(ids(response), std::vector<std::string>{"Observation/o1"});
  rig.world.upstream = [](Request) -> Task<Response> {
    auto out = Response::with(200, "application/fhir+json", "");
    out.stream = std::make_shared<Cut>(std::string(R"({"resourceType":)"), 2, 10, true);
    co_return out;
  };
  EXPECT_EQ(rig.get("/Observation", rig.jwt()).status, 503);
}

TEST(StreamedAnswers, LargeAnswersThatAreNoGoodFromTheStartAre502) {
  Rig rig;
  rig.world.upstream = [](Request) -> Task<Response> {
    co_return Response::with(200, "application/fhir+json", "[" + std::string(400'000, ' ') + "]");
  };
  EXPECT_EQ(rig.get("/Observation", rig.jwt()).status, 502);
  rig.world.upstream = [](Request) -> Task<Response> {
    auto out = Response::with(200, "text/html", "");
    out.stream = std::make_shared<Cut>(std::string(400'000, 'x'), 2, 10'000);
    co_return out;
  };
  EXPECT_EQ(rig.get("/Observation", rig.jwt()).status, 502);
}

}  // namespace
}  // namespace mitral::gateway::rig
