#include "app/demo/seed.h"

#include <fmt/format.h>

#include "app/registration.h"
#include "crypto/key.h"
#include "jose/jwk.h"
#include "sandbox/sample_data.h"

namespace mitral::app {
namespace {

const std::vector<std::string>& app_scopes() {
  static const std::vector<std::string> kScopes = {
      "openid",           "fhirUser",       "profile",       "launch",       "launch/patient",
      "launch/encounter", "offline_access", "online_access", "patient/*.rs", "user/*.rs"};
  return kScopes;
}

class Seeder {
 public:
  Seeder(ports::Store& store, ports::PasswordHasher& passwords, Random& random, Instant now, Issuer issuer)
      : store_(store), passwords_(passwords), random_(random), now_(now), issuer_(std::move(issuer)) {}

  Result<Secret> resource(const DemoAddresses& at, const std::string& token_format) {
    ResourceForm form;
    form.id = kDemoResource;
    form.audience = at.fhir_base;
    form.name = "Sample Clinic health records";
    form.token_format = token_format;
    form.context_in_jwt = token_format == "jwt";
    MITRAL_TRY(auto registered, register_resource(issuer_, form));
    MITRAL_CHECK(run_sync(store_.put_resource_server(std::move(registered.server), event("resource_registered"))));
    return std::move(registered.secret);
  }

  Result<DemoClient> client(ClientForm form) {
    DemoClient out;
    if (form.auth_method == "private_key_jwt") {
      MITRAL_TRY(auto key, crypto::PrivateKey::generate(crypto::KeyKind::p384));
      const auto jwk = jose::PrivateJwk::from_key(std::move(key), form.id + "-1", "ES384", jose::KeyUse::sig);
      jose::JwkSet set;
      MITRAL_CHECK(set.add(jwk.public_view()));
      form.jwks = set.to_json().dump();
      MITRAL_TRY(out.private_jwk, jwk.to_json());
    }
    MITRAL_TRY(auto registered, register_client(issuer_, form, now_));
    out.id = registered.client.id.value;
    out.secret = std::string(registered.secret.reveal());
    MITRAL_CHECK(run_sync(store_.put_client(std::move(registered.client), event("client_registered"))));
    return out;
  }

  Result<DemoUser> user(model::User record) {
    record.issuer = issuer_;
    record.id = UserId("u_" + Id128::random(random_).text());
    record.created = record.updated = now_;
    auto hash = run_sync(passwords_.hash(Secret(std::string(kDemoPassword))));
    if (!hash) return std::unexpected(std::move(hash).error());
    record.password_phc = std::move(*hash);
    DemoUser out{record.username, record.display_name, record.id.value};
    MITRAL_CHECK(run_sync(store_.put_user(std::move(record), {event("user_registered")})));
    return out;
  }

 private:
  [[nodiscard]] model::AuditEvent event(std::string_view reason) const {
    model::AuditEvent out;
    out.issuer = issuer_;
    out.kind = model::AuditKind::administration;
    out.at = now_;
    out.reason = std::string(reason);
    return out;
  }

