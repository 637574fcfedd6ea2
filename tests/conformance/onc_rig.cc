#include "conformance/onc_rig.h"

namespace mitral::testing {

const std::vector<std::string>& g10_types() {
  static const std::vector<std::string> types{
      "Patient",    "AllergyIntolerance", "CarePlan",     "CareTeam",    "Condition", "DiagnosticReport",
      "Goal",       "DocumentReference",  "Immunization", "Observation", "Procedure", "MedicationRequest",
      "Provenance", "ServiceRequest",     "Coverage",     "Specimen",    "Location",  "MedicationDispense"};
  return types;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (const auto word : codec::split_words(text)) out.emplace_back(word);
  return out;
}

bool has_word(std::string_view text, std::string_view word) {
  const auto words = words_of(text);
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string granular(std::string_view type, std::string_view system, std::string_view code) {
  return "patient/" + std::string(type) + ".rs?category=" + std::string(system) + "|" + std::string(code);
}

bool lists(const codec::Json& array, std::string_view value) {
  return std::ranges::any_of(array.items(), [&](const codec::Json& item) { return item.string_or() == value; });
}

bool no_store(const codec::Response& response) {
  return response.headers.get("Cache-Control").value_or("").find("no-store") != std::string_view::npos &&
         response.headers.get("Pragma").value_or("").find("no-cache") != std::string_view::npos;
}

std::string Session::text(std::string_view name) const { return std::string(token[name].string_or()); }

Onc::Onc(HarnessOptions options) : rig(std::move(options)) {
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

const crypto::PrivateKey& Onc::rsa_key() {
  static const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::rsa);
  return key;
}

std::map<std::string, std::string> Onc::authorize(Browser& browser, const codec::Form& form,
                                                  const std::vector<std::string>& untick, std::string_view user,
                                                  bool by_post) {
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

std::map<std::string, std::string> Onc::authorize(const codec::Form& form, const std::vector<std::string>& untick,
                                                  std::string_view user, bool by_post) {
  Browser browser(rig);
  return authorize(browser, form, untick, user, by_post);
}

codec::Response Onc::token_request(std::string_view client, codec::Form form, std::vector<codec::Header> headers) {
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

codec::Form Onc::code_form(const std::string& code) {
  return {{"grant_type", "authorization_code"},
          {"code", code},
          {"code_verifier", std::string(kVerifier)},
          {"redirect_uri", std::string(kRedirectUri)}};
}

Session Onc::redeem(std::string_view client, const std::string& code, std::vector<codec::Header> headers) {
  Session out{std::string(client), token_request(client, code_form(code), std::move(headers)), {}};
  EXPECT_EQ(out.response.status, 200) << out.response.body;
  out.token = AsHarness::json(out.response);
  return out;
}

Session Onc::standalone(std::string_view scope, const std::vector<std::string>& untick, std::string_view client) {
  auto answer = authorize(FrontRig::request(client, scope), untick);
  EXPECT_FALSE(answer["code"].empty()) << answer["error"];
  return redeem(client, answer["code"]);
}

std::map<std::string, std::string> Onc::ehr_launch(std::string_view context, std::string_view client) {
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

Session Onc::ehr(std::string_view scope, std::string_view context, bool by_post) {
  auto form = FrontRig::request("app-basic", scope);
  form.add("launch", ehr_launch(context)["launch"]);
  auto answer = authorize(form, {}, "dora", by_post);
  EXPECT_FALSE(answer["code"].empty()) << answer["error"];
  return redeem("app-basic", answer["code"]);
}

codec::Response Onc::refresh(const Session& session, std::optional<std::string> scope) {
  codec::Form form{{"grant_type", "refresh_token"}, {"refresh_token", session.refresh()}};
  if (scope) form.add("scope", *scope);
  return token_request(session.client, std::move(form));
}

codec::Response Onc::backend(std::string_view scope) {
  return as().token(as().with_assertion(
      {{"grant_type", "client_credentials"}, {"scope", std::string(scope)}, {"resource", std::string(kFhir)}},
      as().backend_assertion()));
}

codec::Json Onc::id_token(const Session& session) {
  const auto keys = jose::JwkSet::parse(std::string_view(as().get("/t/clinic/jwks").body));
  const auto jws = jose::Jws::parse(session.text("id_token"), {jose::SignAlg::rs256});
  EXPECT_TRUE(keys && jws) << session.response.body;
  if (!keys || !jws) return {};
  EXPECT_TRUE(jws->header().kid);
  const auto verified = jws->verify(*keys);
  EXPECT_TRUE(verified);
  return verified ? *codec::Json::parse_object(verified->payload()) : codec::Json();
}

bool Onc::hear() {
  as().tick();
  return run_sync(gw->feed().poll_once(Duration::zero())).has_value();
}

codec::Response Onc::fhir(std::string_view target, std::string_view token, std::vector<codec::Header> headers,
                          codec::Method method, std::string body) {
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

std::set<std::string> Onc::found(std::string_view target, std::string_view token) {
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

void Onc::load(const std::string& resource) {
  const auto json = codec::Json::parse(resource);
  ASSERT_TRUE(json) << resource;
  const auto name = std::string((*json)["resourceType"].string_or()) + "/" + std::string((*json)["id"].string_or());
  const auto loaded = sandbox.load_text(R"({"resourceType":"Bundle","type":"transaction","entry":[{"resource":)" +
                                        resource + R"(,"request":{"method":"PUT","url":")" + name + R"("}}]})");
  EXPECT_TRUE(loaded) << name;
}

Task<Result<codec::Response>> Onc::Wire::send(net::Url url, codec::Request request, net::ClientOptions) {
  request.set_target(url.target);
  request.headers.set("Host", url.authority());
  request.received = onc_.as().clock.now();
  request.tls = url.tls;
  request.peer_address = "192.0.2.77";
  if (url.host == "as.example.org") co_return co_await onc_.rig.server->handle(std::move(request));
  co_return co_await onc_.sandbox.handle(std::move(request));
}

std::string Onc::about(std::string_view type, std::string_view id, std::string_view link, std::string_view rest) {
  return R"({"resourceType":")" + std::string(type) + R"(","id":")" + std::string(id) + R"(",)" + std::string(rest) +
         (rest.empty() ? "" : ",") + "\"" + std::string(link) + R"(":{"reference":"Patient/alice"}})";
}

std::string Onc::with_category(std::string_view type, std::string_view id, std::string_view system,
                               std::string_view code) {
  return about(type, id, "subject",
               R"("category":[{"coding":[{"system":")" + std::string(system) + R"(","code":")" + std::string(code) +
                   R"("}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]})" +
                   (type == "Observation" ? R"(,"status":"final","effectiveDateTime":"2026-03-04")" : ""));
}

std::vector<std::string> Onc::resources() {
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

}  // namespace mitral::testing
