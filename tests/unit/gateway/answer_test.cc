// Reads, searches and histories through the gateway: what goes upstream, what comes back.
#include <gtest/gtest.h>

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

struct Answers : testing::Test {
  Rig rig;
  std::string token = rig.jwt();
  void upstream(std::map<std::string, std::string> answers) { rig.world.upstream = fixed(std::move(answers)); }
  void raw(int status, std::string_view type, std::string body, std::vector<codec::Header> headers = {}) {
    rig.world.upstream = [=](Request) -> Task<Response> {
      return [](int s, std::string t, std::string b, std::vector<codec::Header> more) -> Task<Response> {
        auto out = Response::with(s, t, b);
        for (const auto& header : more) out.headers.add(header.name, header.value);
        co_return out;
      }(status, std::string(type), body, headers);
    };
  }
};

TEST_F(Answers, ReadPassesByteForByteValues) {
  upstream({{"/Observation/o1", observation("o1", "maria", R"(,"valueQuantity":{"value":1.50,"comparator":"<"})")}});
  const auto response = rig.get("/Observation/o1", token);
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find("1.50"), std::string::npos);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/fhir+json; charset=utf-8");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store, private");
  EXPECT_NE(response.headers.get("Vary").value_or("").find("Authorization"), std::string::npos);
  EXPECT_EQ(response.headers.get("ETag"), "W/\"1\"");
}

TEST_F(Answers, ForeignAbsentAndDeletedAreTheSameAnswer) {
  upstream({{"/Observation/o2", observation("o2", "otto")}});
  const auto foreign = rig.get("/Observation/o2", token);
  const auto absent = rig.get("/Observation/none", token);
  raw(410, "application/fhir+json", "{}");
  const auto gone = rig.get("/Observation/o3", token);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(foreign.body, absent.body);
  EXPECT_EQ(foreign.body, gone.body);
  EXPECT_EQ(gone.status, 404);
  for (const auto* const name : {"ETag", "Last-Modified", "WWW-Authenticate"})
    EXPECT_FALSE(foreign.headers.get(name)) << name;
  ASSERT_EQ(foreign.headers.list().size(), absent.headers.list().size());
}

TEST_F(Answers, S11_ConditionsAreAnsweredOnlyAfterTheDecision) {
  upstream({{"/Observation/o1", observation("o1", "maria")}, {"/Observation/o2", observation("o2", "otto")}});
  const auto with = [&](std::string_view path, std::string_view tag) {
    auto request = Rig::request(path, token);
    request.headers.add("If-None-Match", tag);
    request.headers.add("If-Modified-Since", "Wed, 01 Jan 2025 00:00:00 GMT");
    return rig.send(std::move(request));
  };
  const auto unchanged = with("/Observation/o1", "W/\"7\", W/\"1\"");
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_TRUE(unchanged.body.empty());
  EXPECT_EQ(with("/Observation/o1", "W/\"2\"").status, 200);
  EXPECT_EQ(with("/Observation/o2", "W/\"1\"").status, 404);
  for (const auto& request : rig.world.upstream_log) {
    EXPECT_FALSE(request.headers.get("If-None-Match"));
    EXPECT_FALSE(request.headers.get("If-Modified-Since"));
  }
}

TEST_F(Answers, W19_UpstreamSeesOnlyTheGatewaysOwnHeaders) {
  upstream({{"/Observation/o1", observation("o1", "maria")}});
  auto request = Rig::request("/Observation/o1", token);
  for (const auto* const name :
       {"X-User", "x-user-id", "X_User_Id", "X-Patient", "X-Scope", "X-Forwarded-For", "X-Forwarded-User", "Forwarded",
        "X-Authorization", "Cookie", "Proxy-Authorization", "X-Original-URL", "X-HTTP-Method-Override", "X-HTTP-Method",
        "X-Method-Override", "Range", "Accept-Encoding", "X-Client-Cert", "Prefer"}) {
    request.headers.add(name, "canary");
  }
  request.headers.add("Connection", "X-User-Id");
  EXPECT_EQ(rig.send(std::move(request)).status, 200);
  ASSERT_EQ(rig.world.upstream_log.size(), 1U);
  const auto& sent = rig.world.upstream_log.front();
  for (const auto& header : sent.headers.list())
    EXPECT_EQ(header.value.find("canary"), std::string::npos) << header.name;
  EXPECT_EQ(sent.headers.get("Authorization"), "Bearer upstream-credential");
  EXPECT_EQ(sent.headers.get("Prefer"), "handling=strict");
  EXPECT_EQ(sent.headers.get("Accept"), "application/fhir+json");
  EXPECT_EQ(sent.headers.get("Accept-Encoding"), "identity");
  EXPECT_EQ(sent.target, "/r4/Observation/o1");
  EXPECT_EQ(sent.method, Method::get);
}

