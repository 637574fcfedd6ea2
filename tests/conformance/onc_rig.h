// Onc: an app as Inferno's (g)(10) kit is one, against everything in one process: the real authorization server with
// its real pages and a person's browser, the real gateway, and a sandbox with one patient who has an entry of every
// type that US Core asks for.
//
//   Onc onc;
//   const auto session = onc.standalone(kPatientScopes);           // authorize, sign in, consent, token
//   onc.fhir("/Patient/" + session.patient(), session.access());   // through the gateway
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/text.h"
#include "gateway/gateway.h"
#include "sandbox/sandbox.h"
#include "support/browser.h"

namespace mitral::testing {

inline constexpr std::string_view kOncUpstream = "http://fhir.internal:8090/r4";
inline constexpr std::string_view kFoundation = "launch/patient openid fhirUser offline_access";
inline constexpr std::string_view kConditionCategory = "http://terminology.hl7.org/CodeSystem/condition-category";
inline constexpr std::string_view kUsCoreConditionCategory =
    "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
inline constexpr std::string_view kObservationCategory = "http://terminology.hl7.org/CodeSystem/observation-category";
inline constexpr std::string_view kUsCoreCategory = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";

/// Types that g10_smart_scopes looks for.
inline const std::vector<std::string>& g10_types() {
  static const std::vector<std::string> types{
      "Patient",    "AllergyIntolerance", "CarePlan",     "CareTeam",    "Condition", "DiagnosticReport",
      "Goal",       "DocumentReference",  "Immunization", "Observation", "Procedure", "MedicationRequest",
      "Provenance", "ServiceRequest",     "Coverage",     "Specimen",    "Location",  "MedicationDispense"};
  return types;
}

inline std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (const auto word : codec::split_words(text)) out.emplace_back(word);
  return out;
}
inline bool has_word(std::string_view text, std::string_view word) {
  const auto words = words_of(text);
  return std::find(words.begin(), words.end(), word) != words.end();
}
inline std::string granular(std::string_view type, std::string_view system, std::string_view code) {
  return "patient/" + std::string(type) + ".rs?category=" + std::string(system) + "|" + std::string(code);
}

inline constexpr std::string_view kWellKnown = "/t/clinic/.well-known/smart-configuration";
inline constexpr std::string_view kAllPatientTypes =
    "launch/patient openid fhirUser offline_access patient/Patient.rs patient/AllergyIntolerance.rs "
    "patient/CarePlan.rs "
    "patient/CareTeam.rs patient/Condition.rs patient/DiagnosticReport.rs patient/DocumentReference.rs patient/Goal.rs "
    "patient/Immunization.rs patient/MedicationRequest.rs patient/Observation.rs patient/Procedure.rs "
    "patient/Provenance.rs patient/ServiceRequest.rs patient/Coverage.rs patient/MedicationDispense.rs "
    "patient/Specimen.rs patient/Location.rs";

inline bool lists(const codec::Json& array, std::string_view value) {
  return std::ranges::any_of(array.items(), [&](const codec::Json& item) { return item.string_or() == value; });
}
inline bool no_store(const codec::Response& response) {
  return response.headers.get("Cache-Control").value_or("").find("no-store") != std::string_view::npos &&
         response.headers.get("Pragma").value_or("").find("no-cache") != std::string_view::npos;
}
inline bool oauth_error(const codec::Response& response) { return response.status == 400 || response.status == 401; }

/// What an app has after a launch.
struct Session {
  std::string client;
  codec::Response response;  ///< of the token endpoint
  codec::Json token;

  [[nodiscard]] std::string text(std::string_view name) const { return std::string(token[name].string_or()); }
  [[nodiscard]] std::string access() const { return text("access_token"); }
  [[nodiscard]] std::string refresh() const { return text("refresh_token"); }
  [[nodiscard]] std::string scope() const { return text("scope"); }
  [[nodiscard]] std::string patient() const { return text("patient"); }
};

