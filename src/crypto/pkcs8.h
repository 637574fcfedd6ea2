// PKCS#8: the components of a private key from its usual DER form (RFC 5208 §5; RFC 8017 §A.1.2; RFC 5915 §3).
//
// OpenSSL finds out which of its decoders fits a key by trying them, and making them ready costs milliseconds at the
// start of a program. What this program itself writes has one form, which is read here in microseconds.
//
// Limits: RSA with two primes, EC on a named NIST curve with its public point. Errors: nothing for any other form or a
// byte out of place; the caller may still ask OpenSSL. What is read is not checked: PrivateKey::from_components() does.
// Thread rules: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/key.h"

namespace mitral::crypto {

[[nodiscard]] std::optional<PrivateComponents> usual_pkcs8(std::string_view der);

}  // namespace mitral::crypto
