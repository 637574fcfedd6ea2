// Patients' directives and security labels at the gateway, before the sandbox: who is cut off, how soon a withdrawal
// counts, what an upstream that lies about Consents achieves, and that emergency access leaves its mark (threats S-6,
// S-20, S-21, S-28).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/limits.h"
#include "fhir/compartment.h"
#include "support/consents.h"
#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;
namespace directives = policy::consents;
using Ids = std::vector<std::string>;
using policy::consents::actor;
using policy::consents::provision;
using policy::consents::rule;

constexpr const char* kLab = "/Observation/maria-glucose-1";

bool has(const Ids& list, std::string_view item) { return std::ranges::find(list, item) != list.end(); }

std::string consent(std::string_view rest, std::string_view patient = "maria", std::string_view id = "c1") {
  auto out = directives::json(directives::consent_text(rest, patient));
  out.set("id", id);
  return out.dump();
}
std::string deny(std::string_view criteria = {}, std::string_view patient = "maria") {
  return consent(rule("OPTIN") + provision("deny", criteria), patient);
}

struct ConsentThreat : testing::Test {
  SandboxRig rig{[](Config& config) {
    config.enforce_consent = true;
    config.assumed_purpose = "TREAT";
    for (const auto* const code : {"R", "ETH", "HIV"}) config.hidden_labels.push_back({"", code});
  }};
  std::string ada = rig.jwt(practitioner());
  std::string herself = rig.jwt(maria());

  /// Straight into the FHIR server, past the gateway.
  void store(const std::string& text) {
    const auto resource = Json::parse(text).value();
    Request request;
    request.method = Method::put;
    request.set_target("/r4/" + std::string(resource["resourceType"].string_or()) + "/" +
                       std::string(resource["id"].string_or()));
    request.headers.add("Host", "fhir.internal:8090");
    request.headers.add("Authorization", "Bearer upstream-credential");
    request.headers.add("Content-Type", "application/fhir+json");
    request.body = text;
    const auto answer = run_sync(rig.sandbox.handle(std::move(request)));
    ASSERT_LT(answer.status, 300) << answer.body;
  }
  void label(std::string_view id, std::string_view codes) {
    auto resource = rig.sandbox.current("Observation", id);
    auto meta = resource["meta"];
    meta.set("security", directives::json("[" + std::string(codes) + "]"));
    resource.set("meta", std::move(meta));
    store(resource.dump());
  }
  int status(std::string_view target, const std::string& token) { return rig.get(target, token).status; }
  void pass(Duration time) {
    rig.clock.advance(time);
    rig.hear();
  }
  std::string emergency() {
    auto token = rig.opaque(practitioner());
    rig.world.active[token].set("purpose_of_use", "ETREAT");
    return token;
  }
  std::size_t questions() {
    return static_cast<std::size_t>(std::ranges::count_if(
        rig.world.upstream_log, [](const Request& request) { return request.target.starts_with("/r4/Consent?"); }));
  }
  /// Answers questions for Consents by itself; everything else is the sandbox.
  void answer_consents(std::function<Response(const Request&)> answer) {
    rig.world.upstream = [this, answer = std::move(answer)](Request request) {
      return [](SandboxRig& world, std::function<Response(const Request&)> own, Request asked) -> Task<Response> {
        if (asked.target.starts_with("/r4/Consent")) co_return own(asked);
        co_return co_await world.sandbox.handle(std::move(asked));
      }(rig, answer, std::move(request));
    };
  }
};

Response fhir(std::string body) { return Response::with(200, "application/fhir+json", std::move(body)); }

TEST_F(ConsentThreat, WithoutDirectivesNothingChanges) {
  EXPECT_EQ(status(kLab, ada), 200);
  EXPECT_EQ(status(kLab, herself), 200);
  EXPECT_FALSE(ids(rig.get("/Observation?patient=maria", ada)).empty());
}

