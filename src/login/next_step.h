// Next step: what still stands between an authorization request and its code: sign in, choose a record, consent, or
// nothing.
//
// One pure decision, asked again after every page: nothing that a browser sends can skip a step, for each answer is
// judged from what the server itself has stored (threats E-14, E-15, S-2, S-5).
//
//   sign_in   nobody is signed in; prompt=login or select_account; max_age is over; another person than id_token_hint
//             or the EHR launch names. Done once inside the interaction, it is not asked again. Emergency access: the
//             password inside the interaction, minutes ago at most (flow/emergency.h)
//   pick      a record is needed, and there is more than one to choose from
//   consent   prompt=consent; nothing remembered that covers the request for the same record and server; a public
//   client
//             that could be anybody's (custom scheme, loopback; RFC 8252 §8.6) or that wants to change data (BB-1)
//   refuse    the person has no record, or nothing that was asked for is hers to give
//
// Thread rules: pure functions; values.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "model/client.h"
#include "model/grant.h"
#include "model/user.h"
#include "policy/profile.h"
#include "spec/smart/scopes.h"

namespace mitral::login {

struct SignInFacts {
  const model::AuthorizationRequest* request = nullptr;
  const model::Session* session = nullptr;          ///< living session of this browser, or nullptr
  const model::Interaction* interaction = nullptr;  ///< nullptr: the request has just come in
  const model::LaunchTicket* launch = nullptr;
  Instant now;
};
enum class SignIn : std::uint8_t {
  done,
  needed,
  again,         ///< signed in, but has to prove it once more
  other_person,  ///< signed in within this interaction, as somebody else than the request is about: refuse
};
[[nodiscard]] SignIn sign_in_state(const SignInFacts& facts);

enum class Step : std::uint8_t { pick, consent, finish, refuse };

struct StepFacts {
  const model::AuthorizationRequest* request = nullptr;
  const model::Client* client = nullptr;
  const policy::Profile* profile = nullptr;
  const model::User* user = nullptr;
  const model::Interaction* interaction = nullptr;
  const model::LaunchTicket* launch = nullptr;
  const model::Consent* consent = nullptr;  ///< remembered, or nullptr
  Instant now;
};
struct Plan {
  Step step = Step::refuse;
  Error refusal;                 ///< with Step::refuse
  spec::smart::ScopeSet scopes;  ///< asked for, and this person's to give
  std::optional<model::PatientAccess> record;
  spec::smart::ScopeSet granted;  ///< with Step::finish
};
[[nodiscard]] Plan next_step(const StepFacts& facts);

/// Is a remembered consent looked at for this client and request at all? Saves a read where it is not.
[[nodiscard]] bool consent_matters(const model::AuthorizationRequest& request, const model::Client& client,
                                   const policy::Profile& profile);

/// Member of AuthorizationRequest::extra: the subject of a verified id_token_hint.
inline constexpr std::string_view kHintSubject = "id_token_hint_sub";

}  // namespace mitral::login
