// TokenVerifier: from the text of an access token to what it permits, or to a refusal. Fails closed.
//
// Formats: jwt (RFC 9068 at+jwt, signature checked here), wrapped (typ wrapped+jwt: signature, issuer, audience and
// expiry checked here, everything else by introspection), opaque ("mat_", introspection). Anything else, an ID token or
// an unknown typ included, is no access token (threat S-25, J-5).
//
// A verified token is remembered under SHA-256(audience, token) and believed while it has not expired, the revocation
// list does not name it, the feed was heard within kFeedSilence, and nothing newer said that facts may be old.
// Otherwise the authorization server is asked again; when it can't answer, nobody gets in (unavailable). A token bound
// to a key (cnf) is refused: its proof can't be checked here, and it is no bearer token (RFC 9449 §7.2). A jwt without
// the launch context that its scopes need is completed by introspection.
//
// Tokens of an issuer of another make (Config::foreign): JWTs of the typs that are configured, or anything that its
// introspection calls active; believed for a configured short time, since nobody tells of revocations.
//
// One caller's address has at most kIntrospectionsPerAddressMax introspections in hand (threat W-32).
//
// Errors: invalid_token; unavailable when the authorization server is needed and can't answer.
// Limits: kTokenCacheMax, kIntrospectionsInFlightMax, kJoseCompactMax. Thread rules: any thread.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "gateway/address_shares.h"
#include "gateway/feed_follower.h"
#include "gateway/issuer_link.h"
#include "gateway/refreshed.h"
#include "gateway/revocation_list.h"
#include "jose/jwt.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {

/// What was made of a token for others, to be used again while it lives (phantom.h).
struct TokenNotes {
  std::mutex mutex;
  std::string phantom;
  Instant phantom_until;
};

struct VerifiedToken {
  policy::Access access;
  std::string client, subject, grant, jti;
  std::string patient;    ///< launch context
  std::string scope;      ///< text
  std::string fhir_user;  ///< as the token says
  std::string purpose;    ///< HL7 v3 PurposeOfUse, or empty
  Hash256 scope_hash{};   ///< of the scope text: paging links are bound to it
  Instant issued, expires;
  std::shared_ptr<TokenNotes> notes = std::make_shared<TokenNotes>();

  [[nodiscard]] TokenNames names() const noexcept { return {jti, grant, client, subject, issued}; }
};
using TokenPtr = std::shared_ptr<const VerifiedToken>;

/// Remembered tokens by hash: shards with a lock each, oldest entries go first.
class TokenCache {
 public:
  struct Entry {
    TokenPtr token;
    Instant confirmed;  ///< the authorization server vouched for it then
  };
  explicit TokenCache(std::size_t capacity = limits::kTokenCacheMax) : shard_max_(capacity / kShards + 1) {}
  [[nodiscard]] Entry find(const Hash256& key) const;
  void put(const Hash256& key, Entry entry);
  void erase(const Hash256& key);
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct KeyHash {
    std::size_t operator()(const Hash256& key) const noexcept;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Hash256, Entry, KeyHash> entries;
    std::deque<Hash256> order;  ///< keys in the order they came; may name entries that are gone
  };
  [[nodiscard]] const Shard& shard(const Hash256& key) const noexcept { return shards_[key[31] % kShards]; }
  [[nodiscard]] Shard& shard(const Hash256& key) noexcept { return shards_[key[31] % kShards]; }

  std::array<Shard, kShards> shards_;
  std::size_t shard_max_;
};

class TokenVerifier {
 public:
  TokenVerifier(const Config& config, const IssuerLink& issuer, Metrics& metrics, const Clock& clock);

  /// `address` of the caller, for her share of introspections.
  [[nodiscard]] Task<Result<TokenPtr>> verify(std::string_view token, std::string_view address = {});
  /// The feed to be followed; it empties what this verifier believes.
  [[nodiscard]] FeedFollower& feed() noexcept { return feed_; }
  /// What revokes tokens is being heard, or there is nothing to hear.
  /// Nothing was heard against a token that was verified before, and it would have been heard. For answers that take
  /// longer than a revocation may; expiry does not end what was begun in time.
  [[nodiscard]] bool still_good(const VerifiedToken& token) const {
    return ready(clock_.now()) && !revoked_.revoked(token.names());
  }
  [[nodiscard]] bool ready(Instant now) const noexcept { return !follows_feed() || feed_.trusted(now); }
  [[nodiscard]] bool follows_feed() const noexcept { return foreign_.kind == IssuerKind::mitral; }
  [[nodiscard]] const TokenCache& cache() const noexcept { return cache_; }

 private:
  struct Local {
    std::optional<TokenPtr> complete;  ///< a jwt that needs nobody's help
    std::string jti, client, subject;  ///< introspection must say the same, where given
    std::int64_t expires = 0;          ///< of the JWT; 0: unknown
  };
  [[nodiscard]] Task<Result<Local>> check_locally(std::string_view token, Instant now);
  [[nodiscard]] Task<Result<Local>> check_foreign(std::string_view token, Instant now);
  [[nodiscard]] Task<Result<jose::VerifiedJws>> verify_signature(const jose::Jws& jws);
  [[nodiscard]] Task<Result<TokenPtr>> confirm(std::string token, std::string address, Local local, const Hash256& key);
  [[nodiscard]] Result<TokenPtr> token_of(const codec::Json& claims, Instant now, Instant latest,
                                          bool purpose_vouched) const;
  [[nodiscard]] bool believable(const TokenCache::Entry& entry, Instant now) const;

  std::string issuer_name_, audience_, own_base_;
  const ForeignRules foreign_;
  std::shared_ptr<const policy::DataPolicy> data_policy_;
  const IssuerLink& issuer_;
  Metrics& metrics_;
  const Clock& clock_;
  RevocationList revoked_;
  Refreshed<jose::JwkSet> keys_;
  FeedFollower feed_;
  TokenCache cache_;
  std::atomic<std::size_t> asking_{0};
  AddressShares shares_{limits::kIntrospectionsPerAddressMax};
};

}  // namespace mitral::gateway
