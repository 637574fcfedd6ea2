#include "flow/client_keys.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"

namespace mitral::flow {
namespace {

std::unexpected<Error> no_keys(std::string_view why) { return fail(ErrorCode::crypto_failed, {}, std::string(why)); }

}  // namespace

Task<Result<std::shared_ptr<const jose::JwkSet>>> ClientKeys::get(std::string url, std::optional<std::string> kid,
                                                                  jose::SignAlg alg, Instant now) {
  std::shared_ptr<const jose::JwkSet> known;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = entries_.find(url); it != entries_.end()) {
      known = it->second.keys;
      const bool may_fetch = now >= it->second.fetched + limits::kJwksRefetchMin;
      const bool fits = known != nullptr && known->find_verification_key(kid, alg).has_value();
      if (fits && now < it->second.fresh_until) co_return known;
      // Keys that fit but may no longer be kept are fetched again, however soon that is: Cache-Control is the client's
      // word. Guesses at kids, and a URL that does not answer, wait for the URL's minute (threat J-23).
      if (!fits && !may_fetch) co_return no_keys("no such key, and jwks_uri was fetched less than a minute ago");
    }
    if (entries_.size() >= limits::kJwksCacheEntries && !entries_.contains(url)) {
      entries_.erase(std::ranges::min_element(entries_, {}, [](const auto& e) { return e.second.fetched; }));
    }
    // Set before the fetch: a hundred requests with unknown kids lead to one fetch, not to a hundred.
    Entry& entry = entries_[url];
    entry.fetched = now;
  }

  metrics_.jwks_fetches.add();
  auto document = co_await fetcher_.get(url, limits::kJwksMax);
  std::shared_ptr<const jose::JwkSet> keys;
  Duration fresh{};
  if (document) {
    fresh =
        std::min<Duration>(std::chrono::seconds(std::max<std::int64_t>(document->max_age_s, 0)), limits::kJwksCacheMax);
    if (auto parsed = jose::JwkSet::parse(std::string_view(document->body))) {
      keys = std::make_shared<const jose::JwkSet>(std::move(*parsed));
    } else {
      log::warn("client.jwks_unusable", {{"reason", parsed.error().detail}});
    }
  } else {
    log::warn("client.jwks_fetch_failed", {{"reason", document.error().detail}});
  }
  if (keys == nullptr) metrics_.jwks_fetch_failures.add();
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[url];
    entry.fetched = now;
    // A failed fetch does not take away keys that were good until now; they still end with their freshness.
    if (keys != nullptr) {
      entry.keys = keys;
      entry.fresh_until = now + fresh;
    } else if (now >= entry.fresh_until) {
      entry.keys = nullptr;
    }
  }
  if (keys == nullptr) co_return no_keys("jwks_uri could not be read");
  co_return keys;
}

}  // namespace mitral::flow