TEST_F(Answers, SearchIsRewrittenFilteredAndRelinked) {
  upstream({{"/Observation",
             bundle({{observation("o1", "maria")},
                     {observation("o2", "otto")},
                     {patient("maria"), "include"},
                     {patient("otto"), "include"},
                     {R"({"resourceType":"OperationOutcome","id":"x","issue":[{"diagnostics":"otto"}]})", "outcome"}},
                    R"([{"relation":"self","url":"http://fhir.internal:8090/r4/Observation?x"}])",
                    R"(,"total":2,"signature":{"who":1})")}});
  const auto response = rig.get("/Observation?code=1234&_include=Observation:subject", token);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(ids(response), (Ids{"Observation/o1", "Patient/maria"}));
  const auto json = Json::parse(response.body).value();
  EXPECT_EQ(json["total"].as_int64(), 1);
  EXPECT_FALSE(json.contains("signature"));
  EXPECT_EQ(json["entry"][0]["fullUrl"].string_or(), "https://gw.example/fhir/Observation/o1");
  EXPECT_EQ(json["entry"][1]["search"]["mode"].string_or(), "include");
  EXPECT_EQ(link(response, "self"), "https://gw.example/fhir/Observation?code=1234&_include=Observation%3Asubject");
  EXPECT_EQ(response.body.find("otto"), std::string::npos);
  EXPECT_EQ(response.body.find("fhir.internal"), std::string::npos);
  EXPECT_EQ(rig.world.upstream_log.back().target,
            "/r4/Observation?code=1234&_include=Observation%3Asubject&patient=Patient%2Fmaria");
}

TEST_F(Answers, PostSearchStaysInTheBody) {
  upstream({{"/Observation/_search", bundle({{observation("o1", "maria")}})}});
  const auto response = rig.search("/Observation/_search?code=5", "patient=maria&date=ge2020", token);
  EXPECT_EQ(response.status, 200);
  const auto& sent = rig.world.upstream_log.back();
  EXPECT_EQ(sent.method, Method::post);
  EXPECT_EQ(sent.target, "/r4/Observation/_search");
  EXPECT_EQ(sent.body, "code=5&patient=Patient%2Fmaria&date=ge2020");
  EXPECT_EQ(sent.headers.get("Content-Type"), "application/x-www-form-urlencoded");
}

TEST_F(Answers, LongSearchesGoUpstreamByPost) {
  upstream({{"/Observation/_search", bundle({})}});
  EXPECT_EQ(rig.get("/Observation?code=" + std::string(3000, '7'), token).status, 200);
}