TEST_F(ConsentThreat, S28_AWithdrawalCountsWithinTheTimeThatDirectivesAreBelieved) {
  EXPECT_EQ(status(kLab, ada), 200);
  store(deny());
  pass(limits::kConsentBelieved);
  EXPECT_EQ(status(kLab, ada), 404);
  EXPECT_TRUE(ids(rig.get("/Observation?patient=maria", ada)).empty());
  EXPECT_EQ(status(kLab, herself), 200) << "never herself";
  // And back again.
  ASSERT_TRUE(rig.sandbox.remove("Consent", "c1"));
  pass(limits::kConsentBelieved);
  EXPECT_EQ(status(kLab, ada), 200);
}

TEST_F(ConsentThreat, S28_WhatIsWrittenThroughTheGatewayCountsAtOnce) {
  EXPECT_EQ(status(kLab, ada), 200);
  const auto writer = rig.jwt(maria("patient/*.cruds"));
  auto request = Rig::request("/Consent/c1", writer, Method::put);
  request.headers.add("Content-Type", "application/fhir+json");
  request.body = deny();
  const auto written = rig.send(std::move(request));
  ASSERT_EQ(written.status, 201) << written.body;
  EXPECT_EQ(status(kLab, ada), 404);
  ASSERT_LT(rig.send(Rig::request("/Consent/c1", writer, Method::del)).status, 300);
  EXPECT_EQ(status(kLab, ada), 200);
}

TEST_F(ConsentThreat, S28_NobodyElseLiftsADirective) {
  store(deny(actor("Practitioner/x")));
  const auto wide = rig.jwt(practitioner("user/*.cruds"));
  for (const auto method : {Method::del, Method::put}) {
    auto request = Rig::request("/Consent/c1", wide, method);
    if (method == Method::put) {
      request.headers.add("Content-Type", "application/fhir+json");
      request.body = consent(rule("OPTIN"));
    }
    EXPECT_GE(rig.send(std::move(request)).status, 400);
  }
  EXPECT_FALSE(rig.sandbox.current("Consent", "c1").is_null());
}

TEST_F(ConsentThreat, ADenialLooksLikeAbsence) {
  const auto absent = rig.get("/Observation/no-such-thing", ada);
  store(deny());
  const auto denied = rig.get(kLab, ada);
  EXPECT_EQ(denied.status, absent.status);
  EXPECT_EQ(denied.body, absent.body);
}

TEST_F(ConsentThreat, ADenialHoldsOnEveryWayToTheData) {
  store(deny());
  for (const auto* const target :
       {kLab, "/Observation/maria-glucose-1/_history", "/Observation/maria-glucose-1/_history/1", "/Patient/maria",
        "/Consent/c1", "/Group/group-maria-otto", "/Person/person-maria-otto", "/Provenance/prov-maria-lab",
        "/Provenance/prov-maria-otto"}) {
    EXPECT_EQ(status(target, ada), 404) << target;
  }
  for (const auto* const target :
       {"/Observation?_count=500", "/Patient", "/Patient?_revinclude=Observation:subject", "/Patient/maria/Condition",
        "/Encounter?_include=Encounter:subject", "/Condition?_include=Condition:subject", "/Observation/_history",
        "/Provenance?_count=500", "/Device"}) {
    for (const auto& entry : rig.all_pages(target, ada)) {
      const auto& resource = entry["resource"];
      EXPECT_FALSE(has(fhir::member_patients(resource, kPublic), "maria")) << target << " " << resource.dump();
      EXPECT_FALSE(entry["fullUrl"].string_or().ends_with("/Patient/maria")) << target;
      if (resource["resourceType"].string_or() != "Provenance") continue;
      for (const auto reference : fhir::all_references(resource)) EXPECT_NE(reference, "Patient/maria") << target;
    }
  }
  EXPECT_EQ(status("/Patient/otto", ada), 200) << "others are not touched";
}

