// SMART App Launch 2.2: what the other conformance files do not say: context of every kind, brands, introspection with
// an access token, siblings, and that the configuration document claims nothing that does not work (smart-fhir 1).
#include <functional>

#include "app/config.h"
#include "app/demo/seed.h"
#include "app/registration.h"
#include "conformance/onc_rig.h"
#include "crypto/sign.h"

namespace mitral::testing {
namespace {

using codec::Json;

HarnessOptions with_brands() {
  HarnessOptions options;
  options.configure = [](flow::IssuerConfig& config) {
    config.brands = app::demo_brands(std::string(kFhir));
    config.brand_identifier_system = "urn:ietf:rfc:3986";
    config.brand_identifier_value = "https://clinic.example";
    config.associated_endpoints = {{"https://images.example.org/r4", {"permission-v2", "launch-standalone"}}};
  };
  return options;
}
Json smart_configuration(Onc& onc) { return AsHarness::json(onc.as().get(kWellKnown)); }

// ---- 1.10, 1.11: context

TEST(Smart_1_10, EveryContextParameterInTokenRefreshAndIntrospection) {
  Onc onc;
  const std::string context =
      R"({"patient":"alice","encounter":"visit","need_patient_banner":false,"intent":"reconcile",
    "tenant":"north","smart_style_url":"https://ehr.example/style.json","appContext":"{\"card\":7}",
    "__ward":"7b","https://ehr.example/priority":2,
    "fhirContext":[{"reference":"DiagnosticReport/report"},
                   {"canonical":"http://q.example/Questionnaire/phq9|1.0","type":"Questionnaire","role":"https://r.example/fill"},
                   {"identifier":{"system":"s","value":"v"},"type":"ServiceRequest"},
                   {"reference":"Patient/ben","role":"https://r.example/donor"}]})";
  const auto session = onc.ehr("launch openid fhirUser offline_access user/Patient.rs", context);
  const auto expected = *Json::parse(context);
  const auto refreshed = AsHarness::json(onc.refresh(session));
  const auto introspected = onc.as().introspect(session.access());
  for (const auto& [name, value] : expected.members()) {
    EXPECT_EQ(session.token[name], value) << name;
    EXPECT_EQ(refreshed[name], value) << name << " after refresh";
    EXPECT_EQ(introspected[name], value) << name << " by introspection";
  }
}

