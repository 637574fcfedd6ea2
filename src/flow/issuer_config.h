// Issuer: everything about one issuer (tenant) that does not change while the program runs: its URLs, its profile, its
// lifetimes and the keys derived from the master key.
//
// The issuer identifier comes from configuration only, never from a request's Host or X-Forwarded-* (threat W-3).
// FHIR bases and other resources are model::ResourceServer records of the directory, not part of this.
//
// Errors: config_invalid from make_issuer(). Thread rules: immutable once made; shared by reference.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "spec/smart/brands.h"
#include "spec/smart/configuration.h"

namespace mitral::flow {

/// What the operator writes.
struct IssuerConfig {
  std::string issuer;             ///< "https://as.example.org" or ".../t/clinic": no query, fragment or final slash
  std::string display_name;       ///< on pages
  std::string profile = "smart";  ///< row of policy/profile.h that applies to all
  std::vector<std::string> extra_hosts;       ///< Host values accepted beside the issuer's own, e.g. "localhost:8080"
  std::vector<std::string> scopes_supported;  ///< published; what a client gets is decided by its registration
  bool ehr_launch = true;
  bool standalone_launch = true;
  bool patient_picker = true;
  std::string brands;  ///< user-access brand Bundle as JSON, served as it is; empty: none
  std::string brand_identifier_system, brand_identifier_value;        ///< which brand of it is this server's
  std::vector<spec::smart::AssociatedEndpoint> associated_endpoints;  ///< siblings that share this authorization
};

/// One generation of the master key. The last of a list makes; all of them open.
struct RootKey {
  std::uint8_t id = 0;
  Secret key;  ///< 32 bytes
};

/// A key derived for one issuer and one purpose.
struct DerivedKey {
  std::uint8_t id = 0;
  Secret key;
};

class TokenSealer;
class RefreshTokens;

struct IssuerUrls {
  std::string authorize, par, token, introspect, revoke, userinfo, jwks, revocations, launch, interaction, sign_out,
      account, brands;
};

/// Made once at start.
class IssuerRuntime {
 public:
  /// Refuses an issuer URL that is not https (or http on a loopback literal), has a query, fragment, userinfo or
  /// trailing slash, an unknown profile, no root key or one of a wrong size, and a brand Bundle that SMART would not
  /// take.
  [[nodiscard]] static Result<std::unique_ptr<IssuerRuntime>> make(IssuerConfig config,
                                                                   const std::vector<RootKey>& roots);
  ~IssuerRuntime();
  IssuerRuntime(const IssuerRuntime&) = delete;
  IssuerRuntime& operator=(const IssuerRuntime&) = delete;

  [[nodiscard]] const IssuerConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Issuer& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& text() const noexcept { return id_.value; }
  /// "" or "/t/clinic": what every path of this issuer begins with.
  [[nodiscard]] const std::string& base_path() const noexcept { return base_path_; }
  /// "as.example.org" or "127.0.0.1:8080": the Host that requests must carry.
  [[nodiscard]] const std::string& authority() const noexcept { return authority_; }
  [[nodiscard]] bool is_https() const noexcept { return https_; }
  [[nodiscard]] const IssuerUrls& urls() const noexcept { return urls_; }
  /// nullptr: this issuer publishes none.
  [[nodiscard]] const spec::smart::BrandBundle* brands() const noexcept { return brands_ ? &*brands_ : nullptr; }
  [[nodiscard]] bool accepts_host(std::string_view host) const noexcept;

  [[nodiscard]] const TokenSealer& sealer() const noexcept { return *sealer_; }
  [[nodiscard]] const RefreshTokens& refresh_tokens() const noexcept { return *refresh_; }
  /// A secret of 32 bytes for a purpose of its own, e.g. "csrf": the same in every process of this deployment.
  [[nodiscard]] Secret derive(std::string_view purpose) const;

 private:
  IssuerRuntime() = default;
  IssuerConfig config_;
  Issuer id_;
  std::string base_path_;
  std::string authority_;
  bool https_ = true;
  IssuerUrls urls_;
  std::optional<spec::smart::BrandBundle> brands_;
  std::vector<RootKey> roots_;
  std::unique_ptr<TokenSealer> sealer_;
  std::unique_ptr<RefreshTokens> refresh_;
};

}  // namespace mitral::flow