TEST_F(Answers, G10_MissingScopeIs403NeverAnEmpty200) {
  upstream({{"/Condition", bundle({})}, {"/Observation", bundle({})}});
  const auto limited = rig.jwt({.scope = "patient/Observation.rs launch/patient"});
  const auto refused = rig.get("/Condition?patient=maria", limited);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(
      refused.headers.get("WWW-Authenticate"),
      R"(Bearer error="insufficient_scope", error_description="No granted scope allows this", scope="patient/Condition.rs", )"
      R"(resource_metadata="https://gw.example/.well-known/oauth-protected-resource/fhir")");
  EXPECT_NE(refused.body.find("\"forbidden\""), std::string::npos);
  EXPECT_EQ(rig.get("/Observation?patient=maria", limited).status, 200) << "in scope and nothing there: empty";
  EXPECT_EQ(rig.world.upstream_log.size(), 1U) << "decided before anything is asked";
}

TEST_F(Answers, AnIncludeWithoutScopeIsLeftOutAndSaidSo) {
  upstream(
      {{"/Observation",
        bundle({{observation("o1", "maria")},
                {R"({"resourceType":"Provenance","id":"p","target":[{"reference":"Observation/o1"}]})", "include"}})}});
  const auto response =
      rig.get("/Observation?_revinclude=Provenance:target", rig.jwt({.scope = "patient/Observation.rs"}));
  EXPECT_EQ(ids(response), (Ids{"Observation/o1", "OperationOutcome/"}));
  EXPECT_EQ(rig.world.upstream_log.back().target.find("Provenance"), std::string::npos);
  const auto both = rig.get("/Observation?_revinclude=Provenance:target",
                            rig.jwt({.scope = "patient/Observation.rs patient/Provenance.rs", .jti = "j2"}));
  EXPECT_EQ(ids(both), (Ids{"Observation/o1", "Provenance/p"}));
}

TEST_F(Answers, TotalsAreGivenOnlyWhereTheyAreTrue) {
  const auto next = R"([{"relation":"next","url":"http://fhir.internal:8090/r4/Observation?page=2"}])";
  upstream(
      {{"/Observation", bundle({{observation("o1", "maria")}, {observation("o2", "otto")}}, next, R"(,"total":40)")}});
  EXPECT_FALSE(Json::parse(rig.get("/Observation", token).body).value().contains("total"));
  const auto practitioner =
      rig.jwt({.scope = "user/*.rs", .fhir_user = std::string(kPublic) + "/Practitioner/1", .jti = "j2"});
  EXPECT_EQ(Json::parse(rig.get("/Observation", practitioner).body).value()["total"].as_int64(), 40);
}

TEST_F(Answers, S12_PagingLinksBelongToTheirOwner) {
  upstream({{"/Observation", bundle({{observation("o1", "maria")}},
                                    R"([{"relation":"next","url":"http://fhir.internal:8090/r4?_getpages=abc&n=2"},)"
                                    R"({"relation":"previous","url":"http://evil.example/other/x"}])")},
            {"?_getpages=abc&n=2", bundle({{observation("o3", "maria")}, {observation("o4", "otto")}})}});
  const auto first = rig.get("/Observation?code=77&_count=1", token);
  const auto next = link(first, "next");
  ASSERT_TRUE(next.starts_with("https://gw.example/fhir/Observation?_page=")) << next;
  EXPECT_EQ(next.find("getpages"), std::string::npos);
  EXPECT_EQ(link(first, "previous"), "") << "not below the upstream's base";

  const auto second = rig.get(below_base(next), token);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(ids(second), (Ids{"Observation/o3"}));
  EXPECT_EQ(link(second, "self"), "https://gw.example/fhir/Observation?code=77&_count=1");
  EXPECT_EQ(rig.get(below_base(next), rig.jwt({.jti = "refreshed"})).status, 200) << "same grant, next token";

  const auto count = rig.world.upstream_log.size();
  const auto target = below_base(next);
  EXPECT_EQ(rig.get(target).status, 401);
  EXPECT_EQ(rig.get(target, rig.jwt({.client = "app2", .jti = "a"})).status, 404);
  EXPECT_EQ(rig.get(target, rig.jwt({.subject = "u_2", .jti = "b"})).status, 404);
  EXPECT_EQ(rig.get(target, rig.jwt({.patient = "leo", .jti = "c"})).status, 404);
  EXPECT_EQ(rig.get(target, rig.jwt({.scope = "patient/Observation.rs", .jti = "d"})).status, 404);
  EXPECT_EQ(rig.get(target, rig.jwt({.grant = "grant-2", .jti = "e"})).status, 404);
  EXPECT_EQ(rig.get("/Condition" + target.substr(target.find('?')), token).status, 404);
  EXPECT_EQ(rig.get(target + "&code=1", token).status, 400) << "nothing can be added";
  auto tampered = target;
  tampered[tampered.size() - 20] = tampered[tampered.size() - 20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(rig.get(tampered, token).status, 404);
  EXPECT_EQ(rig.get("/Observation?_page=%27%20OR%201=1", token).status, 404);
  EXPECT_EQ(rig.world.upstream_log.size(), count);

  rig.clock.advance(901s);
  rig.hear();
  EXPECT_EQ(rig.get(target, rig.jwt({.jti = "later"})).status, 404) << "expired";
  rig.revoke("grant_revoked", "grant-1");
  rig.hear();
  EXPECT_EQ(rig.get(target, rig.jwt({.jti = "later2"})).status, 401);
}

TEST_F(Answers, HistoriesAreJudgedVersionByVersion) {
  const auto history =
      R"({"resourceType":"Bundle","type":"history","entry":[)"
      R"({"resource":)" +
      observation("o1", "maria") +
      R"(,"request":{"method":"PUT","url":"Observation/o1"},"response":{"status":"200","etag":"W/\"2\""}},)"
      R"({"resource":)" +
      observation("o1", "otto") +
      R"(,"request":{"method":"POST","url":"Observation"}},)"
      R"({"request":{"method":"DELETE","url":"Observation/o1"},"response":{"status":"204"}},)"
      R"({"resource":)" +
      observation("o9", "maria") + "}]}";
  upstream(
      {{"/Observation/o1/_history", history},
       {"/Observation/o1/_history/1", observation("o1", "otto")},
       {"/Observation/o1/_history/2",
        R"({"resourceType":"Observation","id":"o1","meta":{"versionId":"2"},"subject":{"reference":"Patient/maria"}})"},
       {"/Observation/o2/_history",
        R"({"resourceType":"Bundle","type":"history","entry":[{"resource":)" + observation("o2", "otto") + "}]}"}});
  const auto mine = rig.get("/Observation/o1/_history", token);
  EXPECT_EQ(mine.status, 200);
  EXPECT_EQ(ids(mine), (Ids{"Observation/o1"}));
  EXPECT_EQ(Json::parse(mine.body).value()["entry"][0]["response"]["etag"].string_or(), "W/\"2\"");
  EXPECT_EQ(rig.get("/Observation/o1/_history/1", token).status, 404);
  EXPECT_EQ(rig.get("/Observation/o1/_history/2", token).status, 200);
  const auto foreign = rig.get("/Observation/o2/_history", token);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(foreign.body, rig.get("/Observation/none/_history", token).body);
  // A practitioner sees everything of the type, deletions too.
  const auto practitioner =
      rig.jwt({.scope = "user/*.rs", .fhir_user = std::string(kPublic) + "/Practitioner/1", .jti = "j2"});
  EXPECT_EQ(ids(rig.get("/Observation/o1/_history", practitioner)).size(), 3U);
}

/// The one who wrote a version may have named others in his condition.
TEST_F(Answers, S13_AHistoryDoesNotRepeatTheConditionsOfOtherWriters) {
  upstream({{"/Observation/o1/_history",
             R"({"resourceType":"Bundle","type":"history","entry":[{"resource":)" + observation("o1", "maria") +
                 R"(,"request":{"method":"PUT","url":"Observation?patient=Patient/otto&code=secret",)"
                 R"("ifNoneExist":"identifier=otto"},"response":{"status":"201 Created for otto",)"
                 R"("etag":"W/\"otto smith\"","lastModified":"2026-01-01T00:00:00Z","location":"Patient/otto"}}]})"}});
  const auto mine = rig.get("/Observation/o1/_history", token);
  ASSERT_EQ(mine.status, 200);
  EXPECT_EQ(mine.body.find("otto"), std::string::npos) << mine.body;
  EXPECT_EQ(mine.body.find("secret"), std::string::npos) << mine.body;
  const auto entry = Json::parse(mine.body).value()["entry"][0];
  EXPECT_EQ(entry["request"]["url"].string_or(), "Observation/o1");
  EXPECT_EQ(entry["response"]["status"].string_or(), "201");
  EXPECT_EQ(entry["response"]["lastModified"].string_or(), "2026-01-01T00:00:00Z");
}

