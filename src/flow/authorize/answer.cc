#include "flow/authorize/answer.h"

#include "codec/uri.h"
#include "spec/oauth/rfc9207_issuer.h"

namespace mitral::flow {
namespace {

policy::ResponseMode mode_of(const model::AuthorizationRequest& request) {
  return policy::parse_response_mode(request.response_mode).value_or(policy::ResponseMode::query);
}

void add_tail(codec::Form& form, std::string_view state, const Issuer& issuer, const policy::Profile& profile) {
  if (!state.empty()) form.add("state", state);
  if (profile.iss_parameter) spec::oauth::add_iss(form, issuer.value);
}

AuthorizationAnswer error_of(std::string uri, policy::ResponseMode mode, std::string_view state, const Issuer& issuer,
                             const policy::Profile& profile, const Error& error) {
  AuthorizationAnswer answer{std::move(uri), mode, {}, true};
  answer.parameters.add("error", wire_name(error.code));
  if (!error.client.empty()) answer.parameters.add("error_description", error.client.view());
  add_tail(answer.parameters, state, issuer, profile);
  return answer;
}

}  // namespace

std::string AuthorizationAnswer::location() const { return codec::with_query(uri, parameters); }

AuthorizationAnswer code_answer(const model::AuthorizationRequest& request, const policy::Profile& profile,
                                std::string_view code) {
  AuthorizationAnswer answer{request.redirect_uri, mode_of(request), {}, false};
  answer.parameters.add("code", code);
  add_tail(answer.parameters, request.state, request.issuer, profile);
  return answer;
}

AuthorizationAnswer error_answer(const model::AuthorizationRequest& request, const policy::Profile& profile,
                                 const Error& error) {
  return error_of(request.redirect_uri, mode_of(request), request.state, request.issuer, profile, error);
}

AuthorizationAnswer error_answer(const VerifiedRedirect& redirect, policy::ResponseMode mode, std::string_view state,
                                 const Issuer& issuer, const policy::Profile& profile, const Error& error) {
  return error_of(redirect.uri(), mode, state, issuer, profile, error);
}

}  // namespace mitral::flow
