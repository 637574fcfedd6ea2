// ClientKeys: the JWK sets behind clients' jwks_uri, fetched through ports::Fetcher and remembered.
//
// A set is kept as long as the answer's Cache-Control allows, at most limits::kJwksCacheMax, and fetched again at each
// use after that (no-store: each time). A kid that is not in the set, or a failed fetch, leads to at most one new fetch
// per URL and limits::kJwksRefetchMin (threat J-23). Requests that come while a URL is being fetched wait for that one
// fetch. Memory is bounded by limits::kJwksCacheEntries.
//
// Errors: crypto_failed when the set can't be had or does not parse; the detail says why, the client is told nothing.
// Thread rules: any thread; a lock is held for a map lookup only, never while fetching.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "flow/metrics.h"
#include "jose/jwk.h"
#include "ports/outside.h"

namespace mitral::flow {

class ClientKeys {
 public:
  ClientKeys(ports::Fetcher& fetcher, Metrics& metrics) noexcept : fetcher_(fetcher), metrics_(metrics) {}

  /// The set, from memory when it is fresh and has a key for (kid, alg); else fetched, if the URL's minute allows.
  [[nodiscard]] Task<Result<std::shared_ptr<const jose::JwkSet>>> get(std::string url, std::optional<std::string> kid,
                                                                      jose::SignAlg alg, Instant now);

 private:
  struct Entry {
    std::shared_ptr<const jose::JwkSet> keys;  ///< nullptr: the last fetch failed
    Instant fresh_until;
    Instant fetched;
    bool fetching = false;
    std::vector<std::function<void(bool)>> waiting;  ///< for the fetch to end
  };
  using Keys = std::shared_ptr<const jose::JwkSet>;
  [[nodiscard]] Task<Result<Keys>> after_fetch(std::string url, std::optional<std::string> kid, jose::SignAlg alg);
  [[nodiscard]] Task<Result<Keys>> fetch(std::string url, Instant now);
  void end_fetch(const std::string& url, const Keys& keys, Instant now, Duration fresh);
  ports::Fetcher& fetcher_;
  Metrics& metrics_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace mitral::flow
