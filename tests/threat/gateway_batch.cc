// Attacks by Bundles: what alone would be refused must not get through in company (smart-fhir §4.8; threats S-14,
// S-15).
#include <gtest/gtest.h>

#include <algorithm>

#include "support/gateway_writing.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;
const std::string kMine = "Observation/" + std::string(sample::kMariaLab);
const std::string kOttos = "Observation/" + std::string(sample::kStrangerLab);
constexpr const char* kFirst = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a";
constexpr const char* kSecond = "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059";

struct BundleThreat : testing::Test {
  WritingRig rig;
  std::string token = rig.jwt(maria("patient/*.cruds"));
  std::string doctor = rig.jwt(practitioner("user/*.cruds"));

  Response send(std::string_view type, const std::vector<EntrySpec>& entries, const std::string& bearer) {
    return rig.post("", a_bundle(type, entries), bearer);
  }
  Response transaction(const std::vector<EntrySpec>& entries, const std::string& bearer) {
    return send("transaction", entries, bearer);
  }
  static EntrySpec good() { return {"POST", "Observation", an_observation("Patient/maria")}; }
  static std::string with_member(std::string_view target) {
    return an_observation("Patient/maria", R"(,"hasMember":[{"reference":")" + std::string(target) + R"("}])");
  }
};

TEST_F(BundleThreat, S14_OneForeignEntryRefusesTheTransaction) {
  const auto size = rig.sandbox.size();
  const auto otto = rig.stored("Observation", sample::kStrangerLab);
  const auto as_mine = an_observation_with_id(sample::kStrangerLab, "Patient/maria");
  for (const auto& bad : std::vector<EntrySpec>{
           {"PUT", kOttos, otto},
           {"PUT", kOttos, as_mine},
           {"DELETE", kOttos},
           {"DELETE", "Observation/nobody-knows"},
           {"POST", "Observation", an_observation("Patient/otto")},
           {"GET", "Observation?patient=Patient/otto"},
           {"GET", "Patient/otto/Observation"},
           {"POST", "Patient", R"({"resourceType":"Patient"})"},
           {"PATCH", kOttos, R"({"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="})"},
           {"PUT", "Observation?patient=Patient/otto", an_observation("Patient/otto")},
           {"POST", "Practitioner", R"({"resourceType":"Practitioner"})"}}) {
    const auto response = transaction({good(), bad}, token);
    EXPECT_EQ(response.status, 403) << bad.method << " " << bad.url;
    EXPECT_EQ(body_of(response)["issue"][0]["expression"][0].string_or(), "Bundle.entry[1]");
  }
  EXPECT_EQ(rig.writes(), 0U) << "nothing is forwarded before everything is judged";
  EXPECT_EQ(rig.sandbox.size(), size);
  EXPECT_EQ(rig.stored("Observation", sample::kStrangerLab), otto);
}

TEST_F(BundleThreat, S11_TransactionsTellNothingOfWhatIsHidden) {
  const auto probe = [&](std::string_view method, const std::string& id) {
    const auto body = method == "PUT" ? an_observation_with_id(id, "Patient/maria") : std::string();
    return all_of(transaction({{std::string(method), "Observation/" + id, body}}, rig.jwt(maria("patient/*.ruds"))));
  };
  const std::string foreign(sample::kStrangerLab);
  EXPECT_EQ(probe("PUT", foreign), probe("PUT", "nobody-knows"));
  EXPECT_EQ(probe("DELETE", foreign), probe("DELETE", "nobody-knows"));
  const auto in_batch = [&](const std::string& id) {
    return all_of(send("batch", {{"GET", "Observation/" + id}, {"DELETE", "Observation/" + id}}, token));
  };
  EXPECT_EQ(in_batch(foreign), in_batch("nobody-knows"));
}

TEST_F(BundleThreat, S14_BatchEntriesAreDeniedInTheirPlace) {
  const auto otto = rig.stored("Observation", sample::kStrangerLab);
  const auto response = send("batch",
                             {good(),
                              {"PUT", kOttos, otto},
                              {"DELETE", kOttos},
                              {"POST", "Observation", an_observation("Patient/otto")},
                              {"GET", "Patient/otto"},
                              {"GET", "Observation?subject=Patient/otto"},
                              good()},
                             token);
  EXPECT_EQ(statuses(response), (std::vector<std::string>{"201", "404", "404", "403", "404", "403", "201"}));
  EXPECT_EQ(response.body.find("otto"), std::string::npos);
  EXPECT_EQ(rig.stored("Observation", sample::kStrangerLab), otto);
  EXPECT_EQ(rig.writes(), 2U);
}

