// Certificates, as little as OAuth needs: the thumbprint that binds a token (RFC 8705 §3.1) and the key inside.
//
// No path is validated here: the TLS layer or a pinned proxy has done that, or the caller trusts nothing but the key.
// Limits: certificates up to limits::kCertificateMax bytes.
// Errors: malformed for bytes that are no certificate; crypto_failed for a key of a kind or size not allowed (key.h).
// Thread rules: any thread.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/key.h"

namespace mitral::crypto {

/// SHA-256 of the DER bytes: what "x5t#S256" holds before base64url.
[[nodiscard]] Hash256 certificate_thumbprint(std::string_view der) noexcept;
[[nodiscard]] Result<PublicKey> certificate_public_key(std::string_view der);

}  // namespace mitral::crypto
