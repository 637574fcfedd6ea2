// Header: what JWS and JWE headers have in common, read strictly. For jose/*.cc only.
//
// Errors: malformed, without a byte of the input.
// Thread rules: pure functions.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"
#include "codec/base64url.h"
#include "codec/json.h"
#include "jose/jwk.h"

namespace mitral::jose {

[[nodiscard]] inline std::unexpected<Error> malformed_header(const char* what) {
  return fail(ErrorCode::malformed, {}, std::string("JOSE header: ") + what);
}

/// Exactly N parts between dots. Stops at the first dot too many, so that a megabyte of dots costs nothing (J-14).
template <std::size_t N>
[[nodiscard]] bool split_compact(std::string_view text, std::array<std::string_view, N>& parts) noexcept {
  for (std::size_t i = 0; i + 1 < N; ++i) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return false;
    parts[i] = text.substr(0, dot);
    text.remove_prefix(dot + 1);
  }
  parts[N - 1] = text;
  return !parts[0].empty() && text.find('.') == std::string_view::npos;
}

[[nodiscard]] inline Result<codec::Json> decode_header(std::string_view part) {
  const auto text = codec::base64url_decode(part);
  if (!text) return malformed_header("not base64url");
  return codec::Json::parse_object(*text, codec::kJoseJson);
}

/// No extension is understood here: "crit" in any form, and "b64" even when it says true, are refused (J-12).
[[nodiscard]] inline Result<> refuse_extensions(const codec::Json& json) {
  if (json.contains("crit")) return malformed_header("crit");
  if (json.contains("b64")) return malformed_header("b64");
  return {};
}

[[nodiscard]] inline Result<std::optional<std::string>> optional_text(const codec::Json& json, std::string_view name) {
  const codec::Json* value = json.find(name);
  if (value == nullptr) return std::optional<std::string>();
  const auto text = value->as_string();
  if (!text || text->empty() || text->size() > limits::kJoseNameMax)
    return malformed_header("a name is no short string");
  return std::optional<std::string>(*text);
}

[[nodiscard]] inline Result<std::string> required_text(const codec::Json& json, std::string_view name) {
  MITRAL_TRY(auto text, optional_text(json, name));
  if (!text) return malformed_header("alg or enc missing");
  return *std::move(text);
}

[[nodiscard]] inline Result<std::optional<std::string>> optional_kid(const codec::Json& json) {
  const codec::Json* value = json.find("kid");
  if (value == nullptr) return std::optional<std::string>();
  const auto text = value->as_string();
  if (!text || !valid_kid(*text)) return malformed_header("kid");
  return std::optional<std::string>(*text);
}

}  // namespace mitral::jose
