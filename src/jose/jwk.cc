#include "jose/jwk.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/limits.h"
#include "codec/base64url.h"
#include "crypto/hash.h"

namespace mitral::jose {

using codec::base64url_encode;
using codec::Json;

namespace {

constexpr std::array<std::string_view, 8> kPrivateMembers{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

std::unexpected<Error> malformed(const char* what) { return fail(ErrorCode::malformed, {}, what); }

/// Is the member of this kind of key something this module knows? A key that isn't can be passed over in a set.
enum class Known : std::uint8_t { yes, no, symmetric };

struct Shape {
  Known known = Known::no;
  KeyKind kind = KeyKind::p256;
};

std::string_view crv_name(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::p256: return "P-256";
    case KeyKind::p384: return "P-384";
    case KeyKind::p521: return "P-521";
    case KeyKind::ed25519: return "Ed25519";
    case KeyKind::rsa: return {};
  }
  return {};
}

std::string_view kty_name(KeyKind kind) noexcept {
  if (kind == KeyKind::rsa) return "RSA";
  return kind == KeyKind::ed25519 ? "OKP" : "EC";
}

Result<Shape> shape_of(const Json& json) {
  const auto kty = json["kty"].as_string();
  if (!json.is_object() || !kty) return malformed("JWK without kty");
  if (*kty == "RSA") return Shape{Known::yes, KeyKind::rsa};
  if (*kty == "oct") return Shape{Known::symmetric, KeyKind::rsa};
  if (*kty != "EC" && *kty != "OKP") return Shape{};
  const auto crv = json["crv"].as_string();
  if (!crv) return malformed("JWK without crv");
  for (KeyKind kind : {KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::ed25519}) {
    if (*kty == kty_name(kind) && *crv == crv_name(kind)) return Shape{Known::yes, kind};
  }
  return Shape{};
}

Result<std::string> bytes_of(const Json& json, std::string_view member) {
  const auto text = json[member].as_string();
  auto decoded = text ? codec::base64url_decode(*text) : std::nullopt;
  if (!decoded || decoded->empty()) return malformed("JWK member missing or not base64url");
  return *std::move(decoded);
}

Result<crypto::PublicComponents> public_parts(const Json& json, KeyKind kind) {
  crypto::PublicComponents parts{.kind = kind, .n = {}, .e = {}, .x = {}, .y = {}};
  if (kind == KeyKind::rsa) {
    MITRAL_TRY(parts.n, bytes_of(json, "n"));
    MITRAL_TRY(parts.e, bytes_of(json, "e"));
    return parts;
  }
  MITRAL_TRY(parts.x, bytes_of(json, "x"));
  if (kind != KeyKind::ed25519) {
    MITRAL_TRY(parts.y, bytes_of(json, "y"));
  }
  return parts;
}

Result<crypto::PrivateComponents> private_parts(const Json& json, KeyKind kind) {
  crypto::PrivateComponents parts;
  MITRAL_TRY(parts.pub, public_parts(json, kind));
  if (json.contains("oth")) return malformed("RSA with more than two primes");
  const auto take = [&json](Secret& out, std::string_view member) -> Result<> {
    MITRAL_TRY(auto value, bytes_of(json, member));
    out = Secret(std::move(value));
    return {};
  };
  MITRAL_CHECK(take(parts.d, "d"));
  if (kind == KeyKind::rsa) {
    MITRAL_CHECK(take(parts.p, "p"));
    MITRAL_CHECK(take(parts.q, "q"));
    MITRAL_CHECK(take(parts.dp, "dp"));
    MITRAL_CHECK(take(parts.dq, "dq"));
    MITRAL_CHECK(take(parts.qi, "qi"));
  }
  return parts;
}

/// "kid", "alg", "use" and "key_ops", checked against each other and the kind of key (RFC 7517 §4.2 to §4.5).
struct Attributes {
  std::string kid;
  std::string alg;
  KeyUse use = KeyUse::any;
  std::optional<std::vector<std::string>> key_ops;
  bool known = true;  ///< false: an "alg" or "use" we don't know; the key is of no use to us
};

constexpr std::array<std::string_view, 2> kSignatureOps{"sign", "verify"};
constexpr std::array<std::string_view, 6> kEncryptionOps{"encrypt",   "decrypt",   "wrapKey",
                                                         "unwrapKey", "deriveKey", "deriveBits"};

template <class List>
bool among(const List& list, std::string_view text) noexcept {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Result<> read_key_ops(const Json& json, Attributes& out) {
  const Json* ops = json.find("key_ops");
  if (ops == nullptr) return {};
  if (!ops->is_array() || ops->size() > kSignatureOps.size() + kEncryptionOps.size()) return malformed("key_ops");
  std::vector<std::string> list;
  for (const Json& item : ops->items()) {
    const auto text = item.as_string();
    if (!text || among(list, *text)) return malformed("key_ops");
    const bool signs = among(kSignatureOps, *text);
    const bool encrypts = among(kEncryptionOps, *text);
    if ((out.use == KeyUse::sig && encrypts) || (out.use == KeyUse::enc && signs))
      return malformed("key_ops against use");
    list.emplace_back(*text);
  }
  out.key_ops = std::move(list);
  return {};
}

Result<> read_alg(const Json& json, KeyKind kind, Attributes& out) {
  const Json* alg = json.find("alg");
  if (alg == nullptr) return {};
  const auto text = alg->as_string();
  if (!text || text->empty() || text->size() > limits::kJoseNameMax) return malformed("alg of a JWK");
  if (const auto sign_alg = parse_sign_alg(*text)) {
    if (!fits(*sign_alg, kind) || out.use == KeyUse::enc) return malformed("alg of a JWK does not fit the key");
  } else if (const auto jwe_alg = parse_jwe_alg(*text)) {
    if (!fits(*jwe_alg, kind) || out.use == KeyUse::sig) return malformed("alg of a JWK does not fit the key");
  } else {
    out.known = false;
  }
  out.alg = *text;
  return {};
}

Result<Attributes> read_attributes(const Json& json, KeyKind kind) {
  Attributes out;
  if (const Json* kid = json.find("kid")) {
    const auto text = kid->as_string();
    if (!text || !valid_kid(*text)) return malformed("kid of a JWK");
    out.kid = *text;
  }
  if (const Json* use = json.find("use")) {
    const auto text = use->as_string();
    if (!text) return malformed("use of a JWK");
    if (*text == "sig") {
      out.use = KeyUse::sig;
    } else if (*text == "enc") {
      out.use = KeyUse::enc;
    } else {
      out.known = false;
    }
  }
  MITRAL_CHECK(read_key_ops(json, out));
  MITRAL_CHECK(read_alg(json, kind, out));
  return out;
}

std::string_view use_name(KeyUse use) noexcept {
  if (use == KeyUse::any) return {};
  return use == KeyUse::sig ? "sig" : "enc";
}

}  // namespace

bool valid_kid(std::string_view kid) noexcept {
  if (kid.empty() || kid.size() > limits::kKidMax) return false;
  return std::all_of(kid.begin(), kid.end(), [](char c) { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'; });
}

std::string thumbprint(const crypto::PublicKey& key) {
  // RFC 7638 §3.2, §3.3: required members only, in lexicographic order, without whitespace. No value needs escaping.
  const crypto::PublicComponents& parts = key.components();
  std::string text;
  text.reserve(256);
  if (parts.kind == KeyKind::rsa) {
    text.append(R"({"e":")").append(base64url_encode(parts.e)).append(R"(","kty":"RSA","n":")");
    text.append(base64url_encode(parts.n));
  } else {
    text.append(R"({"crv":")").append(crv_name(parts.kind)).append(R"(","kty":")").append(kty_name(parts.kind));
    text.append(R"(","x":")").append(base64url_encode(parts.x));
    if (parts.kind != KeyKind::ed25519) text.append(R"(","y":")").append(base64url_encode(parts.y));
  }
  text.append(R"("})");
  return base64url_encode(crypto::sha256(text));
}

Result<Jwk> Jwk::parse(const Json& json) {
  MITRAL_TRY(auto key, parse_if_known(json));
  if (!key) return malformed("kind, use or alg of a JWK not supported");
  return *std::move(key);
}

Result<std::optional<Jwk>> Jwk::parse_if_known(const Json& json) {
  for (std::string_view member : kPrivateMembers) {
    if (json.contains(member)) return malformed("JWK with private or symmetric members where a public key belongs");
  }
  MITRAL_TRY(const Shape shape, shape_of(json));
  if (shape.known == Known::symmetric) return malformed("symmetric key where a public key belongs");
  if (shape.known == Known::no) return std::optional<Jwk>();
  MITRAL_TRY(auto attributes, read_attributes(json, shape.kind));
  MITRAL_TRY(const auto parts, public_parts(json, shape.kind));
  MITRAL_TRY(auto key, crypto::PublicKey::from_components(parts));
  if (!attributes.known) return std::optional<Jwk>();
  Jwk jwk(std::move(key));
  jwk.kid_ = std::move(attributes.kid);
  jwk.alg_ = std::move(attributes.alg);
  jwk.use_ = attributes.use;
  jwk.key_ops_ = std::move(attributes.key_ops);
  return std::optional<Jwk>(std::move(jwk));
}

Jwk Jwk::from_key(crypto::PublicKey key, std::string kid, std::string alg, KeyUse use) {
  Jwk jwk(std::move(key));
  jwk.kid_ = std::move(kid);
  jwk.alg_ = std::move(alg);
  jwk.use_ = use;
  return jwk;
}

bool Jwk::can_verify(SignAlg alg) const noexcept {
  return fits(alg, kind()) && use_ != KeyUse::enc && (alg_.empty() || alg_ == alg_name(alg)) &&
         (!key_ops_ || among(*key_ops_, "verify"));
}

bool Jwk::can_encrypt(JweAlg alg) const noexcept {
  if (!fits(alg, kind()) || use_ == KeyUse::sig || (!alg_.empty() && alg_ != alg_name(alg))) return false;
  if (!key_ops_) return true;
  // The public half of a key agreement has no operation of its own, so that an empty list is right there.
  if (alg != JweAlg::rsa_oaep_256) {
    return key_ops_->empty() || among(*key_ops_, "deriveKey") || among(*key_ops_, "deriveBits");
  }
  return among(*key_ops_, "wrapKey") || among(*key_ops_, "encrypt");
}

Json Jwk::to_json() const {
  const crypto::PublicComponents& parts = key_.components();
  Json out = Json::object({{"kty", kty_name(parts.kind)}});
  if (parts.kind == KeyKind::rsa) {
    out.set("n", base64url_encode(parts.n)).set("e", base64url_encode(parts.e));
  } else {
    out.set("crv", crv_name(parts.kind)).set("x", base64url_encode(parts.x));
    if (parts.kind != KeyKind::ed25519) out.set("y", base64url_encode(parts.y));
  }
  if (!kid_.empty()) out.set("kid", kid_);
  if (use_ != KeyUse::any) out.set("use", use_name(use_));
  if (!alg_.empty()) out.set("alg", alg_);
  if (key_ops_) out.set("key_ops", Json::array_of(*key_ops_));
  return out;
}

std::string Jwk::thumbprint() const { return jose::thumbprint(key_); }

Result<PrivateJwk> PrivateJwk::parse(const Json& json) {
  MITRAL_TRY(const Shape shape, shape_of(json));
  if (shape.known != Known::yes) return malformed("kind of private key not supported");
  MITRAL_TRY(auto attributes, read_attributes(json, shape.kind));
  if (!attributes.known) return malformed("use or alg of a JWK not supported");
  MITRAL_TRY(const auto parts, private_parts(json, shape.kind));
  MITRAL_TRY(auto key, crypto::PrivateKey::from_components(parts));
  return from_key(std::move(key), std::move(attributes.kid), std::move(attributes.alg), attributes.use);
}

PrivateJwk PrivateJwk::from_key(crypto::PrivateKey key, std::string kid, std::string alg, KeyUse use) {
  Jwk pub = Jwk::from_key(key.public_key(), std::move(kid), std::move(alg), use);
  return PrivateJwk(std::move(key), std::move(pub));
}

Result<Json> PrivateJwk::to_json() const {
  MITRAL_TRY(const auto parts, key_.components());
  Json out = public_.to_json();
  out.set("d", base64url_encode(parts.d.reveal()));
  if (parts.pub.kind == KeyKind::rsa) {
    out.set("p", base64url_encode(parts.p.reveal())).set("q", base64url_encode(parts.q.reveal()));
    out.set("dp", base64url_encode(parts.dp.reveal())).set("dq", base64url_encode(parts.dq.reveal()));
    out.set("qi", base64url_encode(parts.qi.reveal()));
  }
  return out;
}

Result<JwkSet> JwkSet::parse(std::string_view text) {
  codec::ParseOptions options = codec::kJoseJson;
  options.max_bytes = limits::kJwksMax;
  MITRAL_TRY(const Json json, Json::parse_object(text, options));
  return from_json(json);
}

Result<JwkSet> JwkSet::from_json(const Json& json) {
  const Json& keys = json["keys"];
  if (!keys.is_array()) return malformed("JWK Set without keys");
  if (keys.size() > limits::kJwksKeysMax) return fail(ErrorCode::too_large, {}, "JWK Set with too many keys");
  JwkSet set;
  for (const Json& item : keys.items()) {
    MITRAL_TRY(auto key, Jwk::parse_if_known(item));
    if (!key) continue;
    MITRAL_CHECK(set.add(*std::move(key)));
  }
  return set;
}

Result<> JwkSet::add(Jwk key) {
  if (keys_.size() >= limits::kJwksKeysMax) return fail(ErrorCode::too_large, {}, "JWK Set with too many keys");
  if (!key.kid().empty()) {
    if (!valid_kid(key.kid())) return malformed("kid of a JWK");
    for (const Jwk& other : keys_) {
      if (other.kid() == key.kid()) return malformed("kid occurs twice in a JWK Set");
    }
  }
  keys_.push_back(std::move(key));
  return {};
}

namespace {

template <class Usable>
Result<const Jwk*> the_one(const std::vector<Jwk>& keys, const std::optional<std::string>& kid, Usable usable) {
  const Jwk* found = nullptr;
  for (const Jwk& key : keys) {
    if ((kid && key.kid() != *kid) || !usable(key)) continue;
    if (found != nullptr) return fail(ErrorCode::not_found, {}, "more than one key fits");
    found = &key;
  }
  if (found == nullptr) return fail(ErrorCode::not_found, {}, "no key fits");
  return found;
}

}  // namespace

Result<const Jwk*> JwkSet::find_verification_key(const std::optional<std::string>& kid, SignAlg alg) const {
  if (kid && kid->empty()) return fail(ErrorCode::not_found, {}, "no key fits");
  return the_one(keys_, kid, [alg](const Jwk& key) { return key.can_verify(alg); });
}

Result<const Jwk*> JwkSet::find_encryption_key(const std::optional<std::string>& kid, JweAlg alg) const {
  if (kid && kid->empty()) return fail(ErrorCode::not_found, {}, "no key fits");
  return the_one(keys_, kid, [alg](const Jwk& key) { return key.can_encrypt(alg); });
}

Json JwkSet::to_json() const {
  Json keys = Json::array();
  for (const Jwk& key : keys_) keys.push_back(key.to_json());
  Json out = Json::object();
  out.set("keys", std::move(keys));
  return out;
}

}  // namespace mitral::jose
