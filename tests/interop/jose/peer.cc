// Peer: Mitral's JOSE at the end of a pipe, for other implementations to talk to. One JSON request per line on stdin,
// one JSON answer per line on stdout; "error" instead of a result when Mitral refuses.
//
//   {"op":"generate","kind":"P-256"}                       -> {"private":JWK,"public":JWK,"thumbprint":"..."}
//   {"op":"thumbprint","jwk":JWK}                          -> {"thumbprint":"..."}
//   {"op":"sign","alg":"ES256","jwk":JWK,"payload":"..."}  -> {"token":"..."}
//   {"op":"verify","alg":"ES256","jwk":JWK,"token":"..."}  -> {"payload":"..."}
//   {"op":"encrypt","alg":"...","enc":"...","jwk":JWK,"payload":"..."} -> {"token":"..."}
//   {"op":"decrypt","jwk":JWK,"token":"..."}               -> {"payload":"..."}
#include <iostream>
#include <string>

#include "crypto/random.h"
#include "jose/jwe.h"
#include "jose/jws.h"

namespace {

using namespace mitral;
using codec::Json;

std::string text(const Json& request, std::string_view name) { return std::string(request[name].string_or()); }

std::unexpected<Error> unknown() {
  return fail(ErrorCode::invalid_request, {}, "no such operation, kind or algorithm");
}

Result<Json> generate(const Json& request) {
  const std::string kind = text(request, "kind");
  for (const auto& [name, value] : {std::pair{"RSA", jose::KeyKind::rsa}, std::pair{"P-256", jose::KeyKind::p256},
                                    std::pair{"P-384", jose::KeyKind::p384}, std::pair{"P-521", jose::KeyKind::p521},
                                    std::pair{"Ed25519", jose::KeyKind::ed25519}}) {
    if (kind != name) continue;
    MITRAL_TRY(auto key, crypto::PrivateKey::generate(value));
    const auto jwk = jose::PrivateJwk::from_key(std::move(key), "mitral-1");
    MITRAL_TRY(auto secret, jwk.to_json());
    Json out = Json::object({{"thumbprint", jwk.public_view().thumbprint()}});
    out.set("private", std::move(secret)).set("public", jwk.public_view().to_json());
    return out;
  }
  return unknown();
}

Result<Json> sign(const Json& request) {
  const auto alg = jose::parse_sign_alg(text(request, "alg"));
  if (!alg) return unknown();
  MITRAL_TRY(const auto jwk, jose::PrivateJwk::parse(request["jwk"]));
  MITRAL_TRY(const auto token, jose::sign_jws({jwk.public_view().kid(), *alg, jwk.key()}, {.typ = "JWT", .cty = {}},
                                              text(request, "payload")));
  return Json::object({{"token", token}});
}

Result<Json> verify(const Json& request) {
  const auto alg = jose::parse_sign_alg(text(request, "alg"));
  MITRAL_TRY(const auto jwk, jose::Jwk::parse(request["jwk"]));
  MITRAL_TRY(const auto jws, jose::Jws::parse(text(request, "token"), alg ? jose::SignAlgs{*alg} : jose::kAllSignAlgs));
  MITRAL_TRY(const auto verified, jws.verify(jwk.key()));
  return Json::object({{"payload", verified.payload()}});
}

Result<Json> encrypt(const Json& request) {
  const auto alg = jose::parse_jwe_alg(text(request, "alg"));
  const auto enc = jose::parse_jwe_enc(text(request, "enc"));
  if (!alg || !enc) return unknown();
  MITRAL_TRY(const auto jwk, jose::Jwk::parse(request["jwk"]));
  MITRAL_TRY(const auto token,
             jose::encrypt_jwe(jwk.key(), {.alg = *alg, .enc = *enc, .kid = jwk.kid(), .typ = {}, .cty = {}},
                               text(request, "payload"), crypto::system_random()));
  return Json::object({{"token", token}});
}

Result<Json> decrypt(const Json& request) {
  MITRAL_TRY(const auto jwk, jose::PrivateJwk::parse(request["jwk"]));
  MITRAL_TRY(const auto plain,
             jose::decrypt_jwe(text(request, "token"),
                               [&jwk](const jose::JweHeader&) -> Result<crypto::PrivateKey> { return jwk.key(); }));
  return Json::object({{"payload", plain.plaintext}});
}

Result<Json> answer(const std::string& line) {
  MITRAL_TRY(const auto request, Json::parse_object(line));
  const std::string op = text(request, "op");
  if (op == "generate") return generate(request);
  if (op == "thumbprint") {
    MITRAL_TRY(const auto jwk, jose::Jwk::parse(request["jwk"]));
    return Json::object({{"thumbprint", jwk.thumbprint()}});
  }
  if (op == "sign") return sign(request);
  if (op == "verify") return verify(request);
  if (op == "encrypt") return encrypt(request);
  if (op == "decrypt") return decrypt(request);
  return unknown();
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto out = answer(line);
    std::cout << (out ? *out : Json::object({{"error", name(out.error().code)}, {"detail", out.error().detail}})).dump()
              << std::endl;
  }
  return 0;
}
