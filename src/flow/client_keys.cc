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
  bool must_wait = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = entries_.find(url); it != entries_.end()) {
      Entry& entry = it->second;
      const bool fits = entry.keys != nullptr && entry.keys->find_verification_key(kid, alg).has_value();
      if (fits && now < entry.fresh_until) co_return entry.keys;
      // Keys that fit but may no longer be kept are fetched again, however soon that is: Cache-Control is the client's
      // word. Guesses at kids, and a URL that does not answer, wait for the URL's minute (threat J-23).
      const bool may_fetch = now >= entry.fetched + limits::kJwksRefetchMin;
      must_wait = entry.fetching;
      if (!must_wait && !fits && !may_fetch)
        co_return no_keys("no such key, and jwks_uri was fetched less than a minute ago");
    } else if (entries_.size() >= limits::kJwksCacheEntries) {
      const auto oldest = std::ranges::min_element(
          entries_, {}, [](const auto& e) { return std::pair(e.second.fetching, e.second.fetched); });
      if (oldest->second.fetching) co_return no_keys("too many key sets are being fetched");
      entries_.erase(oldest);
    }
    if (!must_wait) {
      // Set before the fetch: a hundred requests with unknown kids lead to one fetch, not to a hundred.
      Entry& entry = entries_[url];
      entry.fetched = now;
      entry.fetching = true;
    }
  }
  if (must_wait) co_return co_await after_fetch(std::move(url), std::move(kid), alg);
  co_return co_await fetch(std::move(url), now);
}

// What another request is fetching at this moment is fresh enough for this one.
Task<Result<std::shared_ptr<const jose::JwkSet>>> ClientKeys::after_fetch(std::string url,
                                                                          std::optional<std::string> kid,
                                                                          jose::SignAlg alg) {
  Completion<bool> over;
  over.start = [this, &url](std::function<void(bool)> resume) {
    bool ended = true;
    {
      const std::lock_guard lock(mutex_);
      const auto it = entries_.find(url);
      if (it != entries_.end() && it->second.fetching) {
        ended = false;
        if (it->second.waiting.size() < limits::kJwksWaitersMax) {
          it->second.waiting.push_back(std::move(resume));
          return;
        }
      }
    }
    resume(ended);
  };
  const bool ended = co_await over;
  if (!ended) co_return no_keys("too many wait for this key set");
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(url);
  if (it == entries_.end() || it->second.keys == nullptr || !it->second.keys->find_verification_key(kid, alg))
    co_return no_keys("no such key in the set that was just fetched");
  co_return it->second.keys;
}

Task<Result<std::shared_ptr<const jose::JwkSet>>> ClientKeys::fetch(std::string url, Instant now) {
  metrics_.jwks_fetches.add();
  std::shared_ptr<const jose::JwkSet> keys;
  Duration fresh{};
  try {
    auto document = co_await fetcher_.get(url, limits::kJwksMax);
    if (document) {
      fresh = std::min<Duration>(std::chrono::seconds(std::max<std::int64_t>(document->max_age_s, 0)),
                                 limits::kJwksCacheMax);
      if (auto parsed = jose::JwkSet::parse(std::string_view(document->body))) {
        keys = std::make_shared<const jose::JwkSet>(std::move(*parsed));
      } else {
        log::warn("client.jwks_unusable", {{"reason", parsed.error().detail}});
      }
    } else {
      log::warn("client.jwks_fetch_failed", {{"reason", document.error().detail}});
    }
  } catch (const std::exception& e) {
    // Whoever waits must not wait for ever.
    log::warn("client.jwks_fetch_failed", {{"reason", e.what()}});
  }
  if (keys == nullptr) metrics_.jwks_fetch_failures.add();
  end_fetch(url, keys, now, fresh);
  if (keys == nullptr) co_return no_keys("jwks_uri could not be read");
  co_return keys;
}

void ClientKeys::end_fetch(const std::string& url, const Keys& keys, Instant now, Duration fresh) {
  std::vector<std::function<void(bool)>> waiting;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[url];
    entry.fetched = now;
    entry.fetching = false;
    // A failed fetch does not take away keys that were good until now; they still end with their freshness.
    if (keys != nullptr) {
      entry.keys = keys;
      entry.fresh_until = now + fresh;
    } else if (now >= entry.fresh_until) {
      entry.keys = nullptr;
    }
    waiting.swap(entry.waiting);
  }
  for (auto& resume : waiting) resume(true);
}

}  // namespace mitral::flow
