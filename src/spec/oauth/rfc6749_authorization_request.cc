#include "spec/oauth/rfc6749_authorization_request.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "spec/oauth/rfc7636_pkce.h"
#include "spec/oauth/rfc8707_resource.h"

namespace mitral::spec::oauth {
namespace {

Result<void> read_pkce(const codec::Form& form, AuthorizationParameters& out) {
  const auto challenge = form.get("code_challenge");
  if (!challenge) return fail(ErrorCode::invalid_request, "code_challenge is missing");
  if (form.get("code_challenge_method") != "S256") {
    return fail(ErrorCode::invalid_request, "code_challenge_method must be S256");
  }
  if (!is_s256_challenge(*challenge))
    return fail(ErrorCode::invalid_request, "code_challenge is not a SHA-256 in base64url");
  out.code_challenge = *challenge;
  return {};
}

Result<void> read_targets(const codec::Form& form, AuthorizationParameters& out) {
  MITRAL_TRY(out.resources, resources_of(form));
  if (const auto aud = form.get("aud")) {
    if (aud->size() > limits::kUrlMax || !codec::is_absolute_uri(*aud)) {
      return fail(ErrorCode::invalid_request, "aud is not an absolute URI without fragment");
    }
    out.aud = *aud;
    if (std::ranges::find(out.resources, *aud) == out.resources.end()) {
      out.aud_beside_resource = !out.resources.empty();
      out.resources.push_back(*aud);
    }
  }
  return {};
}

Result<void> read_prompt(const codec::Form& form, AuthorizationParameters& out) {
  if (const auto prompt = form.get("prompt")) {
    out.prompt = codec::split_words(*prompt);
    for (const auto word : out.prompt) {
      if (word != "none" && word != "login" && word != "consent" && word != "select_account") {
        return fail(ErrorCode::invalid_request, "prompt has an unknown value");
      }
    }
    if (out.prompt.size() > 1 && std::ranges::find(out.prompt, "none") != out.prompt.end()) {
      return fail(ErrorCode::invalid_request, "prompt none can't be combined");
    }
  }
  if (const auto max_age = form.get("max_age")) {
    const auto seconds = codec::parse_uint(*max_age);
    if (!seconds || *seconds > 10ULL * 365 * 24 * 3600)
      return fail(ErrorCode::invalid_request, "max_age is not a number of seconds");
    out.max_age = static_cast<std::int64_t>(*seconds);
  }
  return {};
}

}  // namespace

std::string_view state_of(const codec::Form& form) noexcept {
  if (form.count("state") != 1) return {};
  const auto state = form.get("state").value_or(std::string_view{});
  return state.size() <= limits::kStateMax && codec::all_vschar(state) ? state : std::string_view{};
}

Result<AuthorizationParameters> parse_authorization_parameters(const codec::Form& form) {
  AuthorizationParameters out;
  if (form.has("request")) return fail(ErrorCode::request_not_supported, "Request objects are not supported");
  if (form.has("request_uri"))
    return fail(ErrorCode::request_uri_not_supported, "Only a pushed request_uri is supported");
  if (form.has("registration")) return fail(ErrorCode::registration_not_supported, "registration is not supported");

  const auto response_type = form.get("response_type");
  if (!response_type) return fail(ErrorCode::invalid_request, "response_type is missing");
  if (*response_type != "code")
    return fail(ErrorCode::unsupported_response_type, "Only response_type code is supported");
  out.response_mode = form.get("response_mode").value_or(std::string_view{});

  if (const auto state = form.get("state")) {
    if (state->size() > limits::kStateMax || !codec::all_vschar(*state)) {
      return fail(ErrorCode::invalid_request, "state is too long or not printable ASCII");
    }
    out.state = *state;
  }
  if (const auto nonce = form.get("nonce")) {
    // Never truncated: a client compares it byte by byte.
    if (nonce->size() > limits::kNonceMax || !codec::is_utf8(*nonce))
      return fail(ErrorCode::invalid_request, "nonce is too long");
    out.nonce = *nonce;
  }
  MITRAL_CHECK(read_pkce(form, out));
  if (const auto scope = form.get("scope")) {
    if (scope->size() > limits::kScopeMax) return fail(ErrorCode::invalid_scope, "scope is too long");
    out.scope = *scope;
  }
  MITRAL_CHECK(read_targets(form, out));
  MITRAL_CHECK(read_prompt(form, out));
  if (const auto acr = form.get("acr_values")) out.acr_values = codec::split_words(*acr);
  out.login_hint = form.get("login_hint").value_or(std::string_view{});
  if (out.login_hint.size() > limits::kUserNameMax) return fail(ErrorCode::invalid_request, "login_hint is too long");
  out.id_token_hint = form.get("id_token_hint").value_or(std::string_view{});
  out.launch = form.get("launch").value_or(std::string_view{});
  out.dpop_jkt = form.get("dpop_jkt").value_or(std::string_view{});
  if (!out.dpop_jkt.empty() && !is_s256_challenge(out.dpop_jkt)) {
    return fail(ErrorCode::invalid_request, "dpop_jkt is not a thumbprint");
  }
  return out;
}

}  // namespace mitral::spec::oauth
