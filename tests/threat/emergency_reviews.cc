// What the FHIR server is told of an emergency access: one Task and one Communication, whatever fails in between, and
// nothing that they need not hold (threat S-21; docs/adr/0013-emergency-access.md).
#include "gateway/emergency_reviews.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/emergency_rig.h"
#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

struct EmergencyReviewing : ::testing::Test {
  SandboxRig rig{[](Config& config) { config.review_tasks = true; }};
  std::vector<std::string> posted;  ///< bodies
  bool refuses_strangers = false;   ///< a server that checks references
  bool loses_answers = false;
  std::optional<int> says;
  SequenceRandom random;

  EmergencyReviewing() {
    rig.world.upstream = [this](Request request) { return upstream(std::move(request)); };
  }
  Task<Response> upstream(Request request) {
    const bool post = request.method == Method::post;
    if (post) posted.push_back(request.body);
    if (post && says) co_return Response::with(*says, "application/fhir+json", "{}");
    if (post && refuses_strangers && request.body.find(R"("reference":"Patient/nobody")") != std::string::npos) {
      co_return Response::with(400, "application/fhir+json", "{}");
    }
    auto out = co_await rig.sandbox.handle(std::move(request));
    if (post && loses_answers) co_return Response::with(504, {}, {});
    co_return out;
  }
  static TokenSpec clinician(std::string grant = "emergency-1", std::string patient = "maria") {
    auto out = maria();
    out.patient = std::move(patient);
    out.fhir_user = std::string(kPublic) + "/Practitioner/" + std::string(sandbox::sample::kPractitioner);
    out.subject = "u_erin";
    out.client = "er-app";
    out.jti = "jti-" + grant;
    out.grant = std::move(grant);
    return out;
  }
  std::string emergency(const TokenSpec& spec = clinician()) {
    auto token = rig.wrapped(spec);
    rig.world.active[token].set("purpose_of_use", "ETREAT");
    return token;
  }
  EmergencyReviews& reviews() { return *rig.gateway->reviews(); }
  void work() { run_sync(reviews().work()); }
  /// What the server holds for an access.
  std::vector<Json> stored(std::string_view type, std::string_view id = "emergency-1") {
    codec::Form form;
    form.add("identifier", std::string(kIssuer) + "|" + std::string(id));
    const auto answer = rig.unguarded("/" + std::string(type) + "?" + form.serialize());
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<Json> out;
    const auto found = Json::parse(answer.body).value();
    for (const auto& entry : found["entry"].items()) out.push_back(entry["resource"]);
    return out;
  }
  std::size_t told(std::string_view reason) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        rig.audit.list, [&](const auto& e) { return e.kind == model::AuditKind::emergency && e.reason == reason; }));
  }
  std::unique_ptr<Gateway> another(ports::AuditStore& audit) {
    Config config = plain_config();
    config.review_tasks = true;
    auto out = Gateway::create(std::move(config), rig.world, audit, rig.clock, random).value();
    EXPECT_TRUE(run_sync(out->feed().poll_once(Duration::zero())));
    return out;
  }
  static int ask(Gateway& gateway, const std::string& token) {
    return run_sync(gateway.handle(Rig::request("/Patient/maria", token))).status;
  }
};