TEST_F(BundleThreat, S7_BundlesHaveNoRightOfTheirOwn) {
  const auto reader = rig.jwt(maria("patient/Observation.rs"));
  const auto response = send("batch", {good(), {"DELETE", kMine}, {"GET", kMine}, {"GET", "Condition"}}, reader);
  EXPECT_EQ(statuses(response), (std::vector<std::string>{"403", "403", "200", "403"}));
  EXPECT_EQ(transaction({{"GET", kMine}, {"GET", "Condition"}}, reader).status, 403);
  EXPECT_EQ(transaction({{"GET", kMine}}, reader).status, 200);
  EXPECT_EQ(rig.writes(), 0U);
}

TEST_F(BundleThreat, S14_UrlsOfEntriesHaveNoTricks) {
  for (const auto* const url : {"Patient/../Patient/otto",
                                "../r4/Patient/otto",
                                "//evil.example/Patient/otto",
                                "http://evil.example/Patient/otto",
                                "https://gw.example/fhir/Patient/maria",
                                "http://fhir.internal:8090/r4/Patient/otto",
                                "Patient/%6ftto",
                                "Patient%2Fotto",
                                "Patient//otto",
                                "Patient/otto/",
                                "Patient/maria#x",
                                "Patient;otto",
                                "Patient/maria/..",
                                "",

                                "$export",
                                "Patient/maria/$everything",
                                "$graphql?query=x",
                                "Patient/$match",
                                "metadata",
                                "/fhir/Patient/otto",
                                "Patient\\\\otto",
                                "Patient/maria\\n",
                                ".",
                                "Patient/.",
                                "Patient/ maria"}) {
    const auto batch = send("batch", {{"GET", url}}, token);
    ASSERT_EQ(batch.status, 200) << url;
    const auto status = statuses(batch).front();
    EXPECT_TRUE(status == "400" || status == "403" || status == "404") << url << " " << status;
    EXPECT_EQ(batch.body.find("\"resource\""), std::string::npos) << url;
    EXPECT_GE(transaction({{"GET", url}}, token).status, 400) << url;
  }
  EXPECT_TRUE(rig.world.upstream_log.empty()) << rig.world.upstream_log.front().target;
}

