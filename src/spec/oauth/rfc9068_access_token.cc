#include "spec/oauth/rfc9068_access_token.h"

#include <array>
#include <charconv>

#include "spec/oauth/rfc6749_token_response.h"

namespace mitral::spec::oauth {
namespace {

void member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  codec::append_json_string(out, value);
}
void member_if(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) member(out, name, value);
}
void number(std::string& out, std::string_view name, std::int64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void scope_member(std::string& out, std::span<const std::string> scopes) {
  if (scopes.empty()) return;
  out += ",\"scope\":";
  std::string text;
  for (const auto& scope : scopes) {
    if (!text.empty()) text += ' ';
    text += scope;
  }
  codec::append_json_string(out, text);
}

void binding(std::string& out, std::string_view jkt) {
  if (jkt.empty()) return;
  out += R"(,"cnf":{"jkt":)";
  codec::append_json_string(out, jkt);
  out += '}';
}

void person(std::string& out, const AccessTokenFacts& facts) {
  if (facts.auth_time) number(out, "auth_time", *facts.auth_time);
  member_if(out, "acr", facts.acr);
  if (facts.amr.empty()) return;
  out += ",\"amr\":[";
  bool first = true;
  for (const auto& method : facts.amr) {
    if (!first) out += ',';
    first = false;
    codec::append_json_string(out, method);
  }
  out += ']';
}

// iss aud exp iat jti cnf: all that a wrapped token tells.
void envelope(std::string& out, const AccessTokenFacts& facts) {
  out += "\"iss\":";
  codec::append_json_string(out, facts.issuer);
  member(out, "aud", facts.audience);
  number(out, "exp", facts.expires);
  number(out, "iat", facts.issued);
  member(out, "jti", facts.jti);
  binding(out, facts.jkt);
}

void identity(std::string& out, const AccessTokenFacts& facts) {
  member(out, "client_id", facts.client_id);
  member(out, "sub", facts.subject);
  scope_member(out, facts.scopes);
  person(out, facts);
  member_if(out, "grant_id", facts.grant_id);
}

Result<jose::Jwt> read(std::string_view compact, std::string_view typ, const jose::JwkSet& keys,
                       std::string_view issuer, std::string_view audience, Instant now) {
  auto refuse = [](std::string detail) {
    return fail(ErrorCode::invalid_token, "The access token is invalid", std::move(detail));
  };
  auto jws = jose::Jws::parse(compact, jose::kAllSignAlgs);
  if (!jws) return refuse(jws.error().detail);
  auto verified = jws->verify(keys);
  if (!verified) return refuse(verified.error().detail);
  jose::Validation expected;
  expected.issuer = std::string(issuer);
  if (!audience.empty()) expected.audiences = {std::string(audience)};
  expected.now = now;
  expected.skew = Duration{};  // our own tokens: no other clock is involved
  expected.typs = {typ};
  expected.required = {"exp", "iat", "iss", "aud", "jti"};
  auto jwt = jose::validated_jwt(std::move(*verified), expected);
  if (!jwt) return refuse(jwt.error().detail);
  return std::move(*jwt);
}

}  // namespace

std::string access_token_payload(const AccessTokenFacts& facts, bool with_context) {
  std::string out = "{";
  out.reserve(512);
  envelope(out, facts);
  identity(out, facts);
  member(out, "azp", facts.client_id);
  if (with_context) {
    member_if(out, "fhirUser", facts.fhir_user);
    if (facts.context != nullptr) append_context_members(out, *facts.context);
  }
  out += '}';
  return out;
}

std::string wrapped_token_payload(const AccessTokenFacts& facts, std::string_view opaque) {
  std::string out = "{";
  out.reserve(384);
  envelope(out, facts);
  member(out, "opaque", opaque);
  out += '}';
  return out;
}

std::string introspection_json(const AccessTokenFacts& facts) {
  std::string out = R"({"active":true,)";
  out.reserve(640);
  envelope(out, facts);
  identity(out, facts);
  out += facts.jkt.empty() ? R"(,"token_type":"Bearer")" : R"(,"token_type":"DPoP")";
  member_if(out, "fhirUser", facts.fhir_user);
  if (facts.context != nullptr) append_context_members(out, *facts.context);
  member_if(out, "purpose_of_use", facts.purpose_of_use);
  out += '}';
  return out;
}

Result<jose::Jwt> read_access_token(std::string_view compact, const jose::JwkSet& keys, std::string_view issuer,
                                    std::string_view audience, Instant now) {
  return read(compact, kAccessTokenTyp, keys, issuer, audience, now);
}

Result<jose::Jwt> read_wrapped_token(std::string_view compact, const jose::JwkSet& keys, std::string_view issuer,
                                     std::string_view audience, Instant now) {
  return read(compact, kWrappedTokenTyp, keys, issuer, audience, now);
}

}  // namespace mitral::spec::oauth