TEST_F(EmergencyReviewing, S21_TheFirstUseBecomesOneTaskAndOneNotice) {
  const auto token = emergency();
  EXPECT_EQ(rig.get("/Patient/maria", token).status, 200);
  EXPECT_EQ(reviews().open(), 1U);
  EXPECT_TRUE(stored("Task").empty()) << "the access itself waits for nobody";
  work();
  EXPECT_EQ(reviews().open(), 0U);
  const auto tasks = stored("Task");
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0]["status"].string_or(), "requested");
  EXPECT_EQ(tasks[0]["intent"].string_or(), "order");
  EXPECT_EQ(tasks[0]["code"]["coding"][0]["code"].string_or(), "emergency-access-review");
  EXPECT_EQ(tasks[0]["for"]["reference"].string_or(), "Patient/maria");
  EXPECT_EQ(tasks[0]["requester"]["reference"].string_or(),
            "Practitioner/" + std::string(sandbox::sample::kPractitioner));
  EXPECT_EQ(tasks[0]["reasonCode"]["coding"][0]["code"].string_or(), "ETREAT");
  EXPECT_EQ(tasks[0]["authoredOn"].string_or(), to_rfc3339(rig.clock.now()));
  const auto notices = stored("Communication");
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0]["recipient"][0]["reference"].string_or(), "Patient/maria");
  EXPECT_EQ(notices[0]["about"][0]["identifier"]["value"].string_or(), "emergency-1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.get("/Observation?patient=maria", token).status, 200);
  work();
  EXPECT_EQ(posted.size(), 2U);
  EXPECT_EQ(told("review_due"), 1U);
  EXPECT_EQ(told("review_written"), 1U);
  for (const auto& body : posted) {
    EXPECT_EQ(body.find("192.0.2.7"), std::string::npos) << "whence is for the audit record";
    EXPECT_EQ(body.find("jti-"), std::string::npos);
    EXPECT_EQ(body.find(kPublic), std::string::npos);
  }
  EXPECT_EQ(rig.gateway->metrics().reviews_written.value(), 1U);
  EXPECT_EQ(rig.gateway->metrics().reviews_open.value(), 0U);
}

TEST_F(EmergencyReviewing, EveryAccessHasItsOwn) {
  for (const auto* const id : {"emergency-1", "emergency-2", "emergency-3"}) {
    EXPECT_EQ(rig.get("/Patient/maria", emergency(clinician(id))).status, 200);
  }
  work();
  for (const auto* const id : {"emergency-1", "emergency-2", "emergency-3"}) EXPECT_EQ(stored("Task", id).size(), 1U);
}

TEST_F(EmergencyReviewing, S21_NothingIsShownBeforeItIsWrittenDown) {
  const auto token = emergency();
  rig.audit.fails = true;
  EXPECT_EQ(rig.get("/Patient/maria", token).status, 503);
  EXPECT_EQ(reviews().open(), 0U);
  EXPECT_TRUE(rig.world.upstream_log.empty());
  rig.audit.fails = false;
  EXPECT_EQ(rig.get("/Patient/maria", token).status, 200);
  EXPECT_EQ(reviews().open(), 1U);
}

TEST_F(EmergencyReviewing, S21_OnlyAPurposeThatIsVouchedFor) {
  EXPECT_EQ(rig.get("/Patient/maria", rig.wrapped(clinician())).status, 200) << "no emergency";
  auto claims = rig.claims(clinician());
  claims.set("purpose_of_use", "ETREAT");
  EXPECT_EQ(rig.get("/Patient/maria", Rig::sign(claims, "at+jwt")).status, 200) << "a claim that counts for nothing";
  auto token = rig.wrapped(clinician("emergency-2"));
  rig.world.active[token].set("purpose_of_use", "TREAT");
  EXPECT_EQ(rig.get("/Patient/maria", token).status, 200);
  EXPECT_EQ(reviews().open(), 0U);
  EXPECT_EQ(told("review_due"), 0U);
}

TEST_F(EmergencyReviewing, NotConfiguredMeansNotPosted) {
  SandboxRig plain;
  EXPECT_EQ(plain.gateway->reviews(), nullptr);
  auto token = plain.wrapped(clinician());
  plain.world.active[token].set("purpose_of_use", "ETREAT");
  EXPECT_EQ(plain.get("/Patient/maria", token).status, 200);
}

TEST_F(EmergencyReviewing, AServerThatIsDownIsAskedAgainAndDelaysNobody) {
  const auto token = emergency();
  EXPECT_EQ(rig.get("/Patient/maria", token).status, 200);
  for (const int how : {500, 503, 429, 401, 0}) {
    if (how == 0) rig.world.upstream_error = fail(ErrorCode::unavailable).error();
    says = how;
    const auto before = rig.gateway->metrics().reviews_failed.value();
    work();
    EXPECT_EQ(reviews().open(), 1U) << how;
    EXPECT_EQ(rig.gateway->metrics().reviews_failed.value(), before + 1) << how;
    work();
    EXPECT_EQ(rig.gateway->metrics().reviews_failed.value(), before + 1) << "not before its time";
    rig.clock.advance(limits::kReviewRetryMax + 1s);
    ASSERT_TRUE(rig.hear());
  }
  EXPECT_EQ(rig.gateway->metrics().reviews_open.value(), 1U);
  EXPECT_TRUE(stored("Task").empty());
  rig.world.upstream_error.reset();
  says.reset();
  rig.clock.advance(limits::kReviewRetryMax);
  work();
  EXPECT_EQ(reviews().open(), 0U);
  EXPECT_EQ(stored("Task").size(), 1U);
  EXPECT_EQ(stored("Task")[0]["for"]["reference"].string_or(), "Patient/maria") << "still a reference";
  EXPECT_EQ(stored("Communication").size(), 1U);
}

