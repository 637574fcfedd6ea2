#include "crypto/key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <bit>
#include <climits>
#include <optional>
#include <vector>

#include "base/limits.h"
#include "crypto/internal.h"
#include "crypto/pkcs8.h"

namespace mitral::crypto {

namespace {

// BN_clear_free for all of them: a number may be private, and the public ones are few.
using Bn = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;

const char* type_name(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::rsa: return "RSA";
    case KeyKind::ed25519: return "ED25519";
    case KeyKind::p256:
    case KeyKind::p384:
    case KeyKind::p521: return "EC";
  }
  return "";
}

const char* group_name(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::p256: return "P-256";
    case KeyKind::p384: return "P-384";
    case KeyKind::p521: return "P-521";
    case KeyKind::rsa:
    case KeyKind::ed25519: return "";
  }
  return "";
}

bool is_ec(KeyKind kind) noexcept { return kind == KeyKind::p256 || kind == KeyKind::p384 || kind == KeyKind::p521; }

Bn to_bn(std::string_view number) {
  if (number.size() > INT_MAX) return nullptr;
  return Bn(BN_bin2bn(bytes(number), static_cast<int>(number.size()), nullptr));
}

std::string from_bn(const BIGNUM* number) {
  std::string out(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, bytes(out));
  return out;
}

/// Key material as EVP wants it. What the builder points to must outlive build().
class KeyParams {
 public:
  KeyParams() : builder_(OSSL_PARAM_BLD_new()), ok_(builder_ != nullptr) {}
  void text(const char* name, const char* value) {
    ok_ = ok_ && OSSL_PARAM_BLD_push_utf8_string(builder_.get(), name, value, 0) == 1;
  }
  void octets(const char* name, std::string_view value) {
    ok_ = ok_ && OSSL_PARAM_BLD_push_octet_string(builder_.get(), name, value.data(), value.size()) == 1;
  }
  void number(const char* name, std::string_view value) {
    numbers_.push_back(to_bn(value));
    ok_ = ok_ && numbers_.back() && OSSL_PARAM_BLD_push_BN(builder_.get(), name, numbers_.back().get()) == 1;
  }
  [[nodiscard]] PkeyPtr build(KeyKind kind, int selection) const {
    if (!ok_) return nullptr;
    const Params params(OSSL_PARAM_BLD_to_param(builder_.get()));
    EVP_PKEY_CTX* context = context_of(kind);
    EVP_PKEY* key = nullptr;
    if (!params || context == nullptr || EVP_PKEY_fromdata(context, &key, selection, params.get()) != 1) return nullptr;
    return PkeyPtr(key);
  }

 private:
  // One prepared context per thread and type: a DPoP proof brings its key with every request.
  static EVP_PKEY_CTX* context_of(KeyKind kind) {
    thread_local std::array<PkeyCtxPtr, 3> contexts;
    PkeyCtxPtr& context = contexts[kind == KeyKind::rsa ? 0 : is_ec(kind) ? 1 : 2];
    if (!context) {
      context.reset(EVP_PKEY_CTX_new_from_name(nullptr, type_name(kind), nullptr));
      if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) context.reset();
    }
    return context.get();
  }

  ParamBuilder builder_;
  std::vector<Bn> numbers_;
  bool ok_;
};

bool has_leading_zero(std::string_view number) noexcept { return !number.empty() && number.front() == '\0'; }

std::size_t bit_length(std::string_view number) noexcept {
  if (number.empty()) return 0;
  return (number.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(static_cast<unsigned char>(number.front())));
}

/// J-9: before any arithmetic, so that a monstrous number costs nothing.
bool rsa_numbers_allowed(std::string_view n, std::string_view e) noexcept {
  if (n.empty() || e.empty() || has_leading_zero(n) || has_leading_zero(e)) return false;
  if (n.size() > limits::kRsaBitsMax / 8 || e.size() > 8) return false;
  const std::size_t size = bit_length(n);
  if (size < limits::kRsaBitsMin || size > limits::kRsaBitsMax) return false;
  if ((n.back() & 1) == 0 || (e.back() & 1) == 0) return false;
  return bit_length(e) >= 17;  // odd and of 17 bits or more: 65537 at least
}

std::string uncompressed_point(const PublicComponents& parts) { return std::string(1, '\x04') + parts.x + parts.y; }

Result<> check_shape(const PublicComponents& parts) {
  if (parts.kind == KeyKind::rsa) {
    if (!rsa_numbers_allowed(parts.n, parts.e)) return crypto_failure("RSA modulus or exponent not allowed");
    return {};
  }
  const std::size_t size = coordinate_size(parts.kind);
  if (parts.x.size() != size || parts.y.size() != (is_ec(parts.kind) ? size : 0)) {
    return crypto_failure("coordinates of another size than the curve's");
  }
  return {};
}