TEST_F(ConsentThreat, S20_OldVersionsFollowTodaysDirectives) {
  EXPECT_EQ(status("/Observation/moved-observation/_history/2", ada), 200);
  store(deny());
  pass(limits::kConsentBelieved);
  EXPECT_EQ(status("/Observation/moved-observation/_history/2", ada), 404) << "Maria's";
  EXPECT_EQ(status("/Observation/moved-observation/_history/1", ada), 200) << "the stranger's";
  EXPECT_EQ(ids(rig.get("/Observation/moved-observation/_history", ada)).size(), 1U);
}

TEST_F(ConsentThreat, DirectivesChooseAmongPeopleAndData) {
  store(deny(actor("Practitioner/dr-ada") +
             R"(,"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}])"));
  EXPECT_EQ(status(kLab, ada), 200);
  EXPECT_EQ(status("/Condition/maria-asthma", ada), 404);
  auto bob = practitioner();
  bob.fhir_user = std::string(kPublic) + "/Practitioner/dr-bob";
  bob.subject = "u_bob";
  EXPECT_EQ(status("/Condition/maria-asthma", rig.jwt(bob)), 200);
  EXPECT_EQ(status("/Condition/maria-asthma", rig.jwt(backend())), 200);
}

TEST_F(ConsentThreat, S6_AProxyCanBeCutOffAndSeesNoConfidentialData) {
  auto proxy = maria();
  proxy.patient = "leo";
  proxy.fhir_user = std::string(kPublic) + "/RelatedPerson/maria-for-leo";
  const auto token = rig.jwt(proxy);
  const std::string lab = "/Observation/leo-hemoglobin-1";
  ASSERT_EQ(status(lab, token), 200);
  label("leo-hemoglobin-1", directives::label("HIV"));
  EXPECT_EQ(status(lab, token), 404);
  EXPECT_FALSE(has(ids(rig.get("/Observation", token)), "Observation/leo-hemoglobin-1"));
  EXPECT_EQ(status("/Observation/leo-weight-1", token), 200);
  store(deny(actor("RelatedPerson/maria-for-leo"), "leo"));
  pass(limits::kConsentBelieved);
  EXPECT_EQ(status("/Observation/leo-weight-1", token), 404);
  EXPECT_EQ(status("/Observation/leo-weight-1", ada), 200) << "the clinic still treats him";
}

TEST_F(ConsentThreat, S21_LabelledDataNeedsItsOwnPermission) {
  label("maria-glucose-1", directives::label("ETH"));
  EXPECT_EQ(status(kLab, ada), 404);
  EXPECT_EQ(status(kLab, rig.jwt(backend())), 404);
  EXPECT_EQ(status(kLab, herself), 200);
  const auto found = rig.get("/Observation?patient=maria", ada);
  EXPECT_FALSE(has(ids(found), "Observation/maria-glucose-1"));
  const auto shown = Json::parse(found.body).value();
  EXPECT_EQ(shown["total"].int_or(static_cast<std::int64_t>(shown["entry"].size())),
            static_cast<std::int64_t>(shown["entry"].size()))
      << "a total counts what is shown, or there is none";
  EXPECT_EQ(status("/Observation?_security=ETH", ada), 403) << "nor is it found by its label";
  EXPECT_EQ(status("/Observation?_security=ETH", herself), 200);
  EXPECT_EQ(status(kLab, rig.jwt(practitioner("user/Observation.rs?_security=ETH"))), 200);
  EXPECT_EQ(status(kLab, rig.jwt(practitioner("user/Observation.rs?_security=HIV"))), 404);
  store(consent(rule("OPTIN") + provision("permit", actor("Practitioner/dr-ada") + R"(,"securityLabel":[)" +
                                                        directives::label("ETH") + "]")));
  pass(limits::kConsentBelieved);
  EXPECT_EQ(status(kLab, ada), 200) << "she named it for her doctor";
  EXPECT_EQ(status(kLab, rig.jwt(backend())), 404);
}

