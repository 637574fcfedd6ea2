// PageSealer: paging links that only their owner can use (threats S-12, W-30; HAPI FHIR #590).
//
// An upstream's "next" link is a bearer capability: whoever has it sees the page. Clients get a sealed one instead:
// AES-256-GCM over the upstream target and everything that it was judged by, bound to client, user, grant, patient and
// scopes of the token, and short-lived. At use the request is decided again, and every resource of the page judged
// again.
//
// Limits: kPageLinkMax, kPageLinkLifetime. Errors: nullopt for every link that is not good, without a reason.
// Thread rules: immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/secret.h"
#include "base/time.h"
#include "gateway/token_verifier.h"

namespace mitral::gateway {

struct Page {
  std::string path;    ///< below the public base, of the request that began it: "/Observation"
  std::string query;   ///< the client's own parameters, to be decided anew
  std::string target;  ///< below the upstream base: "/Observation?_page=2"
};

class PageSealer {
 public:
  /// `key` has 32 bytes.
  PageSealer(Secret key, std::string audience, Random& random)
      : key_(std::move(key)), audience_(std::move(audience)), random_(random) {}

  /// nullopt when it would be longer than kPageLinkMax.
  [[nodiscard]] std::optional<std::string> seal(const Page& page, const VerifiedToken& token, Instant now) const;
  [[nodiscard]] std::optional<Page> open(std::string_view sealed, const VerifiedToken& token, Instant now) const;

 private:
  Secret key_;
  std::string audience_;
  Random& random_;
};

}  // namespace mitral::gateway