void add_public(KeyParams& params, const PublicComponents& parts, std::string& point) {
  if (parts.kind == KeyKind::rsa) {
    params.number(OSSL_PKEY_PARAM_RSA_N, parts.n);
    params.number(OSSL_PKEY_PARAM_RSA_E, parts.e);
  } else if (is_ec(parts.kind)) {
    point = uncompressed_point(parts);
    params.text(OSSL_PKEY_PARAM_GROUP_NAME, group_name(parts.kind));
    params.octets(OSSL_PKEY_PARAM_PUB_KEY, point);
  } else {
    params.octets(OSSL_PKEY_PARAM_PUB_KEY, parts.x);
  }
}

std::optional<std::string> number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return std::nullopt;
  const Bn number(raw);
  return from_bn(number.get());
}

std::optional<std::string> padded_number_of(const EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return std::nullopt;
  const Bn number(raw);
  std::string out(size, '\0');
  if (BN_bn2binpad(number.get(), bytes(out), static_cast<int>(size)) < 0) return std::nullopt;
  return out;
}

std::optional<KeyKind> kind_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return KeyKind::rsa;
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyKind::ed25519;
  if (EVP_PKEY_is_a(key, "EC") != 1) return std::nullopt;
  // A key that spells out its curve can claim a base point of its own making (RFC 5480 §2.1.1 forbids it).
  int explicit_curve = 1;
  if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_curve) != 1 ||
      explicit_curve != 0) {
    return std::nullopt;
  }
  char group[64] = {};
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, nullptr) != 1)
    return std::nullopt;
  const std::string_view name = group;
  if (name == "prime256v1" || name == "P-256") return KeyKind::p256;
  if (name == "secp384r1" || name == "P-384") return KeyKind::p384;
  if (name == "secp521r1" || name == "P-521") return KeyKind::p521;
  return std::nullopt;
}

/// The components of a key that OpenSSL decoded. The caller builds the real key from them, which checks everything and
/// leaves behind what a decoder may have accepted besides.
Result<PublicComponents> public_parts(const EVP_PKEY* key) {
  const auto kind = kind_of(key);
  if (!kind) return crypto_failure("kind of key not supported");
  PublicComponents parts{.kind = *kind, .n = {}, .e = {}, .x = {}, .y = {}};
  bool ok = true;
  const auto take = [&ok](std::string& out, std::optional<std::string> value) {
    ok = ok && value.has_value();
    if (value) out = *std::move(value);
  };
  if (*kind == KeyKind::rsa) {
    take(parts.n, number_of(key, OSSL_PKEY_PARAM_RSA_N));
    take(parts.e, number_of(key, OSSL_PKEY_PARAM_RSA_E));
  } else if (is_ec(*kind)) {
    take(parts.x, padded_number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, coordinate_size(*kind)));
    take(parts.y, padded_number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, coordinate_size(*kind)));
  } else {
    std::string x(32, '\0');
    std::size_t size = x.size();
    ok = EVP_PKEY_get_raw_public_key(key, bytes(x), &size) == 1 && size == x.size();
    parts.x = std::move(x);
  }
  if (!ok) return crypto_failure("key without its public part");
  return parts;
}

Result<PrivateComponents> private_parts(const EVP_PKEY* key) {
  PrivateComponents parts;
  MITRAL_TRY(parts.pub, public_parts(key));
  bool ok = true;
  const auto take = [&ok](Secret& out, std::optional<std::string> value) {
    ok = ok && value.has_value();
    if (value) out = Secret(*std::move(value));
  };
  const KeyKind kind = parts.pub.kind;
  if (kind == KeyKind::rsa) {
    take(parts.d, number_of(key, OSSL_PKEY_PARAM_RSA_D));
    take(parts.p, number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1));
    take(parts.q, number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2));
    take(parts.dp, number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT1));
    take(parts.dq, number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT2));
    take(parts.qi, number_of(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1));
  } else if (is_ec(kind)) {
    take(parts.d, padded_number_of(key, OSSL_PKEY_PARAM_PRIV_KEY, coordinate_size(kind)));
  } else {
    std::string d(32, '\0');
    std::size_t size = d.size();
    ok = EVP_PKEY_get_raw_private_key(key, bytes(d), &size) == 1 && size == d.size();
    parts.d = Secret(std::move(d));
  }
  if (!ok) return crypto_failure("key without its private part");
  return parts;
}

