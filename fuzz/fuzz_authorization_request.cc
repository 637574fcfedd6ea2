// Authorization request: whatever the parser accepts holds what the rest of the server relies on: an S256 challenge of
// 43 characters, bounded state and nonce, no forbidden parameter, no prompt that contradicts itself; and it is accepted
// again when its parameters come in another order.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/limits.h"
#include "codec/form.h"
#include "spec/oauth/rfc6749_authorization_request.h"
#include "spec/oauth/rfc9126_par.h"

using mitral::codec::Form;
namespace limits = mitral::limits;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Form& form) {
  const auto parsed = mitral::spec::oauth::parse_authorization_parameters(form);
  require(mitral::spec::oauth::state_of(form).size() <= limits::kStateMax);
  if (!parsed) return;
  require(parsed->code_challenge.size() == 43);
  require(parsed->state.size() <= limits::kStateMax && parsed->nonce.size() <= limits::kNonceMax &&
          parsed->scope.size() <= limits::kScopeMax);
  require(!form.get("request") && !form.get("registration"));
  const bool none = std::ranges::find(parsed->prompt, "none") != parsed->prompt.end();
  require(!none || parsed->prompt.size() == 1);
  require(!parsed->max_age || *parsed->max_age >= 0);
  Form reversed;
  for (auto at = form.list().rbegin(); at != form.list().rend(); ++at) reversed.add(at->name, at->value);
  const auto again = mitral::spec::oauth::parse_authorization_parameters(reversed);
  require(again && again->code_challenge == parsed->code_challenge && again->state == parsed->state &&
          again->resources.size() == parsed->resources.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto form = Form::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!form || !form->refuse_duplicates({"resource"})) return 0;
  check(*form);
  return 0;
}
