// EmergencyRig: the front channel with a clinician who may break the glass (erin), one who may not (dora), a patient
// (alice), and a client that may ask for it (app-er), besides those of AsHarness.
#pragma once

#include <string>

#include "flow/emergency.h"
#include "support/browser.h"

namespace mitral::testing {

inline constexpr std::string_view kStatement = "Unconscious after a fall, no companion";

class EmergencyRig : public FrontRig {
 public:
  explicit EmergencyRig(HarnessOptions options = {}) : FrontRig(std::move(options)) {
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

  [[nodiscard]] static codec::Form request(std::string_view scope = "openid launch/patient patient/*.rs",
                                           std::string_view client = "app-er") {
    auto form = FrontRig::request(client, scope);
    form.add("purpose_of_use", "ETREAT");
    return form;
  }
  [[nodiscard]] static codec::Form statement(std::string_view patient = "alice") {
    return {{"patient", std::string(patient)},
            {"reason", "cannot_consent"},
            {"statement", std::string(kStatement)},
            {"confirm", "yes"}};
  }
  [[nodiscard]] codec::Response token_response(const std::string& code, std::string_view client = "app-er") {
    return as.token({{"grant_type", "authorization_code"},
                     {"code", code},
                     {"code_verifier", std::string(kVerifier)},
                     {"redirect_uri", std::string(kRedirectUri)}},
                    {AsHarness::basic(client)});
  }
  [[nodiscard]] codec::Json tokens(const std::string& code) {
    const auto response = token_response(code);
    EXPECT_EQ(response.status, 200) << response.body;
    return AsHarness::json(response);
  }
  /// All the way: the code.
  [[nodiscard]] std::string code_for(Browser& browser, const codec::Form& asked, std::string_view patient = "alice") {
    browser.open(authorize(asked));
    EXPECT_TRUE(browser.shows("password")) << browser.response.status << browser.response.body;
    browser.sign_in("erin");
    EXPECT_TRUE(browser.shows("emergency-warning")) << browser.response.status << browser.response.body;
    browser.submit("/emergency", statement(patient));
    return browser.answer()["code"];
  }
  [[nodiscard]] std::vector<model::EmergencyAccess> accesses() {
    return *run_sync(as.store().emergencies(as.issuer_id(), false, 100));
  }
  /// Reasons of the emergency events so far.
  [[nodiscard]] std::vector<std::string> told() {
    std::vector<std::string> out;
    for (const auto& event : events(model::AuditKind::emergency)) out.push_back(event.reason);
    return out;
  }
};

}  // namespace mitral::testing