  ports::Store& store_;
  ports::PasswordHasher& passwords_;
  Random& random_;
  Instant now_;
  Issuer issuer_;
};

ClientForm code_client(std::string id, std::string name, std::string auth, const std::vector<std::string>& origins) {
  ClientForm form;
  form.id = std::move(id);
  form.name = std::move(name);
  form.auth_method = std::move(auth);
  form.grant_types = {"authorization_code", "refresh_token"};
  form.redirect_uris = {std::string(kDemoRedirect)};
  form.scopes = app_scopes();
  form.origins = origins;
  form.offline_allowed = true;
  return form;
}

Result<void> seed_clients(Seeder& seeder, DemoSeed& out, const DemoAddresses& at,
                          const std::vector<std::string>& origins) {
  auto app = code_client("lab-notebook", "Lab Notebook", "none", {at.app});
  app.redirect_uris = {at.app + "/"};
  app.launch_urls = {at.app + "/launch"};
  app.verified = true;
  MITRAL_TRY(out.app, seeder.client(std::move(app)));
  MITRAL_TRY(out.open, seeder.client(code_client("demo-public", "Developer's app", "none", origins)));
  auto basic = code_client("demo-basic", "Developer's web app", "client_secret_basic", origins);
  basic.emergency_access = true;
  MITRAL_TRY(out.basic, seeder.client(std::move(basic)));
  MITRAL_TRY(out.post,
             seeder.client(code_client("demo-post", "Developer's older web app", "client_secret_post", origins)));
  MITRAL_TRY(out.asymmetric,
             seeder.client(code_client("demo-asymmetric", "Developer's strict web app", "private_key_jwt", origins)));
  ClientForm backend;
  backend.id = "demo-backend";
  backend.name = "Developer's backend service";
  backend.auth_method = "private_key_jwt";
  backend.grant_types = {"client_credentials"};
  backend.scopes = {"system/*.rs"};
  MITRAL_TRY(out.backend, seeder.client(std::move(backend)));
  ClientForm ehr;
  ehr.id = "demo-ehr";
  ehr.name = "Sample Clinic's record system";
  ehr.auth_method = "client_secret_basic";
  ehr.grant_types = {"client_credentials"};
  ehr.scopes = {"launch-context"};
  ehr.verified = true;
  MITRAL_TRY(out.ehr, seeder.client(std::move(ehr)));
  return {};
}

Result<void> seed_people(Seeder& seeder, DemoSeed& out) {
  namespace sample = sandbox::sample;
  const auto person = [](std::string_view id, std::string display, std::string relationship, std::string birth) {
    return model::PatientAccess{std::string(id), std::move(display), std::move(relationship), std::move(birth)};
  };
  model::User maria;
  maria.username = "maria";
  maria.display_name = "Maria Sample";
  maria.fhir_user = fmt::format("Patient/{}", sample::kMaria);
  maria.patients = {person(sample::kMaria, "Maria Sample", "self", "1988-04-12"),
                    person(sample::kLeo, "Leo Sample", "child", "2017-09-30"),
                    person(sample::kNora, "Nora Sample", "child", "2026-02-14")};
  MITRAL_TRY(out.patient, seeder.user(std::move(maria)));
  model::User ada;
  ada.username = "ada";
  ada.display_name = "Dr. Ada Example";
  ada.fhir_user = fmt::format("Practitioner/{}", sample::kPractitioner);
  ada.roles = {"clinician", "emergency"};
  ada.patients = {person(sample::kMaria, "Maria Sample", "patient", "1988-04-12"),
                  person(sample::kStranger, "Otto Nobody", "patient", "1961-11-03")};
  MITRAL_TRY(out.clinician, seeder.user(std::move(ada)));
  model::User otto;
  otto.username = "otto";
  otto.display_name = "Otto Nobody";
  otto.fhir_user = fmt::format("Patient/{}", sample::kStranger);
  MITRAL_TRY(out.stranger, seeder.user(std::move(otto)));
  return {};
}

}  // namespace

std::string demo_brands(const std::string& fhir_base) {
  using codec::Json;
  constexpr std::string_view kCore = "http://hl7.org/fhir/StructureDefinition/";
  const auto extension = [&](std::string_view name) {
    return Json::object({{"url", std::string(kCore).append(name)}});
  };
  const Json reference = Json::object({{"reference", "Endpoint/sample"}});
  Json portal = extension("organization-portal");
  portal.set("extension", Json::array({Json::object({{"url", "portalName"}, {"valueString", "Sample Clinic portal"}}),
                                       Json::object({{"url", "portalUrl"}, {"valueUrl", "https://clinic.example/"}}),
                                       Json::object({{"url", "portalEndpoint"}, {"valueReference", reference}})}));
  Json clinic = Json::object({{"resourceType", "Organization"}, {"id", "sample-clinic"}, {"name", "Sample Clinic"}});
  clinic.set("extension", Json::array({std::move(portal)}));
  clinic.set("identifier",
             Json::array({Json::object({{"system", "urn:ietf:rfc:3986"}, {"value", "https://clinic.example"}})}));
  clinic.set("telecom", Json::array({Json::object({{"system", "url"}, {"value", "https://clinic.example/"}})}));
  clinic.set("address", Json::array({Json::object({{"city", "Sampleton"}, {"postalCode", "12345"}})}));
  clinic.set("endpoint", Json::array({reference}));
  Json version = extension("endpoint-fhir-version");
  version.set("valueCode", "4.0.1");
  Json endpoint = Json::object({{"resourceType", "Endpoint"}, {"id", "sample"}, {"status", "active"}});
  endpoint.set("extension", Json::array({std::move(version)}));
  endpoint.set("connectionType",
               Json::object({{"system", "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"},
                             {"code", "hl7-fhir-rest"}}));
  endpoint.set("managingOrganization", Json::object({{"reference", "Organization/sample-clinic"}}));
  endpoint.set("contact", Json::array({Json::object({{"system", "url"}, {"value", "https://clinic.example/"}})}));
  const auto kind =
      Json::object({{"system", "http://terminology.hl7.org/CodeSystem/endpoint-payload-type"}, {"code", "none"}});
  endpoint.set("payloadType", Json::array({Json::object({{"coding", Json::array({kind})}})}));
  endpoint.set("address", fhir_base);
  Json bundle =
      Json::object({{"resourceType", "Bundle"}, {"type", "collection"}, {"timestamp", "2026-01-01T00:00:00Z"}});
  bundle.set("entry", Json::array({Json::object({{"fullUrl", "https://clinic.example/Organization/sample-clinic"},
                                                 {"resource", std::move(clinic)}}),
                                   Json::object({{"fullUrl", "https://clinic.example/Endpoint/sample"},
                                                 {"resource", std::move(endpoint)}})}));
  return bundle.dump_pretty();
}

Result<DemoSeed> seed_demo(ports::Store& store, ports::PasswordHasher& passwords, Random& random, Instant now,
                           const DemoAddresses& at, const std::string& token_format,
                           const std::vector<std::string>& origins) {
  Seeder seeder(store, passwords, random, now, Issuer(at.issuer));
  DemoSeed out;
  MITRAL_TRY(out.resource_secret, seeder.resource(at, token_format));
  MITRAL_CHECK(seed_clients(seeder, out, at, origins));
  MITRAL_CHECK(seed_people(seeder, out));
  return out;
}

}  // namespace mitral::app
