#include "spec/oidc/discovery.h"

namespace mitral::spec::oidc {

codec::Json openid_configuration(const oauth::ServerFacts& facts) {
  codec::Json out = oauth::oauth_metadata(facts);
  out.set("userinfo_endpoint", facts.userinfo_endpoint);
  out.set("subject_types_supported", codec::Json::array({"public"}));
  out.set("id_token_signing_alg_values_supported", codec::Json::array_of(facts.id_token_algs));
  out.set("claims_supported", codec::Json::array({"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr",
                                                  "at_hash", "sid", "fhirUser", "name", "profile", "email"}));
  out.set("claims_parameter_supported", false);
  out.set("prompt_values_supported", codec::Json::array({"none", "login", "consent", "select_account"}));
  return out;
}

}  // namespace mitral::spec::oidc
