#include "spec/oauth/rfc8707_resource.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/uri.h"

namespace mitral::spec::oauth {

Result<std::vector<std::string_view>> resources_of(const codec::Form& form) {
  std::vector<std::string_view> out;
  for (const std::string_view value : form.all("resource")) {
    if (value.size() > limits::kUrlMax || !codec::is_absolute_uri(value)) {
      return fail(ErrorCode::invalid_target, "resource is not an absolute URI without fragment");
    }
    if (std::ranges::find(out, value) != out.end()) continue;
    if (out.size() == limits::kResourcesMax) return fail(ErrorCode::invalid_target, "Too many resources");
    out.push_back(value);
  }
  return out;
}

}  // namespace mitral::spec::oauth
