#include "spec/oidc/id_token.h"

#include "codec/base64url.h"
#include "codec/object_writer.h"
#include "crypto/hash.h"

namespace mitral::spec::oidc {

std::string half_hash(jose::SignAlg alg, std::string_view text) {
  const std::string hash = crypto::digest(jose::hash_of(alg), text);
  return codec::base64url_encode(std::string_view(hash).substr(0, hash.size() / 2));
}

std::string id_token_payload(const IdTokenFacts& facts, jose::SignAlg alg) {
  codec::ObjectWriter out;
  out.text("iss", facts.issuer).text("sub", facts.subject).text("aud", facts.client_id);
  out.number("exp", facts.expires).number("iat", facts.issued).number("auth_time", facts.auth_time);
  out.text("at_hash", half_hash(alg, facts.access_token));
  out.text_if("nonce", facts.nonce).text_if("acr", facts.acr).texts_if("amr", facts.amr).text_if("sid", facts.sid);
  out.text_if("fhirUser", facts.fhir_user);
  if (facts.profile_claim) out.text_if("profile", facts.fhir_user);
  return out.take();
}

}  // namespace mitral::spec::oidc
