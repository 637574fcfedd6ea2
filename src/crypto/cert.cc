#include "crypto/cert.h"

#include <openssl/x509.h>

#include "base/limits.h"
#include "crypto/hash.h"
#include "crypto/internal.h"

namespace mitral::crypto {

Hash256 certificate_thumbprint(std::string_view der) noexcept { return sha256(der); }

Result<PublicKey> certificate_public_key(std::string_view der) {
  if (der.size() > limits::kCertificateMax) return fail(ErrorCode::too_large);
  const unsigned char* cursor = bytes(der);
  const std::unique_ptr<X509, Freer<X509_free>> certificate(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  if (!certificate || cursor != bytes(der) + der.size()) {
    ERR_clear_error();
    return fail(ErrorCode::malformed, {}, "not a certificate");
  }
  unsigned char* spki = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &spki);
  if (size <= 0) return crypto_failure("certificate without a key");
  const std::string copy(reinterpret_cast<const char*>(spki), static_cast<std::size_t>(size));  // NOLINT
  OPENSSL_free(spki);
  return PublicKey::from_spki_der(copy);
}

}  // namespace mitral::crypto