class Onc {
 public:
  explicit Onc(HarnessOptions options = {}) : rig(std::move(options)) {
    auto ehr = as().client_record("app-post");
    ehr.id = ClientId("ehr");
    ehr.scopes = {"launch-context"};
    ehr.verified = true;
    as().put(ehr);
    auto rsa = as().client_record("app-jwt");
    rsa.id = ClientId("app-rsa");
    rsa.credentials.jwks = {};
    EXPECT_TRUE(
        rsa.credentials.jwks.add(jose::Jwk::from_key(rsa_key().public_key(), "app-rsa-1", "RS384", jose::KeyUse::sig)));
    as().put(rsa);
    auto alice = as().user_record("u_alice");
    alice.patients.resize(1);
    as().put(alice);
    for (const auto& resource : resources()) load(resource);
    gateway::Config config;
    config.public_base = kFhir;
    config.upstream = kOncUpstream;
    config.issuer = as().issuer_id().value;
    config.credential_id = "fhir";
    config.credential_secret = Secret(std::string(kSecret));
    config.origins = {std::string(kOrigin)};
    gw = gateway::Gateway::create(std::move(config), wire, as().store(), as().clock, as().random).value();
    EXPECT_TRUE(hear());
  }

  FrontRig rig;
  [[nodiscard]] AsHarness& as() { return rig.as; }

