#include <algorithm>

#include "base/limits.h"
#include "codec/uri.h"
#include "flow/authorization_request.h"

namespace mitral::flow {

struct RedirectStep {
  static VerifiedRedirect accept(const model::Client& client, std::string uri, bool sent) {
    return {client, std::move(uri), sent};
  }
};

Result<VerifiedRedirect> verify_redirect(const model::Client& client, const codec::Form& parameters,
                                         const policy::Profile& profile) {
  if (parameters.count("redirect_uri") > 1) return fail(ErrorCode::invalid_request, "redirect_uri is repeated");
  const auto presented = parameters.get("redirect_uri");
  if (!presented) {
    if (profile.redirect_uri_required || client.redirect_uris.size() != 1) {
      return fail(ErrorCode::invalid_request, "redirect_uri is missing");
    }
    return RedirectStep::accept(client, client.redirect_uris.front(), false);
  }
  const bool registered = presented->size() <= limits::kRedirectUriMax &&
                          std::ranges::any_of(client.redirect_uris, [&](const std::string& uri) {
                            return codec::equal_but_loopback_port(uri, *presented);
                          });
  if (!registered) return fail(ErrorCode::invalid_request, "redirect_uri is not registered for this client");
  return RedirectStep::accept(client, std::string(*presented), true);
}

}  // namespace mitral::flow
