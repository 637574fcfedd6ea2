#include "support/emergency_rig.h"

namespace mitral::testing {

EmergencyRig::EmergencyRig(HarnessOptions options) : FrontRig(std::move(options)) {
  auto erin = as.user_record("u_dora");
  erin.id = UserId("u_erin");
  erin.username = "erin";
  erin.display_name = "Dr. Erin Emergency";
  erin.fhir_user = "Practitioner/erin";
  erin.roles = {"clinician", "emergency"};
  as.put(erin);
  auto client = as.client_record("app-basic");
  client.id = ClientId("app-er");
  client.name = "ER viewer";
  client.emergency_access = true;
  as.put(client);
}

codec::Form EmergencyRig::request(std::string_view scope, std::string_view client) {
  auto form = FrontRig::request(client, scope);
  form.add("purpose_of_use", "ETREAT");
  return form;
}

codec::Form EmergencyRig::statement(std::string_view patient) {
  return {{"patient", std::string(patient)},
          {"reason", "cannot_consent"},
          {"statement", std::string(kStatement)},
          {"confirm", "yes"}};
}

codec::Response EmergencyRig::token_response(const std::string& code, std::string_view client) {
  return as.token({{"grant_type", "authorization_code"},
                   {"code", code},
                   {"code_verifier", std::string(kVerifier)},
                   {"redirect_uri", std::string(kRedirectUri)}},
                  {AsHarness::basic(client)});
}

codec::Json EmergencyRig::tokens(const std::string& code) {
  const auto response = token_response(code);
  EXPECT_EQ(response.status, 200) << response.body;
  return AsHarness::json(response);
}

std::string EmergencyRig::code_for(Browser& browser, const codec::Form& asked, std::string_view patient) {
  browser.open(authorize(asked));
  EXPECT_TRUE(browser.shows("password")) << browser.response.status << browser.response.body;
  browser.sign_in("erin");
  EXPECT_TRUE(browser.shows("emergency-warning")) << browser.response.status << browser.response.body;
  browser.submit("/emergency", statement(patient));
  return browser.answer()["code"];
}

std::vector<model::EmergencyAccess> EmergencyRig::accesses() {
  return *run_sync(as.store().emergencies(as.issuer_id(), false, 100));
}

std::vector<std::string> EmergencyRig::told() {
  std::vector<std::string> out;
  for (const auto& event : events(model::AuditKind::emergency)) out.push_back(event.reason);
  return out;
}

}  // namespace mitral::testing