/// Do the numbers of an RSA private key belong together? p q = n, d and its residues invert e, qi inverts q.
bool rsa_consistent(const PrivateComponents& parts) {
  for (const Secret* number : {&parts.d, &parts.p, &parts.q, &parts.dp, &parts.dq, &parts.qi}) {
    if (number->empty() || number->reveal().size() > limits::kRsaBitsMax / 8) return false;
  }
  const Bn n = to_bn(parts.pub.n), e = to_bn(parts.pub.e), d = to_bn(parts.d.reveal()), p = to_bn(parts.p.reveal());
  const Bn q = to_bn(parts.q.reveal()), dp = to_bn(parts.dp.reveal()), dq = to_bn(parts.dq.reveal());
  const Bn qi = to_bn(parts.qi.reveal()), p1(BN_new()), q1(BN_new()), t(BN_new());
  const std::unique_ptr<BN_CTX, Freer<BN_CTX_free>> ctx(BN_CTX_secure_new());
  if (!n || !e || !d || !p || !q || !dp || !dq || !qi || !p1 || !q1 || !t || !ctx) return false;
  if (BN_num_bits(p.get()) < 512 || BN_num_bits(q.get()) < 512) return false;
  BN_CTX* c = ctx.get();
  if (BN_sub(p1.get(), p.get(), BN_value_one()) != 1 || BN_sub(q1.get(), q.get(), BN_value_one()) != 1) return false;
  if (BN_mul(t.get(), p.get(), q.get(), c) != 1 || BN_cmp(t.get(), n.get()) != 0) return false;
  const auto inverts = [&](const BIGNUM* a, const BIGNUM* b, const BIGNUM* modulus) {
    return BN_mod_mul(t.get(), a, b, modulus, c) == 1 && BN_is_one(t.get()) == 1;
  };
  const auto residue = [&](const BIGNUM* expected, const BIGNUM* modulus) {
    return BN_nnmod(t.get(), d.get(), modulus, c) == 1 && BN_cmp(t.get(), expected) == 0;
  };
  return inverts(e.get(), d.get(), p1.get()) && inverts(e.get(), d.get(), q1.get()) && residue(dp.get(), p1.get()) &&
         residue(dq.get(), q1.get()) && inverts(qi.get(), q.get(), p.get());
}

/// Decoded keys pass through here: components out, checked key back in.
template <class Key, class Parts>
Result<Key> rebuild(PkeyPtr decoded, Result<Parts> (*parts_of)(const EVP_PKEY*)) {
  if (!decoded) {
    ERR_clear_error();
    return fail(ErrorCode::malformed, {}, "not a key");
  }
  MITRAL_TRY(const Parts parts, parts_of(decoded.get()));
  return Key::from_components(parts);
}

BioPtr memory_bio(std::string_view text) {
  if (text.size() > limits::kJwksMax) return nullptr;
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

template <class Encode>
std::string encoded(Encode encode) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio || encode(bio.get()) != 1) die("key can't be encoded");
  return contents(bio.get());
}

/// A PEM file that wants a passphrase is refused: nobody is there to ask.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<PublicKey> PublicKey::from_components(const PublicComponents& parts) {
  MITRAL_CHECK(check_shape(parts));
  KeyParams params;
  std::string point;
  add_public(params, parts, point);
  PkeyPtr pkey = params.build(parts.kind, EVP_PKEY_PUBLIC_KEY);
  if (!pkey) return crypto_failure("not a point of the curve, or no key");
  if (is_ec(parts.kind)) {
    // The cofactor of the NIST curves is 1: a point on the curve that isn't infinity is in the right group.
    const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
    if (!context || EVP_PKEY_public_check_quick(context.get()) != 1) return crypto_failure("not a point of the curve");
  }
  auto impl = std::make_shared<Impl>();
  impl->bits =
      parts.kind == KeyKind::rsa ? bit_length(parts.n) : static_cast<std::size_t>(EVP_PKEY_get_bits(pkey.get()));
  impl->pkey = std::move(pkey);
  impl->parts = parts;
  impl->id = next_key_id();
  return PublicKey(std::move(impl));
}

Result<PublicKey> PublicKey::from_spki_der(std::string_view der) {
  if (der.size() > limits::kCertificateMax) return fail(ErrorCode::too_large);
  const unsigned char* cursor = bytes(der);
  PkeyPtr decoded(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(der.size())));
  if (decoded && cursor != bytes(der) + der.size()) decoded.reset();  // something follows the key
  return rebuild<PublicKey>(std::move(decoded), public_parts);
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  const BioPtr bio = memory_bio(pem);
  return rebuild<PublicKey>(PkeyPtr(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr) : nullptr),
                            public_parts);
}

KeyKind PublicKey::kind() const noexcept { return impl_->parts.kind; }
std::size_t PublicKey::bits() const noexcept { return impl_->bits; }
const PublicComponents& PublicKey::components() const noexcept { return impl_->parts; }

std::string PublicKey::spki_der() const {
  return encoded([this](BIO* bio) { return i2d_PUBKEY_bio(bio, impl_->pkey.get()); });
}