TEST_F(EmergencyReviewing, PausesGrow) {
  says = 503;
  EXPECT_EQ(rig.get("/Patient/maria", emergency()).status, 200);
  std::vector<int> seconds;
  int waited = 0;
  for (auto before = posted.size(); seconds.size() < 12; ++waited, rig.clock.advance(1s)) {
    work();
    if (posted.size() == before) continue;
    before = posted.size();
    seconds.push_back(waited);
    waited = 0;
  }
  EXPECT_EQ(seconds, (std::vector<int>{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}));
}

TEST_F(EmergencyReviewing, AnAnswerThatIsLostMakesNoSecondTask) {
  loses_answers = true;
  EXPECT_EQ(rig.get("/Patient/maria", emergency()).status, 200);
  for (int i = 0; i < 4; ++i) {
    work();
    rig.clock.advance(limits::kReviewRetryMax);
  }
  EXPECT_EQ(stored("Task").size(), 1U);
  loses_answers = false;
  work();
  EXPECT_EQ(reviews().open(), 0U);
  EXPECT_EQ(stored("Task").size(), 1U);
  EXPECT_EQ(stored("Communication").size(), 1U);
}

TEST_F(EmergencyReviewing, ARestartForgetsNone) {
  says = 503;
  EXPECT_EQ(rig.get("/Patient/maria", emergency()).status, 200);
  EXPECT_EQ(rig.get("/Patient/maria", emergency(clinician("emergency-2"))).status, 200);
  work();
  rig.gateway.reset();
  // Enough other events that the record is more than a page.
  for (std::size_t i = 0; i < 2 * limits::kReviewRecoverPage; ++i) {
    model::AuditEvent event;
    event.at = rig.clock.now();
    rig.audit.list.push_back(event);
  }
  says.reset();
  rig.clock.advance(1h);
  rig.gateway = another(rig.audit);
  int pages = 1;
  while (!run_sync(reviews().recover_page()).value()) ++pages;
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(reviews().open(), 2U);
  work();
  EXPECT_EQ(stored("Task").size(), 1U);
  EXPECT_EQ(stored("Task", "emergency-2").size(), 1U);
  EXPECT_EQ(stored("Task")[0]["authoredOn"].string_or(), to_rfc3339(rig.clock.now() - 1h)) << "then, not now";
  EXPECT_EQ(stored("Task")[0]["requester"]["reference"].string_or(),
            "Practitioner/" + std::string(sandbox::sample::kPractitioner));

  rig.gateway = another(rig.audit);
  while (!run_sync(reviews().recover_page()).value()) {
  }
  EXPECT_EQ(reviews().open(), 0U) << "done is done";
}

TEST_F(EmergencyReviewing, TheRecordIsSearchedSoFarBackAndNoFurther) {
  says = 503;
  EXPECT_EQ(rig.get("/Patient/maria", emergency()).status, 200);
  for (std::size_t i = 0; i < limits::kReviewRecoverPage; ++i) {
    model::AuditEvent event;
    event.at = rig.clock.now();
    rig.audit.list.push_back(event);
  }
  rig.clock.advance(limits::kReviewRecoverAge + 1s);
  rig.gateway = another(rig.audit);
  EXPECT_TRUE(run_sync(reviews().recover_page()).value());
  EXPECT_EQ(reviews().open(), 0U);
  rig.audit.fails = true;
  EXPECT_FALSE(run_sync(reviews().recover_page())) << "and is asked again";
}

