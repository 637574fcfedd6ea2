// AuthorizationRequest as JSON, for the stores: members that are empty are left out, so that a later version may add
// some.
#include <utility>

#include "model/grant.h"

namespace mitral::model {
namespace {

void put(codec::Json& out, std::string_view key, const std::string& text) {
  if (!text.empty()) out.set(key, text);
}

void put(codec::Json& out, std::string_view key, const std::vector<std::string>& texts) {
  if (!texts.empty()) out.set(key, codec::Json::array_of(texts));
}

/// Missing is empty; another type than string is a refusal.
bool take(const codec::Json& in, std::string_view key, std::string& out) {
  const auto* value = in.find(key);
  if (value == nullptr) return true;
  const auto text = value->as_string();
  if (text) out = *text;
  return text.has_value();
}

bool take(const codec::Json& in, std::string_view key, std::vector<std::string>& out) {
  const auto* value = in.find(key);
  if (value == nullptr) return true;
  if (!value->is_array()) return false;
  for (const auto& item : value->items()) {
    const auto text = item.as_string();
    if (!text) return false;
    out.emplace_back(*text);
  }
  return true;
}

}  // namespace

codec::Json AuthorizationRequest::to_json() const {
  auto out = codec::Json::object();
  out.set("issuer", issuer.value);
  out.set("client_id", client.value);
  out.set("redirect_uri", redirect_uri);
  out.set("redirect_uri_sent", redirect_uri_sent);
  put(out, "response_mode", response_mode);
  put(out, "state", state);
  put(out, "nonce", nonce);
  put(out, "code_challenge", code_challenge);
  put(out, "scopes", scopes);
  put(out, "resources", resources);
  put(out, "prompt", prompt);
  if (max_age) out.set("max_age", *max_age);
  put(out, "acr_values", acr_values);
  put(out, "login_hint", login_hint);
  put(out, "launch", launch);
  put(out, "par", par);
  put(out, "dpop_jkt", dpop_jkt);
  if (extra.is_object() && !extra.empty()) out.set("extra", extra);
  return out;
}

std::optional<AuthorizationRequest> AuthorizationRequest::from_json(const codec::Json& json) {
  if (!json.is_object()) return std::nullopt;
  AuthorizationRequest out;
  // A flag that is missing or of another type must not fall back to a guess: it decides what the token endpoint
  // compares.
  const auto sent = json["redirect_uri_sent"].as_bool();
  const bool ok = take(json, "issuer", out.issuer.value) && take(json, "client_id", out.client.value) &&
                  take(json, "redirect_uri", out.redirect_uri) && take(json, "response_mode", out.response_mode) &&
                  take(json, "state", out.state) && take(json, "nonce", out.nonce) &&
                  take(json, "code_challenge", out.code_challenge) && take(json, "scopes", out.scopes) &&
                  take(json, "resources", out.resources) && take(json, "prompt", out.prompt) &&
                  take(json, "acr_values", out.acr_values) && take(json, "login_hint", out.login_hint) &&
                  take(json, "launch", out.launch) && take(json, "par", out.par) &&
                  take(json, "dpop_jkt", out.dpop_jkt);
  if (!ok || !sent || out.issuer.empty() || out.client.empty()) return std::nullopt;
  out.redirect_uri_sent = *sent;
  if (const auto* age = json.find("max_age")) {
    const auto seconds = age->as_int64();
    if (!seconds) return std::nullopt;
    out.max_age = *seconds;
  }
  if (const auto* extra = json.find("extra")) {
    if (!extra->is_object()) return std::nullopt;
    out.extra = *extra;
  }
  return out;
}

}  // namespace mitral::model
