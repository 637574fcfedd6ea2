// JWE parsing and decryption of anything at all. The keys are new with every run, so nothing in a corpus was encrypted
// to them and nothing may decrypt.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "crypto/key.h"
#include "jose/jwe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitral;
  static const crypto::PrivateKey rsa = crypto::PrivateKey::generate(crypto::KeyKind::rsa).value();
  static const crypto::PrivateKey p256 = crypto::PrivateKey::generate(crypto::KeyKind::p256).value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(jose::parse_jwe_header(text));
  const auto lookup = [](const jose::JweHeader& header) -> Result<crypto::PrivateKey> {
    return header.alg == jose::JweAlg::rsa_oaep_256 ? rsa : p256;
  };
  if (jose::decrypt_jwe(text, lookup) || jose::decrypt_nested(text, lookup)) std::abort();
  static_cast<void>(jose::compact_shape(text));
  return 0;
}