TEST_F(Answers, UpstreamsOwnNameNeverLeaves) {
  upstream(
      {{"/Observation/o1",
        R"({"resourceType":"Observation","id":"o1","subject":{"reference":"http:\/\/fhir.internal:8090\/r4\/Patient\/maria"},)"
        R"("text":{"div":"<a href=\"http://fhir.internal:8090/r4/Patient/maria\">x</a> http://fhir.internal:8090/r4b"}})"}});
  const auto response = rig.get("/Observation/o1", token);
  EXPECT_EQ(response.status, 200) << "absolute references to the upstream's own base count as own";
  EXPECT_NE(response.body.find("https://gw.example/fhir/Patient/maria"), std::string::npos);
  EXPECT_EQ(response.body.find("internal:8090/r4/"), std::string::npos);
  EXPECT_NE(response.body.find("internal:8090/r4b"), std::string::npos) << "another base is another base";
}

TEST_F(Answers, ElementsAreProjectedAfterTheCheck) {
  upstream(
      {{"/Observation",
        bundle({{observation("o1", "maria", R"(,"code":{"text":"x"},"valueString":"secret","_status":{"id":"1"}})")}})},
       {"/Observation/o1", observation("o1", "maria", R"(,"code":{"text":"x"},"valueString":"v")")}});
  raw(200, "application/fhir+json",
      bundle({{observation("o1", "maria",
                           R"(,"code":{"text":"x"},"valueString":"v","_status":{"id":"1"},"secretary":"s")")}}));
  const auto response = rig.get("/Observation?_elements=status,value", token);
  const auto resource = Json::parse(response.body).value()["entry"][0]["resource"];
  EXPECT_FALSE(resource.contains("subject"));
  EXPECT_TRUE(resource.contains("code")) << "R4 requires it of every Observation";
  EXPECT_FALSE(resource.contains("secretary"));
  EXPECT_TRUE(resource.contains("valueString"));
  EXPECT_TRUE(resource.contains("_status"));
  EXPECT_EQ(resource["meta"]["tag"][0]["code"].string_or(), "SUBSETTED");
  EXPECT_EQ(rig.world.upstream_log.back().target.find("_elements"), std::string::npos);
}

