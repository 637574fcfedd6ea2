// Completion: the end of an authorization request in one durable act: a code, or the person's refusal.
//
// Everything that may be used once is claimed in the same act as the code is written: the interaction (a double click
// makes one code), the pushed request (RFC 9126 §4) and the EHR launch (threat S-1). Losing any of them means no code.
//
// Errors: conflict when something was used before; unavailable from the store.
// Thread rules: values of one request.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "flow/context.h"
#include "flow/emergency.h"
#include "model/grant.h"
#include "model/user.h"
#include "spec/smart/scopes.h"

namespace mitral::flow {

struct Approval {
  const model::AuthorizationRequest* request = nullptr;
  const model::Session* session = nullptr;
  const model::User* user = nullptr;
  spec::smart::ScopeSet granted;
  std::vector<std::string> declined;             ///< asked for and not granted as asked
  std::string patient_id;                        ///< chosen record, or empty
  const model::LaunchTicket* launch = nullptr;   ///< EHR launch that was resolved, or nullptr
  std::optional<Hash256> interaction;            ///< none: it went straight through
  bool asked = false;                            ///< the person saw the consent page and said yes: remember it
  const EmergencyApproval* emergency = nullptr;  ///< of a request for emergency access, and of no other
};

/// The code.
[[nodiscard]] Task<Result<std::string>> complete_authorization(const Context& context, const Approval& approval);

/// The person said no, or may not: claims the interaction, so that the page can't be sent again. `reason` is a literal.
[[nodiscard]] Task<Result<void>> complete_refusal(const Context& context, const model::AuthorizationRequest& request,
                                                  const Hash256& interaction, std::string user,
                                                  std::string_view reason);

/// SMART launch context of a grant: the chosen record and what the EHR handed over, cut to what the scopes entitle to.
[[nodiscard]] codec::Json launch_context(const Context& context, const Approval& approval);

}  // namespace mitral::flow
