#include "spec/oauth/rfc6749_token_response.h"

#include <algorithm>
#include <iterator>

#include "codec/object_writer.h"

namespace mitral::spec::oauth {
namespace {

// Members that launch context must not speak for, in a token response or an introspection answer.
constexpr std::string_view kReserved[] = {
    "access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token", "active",   "client_id",
    "username",     "exp",        "iat",        "nbf",   "sub",           "aud",      "iss",      "jti",
    "cnf",          "azp",        "auth_time",  "acr",   "amr",           "grant_id", "fhirUser", "purpose_of_use"};

}  // namespace

void append_context_members(std::string& out, const codec::Json& context) {
  for (const auto& [key, value] : context.members()) {
    if (std::ranges::find(kReserved, key) != std::end(kReserved)) continue;
    out += ',';
    codec::append_json_string(out, key);
    out += ':';
    value.dump_to(out);
  }
}

std::string token_response_json(const TokenResponse& response) {
  std::string out;
  out.reserve(160 + response.access_token.size() + response.id_token.size() + response.scope.size());
  out += R"({"access_token":)";
  codec::append_json_string(out, response.access_token);
  out += R"(,"token_type":)";
  codec::append_json_string(out, response.token_type);
  out += R"(,"expires_in":)";
  codec::append_number(out, response.expires_in);
  out += R"(,"scope":)";
  codec::append_json_string(out, response.scope);
  if (!response.refresh_token.empty()) {
    out += R"(,"refresh_token":)";
    codec::append_json_string(out, response.refresh_token);
  }
  if (!response.id_token.empty()) {
    out += R"(,"id_token":)";
    codec::append_json_string(out, response.id_token);
  }
  if (response.context != nullptr) append_context_members(out, *response.context);
  out += '}';
  return out;
}

}  // namespace mitral::spec::oauth
