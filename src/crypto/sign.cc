#include "crypto/sign.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <optional>

#include "crypto/hash.h"
#include "crypto/internal.h"

namespace mitral::crypto {

namespace {

enum class Operation : std::uint8_t { sign, verify };

bool is_pss(SignAlg alg) noexcept { return alg == SignAlg::ps256 || alg == SignAlg::ps384 || alg == SignAlg::ps512; }

const EVP_MD* md_of(SignAlg alg) noexcept {
  switch (alg) {
    case SignAlg::rs256:
    case SignAlg::ps256:
    case SignAlg::es256: return algorithms().sha256;
    case SignAlg::rs384:
    case SignAlg::ps384:
    case SignAlg::es384: return algorithms().sha384;
    case SignAlg::rs512:
    case SignAlg::ps512:
    case SignAlg::es512: return algorithms().sha512;
    case SignAlg::eddsa:
    case SignAlg::ed25519: return nullptr;
  }
  return nullptr;
}

/// The message hashed into a buffer on the stack.
struct Hashed {
  std::array<std::uint8_t, 64> bytes{};
  std::size_t size = 0;
  Hashed(SignAlg alg, std::string_view data) noexcept {
    const EVP_MD* md = md_of(alg);
    if (md == algorithms().sha256) {
      store(sha256(data));
    } else if (md == algorithms().sha384) {
      store(sha384(data));
    } else {
      store(sha512(data));
    }
  }

 private:
  template <std::size_t N>
  void store(const std::array<std::uint8_t, N>& hash) noexcept {
    std::copy(hash.begin(), hash.end(), bytes.begin());
    size = N;
  }
};

PkeyCtxPtr prepare(EVP_PKEY* key, SignAlg alg, KeyKind kind, Operation operation) {
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  EVP_PKEY_CTX* ctx = context.get();
  if (ctx == nullptr) return nullptr;
  if ((operation == Operation::sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) != 1) return nullptr;
  if (kind == KeyKind::rsa) {
    const int padding = is_pss(alg) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, md_of(alg)) != 1)
      return nullptr;
    if (is_pss(alg) && (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md_of(alg)) != 1 ||
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1)) {
      return nullptr;
    }
  }
  return context;
}

/// Contexts of the keys this thread used last. Preparing one costs as much as a P-256 signature.
class ContextCache {
 public:
  EVP_PKEY_CTX* get(std::uint64_t id, EVP_PKEY* key, SignAlg alg, KeyKind kind, Operation operation) {
    Slot* oldest = slots_.data();
    for (Slot& slot : slots_) {
      if (slot.context && slot.id == id && slot.alg == alg && slot.operation == operation) {
        slot.tick = ++tick_;
        return slot.context.get();
      }
      if (slot.tick < oldest->tick) oldest = &slot;
    }
    *oldest = Slot{id, ++tick_, alg, operation, prepare(key, alg, kind, operation)};
    return oldest->context.get();
  }
  void drop(const EVP_PKEY_CTX* context) noexcept {
    for (Slot& slot : slots_) {
      if (slot.context.get() == context) slot = Slot{};
    }
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    std::uint64_t tick = 0;
    SignAlg alg = SignAlg::es256;
    Operation operation = Operation::sign;
    PkeyCtxPtr context;
  };
  std::array<Slot, 32> slots_{};
  std::uint64_t tick_ = 0;
};

ContextCache& cache() {
  thread_local ContextCache instance;
  return instance;
}

// --- ECDSA: DER inside OpenSSL, r || s outside (RFC 7518 §3.4) ---

using EcdsaSig = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

Result<std::string> p1363_from_der(std::string_view der, std::size_t size) {
  const unsigned char* cursor = bytes(der);
  const EcdsaSig signature(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
  std::string out(2 * size, '\0');
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes(out), static_cast<int>(size)) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes(out) + size, static_cast<int>(size)) < 0) {
    return crypto_failure("ECDSA");
  }
  return out;
}

/// 1 <= number < order. Both are public and of one size.
bool in_range(std::string_view number, std::string_view order) noexcept {
  return number.find_first_not_of('\0') != std::string_view::npos && number.compare(order) < 0;
}

void append_der_integer(std::string& out, std::string_view number) {
  number.remove_prefix(std::min(number.find_first_not_of('\0'), number.size() - 1));
  const bool high = (static_cast<unsigned char>(number.front()) & 0x80) != 0;
  out += '\x02';
  out += static_cast<char>(number.size() + (high ? 1 : 0));
  if (high) out += '\0';
  out += number;
}

