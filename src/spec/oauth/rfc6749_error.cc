#include "spec/oauth/rfc6749_error.h"

namespace mitral::spec::oauth {

std::string error_json(const Error& error) {
  // Neither text needs escaping: wire names are plain, ClientText excludes quote and backslash at compile time.
  std::string out = R"({"error":")";
  out += wire_name(error.code);
  if (!error.client.empty()) {
    out += R"(","error_description":")";
    out += error.client.view();
  }
  out += "\"}";
  return out;
}

}  // namespace mitral::spec::oauth
