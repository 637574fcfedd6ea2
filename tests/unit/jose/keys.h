// Keys and hand-made tokens for the JOSE tests: one key per kind and program run, and a way to sign any header, also a
// broken one.
#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "codec/base64url.h"
#include "codec/json.h"
#include "jose/jws.h"

namespace mitral::jose {

inline const crypto::PrivateKey& key_of(KeyKind kind) {
  static std::map<KeyKind, crypto::PrivateKey> keys;
  auto found = keys.find(kind);
  if (found == keys.end()) found = keys.emplace(kind, crypto::PrivateKey::generate(kind).value()).first;
  return found->second;
}

inline KeyKind kind_for(SignAlg alg) {
  for (KeyKind kind : {KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::ed25519}) {
    if (fits(alg, kind)) return kind;
  }
  return KeyKind::rsa;
}

inline const crypto::PrivateKey& key_for(SignAlg alg) { return key_of(kind_for(alg)); }

inline SigningKey signing_key(SignAlg alg, std::string kid = "k1") { return {std::move(kid), alg, key_for(alg)}; }

inline std::string b64(std::string_view text) { return codec::base64url_encode(text); }

/// A JWS with exactly this header text, rightly signed with the key of ES256.
inline std::string token_with_header(std::string_view header, std::string_view payload = R"({"iss":"a"})") {
  const std::string input = b64(header) + "." + b64(payload);
  return input + "." + b64(crypto::sign(key_of(KeyKind::p256), SignAlg::es256, input).value());
}

inline KeyLookup always(const crypto::PrivateKey& key) {
  return [&key](const JwsHeader&) -> Result<crypto::PublicKey> { return key.public_key(); };
}

inline codec::Json json_of(std::string_view text) { return codec::Json::parse(text).value(); }

inline codec::Json rfc_vectors() {
  std::ifstream in(std::string(MITRAL_SOURCE_DIR) + "/tests/vectors/jose/rfc.json");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return json_of(text);
}

}  // namespace mitral::jose