TEST_F(EmergencyReviewing, TwoGatewaysMakeOneTask) {
  MemoryAudit other_audit;
  const auto other = another(other_audit);
  std::mutex sandbox_mutex;
  rig.world.upstream = [&](Request request) -> Task<Response> {
    return [](std::mutex& mutex, sandbox::Sandbox& fhir, Request asked) -> Task<Response> {
      const std::lock_guard lock(mutex);
      co_return co_await fhir.handle(std::move(asked));
    }(sandbox_mutex, rig.sandbox, std::move(request));
  };
  for (int i = 0; i < 20; ++i) {
    const auto id = "emergency-" + std::to_string(i);
    const auto token = emergency(clinician(id));
    EXPECT_EQ(ask(*rig.gateway, token), 200);
    EXPECT_EQ(ask(*other, token), 200);
  }
  std::thread one([&] { run_sync(rig.gateway->reviews()->work()); });
  std::thread two([&] { run_sync(other->reviews()->work()); });
  one.join();
  two.join();
  EXPECT_EQ(rig.gateway->reviews()->open() + other->reviews()->open(), 0U);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(stored("Task", "emergency-" + std::to_string(i)).size(), 1U) << i;
    EXPECT_EQ(stored("Communication", "emergency-" + std::to_string(i)).size(), 1U) << i;
  }
}

TEST_F(EmergencyReviewing, APatientWhomTheServerDoesNotKnowIsNamedInWords) {
  refuses_strangers = true;
  (void)rig.get("/Patient/nobody", emergency(clinician("emergency-1", "nobody")));
  work();
  EXPECT_EQ(reviews().open(), 1U);
  rig.clock.advance(limits::kReviewRetryMax);
  work();
  EXPECT_EQ(reviews().open(), 0U);
  ASSERT_EQ(stored("Task").size(), 1U);
  EXPECT_FALSE(stored("Task")[0]["for"].contains("reference"));
  EXPECT_EQ(stored("Task")[0]["for"]["display"].string_or(), "Patient/nobody");
}

TEST_F(EmergencyReviewing, OneThatIsRefusedHoldsUpNoOther) {
  refuses_strangers = true;
  (void)rig.get("/Patient/nobody", emergency(clinician("emergency-1", "nobody")));
  EXPECT_EQ(rig.get("/Patient/maria", emergency(clinician("emergency-2"))).status, 200);
  work();
  EXPECT_EQ(stored("Task", "emergency-2").size(), 1U);
}

TEST_F(EmergencyReviewing, WhoIsNoPractitionerHereIsNamedByTheIssuersIdentifier) {
  auto spec = clinician();
  spec.fhir_user = "https://elsewhere.example/Practitioner/7";
  spec.grant.clear();
  EXPECT_EQ(rig.get("/Patient/maria", emergency(spec)).status, 200);
  work();
  const auto tasks = stored("Task", spec.jti);
  ASSERT_EQ(tasks.size(), 1U) << "an issuer without grants names its token";
  EXPECT_EQ(tasks[0]["requester"]["identifier"]["value"].string_or(), "u_erin");
  EXPECT_EQ(tasks[0]["requester"]["identifier"]["system"].string_or(), kIssuer);
}

TEST_F(EmergencyReviewing, S21_DecisionsForAProxyCountAsUse) {
  Request request;
  request.set_target("/_decide");
  request.headers.add("Host", "gw.example");
  request.headers.add("X-Original-Method", "GET");
  request.headers.add("X-Original-URI", "/fhir/Patient/maria");
  request.headers.add("Authorization", "Bearer " + emergency());
  (void)run_sync(rig.gateway->decide(std::move(request)));
  EXPECT_EQ(reviews().open(), 1U);
}