TEST(Smart_1_10, OwnContextNeverSpeaksForTheStandard) {
  Onc onc;
  for (const auto* context : {R"({"patient":"alice","scope":"system/*.cruds"})", R"({"custom":"x"})",
                              R"({"__a":1,"sub":"u_alice"})", R"({"access_token":"x"})"}) {
    Browser poster(onc.rig);
    const codec::Form form{{"app", "app-basic"}, {"user", "dora"},     {"aud", std::string(kFhir)},
                           {"context", context}, {"client_id", "ehr"}, {"client_secret", std::string(kSecret)}};
    poster.send(codec::Method::post, std::string(kIssuer) + "/launch", form.serialize());
    EXPECT_EQ(AsHarness::verdict(poster.response), "400 invalid_request") << context;
  }
}

TEST(Smart_1_11, ContextScopesWithTypeAndRole) {
  Onc onc;
  auto client = onc.as().client_record("app-basic");
  client.scopes.emplace_back("launch/imagingstudy");
  client.scopes.emplace_back("launch/diagnosticreport?role=https://r.example/a");
  onc.as().put(client);
  // Standalone: nothing is open, so nothing is told; the scope stays what it was asked as.
  const std::string ask =
      "launch/patient launch/imagingstudy launch/diagnosticreport?role=https://r.example/a patient/Patient.rs";
  const auto session = onc.standalone(ask);
  EXPECT_EQ(session.scope(), ask);
  EXPECT_FALSE(session.token.contains("fhirContext"));
}

TEST(Smart_1_5, TheEhrChoosesAmongRegisteredLaunchUrls) {
  Onc onc;
  auto client = onc.as().client_record("app-basic");
  client.launch_urls.emplace_back("https://app.example.org/review");
  onc.as().put(client);
  const auto launch = [&](const std::string& url) {
    Browser poster(onc.rig);
    const codec::Form form{{"app", "app-basic"},
                           {"user", "dora"},
                           {"aud", std::string(kFhir)},
                           {"launch_url", url},
                           {"context", "{}"},
                           {"client_id", "ehr"},
                           {"client_secret", std::string(kSecret)}};
    poster.send(codec::Method::post, std::string(kIssuer) + "/launch", form.serialize());
    return poster.response;
  };
  EXPECT_TRUE(AsHarness::json(launch("https://app.example.org/review"))["launch_url"].string_or().starts_with(
      "https://app.example.org/review?iss="));
  EXPECT_EQ(AsHarness::verdict(launch("https://evil.example/launch")), "400 invalid_request");
}

// ---- 1.7: aud and resource

TEST(Smart_1_7, AudAndResourceAgreeOrNothingIsGranted) {
  Onc onc;
  auto both = FrontRig::request("app-basic", kFoundation);
  both.add("resource", kFhir);
  EXPECT_FALSE(onc.authorize(both).at("code").empty());
  auto client = onc.as().client_record("app-basic");
  client.verified = true;
  onc.as().put(client);
  auto differ = FrontRig::request("app-basic", kFoundation);
  differ.add("resource", kLabs);
  EXPECT_EQ(onc.authorize(differ).at("error"), "invalid_request");
  auto unknown = FrontRig::request("app-basic", kFoundation);
  unknown.remove("aud");
  unknown.add("resource", "https://elsewhere.example/r4");
  EXPECT_EQ(onc.authorize(unknown).at("error"), "invalid_target");
}

TEST(Smart_1_7, PostCarriesMoreThanGet) {
  Onc onc;
  std::string scope = "launch/patient patient/Patient.rs";
  for (int i = 0; i < 200; ++i) {
    scope +=
        " patient/Observation.rs?code=http://loinc.org|" + std::to_string(10'000 + i) + "-" + std::to_string(i % 10);
    scope += "," + std::string(60, static_cast<char>('a' + i % 26));
  }
  ASSERT_GT(scope.size(), 16U * 1024);
  ASSERT_LT(scope.size(), limits::kScopeMax);
  auto answer = onc.authorize(FrontRig::request("app-basic", scope), {}, "alice", true);
  EXPECT_EQ(onc.redeem("app-basic", answer["code"]).scope(), scope);
}

// ---- 1.12, 1.15

TEST(Smart_1_15, Version1StaysVersion1WhenReadingAndWritingOfATypeAreKept) {
  Onc onc;
  const auto scope =
      onc.standalone("launch/patient patient/*.*", {"patient.see.Goal", "patient.change.Condition"}).scope();
  EXPECT_TRUE(has_word(scope, "patient/Patient.*"));
  EXPECT_TRUE(has_word(scope, "patient/Goal.write"));
  EXPECT_TRUE(has_word(scope, "patient/Condition.read"));
  for (const auto& word : words_of(scope)) {
    EXPECT_TRUE(word == "launch/patient" || word.ends_with(".*") || word.ends_with(".read") || word.ends_with(".write"))
        << word;
  }
}

// ---- 1.13

TEST(Smart_1_13, S23_OnlineAccessDiesWithTheSessionForGood) {
  Onc onc;
  Browser browser(onc.rig);
  auto answer =
      onc.authorize(browser, FrontRig::request("app-basic", "launch/patient online_access patient/Patient.rs"));
  const auto online = onc.redeem("app-basic", answer["code"]);
  auto second =
      onc.authorize(browser, FrontRig::request("app-basic", "launch/patient offline_access patient/Patient.rs"));
  const auto offline = onc.redeem("app-basic", second["code"]);
  EXPECT_EQ(onc.refresh(online).status, 200);
  browser.open(std::string(kIssuer) + "/sign-out");
  browser.submit("/sign-out");
  onc.as().tick();
  EXPECT_EQ(AsHarness::verdict(onc.refresh(online)), "400 invalid_grant");
  EXPECT_EQ(onc.refresh(offline).status, 200) << "offline access survives";
  onc.as().clock.advance(std::chrono::minutes(30));  // longer than anything remembers the session's end
  EXPECT_EQ(AsHarness::verdict(onc.refresh(online)), "400 invalid_grant");
}

// ---- 1.16, 1.17

TEST(Smart_1_16, JkuMustBeTheRegisteredUrlAndIsNeverFetched) {
  Onc onc;
  auto& as = onc.as();
  const auto ask = [&](std::string_view jku) {
    const auto header = Json::object({{"alg", "ES384"}, {"typ", "JWT"}, {"kid", "app-uri-1"}, {"jku", jku}}).dump();
    const auto input =
        codec::base64url_encode(header) + "." + codec::base64url_encode(as.assertion_claims("app-uri").dump());
    const auto signature = crypto::sign(as.app_key, jose::SignAlg::es384, input);
    EXPECT_TRUE(signature);
    return as.post("revoke", as.with_assertion({{"token", "x"}}, input + "." + codec::base64url_encode(*signature)))
        .status;
  };
  EXPECT_EQ(ask(kJwksUri), 200);
  const auto fetches = as.fetcher.fetches;
  for (const auto* jku :
       {"https://evil.example/jwks.json", "https://app.example.org/jwks.json/", "", "http://127.0.0.1/x"})
    EXPECT_EQ(ask(jku), 401) << jku;
  EXPECT_EQ(as.fetcher.fetches, fetches);
}

TEST(Smart_1_17, SecretsAreNoWayToSystemScopes) {
  Onc onc;
  auto& as = onc.as();
  EXPECT_EQ(
      AsHarness::verdict(as.token(
          {{"grant_type", "client_credentials"}, {"scope", "system/Patient.rs"}, {"resource", std::string(kLabs)}},
          {AsHarness::basic("backend-basic")})),
      "400 unauthorized_client");
  app::ClientForm form;
  form.name = "Nightly job";
  form.auth_method = "client_secret_basic";
  form.grant_types = {"client_credentials"};
  form.scopes = {"system/*.rs"};
  EXPECT_FALSE(app::register_client(as.issuer_id(), form, as.clock.now()));
  form.scopes = {"jobs.run"};
  EXPECT_TRUE(app::register_client(as.issuer_id(), form, as.clock.now()));
}

// ---- 1.18: introspection with an access token

struct Introspection : ::testing::Test {
  Onc onc;
  Introspection() {
    auto client = onc.as().client_record("backend");
    client.scopes.emplace_back("introspect");
    onc.as().put(client);
  }
  std::string token(const std::string& scope = "introspect", std::string_view resource = kFhir) {
    const auto response = onc.as().token(onc.as().with_assertion(
        {{"grant_type", "client_credentials"}, {"scope", scope}, {"resource", std::string(resource)}},
        onc.as().backend_assertion()));
    EXPECT_EQ(response.status, 200) << response.body;
    return std::string(AsHarness::json(response)["access_token"].string_or());
  }
  codec::Response ask(const std::string& about, const std::string& bearer, codec::Form form = {}) {
    form.add("token", about);
    return onc.as().post("introspect", form, {AsHarness::bearer(bearer)});
  }
};

TEST_F(Introspection, Smart_1_18_ABackendTokenMayLookAtAnyClientsTokensForItsServer) {
  const auto bearer = token();
  for (const auto* client : {"app-basic", "app-public"}) {
    const auto session = onc.standalone(kFoundation, {}, client);
    const auto response = ask(session.access(), bearer);
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(AsHarness::json(response), onc.as().introspect(session.access())) << "the very same answer";
  }
  EXPECT_EQ(ask("garbage", bearer).body, R"({"active":false})");
}

TEST_F(Introspection, E1_OtherServersTokensStayUnknown) {
  auto form = FrontRig::request("app-basic", "launch/patient patient/Patient.rs");
  form.set("aud", kLabs);
  auto answer = onc.authorize(form);
  const auto labs = onc.redeem("app-basic", answer["code"]);
  EXPECT_EQ(ask(labs.access(), token()).body, R"({"active":false})");
  EXPECT_EQ(onc.as().introspect(labs.access(), "labs")["active"].as_bool(), true);
}

TEST_F(Introspection, E1_OnlyABackendsTokenWithTheScopeOpensIt) {
  const auto session = onc.standalone(kFoundation);
  auto response = ask(session.access(), token("system/Patient.rs"));
  EXPECT_EQ(AsHarness::verdict(response), "403 insufficient_scope");
  EXPECT_NE(response.headers.get("WWW-Authenticate")->find("introspect"), std::string_view::npos);
  response = ask(session.access(), session.access());
  EXPECT_EQ(AsHarness::verdict(response), "403 insufficient_scope") << "what a patient allowed opens nothing here";
  // Even if a person could be talked into it.
  auto client = onc.as().client_record("app-basic");
  client.scopes.emplace_back("introspect");
  onc.as().put(client);
  const auto talked_into = onc.standalone("launch/patient introspect patient/Patient.rs");
  EXPECT_EQ(AsHarness::verdict(ask(session.access(), talked_into.access())), "403 insufficient_scope");
  for (const auto* bad : {"garbage", "mat_AAAA", ""}) {
    response = ask(session.access(), bad);
    EXPECT_TRUE(response.status == 401 || response.status == 400) << bad << response.status;
  }
  EXPECT_EQ(AsHarness::verdict(ask(session.access(), session.text("id_token"))), "401 invalid_token");
  const auto bearer = token();
  EXPECT_EQ(AsHarness::verdict(
                ask(session.access(), bearer, {{"client_id", "app-basic"}, {"client_secret", std::string(kSecret)}})),
            "400 invalid_request");
  EXPECT_EQ(onc.as().post("revoke", {{"token", session.access()}}, {AsHarness::bearer(bearer)}).status, 401)
      << "and nothing else";
  onc.as().clock.advance(std::chrono::seconds(301));
  EXPECT_EQ(AsHarness::verdict(ask(session.access(), bearer)), "401 invalid_token") << "expired";
}

// ---- 1.20: brands

TEST(Smart_1_20, BrandBundleIsServedAndAdvertised) {
  Onc onc(with_brands());
  const auto json = smart_configuration(onc);
  EXPECT_EQ(json["user_access_brand_bundle"].string_or(), std::string(kIssuer) + "/brands");
  EXPECT_EQ(json["user_access_brand_identifier"]["value"].string_or(), "https://clinic.example");
  EXPECT_EQ(json["associated_endpoints"][0]["url"].string_or(), "https://images.example.org/r4");
  const auto response = onc.as().get("/t/clinic/brands", {{"Origin", "https://finder.example"}});
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/fhir+json");
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
  const std::string etag(response.headers.get("ETag").value_or(""));
  ASSERT_TRUE(etag.starts_with("W/\""));
  for (const auto& match : {etag, etag.substr(2), "\"other\", " + etag, std::string("*")}) {
    const auto again =
        onc.as().get("/t/clinic/brands", {{"If-None-Match", match}, {"Origin", "https://finder.example"}});
    EXPECT_EQ(again.status, 304) << match;
    EXPECT_TRUE(again.body.empty());
    EXPECT_EQ(again.headers.get("ETag"), etag);
    EXPECT_EQ(again.headers.get("Access-Control-Allow-Origin"), "*");
  }
  EXPECT_EQ(onc.as().get("/t/clinic/brands", {{"If-None-Match", "\"other\""}}).status, 200);
  const auto preflight =
      onc.as().send(codec::Method::options, "/t/clinic/brands", {}, {{"Origin", "https://finder.example"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(onc.as().send(codec::Method::post, "/t/clinic/brands").status, 405);
}

TEST(Smart_1_20, smart_access_brands_rows) {
  Onc onc(with_brands());
  const auto bundle = AsHarness::json(onc.as().get("/t/clinic/brands"));
  EXPECT_EQ(bundle["resourceType"].string_or(), "Bundle");
  EXPECT_EQ(bundle["type"].string_or(), "collection");
  EXPECT_FALSE(bundle["timestamp"].string_or().empty());
  ASSERT_GT(bundle["entry"].size(), 0U);
  for (const auto& entry : bundle["entry"].items()) {
    const auto& resource = entry["resource"];
    if (resource["resourceType"].string_or() != "Endpoint") continue;
    const std::string address(resource["address"].string_or());
    ASSERT_TRUE(address.starts_with(kFhir));
    EXPECT_EQ(AsHarness::json(onc.fhir("/metadata"))["resourceType"].string_or(), "CapabilityStatement");
  }
}

TEST(Smart_1_20, BundlesThatWouldMisleadAreRefused) {
  const std::string good = app::demo_brands("https://fhir.example.org/r4");
  EXPECT_TRUE(spec::smart::read_brands(good, "", ""));
  const auto without = [&](std::string_view from, std::string_view to) {
    auto text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"collection", "searchset"},
           {"2026-01-01T00:00:00Z", "2026"},
           {"\"Sample Clinic\"", "\"\""},
           {"\"system\": \"url\"", "\"system\": \"phone\""},
           {"hl7-fhir-rest", "hl7-v2"},
           {"\"address\": \"https://fhir", "\"address\": \"fhir"},
           {"payloadType", "payload"},
           {"endpoint-fhir-version", "endpoint-version"},
           {"\"status\"", "\"state\""},
           {"\"reference\": \"Endpoint/sample\"", "\"reference\": \"Endpoint/other\""},
           {"https://clinic.example/Organization/sample-clinic", "sample"}}) {
    EXPECT_FALSE(spec::smart::read_brands(without(from, to), "", "")) << from;
  }
  EXPECT_FALSE(spec::smart::read_brands(good, "", "https://other.example")) << "identifier hits nothing";
  EXPECT_FALSE(spec::smart::read_brands(good, "urn:x", "https://clinic.example"));
  EXPECT_FALSE(spec::smart::read_brands("[]", "", ""));
  EXPECT_FALSE(spec::smart::read_brands("{}", "", ""));
  EXPECT_FALSE(spec::smart::read_brands(std::string(limits::kBrandBundleMax + 1, ' '), "", ""));
}

TEST(Smart_1_20, ConfigurationNamesTheFileAndTheSiblings) {
  const auto loaded = app::parse_config(R"(
[server]
listen = "127.0.0.1:0"
master_key_file = "master.key"
[[issuer]]
id = "http://127.0.0.1:8080"
brands_file = "brands.json"
brand_identifier_system = "urn:ietf:rfc:3986"
brand_identifier_value = "https://clinic.example"
associated_endpoints = [{ url = "https://images.example.org/r4", capabilities = ["permission-v2"] }]
)",
                                        "mitral.toml");
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems.front().text;
  const auto& issuer = loaded.config.server->issuers.front();
  EXPECT_EQ(issuer.brands_file, "brands.json");
  ASSERT_EQ(issuer.associated_endpoints.size(), 1U);
  for (const auto* wrong : {"brand_identifier_value = \"x\"", "associated_endpoints = [\"https://x.example\"]",
                            "associated_endpoints = [{ url = \"x\", capabilities = [\"a\"] }]",
                            "associated_endpoints = [{ url = \"https://x.example\" }]"}) {
    const auto bad = app::parse_config(
        "[server]\nlisten = \"127.0.0.1:0\"\nmaster_key_file = \"k\"\n[[issuer]]\nid = \"http://127.0.0.1:8080\"\n" +
            std::string(wrong) + "\n",
        "mitral.toml");
    EXPECT_FALSE(bad.problems.empty()) << wrong;
  }
}

// ---- 1.22: errors, row by row

struct Errors : ::testing::Test {
  Onc onc;
  Errors() {
    auto client = onc.as().client_record("app-basic");
    client.verified = true;  // errors may be redirected without asking the person
    onc.as().put(client);
  }
  static codec::Form with(std::string_view name, std::string_view value) {
    auto form = FrontRig::request("app-basic", kFoundation);
    form.remove(name);
    if (!value.empty()) form.add(name, value);
    return form;
  }
  /// "page 400" or the error that went to the app; state comes back with it, letter by letter.
  std::string authorize(const codec::Form& form) {
    Browser browser(onc.rig);
    browser.open(FrontRig::authorize(form));
    if (!browser.left()) return "page " + std::to_string(browser.response.status);
    auto answer = browser.answer();
    EXPECT_EQ(answer["state"], std::string(form.get("state").value_or("")));
    EXPECT_EQ(answer["iss"], kIssuer);
    EXPECT_FALSE(answer.contains("code"));
    return answer["error"];
  }
};

TEST_F(Errors, Smart_1_22_AtAuthorize) {
  EXPECT_EQ(authorize(with("client_id", "nobody")), "page 400");
  EXPECT_EQ(authorize(with("redirect_uri", "https://app.example.org/cb/")), "page 400");
  auto twice = FrontRig::request("app-basic", kFoundation);
  twice.add("scope", "openid");
  EXPECT_EQ(authorize(twice), "page 400") << "which of the two counts for where to answer, nobody can tell";
  EXPECT_EQ(authorize(with("response_type", "")), "invalid_request");
  EXPECT_EQ(authorize(with("response_type", "token")), "unsupported_response_type");
  EXPECT_EQ(authorize(with("code_challenge", "")), "invalid_request");
  EXPECT_EQ(authorize(with("code_challenge_method", "plain")), "invalid_request");
  EXPECT_EQ(authorize(with("code_challenge_method", "")), "invalid_request") << "absence would mean plain";
  EXPECT_EQ(authorize(with("aud", "")), "invalid_request");
  EXPECT_EQ(authorize(with("aud", "https://elsewhere.example/r4")), "invalid_request");
  EXPECT_EQ(authorize(with("scope", "no/such patient/Nothing.rs")), "invalid_scope");
  EXPECT_EQ(authorize(with("scope", "launch openid")), "invalid_request") << "launch scope without launch";
  auto launch = with("scope", "launch openid");
  launch.add("launch", "made-up");
  EXPECT_EQ(authorize(launch), "invalid_request");
  auto silent = FrontRig::request("app-basic", kFoundation);
  silent.add("prompt", "none");
  EXPECT_EQ(authorize(silent), "login_required");
  auto client = onc.as().client_record("app-basic");
  client.grant_types = {model::GrantType::client_credentials};
  onc.as().put(client);
  EXPECT_EQ(authorize(FrontRig::request("app-basic", kFoundation)), "unauthorized_client");
  client.enabled = false;
  onc.as().put(client);
  EXPECT_EQ(authorize(FrontRig::request("app-basic", kFoundation)), "page 400");
}

TEST_F(Errors, Smart_1_22_WhenThePersonRefuses) {
  Browser browser(onc.rig);
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", kFoundation)));
  browser.sign_in();
  browser.deny();
  EXPECT_EQ(browser.answer()["error"], "access_denied");
}

TEST_F(Errors, Smart_1_22_AtToken) {
  auto& as = onc.as();
  const auto session = onc.standalone(kFoundation);
  const codec::Form refresh{{"grant_type", "refresh_token"}, {"refresh_token", session.refresh()}};
  auto both = refresh;
  both.add("client_id", "app-basic").add("client_secret", kSecret);
  EXPECT_EQ(AsHarness::verdict(as.token(both, {AsHarness::basic("app-basic")})), "400 invalid_request");
  auto repeated = refresh;
  repeated.add("grant_type", "refresh_token");
  EXPECT_EQ(AsHarness::verdict(as.token(repeated, {AsHarness::basic("app-basic")})), "400 invalid_request");
  auto response = as.token(refresh, {AsHarness::basic("app-basic", "wrong")});
  EXPECT_EQ(AsHarness::verdict(response), "401 invalid_client");
  EXPECT_TRUE(response.headers.get("WWW-Authenticate")->starts_with("Basic ")) << "because Basic was used";
  response =
      as.token({{"grant_type", "refresh_token"}, {"refresh_token", session.refresh()}, {"client_id", "app-basic"}});
  EXPECT_EQ(AsHarness::verdict(response), "401 invalid_client") << "a confidential client's name is no credential";
  EXPECT_FALSE(response.headers.get("WWW-Authenticate"));
  EXPECT_EQ(AsHarness::verdict(as.token({{"grant_type", "refresh_token"}, {"refresh_token", "made-up"}},
                                        {AsHarness::basic("app-basic")})),
            "400 invalid_grant");
  EXPECT_EQ(AsHarness::verdict(as.token({{"grant_type", "client_credentials"}}, {AsHarness::basic("app-basic")})),
            "400 unauthorized_client");
  EXPECT_EQ(AsHarness::verdict(as.token({{"grant_type", "password"}}, {AsHarness::basic("app-basic")})),
            "400 unsupported_grant_type");
  EXPECT_EQ(AsHarness::verdict(onc.refresh(session, "system/*.rs")), "400 invalid_scope");
  const auto json = as.send(codec::Method::post, "/t/clinic/token", refresh.serialize(),
                            {AsHarness::basic("app-basic"), {"Content-Type", "application/json"}});
  EXPECT_EQ(json.status, 415);
  for (int i = 0; i < 20; ++i) response = as.token(refresh, {AsHarness::basic("app-basic", "wrong")});
  EXPECT_EQ(response.status, 429);
  EXPECT_TRUE(response.headers.get("Retry-After"));
}

// ---- 1.2: S-24, the document tells the truth

using Proof = std::function<void(Onc&)>;

std::map<std::string, Proof> proofs() {
  const auto standalone = [](std::string_view client) {
    return [client](Onc& onc) { EXPECT_EQ(onc.standalone(kFoundation, {}, client).patient(), "alice"); };
  };
  const auto context = [](std::string_view name) {
    return [name](Onc& onc) { EXPECT_TRUE(onc.ehr("launch openid user/Patient.rs").token.contains(name)) << name; };
  };
  const auto reads = [](std::string_view scope, bool ehr) {
    return [scope, ehr](Onc& onc) {
      const auto session = ehr ? onc.ehr(scope) : onc.standalone(scope);
      EXPECT_EQ(onc.fhir("/Observation?patient=alice&category=laboratory", session.access()).status, 200);
      EXPECT_EQ(onc.fhir("/Goal?patient=alice", session.access()).status, 403);
    };
  };
  std::map<std::string, Proof> out;
  out["launch-ehr"] = context("patient");
  out["launch-standalone"] = standalone("app-basic");
  out["authorize-post"] = [](Onc& onc) {
    EXPECT_FALSE(onc.authorize(FrontRig::request("app-basic", kFoundation), {}, "alice", true).at("code").empty());
  };
  out["client-public"] = standalone("app-public");
  out["client-confidential-symmetric"] = standalone("app-basic");
  out["client-confidential-asymmetric"] = standalone("app-rsa");
  out["sso-openid-connect"] = [](Onc& onc) {
    EXPECT_EQ(onc.id_token(onc.standalone(kFoundation))["aud"].string_or(), "app-basic");
  };
  out["context-banner"] = context("need_patient_banner");
  out["context-style"] = context("smart_style_url");
  out["context-ehr-patient"] = context("patient");
  out["context-ehr-encounter"] = context("encounter");
  out["context-standalone-patient"] = standalone("app-basic");
  out["permission-offline"] = [](Onc& onc) { EXPECT_EQ(onc.refresh(onc.standalone(kFoundation)).status, 200); };
  out["permission-online"] = [](Onc& onc) {
    EXPECT_EQ(onc.refresh(onc.standalone("launch/patient online_access patient/Patient.rs")).status, 200);
  };
  out["permission-patient"] = reads("launch/patient patient/Observation.rs", false);
  out["permission-user"] = reads("launch user/Observation.rs", true);
  out["permission-v1"] = reads("launch/patient patient/Observation.read", false);
  out["permission-v2"] = [](Onc& onc) {
    const auto session =
        onc.standalone("launch/patient " + granular("Observation", kObservationCategory, "laboratory"));
    EXPECT_EQ(onc.found("/Observation?patient=alice", session.access()), (std::set<std::string>{"Observation/lab"}));
  };
  return out;
}

TEST(Smart_1_2, S24_EveryAdvertisedCapabilityIsExercised) {
  Onc onc(with_brands());
  const auto known = proofs();
  std::set<std::string> advertised;
  for (const auto& capability : smart_configuration(onc)["capabilities"].items()) {
    const std::string name(capability.string_or());
    advertised.insert(name);
    const auto proof = known.find(name);
    ASSERT_NE(proof, known.end()) << name << " is claimed and nothing here proves it";
    SCOPED_TRACE(name);
    proof->second(onc);
  }
  EXPECT_EQ(advertised.size(), known.size()) << "and nothing that works is left out";
}

TEST(Smart_1_2, S24_CapabilitiesFollowTheConfiguration) {
  HarnessOptions options;
  options.configure = [](flow::IssuerConfig& config) {
    config.ehr_launch = false;
    config.patient_picker = false;
  };
  Onc onc(std::move(options));
  const auto text = smart_configuration(onc)["capabilities"].dump();
  for (const auto* gone :
       {"launch-ehr", "context-banner", "context-style", "context-ehr", "context-standalone-patient"})
    EXPECT_EQ(text.find(gone), std::string::npos) << gone;
  HarnessOptions backends;
  backends.profile = "smart_backend";
  AsHarness as(std::move(backends));
  const auto facts = AsHarness::json(as.get(kWellKnown));
  const auto claims = facts["capabilities"].dump();
  for (const auto* gone : {"permission-offline", "permission-online", "client-public", "client-confidential-symmetric"})
    EXPECT_EQ(claims.find(gone), std::string::npos) << gone;
  EXPECT_NE(claims.find("client-confidential-asymmetric"), std::string::npos);
}

TEST(Smart_1_2, S24_EveryPublishedScopeCanBeGranted) {
  Onc onc;
  auto client = onc.as().client_record("app-basic");
  const auto published = smart_configuration(onc)["scopes_supported"];
  ASSERT_GT(published.size(), 50U);
  for (const auto& scope : published.items()) {
    const std::string text(scope.string_or());
    EXPECT_TRUE(spec::smart::parse_scope(text, policy::scope_rules())) << text;
  }
  for (const auto* needed : {"launch", "launch/patient", "openid", "fhirUser", "offline_access", "patient/Patient.rs",
                             "user/Practitioner.rs", "patient/*.rs", "system/*.rs"}) {
    EXPECT_TRUE(std::ranges::any_of(published.items(), [&](const Json& s) { return s.string_or() == needed; }))
        << needed;
  }
}

TEST(Smart_1_19, ManagementEndpointIsAPage) {
  Onc onc;
  const std::string url(smart_configuration(onc)["management_endpoint"].string_or());
  ASSERT_EQ(url, std::string(kIssuer) + "/account");
  Browser browser(onc.rig);
  browser.open(url);
  EXPECT_EQ(browser.response.status, 200);
  EXPECT_TRUE(browser.shows("username")) << "after signing in";
}

}  // namespace
}  // namespace mitral::testing
