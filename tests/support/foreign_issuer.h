// An authorization server of another make in one process, in the way of Keycloak: metadata, RSA and EC keys beside one
// for encryption, access tokens of typ JWT with azp, introspection by Basic or private_key_jwt. And a gateway before
// it.
#pragma once

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {

inline constexpr const char* kRealm = "https://kc.example/realms/clinic";

inline Task<Response> at_once(Response response) { co_return response; }

class Realm {
 public:
  Response answer(const Request& request) {
    asked.push_back(request);
    if (down) return Response::with(503, "text/html", "maintenance");
    if (request.path == "/realms/clinic/.well-known/openid-configuration") {
      return json(Json::object({{"issuer", named},
                                {"authorization_endpoint", std::string(kRealm) + "/auth"},
                                {"token_endpoint", std::string(kRealm) + "/token"},
                                {"introspection_endpoint", std::string(kRealm) + "/token/introspect"},
                                {"jwks_uri", std::string(kRealm) + "/certs"},
                                {"claims_supported", Json::array({Json("sub")})},
                                {"code_challenge_methods_supported", Json::array({Json("plain"), Json("S256")})}}));
    }
    if (request.path == "/realms/clinic/certs") {
      ++key_fetches;
      Json set = Json::object();
      Json keys = Json::array();
      for (const auto& [kid, key] : signing)
        keys.push_back(jose::Jwk::from_key(key->public_key(), kid, "ES256", jose::KeyUse::sig).to_json());
      auto enc = jose::Jwk::from_key(other_key().public_key(), "enc", "", jose::KeyUse::enc).to_json();
      enc.set("alg", "RSA-OAEP");
      keys.push_back(std::move(enc));
      set.set("keys", std::move(keys));
      return json(set);
    }
    if (request.path == "/realms/clinic/token/introspect") {
      ++introspections;
      const auto form = codec::Form::parse(request.body).value();
      const auto found = active.find(std::string(form.get("token").value_or("")));
      return json(found == active.end() ? Json::object({{"active", false}}) : found->second);
    }
    return Response::with(404, "application/json", "{}");
  }

  std::string named = kRealm;
  std::vector<std::pair<std::string, const crypto::PrivateKey*>> signing{{"kc-1", &issuer_key()}};
  std::map<std::string, Json> active;
  std::vector<Request> asked;
  int key_fetches = 0;
  int introspections = 0;
  bool down = false;

 private:
  static Response json(const Json& body) { return Response::with(200, "application/json", body.dump()); }
};

class ForeignRig {
 public:
  explicit ForeignRig(IssuerKind kind = IssuerKind::jwks, std::function<void(Config&)> change = {})
      : rig([&](Config& config) {
          config.issuer = kRealm;
          config.foreign.kind = kind;
          config.foreign.typs = {"JWT", "at+jwt"};
          if (kind == IssuerKind::introspection) config.foreign.believed = limits::kForeignIntrospectionBelieved;
          config.foreign.required =
              kind == IssuerKind::jwks ? std::vector<ClaimRule>{{"typ", "Bearer"}} : std::vector<ClaimRule>{};
          if (change) change(config);
        }) {
    rig.world.upstream = [this](Request request) {
      if (request.headers.get("Host") == "kc.example") return at_once(realm.answer(request));
      ++upstream_asked;
      return at_once(request.target.ends_with("/Patient/maria")
                         ? Response::with(200, "application/fhir+json", patient("maria"))
                         : Response::with(404, "application/fhir+json", "{}"));
    };
  }
  [[nodiscard]] Json claims() const {
    const auto now = to_seconds(rig.clock.now());
    return Json::object({{"iss", kRealm},
                         {"aud", Json::array({Json("account"), Json(kPublic)})},
                         {"exp", now + 300},
                         {"iat", now},
                         {"jti", "5c1f"},
                         {"typ", "Bearer"},
                         {"azp", "app"},
                         {"sub", "f3c0-maria"},
                         {"scope", "openid email patient/*.rs"},
                         {"patient", "maria"}});
  }
  static std::string sign(const Json& body, std::string_view typ = "JWT", const crypto::PrivateKey& key = issuer_key(),
                          std::string kid = "kc-1") {
    return Rig::sign(body, typ, key, std::move(kid));
  }
  int status(const std::string& token) { return rig.get("/Patient/maria", token).status; }
  /// The claims with one changed; null takes it away.
  int with(std::string_view name, Json value) {
    auto body = claims();
    if (value.is_null()) {
      body.erase(name);
    } else {
      body.set(name, std::move(value));
    }
    return status(sign(body));
  }

  Realm realm;
  int upstream_asked = 0;
  Rig rig;
};

}  // namespace mitral::gateway::rig
