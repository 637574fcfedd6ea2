#include "jose/jws.h"

#include "codec/base64url.h"
#include "codec/message.h"
#include "jose/header.h"

namespace mitral::jose {

using codec::Json;

namespace {

Result<std::vector<std::string>> read_x5c(const Json& json) {
  std::vector<std::string> out;
  const Json* chain = json.find("x5c");
  if (chain == nullptr) return out;
  if (!chain->is_array() || chain->empty() || chain->size() > limits::kCertificateChainMax)
    return malformed_header("x5c");
  for (const Json& item : chain->items()) {
    const auto text = item.as_string();
    auto der = text ? codec::base64_decode(*text) : std::nullopt;  // base64, not base64url: RFC 7515 §4.1.6
    if (!der || der->empty() || der->size() > limits::kCertificateMax) return malformed_header("x5c");
    out.push_back(*std::move(der));
  }
  return out;
}

Result<JwsHeader> read_header(const Json& json, SignAlgs allowed) {
  MITRAL_CHECK(refuse_extensions(json));
  // "enc" would make it a JWE (RFC 7516 §9): two readers must not see two kinds.
  if (json.contains("enc")) return malformed_header("enc in a JWS");
  JwsHeader header;
  MITRAL_TRY(const auto alg_text, required_text(json, "alg"));
  MITRAL_TRY(header.kid, optional_kid(json));
  MITRAL_TRY(header.typ, optional_text(json, "typ"));
  MITRAL_TRY(header.cty, optional_text(json, "cty"));
  MITRAL_TRY(header.x5c, read_x5c(json));
  const auto alg = parse_sign_alg(alg_text);
  if (!alg || !allowed.contains(*alg)) return fail(ErrorCode::crypto_failed, {}, "JWS algorithm not allowed");
  header.alg = *alg;
  if (const Json* jwk = json.find("jwk")) {
    MITRAL_TRY(header.jwk, Jwk::parse(*jwk));
  }
  return header;
}

/// A header to be signed; nothing in it comes from a stranger, but kid and typ are checked all the same.
Result<std::string> encoded_header(const SigningKey& key, const SignHeader& header) {
  if (!fits(key.alg, key.key.kind())) return fail(ErrorCode::crypto_failed, {}, "algorithm does not fit the key");
  if (!key.kid.empty() && !valid_kid(key.kid)) return fail(ErrorCode::config_invalid, {}, "kid of a signing key");
  Json json = Json::object({{"alg", alg_name(key.alg)}});
  if (!header.typ.empty()) json.set("typ", header.typ);
  if (!header.cty.empty()) json.set("cty", header.cty);
  if (!key.kid.empty()) json.set("kid", key.kid);
  if (header.jwk != nullptr) json.set("jwk", header.jwk->to_json());
  if (!header.x5c.empty()) {
    Json chain = Json::array();
    for (const std::string& der : header.x5c) chain.push_back(codec::base64_encode(der));
    json.set("x5c", std::move(chain));
  }
  return codec::base64url_encode(json.dump());
}

Result<std::string> sign_with_prefix(const SigningKey& key, std::string_view prefix, std::string_view payload) {
  std::string out;
  out.reserve(prefix.size() + (payload.size() + 2) / 3 * 4 + 2 + key.key.bits() / 2);
  out = prefix;
  codec::base64url_append(out, payload);
  MITRAL_TRY(const auto signature, crypto::sign(key.key, key.alg, out));
  out += '.';
  codec::base64url_append(out, signature);
  return out;
}

}  // namespace

bool typ_is(const std::optional<std::string>& typ, std::string_view expected) noexcept {
  if (!typ) return false;
  constexpr std::string_view kPrefix = "application/";
  const auto bare = [kPrefix](std::string_view name) {
    // "application/" may be left out only when no other slash follows (RFC 7515 §4.1.9).
    if (name.size() > kPrefix.size() && codec::iequals(name.substr(0, kPrefix.size()), kPrefix) &&
        name.find('/', kPrefix.size()) == std::string_view::npos) {
      name.remove_prefix(kPrefix.size());
    }
    return name;
  };
  return codec::iequals(bare(*typ), bare(expected));
}

Result<Jws> Jws::parse(std::string_view compact, SignAlgs allowed, std::size_t size_max) {
  if (compact.size() > size_max) return fail(ErrorCode::too_large, {}, "JWS longer than allowed");
  std::array<std::string_view, 3> parts;
  if (!split_compact(compact, parts)) return fail(ErrorCode::malformed, {}, "not a compact JWS");
  MITRAL_TRY(const Json json, decode_header(parts[0]));
  Jws out;
  MITRAL_TRY(out.header_, read_header(json, allowed));
  auto payload = codec::base64url_decode(parts[1]);
  auto signature = codec::base64url_decode(parts[2]);
  if (!payload || !signature || signature->empty()) return fail(ErrorCode::malformed, {}, "not a compact JWS");
  out.payload_ = *std::move(payload);
  out.signature_ = *std::move(signature);
  out.signing_input_ = compact.substr(0, parts[0].size() + 1 + parts[1].size());
  return out;
}

Result<VerifiedJws> Jws::verify(const crypto::PublicKey& key) const {
  MITRAL_CHECK(crypto::verify(key, header_.alg, signing_input_, signature_));
  return VerifiedJws(header_, payload_);
}

Result<VerifiedJws> Jws::verify(const JwkSet& keys) const {
  const auto key = keys.find_verification_key(header_.kid, header_.alg);
  if (!key) return fail(ErrorCode::crypto_failed, {}, key.error().detail);
  return verify((*key)->key());
}

Result<VerifiedJws> verify_jws(std::string_view compact, SignAlgs allowed, const KeyLookup& lookup,
                               std::size_t size_max) {
  MITRAL_TRY(const Jws jws, Jws::parse(compact, allowed, size_max));
  MITRAL_TRY(const auto key, lookup(jws.header()));
  return jws.verify(key);
}

Result<std::string> sign_jws(const SigningKey& key, const SignHeader& header, std::string_view payload) {
  MITRAL_TRY(auto prefix, encoded_header(key, header));
  prefix += '.';
  return sign_with_prefix(key, prefix, payload);
}

Result<JwsSigner> JwsSigner::create(SigningKey key, std::string_view typ) {
  MITRAL_TRY(auto prefix, encoded_header(key, SignHeader{.typ = typ, .cty = {}}));
  prefix += '.';
  return JwsSigner(std::move(key), std::move(prefix));
}

Result<std::string> JwsSigner::sign(std::string_view payload) const { return sign_with_prefix(key_, prefix_, payload); }

}  // namespace mitral::jose