TEST_F(Answers, AnswersThatCannotBeJudgedAre502) {
  const auto good = observation("o1", "maria");
  const struct {
    const char* what;
    const char* type;
    std::string body;
    std::vector<codec::Header> headers;
  } rows[] = {
      {"html", "text/html", good, {}},
      {"xml", "application/fhir+xml", "<Observation/>", {}},
      {"no JSON", "application/fhir+json", "<html>", {}},
      {"truncated", "application/fhir+json", good.substr(0, good.size() - 2), {}},
      {"trailing", "application/fhir+json", good + "{}", {}},
      {"duplicate keys",
       "application/fhir+json",
       R"({"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/otto"},"subject":{"reference":"Patient/maria"}})",
       {}},
      {"duplicate by escape",
       "application/fhir+json",
       R"({"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/maria"},"subj\u0065ct":{"reference":"Patient/otto"}})",
       {}},
      {"array", "application/fhir+json", "[]", {}},
      {"another resource", "application/fhir+json", observation("o2", "maria"), {}},
      {"another type", "application/fhir+json", R"({"resourceType":"Patient","id":"o1"})", {}},
      {"a bundle", "application/fhir+json", bundle({{good}}), {}},
      {"BOM", "application/fhir+json", "\xEF\xBB\xBF" + good, {}},
      {"gzip", "application/fhir+json", good, {{"Content-Encoding", "gzip"}}},
      {"two types", "application/fhir+json", good, {{"Content-Type", "text/html"}}},
      {"UTF-16", "application/fhir+json; charset=utf-16", good, {}},
  };
  for (const auto& row : rows) {
    raw(200, row.type, row.body, row.headers);
    const auto response = rig.get("/Observation/o1", token);
    EXPECT_EQ(response.status, 502) << row.what;
    EXPECT_EQ(response.body.find("maria"), std::string::npos) << row.what;
  }
  raw(200, "application/fhir+json", good);
  EXPECT_EQ(rig.get("/Observation", token).status, 502) << "a search answered with a single resource";
  raw(200, "application/fhir+json",
      R"({"resourceType":"Bundle","type":"document","entry":[{"resource":)" + good + "}]}");
  EXPECT_EQ(rig.get("/Observation", token).status, 502);
}

TEST_F(Answers, UpstreamErrorsAreReplaced) {
  const std::string secret = R"({"resourceType":"OperationOutcome","issue":[{"diagnostics":"SELECT otto@10.0.0.1"}]})";
  for (const auto& [status, expected] : {std::pair{400, 502},
                                         {401, 502},
                                         {403, 502},
                                         {404, 404},
                                         {410, 404},
                                         {412, 502},
                                         {429, 503},
                                         {500, 502},
                                         {503, 503},
                                         {204, 502},
                                         {302, 502},
                                         {304, 502}}) {
    raw(status, "application/fhir+json", secret, {{"Location", "http://evil.example"}, {"Set-Cookie", "a=b"}});
    const auto response = rig.get("/Observation/o1", token);
    EXPECT_EQ(response.status, expected) << status;
    EXPECT_EQ(response.body.find("otto"), std::string::npos);
    EXPECT_FALSE(response.headers.get("Location"));
    EXPECT_FALSE(response.headers.get("Set-Cookie"));
  }
  raw(400, "application/fhir+json", secret);
  const auto search = rig.get("/Observation?code=1", token);
  EXPECT_EQ(search.status, 400);
  EXPECT_EQ(search.body.find("otto"), std::string::npos);
  for (const auto& [code, expected] : {std::pair{ErrorCode::timeout, 503},
                                       {ErrorCode::unavailable, 503},
                                       {ErrorCode::too_large, 502},
                                       {ErrorCode::malformed, 502}}) {
    rig.world.upstream_error = Error{code, {}, "detail"};
    EXPECT_EQ(rig.get("/Observation/o1", token).status, expected);
  }
}