TEST_F(ConsentThreat, S21_EmergencyAccessOverridesAndIsWrittenDown) {
  store(deny());
  label("maria-glucose-1", directives::label("ETH"));
  rig.audit.list.clear();
  EXPECT_EQ(status(kLab, emergency()), 200);
  const auto marked = [&] {
    return std::ranges::any_of(rig.audit.list, [](const model::AuditEvent& event) {
      return std::ranges::any_of(event.details, [](const auto& detail) { return detail.first == "overridden"; });
    });
  };
  EXPECT_TRUE(marked());
  rig.audit.list.clear();
  EXPECT_EQ(status("/Observation/otto-glucose-1", emergency()), 200);
  EXPECT_FALSE(marked()) << "nothing stood in the way";
}

TEST_F(ConsentThreat, S21_APurposeThatTheTokenDoesNotCarryIsNone) {
  store(deny());
  auto request = Rig::request(kLab, ada);
  request.headers.add("X-Purpose-Of-Use", "ETREAT");
  EXPECT_EQ(rig.send(std::move(request)).status, 404);
  auto claims = rig.claims(practitioner());
  // Introspection alone tells it: a JWT could be older than the decision to trust.
  for (const auto* const name : {"purpose_of_use", "purpose", "purposeOfUse"}) claims.set(name, "ETREAT");
  EXPECT_EQ(status(kLab, Rig::sign(claims, "at+jwt")), 404);
}

