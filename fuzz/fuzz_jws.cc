// JWS and JWT parsing of anything at all. What parses must be compact, under its cap, and not verify under a stranger's
// key.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "crypto/key.h"
#include "jose/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitral;
  static const crypto::PrivateKey stranger = crypto::PrivateKey::generate(crypto::KeyKind::p256).value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(jose::parse_claims(text));
  const auto jws = jose::Jws::parse(text, jose::kAllSignAlgs);
  if (!jws) return 0;
  if (text.size() > limits::kJoseCompactMax) std::abort();
  if (jws->verify(stranger.public_key())) std::abort();
  if (const auto claims = jose::parse_claims(jws->unverified_payload())) {
    jose::Validation expected;
    expected.typs = {"", "JWT", "at+jwt"};
    static_cast<void>(jose::validate(jws->header(), *claims, expected));
  }
  return 0;
}