TEST_F(Answers, FormatsOtherThanJsonAre406) {
  upstream({{"/Observation/o1", observation("o1", "maria")}});
  const auto with = [&](std::string_view accept, std::string_view query) {
    auto request = Rig::request("/Observation/o1" + std::string(query), token);
    if (!accept.empty()) request.headers.add("Accept", accept);
    return rig.send(std::move(request)).status;
  };
  for (const auto* const accept :
       {"", "application/fhir+json", "application/json", "*/*", "text/html,application/xml;q=0.9,*/*;q=0.8"}) {
    EXPECT_EQ(with(accept, ""), 200) << accept;
  }
  EXPECT_EQ(with("application/fhir+xml", ""), 406);
  EXPECT_EQ(with("application/fhir+json;q=0", ""), 406);
  EXPECT_EQ(with("application/fhir+xml", "?_format=json"), 200);
  EXPECT_EQ(with("", "?_format=application/fhir+json"), 200);
  EXPECT_EQ(with("", "?_format=xml"), 406);
  EXPECT_EQ(with("", "?_format=json&_format=xml"), 406);
}

TEST_F(Answers, WhoReadWhatIsDurableBeforeTheAnswer) {
  upstream({{"/Observation/o1", observation("o1", "maria")},
            {"/Observation",
             bundle({{observation("o1", "maria")}, {observation("o2", "otto")}, {observation("o3", "leo")}})}});
  EXPECT_EQ(rig.get("/Observation/o1", token).status, 200);
  ASSERT_EQ(rig.audit.list.size(), 1U);
  const auto& event = rig.audit.list.front();
  EXPECT_EQ(event.kind, model::AuditKind::fhir_access);
  EXPECT_EQ(event.outcome, model::AuditOutcome::success);
  EXPECT_EQ(event.client, "app");
  EXPECT_EQ(event.user, "u_maria");
  EXPECT_EQ(event.patient, "maria");
  EXPECT_EQ(event.grant, "grant-1");
  EXPECT_EQ(event.token, "jti-1");
  EXPECT_EQ(event.address, "192.0.2.7");
  EXPECT_EQ(event.details, (std::vector<std::pair<std::string, std::string>>{{"interaction", "read"},
                                                                             {"resource", "Observation"},
                                                                             {"id", "o1"},
                                                                             {"count", "1"},
                                                                             {"ids", "Observation/o1"}}));

  EXPECT_EQ(rig.get("/Observation/o2", token).status, 404);
  EXPECT_EQ(rig.get("/Condition", rig.jwt({.scope = "patient/Patient.r", .jti = "j2"})).status, 403);
  ASSERT_EQ(rig.audit.list.size(), 3U);
  EXPECT_EQ(rig.audit.list[1].outcome, model::AuditOutcome::denied);
  EXPECT_EQ(rig.audit.list[2].reason, "insufficient_scope");

  // One event for each patient whose data left.
  rig.audit.list.clear();
  const auto practitioner = rig.jwt(
      {.scope = "user/*.rs", .patient = "", .fhir_user = std::string(kPublic) + "/Practitioner/1", .jti = "j3"});
  EXPECT_EQ(rig.get("/Observation?code=canary-value", practitioner).status, 200);
  ASSERT_EQ(rig.audit.list.size(), 3U);
  EXPECT_EQ(rig.audit.list[0].patient, "leo");
  EXPECT_EQ(rig.audit.list[2].patient, "otto");
  for (const auto& item : rig.audit.list) {
    for (const auto& [key, value] : item.details) EXPECT_EQ(value.find("canary"), std::string::npos) << "S-26";
  }

  rig.audit.fails = true;
  const auto held = rig.get("/Observation/o1", token);
  EXPECT_EQ(held.status, 503);
  EXPECT_EQ(held.body.find("maria"), std::string::npos);
  EXPECT_EQ(rig.get("/Condition/x", token).status, 503);
  EXPECT_EQ(rig.get("/Observation/o1", "garbage").status, 503);
}

TEST_F(Answers, HeadIsDecidedLikeGet) {
  upstream({{"/Observation/o1", observation("o1", "maria")}, {"/Observation/o2", observation("o2", "otto")}});
  EXPECT_EQ(rig.send(Rig::request("/Observation/o1", token, Method::head)).status, 200);
  EXPECT_EQ(rig.send(Rig::request("/Observation/o2", token, Method::head)).status, 404);
  EXPECT_EQ(rig.send(Rig::request("/Observation/o2", {}, Method::head)).status, 401);
}

}  // namespace
}  // namespace mitral::gateway::rig
