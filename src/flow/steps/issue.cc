#include "flow/responses.h"
#include "flow/steps/steps.h"

namespace mitral::flow {

Result<void> issue(Context& context) {
  MITRAL_TRY(context.prepared, prepare_tokens(context, *context.client, *context.grant, *context.scopes,
                                              *context.sender, *context.profile));
  return {};
}

Task<Result<void>> commit(Context& context) {
  MITRAL_CO_TRY(const auto tokens,
                co_await commit_tokens(context, *context.client, *context.grant, *context.scopes, *context.sender,
                                       *context.profile, std::move(*context.prepared)));
  context.response = json_response(context.issuer, 200, tokens.json());
  co_return Result<void>{};
}

}  // namespace mitral::flow
