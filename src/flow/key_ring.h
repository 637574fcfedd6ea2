// KeyRing: the signing keys of every issuer in this process, as snapshots that requests read without a lock, and the
// job that rotates them.
//
// Per issuer: "token" keys in ES256 and RS256 (others when asked for), and one "audit" key in ES256 for the checkpoints
// of the audit chain. A new key is published limits::kKeyPublishLead before it signs and stays published until
// everything that it signed has expired (limits::kKeyRetain after it stopped), so no relying party ever meets an
// unknown kid. Private parts are stored wrapped by the master key (crypto/keywrap.h, purpose
// "signing-key:<issuer>:<kid>"), and wrapped anew when the master key has a newer generation. Many nodes that rotate at
// once make one key (KeyStore::add_key_once).
//
// Errors: unavailable from the store; crypto_failed when a stored key does not open: then the old snapshot stays.
// Thread rules: snapshot() from any thread; load() and tick() from one thread at a time, and not on an event loop that
// serves requests: making an RSA key takes up to a second.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "crypto/keywrap.h"
#include "flow/metrics.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "ports/stores.h"

namespace mitral::flow {

/// What a token signer's header says in "typ".
enum class TokenTyp : std::uint8_t { access_token, wrapped, id_token };
[[nodiscard]] std::string_view typ_text(TokenTyp typ) noexcept;

struct KeySnapshot {
  /// The key that signs now, with its header prepared; nullptr when the issuer has none of this algorithm.
  [[nodiscard]] const jose::JwsSigner* signer(jose::SignAlg alg, TokenTyp typ) const noexcept;
  /// Algorithms that sign now.
  jose::SignAlgs algs;
  /// Published keys: next, current and retired.
  jose::JwkSet published;
  /// The same as the body of jwks_uri, made once.
  std::string jwks_json;
  /// Signs checkpoints of the audit chain.
  std::optional<jose::SigningKey> audit;
  jose::JwkSet audit_published;

  struct Entry {
    jose::SignAlg alg;
    TokenTyp typ;
    jose::JwsSigner signer;
  };
  std::vector<Entry> signers;
  /// Which keys in which state: a tick that finds the same builds nothing.
  std::string fingerprint;
};

class KeyRing {
 public:
  KeyRing(ports::KeyStore& store, const crypto::MasterKeyRing& master, Clock& clock, Random& random, Metrics& metrics,
          std::vector<Issuer> issuers, jose::SignAlgs algs = {jose::SignAlg::es256, jose::SignAlg::rs256});

  /// Never nullptr after the first successful tick(); an empty snapshot before.
  [[nodiscard]] std::shared_ptr<const KeySnapshot> snapshot(const Issuer& issuer) const;
  /// Reads all keys, makes what is missing or due, and swaps the snapshots. At start, and then every minute or so.
  [[nodiscard]] Task<Result<void>> tick();
  /// Retires the current token keys at once and revokes them if asked: what they signed no longer verifies.
  [[nodiscard]] Task<Result<void>> rotate_now(Issuer issuer, bool revoke_old);

 private:
  struct Slot {
    Issuer issuer;
    std::atomic<std::shared_ptr<const KeySnapshot>> snapshot;
  };
  [[nodiscard]] Task<Result<void>> refresh(Slot& slot);
  /// Makes a key when the newest of (purpose, alg) is missing or near its end. True when something was written.
  [[nodiscard]] Task<Result<bool>> ensure(Issuer issuer, std::string purpose, jose::SignAlg alg,
                                          const std::vector<model::SigningKeyRecord>& records, Instant now);
  [[nodiscard]] Result<model::SigningKeyRecord> make_key(const Issuer& issuer, std::string purpose, jose::SignAlg alg,
                                                         Instant now, Instant active_from);
  /// Under the master key that seals now, so that older ones can be taken away. Did anything change?
  [[nodiscard]] Task<Result<bool>> reseal(const std::vector<model::SigningKeyRecord>& records);
  [[nodiscard]] Result<jose::SigningKey> open_key(const model::SigningKeyRecord& record) const;
  [[nodiscard]] Result<std::shared_ptr<const KeySnapshot>> build(const std::vector<model::SigningKeyRecord>& records,
                                                                 Instant now, std::string fingerprint) const;
  [[nodiscard]] Slot* slot(const Issuer& issuer) const noexcept;

  ports::KeyStore& store_;
  const crypto::MasterKeyRing& master_;
  Clock& clock_;
  Random& random_;
  Metrics& metrics_;
  jose::SignAlgs algs_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace mitral::flow
