#include "flow/steps/steps.h"

namespace mitral::flow {

struct SenderStep {
  [[nodiscard]] static SenderBinding none() noexcept { return SenderBinding(std::nullopt); }
};

// Tokens are bearer tokens here; where a profile demands binding, none is issued rather than one that is not bound.
Result<void> bind_sender(Context& context) {
  if (context.profile->sender_constraint_required) {
    return fail(ErrorCode::invalid_request, "This client needs sender-constrained tokens");
  }
  context.sender = SenderStep::none();
  return {};
}

}  // namespace mitral::flow
