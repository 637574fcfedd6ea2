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
  explicit EmergencyRig(HarnessOptions options = {});

  [[nodiscard]] static codec::Form request(std::string_view scope = "openid launch/patient patient/*.rs",
                                           std::string_view client = "app-er");
  [[nodiscard]] static codec::Form statement(std::string_view patient = "alice");
  [[nodiscard]] codec::Response token_response(const std::string& code, std::string_view client = "app-er");
  [[nodiscard]] codec::Json tokens(const std::string& code);
  /// All the way: the code.
  [[nodiscard]] std::string code_for(Browser& browser, const codec::Form& asked, std::string_view patient = "alice");
  [[nodiscard]] std::vector<model::EmergencyAccess> accesses();
  /// Reasons of the emergency events so far.
  [[nodiscard]] std::vector<std::string> told();
};

}  // namespace mitral::testing