TEST_F(EmergencyReviewing, TheOperatorSeesWhatIsOpen) {
  says = 503;
  EXPECT_EQ(rig.get("/Patient/maria", emergency()).status, 200);
  work();
  std::string text;
  rig.gateway->metrics().render(text);
  EXPECT_NE(text.find("mitral_gateway_reviews_open 1\n"), std::string::npos);
  EXPECT_NE(text.find("# TYPE mitral_gateway_reviews_open gauge\n"), std::string::npos);
  EXPECT_NE(text.find("mitral_gateway_reviews_failed_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace mitral::gateway::rig

// ---- with the real authorization server: from the clinician's browser to the Task

namespace mitral::testing {
namespace {

using codec::Json;
using codec::Request;
using codec::Response;

struct ReviewedEmergency : ::testing::Test {
  /// Sends by host name to the two servers in this process.
  class Wire final : public gateway::Sender {
   public:
    explicit Wire(ReviewedEmergency& all) : all_(all) {}
    Task<Result<Response>> send(net::Url url, Request request, net::ClientOptions) override {
      request.set_target(url.target);
      request.headers.set("Host", url.authority());
      request.received = all_.rig.as.clock.now();
      request.tls = url.tls;
      request.peer_address = "192.0.2.77";
      if (url.host == "as.example.org") co_return co_await all_.rig.as.server().handle(std::move(request));
      co_return co_await all_.fhir.handle(std::move(request));
    }

   private:
    ReviewedEmergency& all_;
  };

  EmergencyRig rig;
  SequenceRandom ids;
  sandbox::Sandbox fhir{{.base_url = "http://fhir.internal:8090/r4",
                         .required_authorization = {},
                         .clock = &rig.as.clock,
                         .random = &ids,
                         .sleep = {}}};
  Wire wire{*this};
  gateway::rig::MemoryAudit audit;
  std::unique_ptr<gateway::Gateway> gw;

  ReviewedEmergency() {
    EXPECT_TRUE(fhir.load_text(
        R"({"resourceType":"Bundle","type":"transaction","entry":[)"
        R"({"resource":{"resourceType":"Patient","id":"alice"},"request":{"method":"PUT","url":"Patient/alice"}},)"
        R"({"resource":{"resourceType":"Practitioner","id":"erin"},"request":{"method":"PUT","url":"Practitioner/erin"}}]})"));
    gateway::Config config;
    config.public_base = kFhir;
    config.upstream = "http://fhir.internal:8090/r4";
    config.issuer = rig.as.issuer_id().value;
    config.credential_id = "fhir";
    config.credential_secret = Secret(std::string(kSecret));
    config.review_tasks = true;
    gw = gateway::Gateway::create(std::move(config), wire, audit, rig.as.clock, rig.as.random).value();
    EXPECT_TRUE(run_sync(gw->feed().poll_once(Duration::zero())));
  }
  Json search(std::string_view target) {
    Request request;
    request.set_target("/r4" + std::string(target));
    request.headers.add("Host", "fhir.internal:8090");
    return Json::parse(run_sync(fhir.handle(std::move(request))).body).value();
  }
};

TEST_F(ReviewedEmergency, S21_FromTheStatementToTheTaskWithoutTheStatement) {
  Browser browser(rig);
  const auto token =
      std::string(rig.tokens(rig.code_for(browser, EmergencyRig::request()))["access_token"].string_or());
  ASSERT_FALSE(token.empty());
  Request request;
  request.set_target("/r4/Patient/alice");
  request.headers.add("Host", "fhir.example.org");
  request.headers.add("Authorization", "Bearer " + token);
  EXPECT_EQ(run_sync(gw->handle(std::move(request))).status, 200);
  run_sync(gw->reviews()->work());
  EXPECT_EQ(gw->reviews()->open(), 0U);

  const auto accesses = rig.accesses();
  ASSERT_EQ(accesses.size(), 1U);
  codec::Form form;
  form.add("identifier", accesses[0].issuer.value + "|" + accesses[0].id.text());
  const auto tasks = search("/Task?" + form.serialize());
  ASSERT_EQ(tasks["entry"].size(), 1U) << "found by the id of the access";
  const auto& task = tasks["entry"][0]["resource"];
  EXPECT_EQ(task["for"]["reference"].string_or(), "Patient/alice");
  EXPECT_EQ(task["requester"]["reference"].string_or(), "Practitioner/erin") << "the patient may know who it was";
  const auto notices = search("/Communication?" + form.serialize());
  ASSERT_EQ(notices["entry"].size(), 1U);
  for (const auto& one : {tasks, notices}) {
    EXPECT_EQ(one.dump().find("Unconscious"), std::string::npos) << "the statement is for the reviewer alone";
    EXPECT_EQ(one.dump().find("cannot_consent"), std::string::npos);
  }
}

}  // namespace
}  // namespace mitral::testing