  static const crypto::PrivateKey& rsa_key() {
    static const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::rsa);
    return key;
  }

  // ---- authorization ----------------------------------------------------------------------------------------------
  /// Goes through the pages, unticking these boxes; the redirect's parameters.
  std::map<std::string, std::string> authorize(Browser& browser, const codec::Form& form,
                                               const std::vector<std::string>& untick = {},
                                               std::string_view user = "alice", bool by_post = false) {
    if (by_post) {
      browser.send(codec::Method::post, std::string(kIssuer) + "/authorize", form.serialize());
      browser.follow();
    } else {
      browser.open(FrontRig::authorize(form));
    }
    if (browser.shows("username")) browser.sign_in(user);
    if (browser.shows("allow")) browser.allow(untick);
    return browser.answer();
  }
  std::map<std::string, std::string> authorize(const codec::Form& form, const std::vector<std::string>& untick = {},
                                               std::string_view user = "alice", bool by_post = false) {
    Browser browser(rig);
    return authorize(browser, form, untick, user, by_post);
  }
  /// Credentials as this client sends them.
  codec::Response token_request(std::string_view client, codec::Form form, std::vector<codec::Header> headers = {}) {
    if (client == "app-basic") {
      headers.push_back(AsHarness::basic(client));
    } else if (client == "app-jwt") {
      form = as().with_assertion(std::move(form), as().app_assertion());
    } else if (client == "app-rsa") {
      form = as().with_assertion(std::move(form), as().sign(rsa_key(), "app-rsa-1", as().assertion_claims("app-rsa"),
                                                            "JWT", jose::SignAlg::rs384));
    } else {
      form.add("client_id", client);
    }
    return as().token(form, std::move(headers));
  }
  static codec::Form code_form(const std::string& code) {
    return {{"grant_type", "authorization_code"},
            {"code", code},
            {"code_verifier", std::string(kVerifier)},
            {"redirect_uri", std::string(kRedirectUri)}};
  }
  Session redeem(std::string_view client, const std::string& code, std::vector<codec::Header> headers = {}) {
    Session out{std::string(client), token_request(client, code_form(code), std::move(headers)), {}};
    EXPECT_EQ(out.response.status, 200) << out.response.body;
    out.token = AsHarness::json(out.response);
    return out;
  }
  Session standalone(std::string_view scope, const std::vector<std::string>& untick = {},
                     std::string_view client = "app-basic") {
    auto answer = authorize(FrontRig::request(client, scope), untick);
    EXPECT_FALSE(answer["code"].empty()) << answer["error"];
    return redeem(client, answer["code"]);
  }
  /// The EHR's side: the parameters of the app's launch URL.
  std::map<std::string, std::string> ehr_launch(std::string_view context = R"({"patient":"alice","encounter":"visit"})",
                                                std::string_view client = "app-basic") {
    codec::Form form{{"app", std::string(client)},      {"user", "dora"},     {"aud", std::string(kFhir)},
                     {"context", std::string(context)}, {"client_id", "ehr"}, {"client_secret", std::string(kSecret)}};
    Browser poster(rig);
    poster.send(codec::Method::post, std::string(kIssuer) + "/launch", form.serialize());
    EXPECT_EQ(poster.response.status, 201) << poster.response.body;
    const auto url = std::string(AsHarness::json(poster.response)["launch_url"].string_or());
    std::map<std::string, std::string> out;
    const auto uri = codec::parse_uri(url);
    EXPECT_TRUE(uri) << url;
    for (const auto& p : codec::Form::parse(uri->query).value().list()) out[p.name] = p.value;
    return out;
  }
  Session ehr(std::string_view scope, std::string_view context = R"({"patient":"alice","encounter":"visit"})",
              bool by_post = true) {
    auto form = FrontRig::request("app-basic", scope);
    form.add("launch", ehr_launch(context)["launch"]);
    auto answer = authorize(form, {}, "dora", by_post);
    EXPECT_FALSE(answer["code"].empty()) << answer["error"];
    return redeem("app-basic", answer["code"]);
  }
  codec::Response refresh(const Session& session, std::optional<std::string> scope = std::nullopt) {
    codec::Form form{{"grant_type", "refresh_token"}, {"refresh_token", session.refresh()}};
    if (scope) form.add("scope", *scope);
    return token_request(session.client, std::move(form));
  }
  codec::Response backend(std::string_view scope = "system/*.rs") {
    return as().token(as().with_assertion(
        {{"grant_type", "client_credentials"}, {"scope", std::string(scope)}, {"resource", std::string(kFhir)}},
        as().backend_assertion()));
  }
  /// Claims of the ID token, verified with the key set that anybody can read; only RS256 will do.
  codec::Json id_token(const Session& session) {
    const auto keys = jose::JwkSet::parse(std::string_view(as().get("/t/clinic/jwks").body));
    const auto jws = jose::Jws::parse(session.text("id_token"), {jose::SignAlg::rs256});
    EXPECT_TRUE(keys && jws) << session.response.body;
    if (!keys || !jws) return {};
    EXPECT_TRUE(jws->header().kid);
    const auto verified = jws->verify(*keys);
    EXPECT_TRUE(verified);
    return verified ? *codec::Json::parse_object(verified->payload()) : codec::Json();
  }

  // ---- the gateway ------------------------------------------------------------------------------------------------
  bool hear() {
    as().tick();
    return run_sync(gw->feed().poll_once(Duration::zero())).has_value();
  }
  codec::Response fhir(std::string_view target, std::string_view token = {}, std::vector<codec::Header> headers = {},
                       codec::Method method = codec::Method::get, std::string body = {}) {
    codec::Request request;
    request.method = method;
    request.set_target("/r4" + std::string(target));
    request.headers.add("Host", "fhir.example.org");
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + std::string(token));
    for (const auto& header : headers) request.headers.add(header.name, header.value);
    request.body = std::move(body);
    request.peer_address = "192.0.2.7";
    request.received = as().clock.now();
    return run_sync(gw->handle(std::move(request)));
  }
  /// "Type/id" of what a search finds; nothing and a note when it fails.
  std::set<std::string> found(std::string_view target, std::string_view token) {
    const auto response = fhir(target, token);
    EXPECT_EQ(response.status, 200) << target << " " << response.body.substr(0, 300);
    std::set<std::string> out;
    const auto json = codec::Json::parse(response.body);
    if (!json) return out;
    for (const auto& entry : (*json)["entry"].items()) {
      if (entry["search"]["mode"].string_or("match") == "outcome") continue;
      out.insert(std::string(entry["resource"]["resourceType"].string_or()) + "/" +
                 std::string(entry["resource"]["id"].string_or()));
    }
    return out;
  }
  void load(const std::string& resource) {
    const auto json = codec::Json::parse(resource);
    ASSERT_TRUE(json) << resource;
    const auto name = std::string((*json)["resourceType"].string_or()) + "/" + std::string((*json)["id"].string_or());
    const auto loaded = sandbox.load_text(R"({"resourceType":"Bundle","type":"transaction","entry":[{"resource":)" +
                                          resource + R"(,"request":{"method":"PUT","url":")" + name + R"("}}]})");
    EXPECT_TRUE(loaded) << name;
  }

 private:
  class Wire final : public gateway::Sender {
   public:
    explicit Wire(Onc& onc) : onc_(onc) {}
    Task<Result<codec::Response>> send(net::Url url, codec::Request request, net::ClientOptions) override {
      request.set_target(url.target);
      request.headers.set("Host", url.authority());
      request.received = onc_.as().clock.now();
      request.tls = url.tls;
      request.peer_address = "192.0.2.77";
      if (url.host == "as.example.org") co_return co_await onc_.rig.server->handle(std::move(request));
      co_return co_await onc_.sandbox.handle(std::move(request));
    }

   private:
    Onc& onc_;
  };

  static std::string about(std::string_view type, std::string_view id, std::string_view link, std::string_view rest) {
    return R"({"resourceType":")" + std::string(type) + R"(","id":")" + std::string(id) + R"(",)" + std::string(rest) +
           (rest.empty() ? "" : ",") + "\"" + std::string(link) + R"(":{"reference":"Patient/alice"}})";
  }
  static std::string with_category(std::string_view type, std::string_view id, std::string_view system,
                                   std::string_view code) {
    return about(type, id, "subject",
                 R"("category":[{"coding":[{"system":")" + std::string(system) + R"(","code":")" + std::string(code) +
                     R"("}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]})" +
                     (type == "Observation" ? R"(,"status":"final","effectiveDateTime":"2026-03-04")" : ""));
  }
  static std::vector<std::string> resources() {
    std::vector<std::string> out{
        R"({"resourceType":"Patient","id":"alice","name":[{"family":"Example"}],"birthDate":"1980-02-03"})",
        R"({"resourceType":"Patient","id":"ben"})",
        R"({"resourceType":"Practitioner","id":"dora","name":[{"family":"Dora"}]})",
        R"({"resourceType":"Location","id":"ward"})",
        R"({"resourceType":"Medication","id":"pill","code":{"text":"pill"}})",
        about("Encounter", "visit", "subject", R"("status":"finished","class":{"code":"AMB"})"),
        about("AllergyIntolerance", "nuts", "patient", ""),
        about(
            "CarePlan", "plan", "subject",
            R"("status":"active","intent":"plan","category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/careplan-category","code":"assess-plan"}]}])"),
        about("CareTeam", "team", "subject", R"("status":"active")"),
        with_category("Condition", "diagnosis", kConditionCategory, "encounter-diagnosis"),
        with_category("Condition", "problem", kConditionCategory, "problem-list-item"),
        with_category("Condition", "concern", kUsCoreConditionCategory, "health-concern"),
        about(
            "DiagnosticReport", "report", "subject",
            R"("status":"final","code":{"text":"x"},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"LAB"}]}])"),
        about("DocumentReference", "letter", "subject",
              R"("status":"current","content":[{"attachment":{"contentType":"text/plain"}}])"),
        about("Goal", "walk", "subject", R"("lifecycleStatus":"active","description":{"text":"walk"})"),
        about("Immunization", "flu", "patient", R"("status":"completed","vaccineCode":{"text":"flu"})"),
        about("MedicationRequest", "rx", "subject",
              R"("status":"active","intent":"order","medicationReference":{"reference":"Medication/pill"})"),
        about("MedicationDispense", "box", "subject",
              R"("status":"completed","medicationCodeableConcept":{"text":"pill"})"),
        about("Procedure", "stitch", "subject", R"("status":"completed","code":{"text":"stitch"})"),
        about("ServiceRequest", "order", "subject", R"("status":"active","intent":"order")"),
        about("Specimen", "blood", "subject", ""),
        about("Coverage", "plan-a", "beneficiary", R"("status":"active")"),
        with_category("Observation", "lab", kObservationCategory, "laboratory"),
        with_category("Observation", "vital", kObservationCategory, "vital-signs"),
        with_category("Observation", "smoking", kObservationCategory, "social-history"),
        with_category("Observation", "score", kObservationCategory, "survey"),
        with_category("Observation", "ecg", kObservationCategory, "procedure"),
        with_category("Observation", "housing", kUsCoreCategory, "sdoh"),
        R"({"resourceType":"Provenance","id":"origin","recorded":"2026-01-01T00:00:00Z","target":[{"reference":"Observation/lab"}],"agent":[{"who":{"reference":"Practitioner/dora"}}]})",
        R"({"resourceType":"Observation","id":"foreign","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ben"}})"};
    return out;
  }

  SequenceRandom ids_;

 public:
  sandbox::Sandbox sandbox{{.base_url = std::string(kOncUpstream),
                            .required_authorization = {},
                            .clock = &rig.as.clock,
                            .random = &ids_,
                            .sleep = {}}};
  Wire wire{*this};
  std::unique_ptr<gateway::Gateway> gw;
};

}  // namespace mitral::testing
