#include "spec/oauth/rfc9126_par.h"

#include "codec/json.h"

namespace mitral::spec::oauth {

Result<void> check_pushed(const codec::Form& form) {
  if (form.has("request_uri")) return fail(ErrorCode::invalid_request, "request_uri must not be pushed");
  if (form.has("request")) return fail(ErrorCode::request_not_supported, "Request objects are not supported");
  return {};
}

std::vector<std::pair<std::string, std::string>> pushed_parameters(const codec::Form& form) {
  std::vector<std::pair<std::string, std::string>> out;
  out.reserve(form.size());
  for (const auto& [name, value] : form.list()) {
    if (name == "client_secret" || name == "client_assertion" || name == "client_assertion_type") continue;
    out.emplace_back(name, value);
  }
  return out;
}

std::string pushed_response_json(std::string_view request_uri, std::int64_t expires_in) {
  return codec::Json::object({{"request_uri", request_uri}, {"expires_in", expires_in}}).dump();
}

}  // namespace mitral::spec::oauth
