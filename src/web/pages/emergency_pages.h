// Emergency page: where a clinician says why a record has to be opened without its owner's leave (flow/emergency.h).
//
// Warns first, then asks: which record (unless the EHR says), why, and a tick. No script. Everything in the struct but
// literals is hostile text; the template escapes it. Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "codec/message.h"
#include "flow/emergency.h"
#include "flow/issuer_config.h"
#include "model/client.h"
#include "model/user.h"
#include "spec/smart/scopes.h"
#include "web/pages/pages.h"

namespace mitral::web {

struct EmergencyPage {
  const model::Client* client = nullptr;
  std::string_view redirect_uri;
  FormTarget open;
  FormTarget cancel;
  const model::User* user = nullptr;
  std::string_view launched_patient;  ///< fixed by the EHR, or empty: typed
  spec::smart::ScopeSet scopes;
  // As sent before, when there was a problem.
  std::string patient, reason, statement;
  bool confirmed = false;
  flow::EmergencyProblem problem = flow::EmergencyProblem::none;
};
[[nodiscard]] codec::Response emergency_page(const flow::IssuerRuntime& issuer, const EmergencyPage& page);

/// What a reason is called in sentences for people.
[[nodiscard]] std::string_view reason_text(model::EmergencyReason reason) noexcept;

/// The page's template, for tests.
extern const std::string_view kEmergencyTemplate;

}  // namespace mitral::web
