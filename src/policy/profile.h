// Profile: how strict an issuer, a client or a resource is, as one row of data.
//
// The floor is RFC 9700 (OAuth 2.0 Security Best Current Practice): nothing runs below it. Other rows (SMART, HEART,
// FAPI 2.0 ...) are met with it by meet(), which only ever narrows: a set becomes the intersection, a demand stays once
// anyone makes it, a lifetime becomes the shorter one. So the order and number of rows do not matter, and a client's
// own row can make its life harder but never easier.
//
// Every field is read in exactly one step of flow/; no code outside policy/ compares a row's name.
// tests/golden/profiles.txt holds the rows as printed by print_rows(); tests/property proves that meet() never widens.
//
// Thread rules: constants and pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "jose/alg.h"
#include "model/client.h"

namespace mitral::policy {

/// A set of enumerators as bits: & narrows.
template <class E>
class EnumSet {
 public:
  constexpr EnumSet() noexcept = default;
  constexpr EnumSet(std::initializer_list<E> items) noexcept {
    for (E item : items) bits_ |= bit(item);
  }
  [[nodiscard]] static constexpr EnumSet of_bits(std::uint32_t bits) noexcept {
    EnumSet out;
    out.bits_ = bits;
    return out;
  }
  [[nodiscard]] constexpr bool contains(E item) const noexcept { return (bits_ & bit(item)) != 0; }
  [[nodiscard]] constexpr bool within(EnumSet other) const noexcept { return (bits_ & ~other.bits_) == 0; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
  [[nodiscard]] friend constexpr EnumSet operator&(EnumSet a, EnumSet b) noexcept { return of_bits(a.bits_ & b.bits_); }
  friend constexpr bool operator==(EnumSet, EnumSet) noexcept = default;

 private:
  static constexpr std::uint32_t bit(E item) noexcept { return 1U << static_cast<unsigned>(item); }
  std::uint32_t bits_ = 0;
};

enum class ResponseMode : std::uint8_t { query, form_post };
[[nodiscard]] std::string_view name(ResponseMode mode) noexcept;
[[nodiscard]] std::optional<ResponseMode> parse_response_mode(std::string_view text) noexcept;

/// What a client assertion may name as its audience, from lenient to strict. Always one plain string, never an array:
/// an array is how an attacker's server gets an assertion that is good elsewhere (threat BU-1).
enum class AssertionAudience : std::uint8_t {
  issuer_or_token_endpoint,  ///< RFC 7523 §3; SMART clients send the token endpoint URL
  issuer_only,               ///< rfc7523bis, FAPI 2.0 §5.3.2.1
};

/// Which refresh tokens are replaced at use, from lenient to strict.
enum class RefreshRotation : std::uint8_t {
  public_clients,  ///< RFC 9700 §4.14.2; confidential clients keep theirs (FAPI 2.0 §5.3.2.1 asks for that)
  all_clients,
};

struct Profile {
  std::string_view name;
  std::string_view standard;

  // Sets: meet() takes the intersection.
  EnumSet<model::ClientAuthMethod> auth_methods;  ///< step client
  EnumSet<model::GrantType> grant_types;          ///< step grant_allowed
  EnumSet<ResponseMode> response_modes;           ///< authorization request
  jose::SignAlgs assertion_algs;                  ///< step client: private_key_jwt
  jose::SignAlgs id_token_algs;                   ///< step issue
  jose::SignAlgs access_token_algs;               ///< step issue

  // Demands: meet() keeps them once made.
  bool par_required = false;                ///< authorization request (RFC 9126 §4)
  bool state_required = false;              ///< authorization request (UDAP)
  bool nonce_required = false;              ///< authorization request, with openid
  bool aud_required = false;                ///< authorization request: SMART scopes need `aud` (or `resource`)
  bool redirect_uri_required = false;       ///< authorization request: even if only one is registered
  bool assertion_kid_required = false;      ///< step client: SMART App Launch 2.2
  bool sender_constraint_required = false;  ///< step sender
  bool iss_parameter = false;               ///< authorization response (RFC 9207)
  bool offline_needs_consent = false;       ///< consent page: no silent refresh tokens

  // Ordered modes: meet() takes the stricter.
  AssertionAudience assertion_audience = AssertionAudience::issuer_or_token_endpoint;  ///< step client
  RefreshRotation refresh_rotation = RefreshRotation::public_clients;                  ///< step commit

  // Times: meet() takes the shorter.
  std::chrono::seconds code_lifetime{};           ///< completion of an authorization request
  std::chrono::seconds par_lifetime{};            ///< step par
  std::chrono::seconds access_token_lifetime{};   ///< step issue; the resource server may say less
  std::chrono::seconds backend_token_lifetime{};  ///< step issue, client_credentials
  std::chrono::seconds id_token_lifetime{};       ///< step issue
  std::chrono::seconds assertion_lifetime{};      ///< step client: longest `exp` ahead
  std::chrono::seconds refresh_lifetime{};        ///< step commit: moves with each use
  std::chrono::seconds public_retry_window{};     ///< step commit: a rotated token of a public client may come again
  std::chrono::seconds retry_window{};            ///< step commit: of a confidential or sender-bound one

  friend constexpr bool operator==(const Profile&, const Profile&) noexcept = default;
};

/// The strictest of both in every field. name and standard are b's, unless b is the floor.
[[nodiscard]] Profile meet(const Profile& a, const Profile& b) noexcept;
/// Everything that `a` allows is allowed by `b`.
[[nodiscard]] bool no_wider(const Profile& a, const Profile& b) noexcept;

[[nodiscard]] const Profile& floor_profile() noexcept;
/// A row by its name in configuration ("smart", "fapi2" ...), or nullptr. The empty name is the floor.
[[nodiscard]] const Profile* find_profile(std::string_view name) noexcept;
[[nodiscard]] std::span<const Profile> all_profiles() noexcept;

/// floor ⊓ issuer ⊓ client; a name that is unknown (configuration refuses it) gives the strictest row there is.
[[nodiscard]] Profile effective_profile(std::string_view issuer_profile, std::string_view client_profile) noexcept;

/// All rows as a table for people (golden test, documentation).
[[nodiscard]] std::string print_rows();

}  // namespace mitral::policy