std::string PublicKey::pem() const {
  return encoded([this](BIO* bio) { return PEM_write_bio_PUBKEY(bio, impl_->pkey.get()); });
}

bool PublicKey::same_as(const PublicKey& other) const noexcept {
  const PublicComponents& a = impl_->parts;
  const PublicComponents& b = other.impl_->parts;
  return impl_ == other.impl_ || (a.kind == b.kind && a.n == b.n && a.e == b.e && a.x == b.x && a.y == b.y);
}

Result<PrivateKey> PrivateKey::generate(KeyKind kind, std::size_t rsa_bits) {
  EVP_PKEY* raw = nullptr;
  if (kind == KeyKind::rsa) {
    if (rsa_bits < limits::kRsaBitsMin || rsa_bits > limits::kRsaBitsMax) return crypto_failure("RSA size not allowed");
    raw = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", rsa_bits);
  } else if (is_ec(kind)) {
    raw = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", group_name(kind));
  } else {
    raw = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return rebuild<PrivateKey>(PkeyPtr(raw), private_parts);
}

Result<PrivateKey> PrivateKey::from_components(const PrivateComponents& parts) {
  MITRAL_TRY(auto pub, PublicKey::from_components(parts.pub));
  const KeyKind kind = parts.pub.kind;
  KeyParams params;
  std::string point;
  add_public(params, parts.pub, point);
  if (kind == KeyKind::rsa) {
    if (!rsa_consistent(parts)) return crypto_failure("RSA key whose parts do not belong together");
    params.number(OSSL_PKEY_PARAM_RSA_D, parts.d.reveal());
    params.number(OSSL_PKEY_PARAM_RSA_FACTOR1, parts.p.reveal());
    params.number(OSSL_PKEY_PARAM_RSA_FACTOR2, parts.q.reveal());
    params.number(OSSL_PKEY_PARAM_RSA_EXPONENT1, parts.dp.reveal());
    params.number(OSSL_PKEY_PARAM_RSA_EXPONENT2, parts.dq.reveal());
    params.number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, parts.qi.reveal());
  } else if (parts.d.reveal().size() != coordinate_size(kind)) {
    return crypto_failure("private part of another size than the curve's");
  } else if (is_ec(kind)) {
    params.number(OSSL_PKEY_PARAM_PRIV_KEY, parts.d.reveal());
  } else {
    params.octets(OSSL_PKEY_PARAM_PRIV_KEY, parts.d.reveal());
  }
  PkeyPtr pkey = params.build(kind, EVP_PKEY_KEYPAIR);
  if (!pkey) return crypto_failure("not a private key");
  if (is_ec(kind)) {
    const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
    if (!context || EVP_PKEY_private_check(context.get()) != 1 || EVP_PKEY_pairwise_check(context.get()) != 1) {
      return crypto_failure("private part does not belong to the public one");
    }
  } else if (kind == KeyKind::ed25519) {
    // OpenSSL takes both halves as they come; derive the public one afresh and compare.
    const PkeyPtr derived(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, bytes(parts.d.reveal()), 32));
    if (!derived || EVP_PKEY_eq(derived.get(), pkey.get()) != 1) {
      return crypto_failure("private part does not belong to the public one");
    }
  }
  return PrivateKey(std::make_shared<const Impl>(std::move(pkey), std::move(pub), next_key_id()));
}

Result<PrivateKey> PrivateKey::from_pkcs8_der(std::string_view der) {
  if (der.size() > limits::kJwksMax) return fail(ErrorCode::too_large);
  if (const auto parts = usual_pkcs8(der)) return from_components(*parts);
  const unsigned char* cursor = bytes(der);
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freer<PKCS8_PRIV_KEY_INFO_free>> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &cursor, static_cast<long>(der.size())));
  PkeyPtr decoded(info && cursor == bytes(der) + der.size() ? EVP_PKCS82PKEY(info.get()) : nullptr);
  return rebuild<PrivateKey>(std::move(decoded), private_parts);
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  const BioPtr bio = memory_bio(pem);
  return rebuild<PrivateKey>(
      PkeyPtr(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr), private_parts);
}

KeyKind PrivateKey::kind() const noexcept { return impl_->pub.kind(); }
std::size_t PrivateKey::bits() const noexcept { return impl_->pub.bits(); }
const PublicKey& PrivateKey::public_key() const noexcept { return impl_->pub; }
Result<PrivateComponents> PrivateKey::components() const { return private_parts(impl_->pkey.get()); }

Secret PrivateKey::pkcs8_der() const {
  return Secret(encoded([this](BIO* bio) { return i2d_PKCS8PrivateKeyInfo_bio(bio, impl_->pkey.get()); }));
}

Secret PrivateKey::pem() const {
  return Secret(encoded([this](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, impl_->pkey.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }));
}

}  // namespace mitral::crypto
