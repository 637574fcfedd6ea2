#include "jose/keyset.h"

namespace mitral::jose {

Result<> SigningKeySet::add(SigningKey key, KeyState state) {
  if (!fits(key.alg, key.key.kind()))
    return fail(ErrorCode::crypto_failed, {}, "signing key does not fit its algorithm");
  if (!valid_kid(key.kid)) return fail(ErrorCode::config_invalid, {}, "kid of a signing key");
  for (const Entry& entry : entries_) {
    if (entry.key.kid == key.kid) return fail(ErrorCode::conflict, {}, "kid of a signing key used twice");
  }
  MITRAL_CHECK(
      published_.add(Jwk::from_key(key.key.public_key(), key.kid, std::string(alg_name(key.alg)), KeyUse::sig)));
  entries_.push_back({std::move(key), state});
  return {};
}

Result<const SigningKey*> SigningKeySet::current(SignAlg alg) const {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->state == KeyState::current && entry->key.alg == alg) return &entry->key;
  }
  return fail(ErrorCode::not_found, {}, "no current signing key of this algorithm");
}

SignAlgs SigningKeySet::algs() const noexcept {
  SignAlgs out;
  for (const Entry& entry : entries_) {
    if (entry.state == KeyState::current) out.add(entry.key.alg);
  }
  return out;
}

}  // namespace mitral::jose