TEST_F(BundleThreat, S14_NoBundleInABundle) {
  const auto inner = a_bundle("batch", {{"GET", "Patient/otto"}});
  for (const auto& bearer : {token, doctor, rig.jwt(backend("system/*.cruds"))}) {
    for (const auto* const url : {"", "/", "Bundle"}) {
      const auto response = send("batch", {{"POST", url, inner}}, bearer);
      EXPECT_TRUE(statuses(response).front() == "400" || statuses(response).front() == "403") << url;
      EXPECT_GE(transaction({{"POST", url, inner}}, bearer).status, 400) << url;
    }
    EXPECT_EQ(statuses(send("batch", {{"PUT", "Bundle/b", inner}}, bearer)).front(), "403");
  }
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(BundleThreat, S14_EntriesThatAreNoRequests) {
  for (
      const auto* const entries :
      {"[7]", "[null]", R"([{}])", R"([{"request":"GET"}])", R"([{"request":{"method":"GET"}}])",
       R"([{"request":{"method":"get","url":"Patient/maria"}}])",
       R"([{"request":{"method":"OPTIONS","url":"Patient/maria"}}])",
       R"([{"request":{"method":"PUT","url":"Patient/maria"}}])",
       R"([{"request":{"method":"GET","url":"Patient/maria"},"resource":{"resourceType":"Patient"}}])",
       R"([{"request":{"method":"PUT","url":"Patient/maria","ifMatch":7},"resource":{"resourceType":"Patient","id":"maria"}}])",
       R"([{"request":{"method":"PUT","url":"Patient/maria","ifMatch":"a\r\nX: y"},"resource":{"resourceType":"Patient","id":"maria"}}])",
       R"([{"request":{"method":"PATCH","url":"Patient/maria"},"resource":{"resourceType":"Binary","contentType":"application/json-patch+json","data":"???"}}])",
       R"([{"request":{"method":"PATCH","url":"Patient/maria"},"resource":{"resourceType":"Patient"}}])"}) {
    const std::string text = R"({"resourceType":"Bundle","type":"batch","entry":)" + std::string(entries) + "}";
    const auto response = rig.post("", text, token);
    ASSERT_EQ(response.status, 200) << entries;
    EXPECT_EQ(statuses(response), std::vector<std::string>{"400"}) << entries;
  }
  EXPECT_EQ(rig.post("", R"({"resourceType":"Bundle","type":"batch","entry":{}})", token).status, 400);
  EXPECT_EQ(rig.post("", R"({"resourceType":"Bundle","type":"batch","type":"transaction"})", token).status, 400);
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(BundleThreat, S14_APatientMadeInTheTransactionIsNotTheTokens) {
  // Neither by urn nor by a fullUrl that claims to be her.
  const std::string patient = R"({"resourceType":"Patient"})";
  for (const auto& [url, subject] : {std::pair<std::string, std::string>{kFirst, kFirst},
                                     {"urn:uuid:maria", "urn:uuid:maria"},
                                     {std::string(kPublic) + "/Patient/maria", "Patient/maria"},
                                     {"http://fhir.internal:8090/r4/Patient/maria", "Patient/maria"},
                                     {"http://elsewhere/Patient/maria", "Patient/maria"}}) {
    const auto response =
        transaction({{"POST", "Patient", patient, url}, {"POST", "Observation", an_observation(subject)}}, token);
    EXPECT_GE(response.status, 400) << url;
    EXPECT_LT(response.status, 404) << url;
  }
  EXPECT_EQ(rig.writes(), 0U);
  EXPECT_EQ(transaction({{"POST", "Patient", patient, "http://elsewhere/Patient/maria"}}, doctor).status, 400)
      << "a fullUrl that another server would resolve relative references by";
}

TEST_F(BundleThreat, S14_UrnsStandForWhatTheirEntryNames) {
  const auto mine = rig.stored("Observation", sample::kMariaLab);
  // The urn of an entry about otto is otto, also where it is only a reference.
  const auto otto = rig.stored("Patient", "otto");
  EXPECT_EQ(transaction({{"PUT", "Patient/otto", otto, kFirst}, {"POST", "Observation", an_observation(kFirst)}}, token)
                .status,
            403);
  EXPECT_EQ(transaction({{"POST", "Observation", an_observation(kFirst)}}, token).status, 422) << "names nothing";
  EXPECT_EQ(
      transaction({{"POST", "Observation", an_observation(std::string(kFirst) + "/_history/1"), kFirst}}, token).status,
      422);
  EXPECT_EQ(transaction({good(),
                         {"POST", "Observation", an_observation("Patient/maria"), kFirst},
                         {"POST", "Observation", an_observation("Patient/maria"), kFirst}},
                        token)
                .status,
            400)
      << "one fullUrl, two entries";
  EXPECT_EQ(transaction({{"PUT", kMine, mine, std::string(kPublic) + "/" + kOttos}}, token).status, 400)
      << "a fullUrl of another";
  EXPECT_EQ(rig.writes(), 0U);
  // An update moves with its urn: what is forwarded names the resource itself.
  const auto good_one =
      transaction({{"PUT", kMine, mine, kFirst}, {"POST", "Observation", with_member(kFirst), kSecond}}, token);
  ASSERT_EQ(good_one.status, 200) << good_one.body;
  const auto sent = std::ranges::find(rig.world.upstream_log, Method::post, &Request::method);
  ASSERT_NE(sent, rig.world.upstream_log.end());
  EXPECT_EQ(sent->body.find(kFirst), std::string::npos) << "upstream has nothing to resolve there";
  EXPECT_NE(sent->body.find(R"("reference":")" + kMine), std::string::npos);
}

TEST_F(BundleThreat, S14_SubjectsDoNotMoveByUrn) {
  auto mine = rig.sandbox.current("Observation", sample::kMariaLab);
  mine.set("subject", Json::object({{"reference", kFirst}}));
  EXPECT_EQ(
      transaction({{"POST", "Patient", R"({"resourceType":"Patient"})", kFirst}, {"PUT", kMine, mine.dump()}}, doctor)
          .status,
      403);
  // With the very name that unborn resources have while they are judged.
  mine.set("subject", Json::object({{"reference", "Patient/0.unborn.0"}}));
  EXPECT_EQ(
      transaction({{"POST", "Patient", R"({"resourceType":"Patient"})", kFirst}, {"PUT", kMine, mine.dump()}}, doctor)
          .status,
      403);
  EXPECT_EQ(rig.writes(), 0U);
}

TEST_F(BundleThreat, S15_ConditionsInEntriesAreNoOracle) {
  const auto probe = [&](std::string_view type, const std::string& id) {
    const auto response =
        send(type, {{"POST", "Observation", an_observation("Patient/maria"), {}, R"("ifNoneExist":"_id=)" + id + "\""}},
             token);
    return std::pair(response.status, statuses(response));
  };
  for (const auto* const type : {"batch", "transaction"}) {
    EXPECT_EQ(probe(type, std::string(sample::kStrangerLab)), probe(type, "nobody-knows"));
  }
  for (const auto& request : rig.world.upstream_log) EXPECT_EQ(request.body.find("ifNoneExist"), std::string::npos);
  EXPECT_EQ(
      transaction(
          {{"POST", "Observation", an_observation("Patient/maria"), {}, R"("ifNoneExist":"patient=Patient/otto")"}},
          token)
          .status,
      403);
  EXPECT_EQ(transaction({{"POST", "Observation", an_observation("Patient/maria"), {}, R"("ifNoneExist":"_id=x")"}},
                        rig.jwt(maria("patient/Observation.cr")))
                .status,
            403);
}

TEST_F(BundleThreat, S14_MatchUrlsAreNotResolvedByUpstream) {
  for (const auto& body : {an_observation("Patient?identifier=otto"), with_member("Observation?_id=otto-glucose-1")}) {
    EXPECT_EQ(transaction({{"POST", "Observation", body}}, token).status, 422);
    EXPECT_EQ(transaction({{"POST", "Observation", body}}, doctor).status, 422);
  }
  EXPECT_EQ(rig.writes(), 0U);
}

TEST_F(BundleThreat, S14_TransactionsAreBoundToWhatWasJudged) {
  const auto pass = rig.world.upstream;
  rig.world.upstream = [&](Request request) -> Task<Response> {
    if (request.method == Method::post) {
      Request change;
      change.method = Method::put;
      change.set_target("/r4/" + kMine);
      change.headers.add("Authorization", "Bearer upstream-credential");
      change.headers.add("Content-Type", "application/fhir+json");
      change.body = rig.stored("Observation", sample::kMariaLab);
      (void)run_sync(rig.sandbox.handle(std::move(change)));
    }
    return pass(std::move(request));
  };
  const auto size = rig.sandbox.size();
  EXPECT_EQ(transaction({good(), {"PUT", kMine, rig.stored("Observation", sample::kMariaLab)}}, token).status, 412);
  EXPECT_EQ(rig.sandbox.size(), size) << "all or nothing";
}

TEST_F(BundleThreat, S13_AnswersOfUpstreamAreJudgedEntryByEntry) {
  const auto pass = rig.world.upstream;
  std::string fake;
  rig.world.upstream = [&](Request request) -> Task<Response> {
    if (request.method != Method::post) return pass(std::move(request));
    return [](std::string body) -> Task<Response> {
      co_return Response::with(200, "application/fhir+json", std::move(body));
    }(fake);
  };
  const std::string otto = rig.stored("Observation", sample::kStrangerLab);
  fake = R"({"resourceType":"Bundle","type":"transaction-response","entry":[{"resource":)" + otto +
         R"(,"response":{"status":"201","location":"http://evil/Patient/otto/_history/1","etag":"otto secret"}}]})";
  const auto foreign = transaction({good()}, token);
  EXPECT_EQ(foreign.body.find("valueQuantity"), std::string::npos);
  EXPECT_EQ(foreign.body.find("Patient/otto"), std::string::npos);
  EXPECT_EQ(foreign.body.find("secret"), std::string::npos);
  for (
      const auto* const wrong :
      {R"({"resourceType":"Bundle","type":"transaction-response","entry":[]})",
       R"({"resourceType":"Bundle","type":"transaction-response"})",
       R"({"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"201"}}]})",
       R"({"resourceType":"Bundle","type":"transaction-response","entry":[{"response":{"status":"500 otto"}}]})",
       R"({"resourceType":"Bundle","type":"transaction-response","entry":[{"response":{"status":"201"}},{"response":{"status":"201"}}]})",
       "<html>", "{}"}) {
    fake = wrong;
    const auto response = transaction({good()}, token);
    EXPECT_EQ(response.status, 502) << wrong;
    EXPECT_EQ(response.body.find("otto"), std::string::npos);
  }
}

TEST_F(BundleThreat, S14_EveryEntryIsAudited) {
  rig.audit.list.clear();
  (void)send("batch", {good(), {"GET", kOttos}, {"GET", "$export"}}, token);
  EXPECT_EQ(rig.audit.list.size(), 3U);
  rig.audit.list.clear();
  (void)transaction({good(), {"PUT", kOttos, an_observation_with_id(sample::kStrangerLab, "Patient/maria")}}, token);
  ASSERT_EQ(rig.audit.list.size(), 1U);
  EXPECT_EQ(rig.audit.list.front().outcome, model::AuditOutcome::denied);
  rig.audit.fails = true;
  EXPECT_EQ(statuses(send("batch", {{"GET", kMine}}, token)), std::vector<std::string>{"503"});
}

}  // namespace
}  // namespace mitral::gateway::rig