TEST_F(ConsentThreat, S28_WhatCanNotBeAskedIsNotShown) {
  const std::vector<std::pair<std::string, std::function<Response(const Request&)>>> faults{
      {"an error", [](const Request&) { return Response::with(500, "application/fhir+json", "{}"); }},
      {"not found", [](const Request&) { return Response::with(404, "application/fhir+json", "{}"); }},
      {"no JSON", [](const Request&) { return fhir("<Bundle/>"); }},
      {"another Bundle", [](const Request&) { return fhir(R"({"resourceType":"Bundle","type":"collection"})"); }},
      {"another type", [](const Request&) { return fhir(bundle({{patient("maria")}})); }},
      {"an entry without a resource",
       [](const Request&) { return fhir(R"({"resourceType":"Bundle","type":"searchset","entry":[{}]})"); }},
      {"entries that are none",
       [](const Request&) { return fhir(R"({"resourceType":"Bundle","type":"searchset","entry":{}})"); }},
      {"a page elsewhere",
       [](const Request&) { return fhir(bundle({}, R"([{"relation":"next","url":"https://evil.example/next"}])")); }},
      {"pages without end", [](const Request&) {
         return fhir(bundle({}, R"([{"relation":"next","url":"http://fhir.internal:8090/r4/Consent?page=2"}])"));
       }}};
  for (const auto& [name, answer] : faults) {
    answer_consents(answer);
    pass(limits::kConsentBelieved);
    EXPECT_EQ(status(kLab, ada), 503) << name;
    EXPECT_EQ(status("/Observation?patient=maria", ada), 503) << name;
    EXPECT_EQ(status(kLab, herself), 200) << name;
    EXPECT_EQ(status(kLab, emergency()), 200) << name;
  }
}

TEST_F(ConsentThreat, S28_AnUpstreamThatLiesAboutWhoseConsentsTheseAre) {
  // Everybody's, whoever was asked for: the own patient element decides.
  answer_consents([](const Request&) {
    return fhir(bundle({{consent(rule("OPTOUT"), "otto", "c-otto")}, {consent(rule("OPTIN"), "maria")}}));
  });
  EXPECT_EQ(status(kLab, ada), 200);
  EXPECT_EQ(status("/Observation/otto-glucose-1", ada), 404);
  // Nobody's: perhaps hers.
  pass(limits::kConsentBelieved);
  answer_consents([](const Request&) {
    return fhir(bundle({{R"({"resourceType":"Consent","id":"c","status":"active","scope":{}})"}}));
  });
  EXPECT_EQ(status(kLab, ada), 404);
  EXPECT_EQ(status(kLab, herself), 200);
}

TEST_F(ConsentThreat, EveryPageOfConsentsIsRead) {
  answer_consents([](const Request& request) {
    if (request.target.find("page=2") != std::string::npos) return fhir(bundle({{deny()}}));
    return fhir(bundle({{consent(rule("OPTIN"), "maria", "c0")}},
                       R"([{"relation":"next","url":"http://fhir.internal:8090/r4/Consent?page=2"}])"));
  });
  EXPECT_EQ(status(kLab, ada), 404);
}

TEST_F(ConsentThreat, QuestionsAreFewAndTheGatewaysOwn) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status(kLab, ada), 200);
  EXPECT_EQ(questions(), 1U) << "believed for a while";
  for (const auto& request : rig.world.upstream_log) {
    EXPECT_EQ(request.headers.get("Authorization"), "Bearer upstream-credential");
  }
  rig.world.upstream_log.clear();
  pass(limits::kConsentBelieved);
  EXPECT_EQ(status("/Patient", ada), 200);
  EXPECT_EQ(questions(), 1U) << "all patients of an answer at once";
  rig.world.upstream_log.clear();
  pass(limits::kConsentBelieved);
  EXPECT_EQ(status(kLab, herself), 200);
  EXPECT_EQ(questions(), 0U) << "the patient herself needs none";
}

TEST_F(ConsentThreat, AFailureIsNotAskedForAgainAtOnce) {
  answer_consents([](const Request&) { return Response::with(500, "application/fhir+json", "{}"); });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status(kLab, ada), 503);
  EXPECT_LE(questions(), 1U);
  pass(limits::kFeedRetry);
  answer_consents([](const Request&) { return fhir(bundle({})); });
  EXPECT_EQ(status(kLab, ada), 200);
}

TEST_F(ConsentThreat, S28_AnAnswerThatWasUnderWayIsNotBelieved) {
  const auto writer = rig.jwt(maria("patient/*.cruds"));
  auto asked = std::make_shared<int>(0);
  answer_consents([this, writer, asked](const Request& request) {
    if (!request.target.starts_with("/r4/Consent?")) return run_sync(rig.sandbox.handle(request));
    auto answer = run_sync(rig.sandbox.handle(request));
    if (++*asked == 1) {
      // Maria closes her record while the old answer is on its way.
      std::thread([&] {
        auto put = Rig::request("/Consent/c1", writer, Method::put);
        put.headers.add("Content-Type", "application/fhir+json");
        put.body = deny();
        EXPECT_LT(rig.send(std::move(put)).status, 300);
      }).join();
    }
    return answer;
  });
  EXPECT_EQ(status(kLab, ada), 404);
  EXPECT_EQ(*asked, 2);
}

TEST(ConsentQuestions, ManyAtOnceAskOnce) {
  Rig rig([](Config& config) { config.enforce_consent = true; });
  std::atomic<int> asked = 0;
  rig.world.keep_log = false;
  rig.world.upstream = [&asked](Request request) -> Task<Response> {
    return [](std::atomic<int>& count, Request r) -> Task<Response> {
      if (!r.target.starts_with("/r4/Consent")) co_return fhir(observation("o1", "maria"));
      ++count;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      co_return fhir(bundle({}));
    }(asked, std::move(request));
  };
  const auto token = rig.jwt(practitioner());
  EXPECT_EQ(rig.get("/Observation/o1", rig.jwt(maria())).status, 200) << "keys are fetched";
  std::vector<std::thread> threads;
  std::atomic<int> shown = 0;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { shown += rig.get("/Observation/o1", token).status == 200 ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(shown, 8);
  EXPECT_EQ(asked, 1);
}

TEST(ConsentOff, DirectivesDoNotCountWhereTheyAreNotEnforced) {
  SandboxRig rig;
  const auto ada = rig.jwt(practitioner());
  EXPECT_EQ(rig.get(kLab, ada).status, 200);
  EXPECT_TRUE(std::ranges::none_of(rig.world.upstream_log, [](const Request& request) {
    return request.target.find("Consent") != std::string::npos;
  }));
}

}  // namespace
}  // namespace mitral::gateway::rig
