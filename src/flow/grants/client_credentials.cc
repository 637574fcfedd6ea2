// RFC 6749 §4.4: a client acts for itself. No user, no refresh token, no ID token.

#include "flow/grants/grant_step.h"
#include "flow/steps/steps.h"

namespace mitral::flow {

Result<void> check_grant_allowed(Context& context) {
  const auto type = *context.grant_type;
  const bool machine_without_proof = type == model::GrantType::client_credentials && context.client->is_public();
  if (!context.client->record().may(type) || !context.profile->grant_types.contains(type) || machine_without_proof) {
    return fail(ErrorCode::unauthorized_client, "This client may not use this grant_type");
  }
  return {};
}

Result<void> look_at_client_grant(Context& context) {
  if (context.grant_type != model::GrantType::client_credentials) return {};
  // Nothing but memory says that this client may, and the audit event may be written later.
  MITRAL_CHECK(context.services.store.current());
  context.grant = GrantStep::from_client(context.now);
  return {};
}

}  // namespace mitral::flow