/// DER of r || s; nullopt unless the size is exact and both lie in 1..n-1 (J-7).
std::optional<std::string> der_from_p1363(std::string_view signature, KeyKind kind) {
  const std::string_view order = curve_order(kind);
  if (signature.size() != 2 * order.size()) return std::nullopt;
  const std::string_view r = signature.substr(0, order.size());
  const std::string_view s = signature.substr(order.size());
  // Unsigned comparison: std::string_view compares as char_traits does, that is as unsigned char.
  if (!in_range(r, order) || !in_range(s, order)) return std::nullopt;
  std::string body;
  append_der_integer(body, r);
  append_der_integer(body, s);
  std::string der(1, '\x30');
  if (body.size() > 127) der += '\x81';
  der += static_cast<char>(body.size());
  return der + body;
}

// --- Ed25519: takes the message itself ---

EVP_MD_CTX* md_context() {
  thread_local const MdCtxPtr context(EVP_MD_CTX_new());
  if (!context || EVP_MD_CTX_reset(context.get()) != 1) die("EdDSA");
  return context.get();
}

Result<std::string> sign_ed25519(EVP_PKEY* key, std::string_view data) {
  EVP_MD_CTX* ctx = md_context();
  std::string out(64, '\0');
  std::size_t size = out.size();
  if (EVP_DigestSignInit_ex(ctx, nullptr, nullptr, nullptr, nullptr, key, nullptr) != 1 ||
      EVP_DigestSign(ctx, bytes(out), &size, bytes(data), data.size()) != 1 || size != out.size()) {
    return crypto_failure("EdDSA");
  }
  return out;
}

Result<> verify_ed25519(EVP_PKEY* key, std::string_view data, std::string_view signature) {
  EVP_MD_CTX* ctx = md_context();
  if (signature.size() != 64 || EVP_DigestVerifyInit_ex(ctx, nullptr, nullptr, nullptr, nullptr, key, nullptr) != 1 ||
      EVP_DigestVerify(ctx, bytes(signature), signature.size(), bytes(data), data.size()) != 1) {
    return crypto_failure("signature");
  }
  return {};
}

}  // namespace

bool fits(SignAlg alg, KeyKind kind) noexcept {
  switch (alg) {
    case SignAlg::rs256:
    case SignAlg::rs384:
    case SignAlg::rs512:
    case SignAlg::ps256:
    case SignAlg::ps384:
    case SignAlg::ps512: return kind == KeyKind::rsa;
    case SignAlg::es256: return kind == KeyKind::p256;
    case SignAlg::es384: return kind == KeyKind::p384;
    case SignAlg::es512: return kind == KeyKind::p521;
    case SignAlg::eddsa:
    case SignAlg::ed25519: return kind == KeyKind::ed25519;
  }
  return false;
}

Result<std::string> sign(const PrivateKey& key, SignAlg alg, std::string_view data) {
  const KeyKind kind = key.kind();
  if (!fits(alg, kind)) return crypto_failure("algorithm does not fit the key");
  const PrivateKey::Impl& impl = key.impl();
  if (kind == KeyKind::ed25519) return sign_ed25519(impl.pkey.get(), data);
  EVP_PKEY_CTX* ctx = cache().get(impl.id, impl.pkey.get(), alg, kind, Operation::sign);
  if (ctx == nullptr) return crypto_failure("sign");
  const Hashed hash(alg, data);
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(impl.pkey.get())), '\0');
  std::size_t size = out.size();
  if (EVP_PKEY_sign(ctx, bytes(out), &size, hash.bytes.data(), hash.size) != 1) {
    cache().drop(ctx);
    return crypto_failure("sign");
  }
  out.resize(size);
  if (kind == KeyKind::rsa) return out;
  return p1363_from_der(out, coordinate_size(kind));
}

Result<> verify(const PublicKey& key, SignAlg alg, std::string_view data, std::string_view signature) {
  const KeyKind kind = key.kind();
  if (!fits(alg, kind)) return crypto_failure("algorithm does not fit the key");
  const PublicKey::Impl& impl = key.impl();
  if (kind == KeyKind::ed25519) return verify_ed25519(impl.pkey.get(), data, signature);

  std::optional<std::string> der;
  if (kind == KeyKind::rsa) {
    if (signature.size() != (key.bits() + 7) / 8) return crypto_failure("signature");
  } else {
    der = der_from_p1363(signature, kind);
    if (!der) return crypto_failure("signature");
    signature = *der;
  }
  PkeyCtxPtr fresh;
  EVP_PKEY_CTX* ctx = nullptr;
  if (impl.uses.fetch_add(1, std::memory_order_relaxed) == 0) {
    fresh = prepare(impl.pkey.get(), alg, kind, Operation::verify);
    ctx = fresh.get();
  } else {
    ctx = cache().get(impl.id, impl.pkey.get(), alg, kind, Operation::verify);
  }
  if (ctx == nullptr) return crypto_failure("verify");
  const Hashed hash(alg, data);
  const int verdict = EVP_PKEY_verify(ctx, bytes(signature), signature.size(), hash.bytes.data(), hash.size);
  if (verdict == 1) return {};
  if (verdict < 0 && !fresh) cache().drop(ctx);
  return crypto_failure("signature");
}

}  // namespace mitral::crypto
