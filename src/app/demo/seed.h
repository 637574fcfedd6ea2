// Seed: what the demo's store is filled with: a FHIR resource server, sample apps of every kind, and three people.
//
// Thread rules: seed_demo() on one thread, before requests come.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "codec/json.h"
#include "ports/outside.h"
#include "ports/stores.h"

namespace mitral::app {

struct DemoAddresses {
  std::string app;  ///< origin of the sample app
  std::string issuer;
  std::string fhir_base;
};

struct DemoClient {
  std::string id;
  std::string secret;       ///< or empty
  codec::Json private_jwk;  ///< or null
};

struct DemoUser {
  std::string username, name, id;
};

struct DemoSeed {
  Secret resource_secret;
  DemoClient app, open, basic, post, asymmetric, backend, ehr;
  DemoUser patient, clinician, stranger;
};

inline constexpr std::string_view kDemoPassword = "three-sample-words";
inline constexpr std::string_view kDemoResource = "demo-gateway";
/// On 127.0.0.1 any port matches (RFC 8252 §7.3): for apps that a developer runs against the demo.
inline constexpr std::string_view kDemoRedirect = "http://127.0.0.1/callback";

/// A user-access brand Bundle of one brand with one portal.
[[nodiscard]] std::string demo_brands(const std::string& fhir_base);

[[nodiscard]] Result<DemoSeed> seed_demo(ports::Store& store, ports::PasswordHasher& passwords, Random& random,
                                         Instant now, const DemoAddresses& at, const std::string& token_format,
                                         const std::vector<std::string>& origins);

}  // namespace mitral::app
