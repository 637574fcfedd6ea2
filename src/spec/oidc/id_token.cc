#include "spec/oidc/id_token.h"

#include "codec/base64url.h"
#include "codec/json.h"
#include "crypto/hash.h"

namespace mitral::spec::oidc {

std::string half_hash(jose::SignAlg alg, std::string_view text) {
  const std::string hash = crypto::digest(jose::hash_of(alg), text);
  return codec::base64url_encode(std::string_view(hash).substr(0, hash.size() / 2));
}

std::string id_token_payload(const IdTokenFacts& facts, jose::SignAlg alg) {
  codec::Json out = codec::Json::object({{"iss", facts.issuer},
                                         {"sub", facts.subject},
                                         {"aud", facts.client_id},
                                         {"exp", facts.expires},
                                         {"iat", facts.issued},
                                         {"auth_time", facts.auth_time},
                                         {"at_hash", half_hash(alg, facts.access_token)}});
  if (!facts.nonce.empty()) out.set("nonce", facts.nonce);
  if (!facts.acr.empty()) out.set("acr", facts.acr);
  if (!facts.amr.empty()) out.set("amr", codec::Json::array_of(facts.amr));
  if (!facts.sid.empty()) out.set("sid", facts.sid);
  if (!facts.fhir_user.empty()) {
    out.set("fhirUser", facts.fhir_user);
    if (facts.profile_claim) out.set("profile", facts.fhir_user);
  }
  return out.dump();
}

}  // namespace mitral::spec::oidc
