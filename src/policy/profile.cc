#include "policy/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace mitral::policy {
namespace {

using model::ClientAuthMethod;
using model::GrantType;
using std::chrono::seconds;
using SignAlg = jose::SignAlg;

constexpr EnumSet<ClientAuthMethod> kAllMethods{ClientAuthMethod::none, ClientAuthMethod::client_secret_basic,
                                                ClientAuthMethod::client_secret_post,
                                                ClientAuthMethod::private_key_jwt};
constexpr EnumSet<GrantType> kAllGrants{GrantType::authorization_code, GrantType::refresh_token,
                                        GrantType::client_credentials};
constexpr EnumSet<ResponseMode> kAllModes{ResponseMode::query, ResponseMode::form_post};

// RFC 9700. PKCE S256, exact redirect URIs, one-time codes and audience-restricted tokens are not fields: no row can
// turn them off.
constexpr Profile kFloor{
    .name = "rfc9700",
    .standard = "RFC 9700",
    .auth_methods = kAllMethods,
    .grant_types = kAllGrants,
    .response_modes = kAllModes,
    .assertion_algs = jose::kAllSignAlgs,
    .id_token_algs = jose::kAllSignAlgs,
    .access_token_algs = jose::kAllSignAlgs,
    .iss_parameter = true,
    .code_lifetime = seconds(limits::kCodeLifetime),
    .par_lifetime = seconds(limits::kParLifetime),
    .access_token_lifetime = seconds(limits::kAccessTokenLifetimeMax),
    .backend_token_lifetime = seconds(limits::kAccessTokenLifetimeMax),
    .id_token_lifetime = seconds(limits::kIdTokenLifetime),
    .assertion_lifetime = seconds(limits::kAssertionLifetimeMax),
    .refresh_lifetime = seconds(limits::kRefreshLifetime),
    .public_retry_window = seconds(10),
    .retry_window = seconds(limits::kRefreshRetryWindow),
};

// Each row starts from the floor and only takes away, so that meet(floor, row) == row.
constexpr Profile smart() {
  Profile row = kFloor;
  row.name = "smart";
  row.standard = "SMART App Launch 2.2";
  row.aud_required = true;
  row.offline_needs_consent = true;
  row.backend_token_lifetime = seconds(limits::kAccessTokenLifetime);
  return row;
}

constexpr Profile smart_backend() {
  Profile row = smart();
  row.name = "smart_backend";
  row.standard = "SMART Backend Services 2.2";
  row.auth_methods = {ClientAuthMethod::private_key_jwt};
  row.grant_types = {GrantType::client_credentials};
  row.assertion_algs = {SignAlg::rs384, SignAlg::es384, SignAlg::rs256, SignAlg::es256};
  row.assertion_kid_required = true;
  return row;
}

constexpr Profile heart() {
  Profile row = kFloor;
  row.name = "heart";
  row.standard = "HEART OAuth 2.0";
  row.auth_methods = {ClientAuthMethod::none, ClientAuthMethod::private_key_jwt};
  row.state_required = true;
  row.redirect_uri_required = true;
  row.offline_needs_consent = true;
  return row;
}

constexpr Profile fapi2() {
  Profile row = kFloor;
  row.name = "fapi2";
  row.standard = "FAPI 2.0 Security Profile";
  row.auth_methods = {ClientAuthMethod::private_key_jwt};
  row.assertion_algs = jose::kFapi2SignAlgs;
  row.id_token_algs = jose::kFapi2SignAlgs;
  row.access_token_algs = jose::kFapi2SignAlgs;
  row.par_required = true;
  row.redirect_uri_required = true;
  row.sender_constraint_required = true;
  row.assertion_audience = AssertionAudience::issuer_only;
  return row;
}

constexpr std::array<Profile, 5> kRows{kFloor, smart(), smart_backend(), heart(), fapi2()};

// Nothing is allowed: what an unknown name means.
constexpr Profile closed() {
  Profile row{};
  row.name = "closed";
  row.standard = "no such profile";
  row.par_required = row.state_required = row.nonce_required = row.aud_required = row.redirect_uri_required = true;
  row.assertion_kid_required = row.sender_constraint_required = row.iss_parameter = row.offline_needs_consent = true;
  row.assertion_audience = AssertionAudience::issuer_only;
  row.refresh_rotation = RefreshRotation::all_clients;
  return row;
}
constexpr Profile kClosed = closed();

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out.empty() ? "-" : out;
}

template <class E>
std::string names(EnumSet<E> set, std::initializer_list<E> all) {
  std::vector<std::string> words;
  for (const E item : all) {
    if (set.contains(item)) words.emplace_back(name(item));
  }
  return join(words);
}

std::string algs(jose::SignAlgs set) { return set == jose::kAllSignAlgs ? "all" : join(set.names()); }

}  // namespace

std::string_view name(ResponseMode mode) noexcept { return mode == ResponseMode::query ? "query" : "form_post"; }

std::optional<ResponseMode> parse_response_mode(std::string_view text) noexcept {
  if (text == "query") return ResponseMode::query;
  if (text == "form_post") return ResponseMode::form_post;
  return std::nullopt;
}

Profile meet(const Profile& a, const Profile& b) noexcept {
  const Profile& named = b.name == kFloor.name ? a : b;
  return {
      .name = named.name,
      .standard = named.standard,
      .auth_methods = a.auth_methods & b.auth_methods,
      .grant_types = a.grant_types & b.grant_types,
      .response_modes = a.response_modes & b.response_modes,
      .assertion_algs = a.assertion_algs & b.assertion_algs,
      .id_token_algs = a.id_token_algs & b.id_token_algs,
      .access_token_algs = a.access_token_algs & b.access_token_algs,
      .par_required = a.par_required || b.par_required,
      .state_required = a.state_required || b.state_required,
      .nonce_required = a.nonce_required || b.nonce_required,
      .aud_required = a.aud_required || b.aud_required,
      .redirect_uri_required = a.redirect_uri_required || b.redirect_uri_required,
      .assertion_kid_required = a.assertion_kid_required || b.assertion_kid_required,
      .sender_constraint_required = a.sender_constraint_required || b.sender_constraint_required,
      .iss_parameter = a.iss_parameter || b.iss_parameter,
      .offline_needs_consent = a.offline_needs_consent || b.offline_needs_consent,
      .assertion_audience = std::max(a.assertion_audience, b.assertion_audience),
      .refresh_rotation = std::max(a.refresh_rotation, b.refresh_rotation),
      .code_lifetime = std::min(a.code_lifetime, b.code_lifetime),
      .par_lifetime = std::min(a.par_lifetime, b.par_lifetime),
      .access_token_lifetime = std::min(a.access_token_lifetime, b.access_token_lifetime),
      .backend_token_lifetime = std::min(a.backend_token_lifetime, b.backend_token_lifetime),
      .id_token_lifetime = std::min(a.id_token_lifetime, b.id_token_lifetime),
      .assertion_lifetime = std::min(a.assertion_lifetime, b.assertion_lifetime),
      .refresh_lifetime = std::min(a.refresh_lifetime, b.refresh_lifetime),
      .public_retry_window = std::min(a.public_retry_window, b.public_retry_window),
      .retry_window = std::min(a.retry_window, b.retry_window),
  };
}

bool no_wider(const Profile& a, const Profile& b) noexcept {
  const auto demands = [](bool mine, bool theirs) { return mine || !theirs; };
  return a.auth_methods.within(b.auth_methods) && a.grant_types.within(b.grant_types) &&
         a.response_modes.within(b.response_modes) && (a.assertion_algs & b.assertion_algs) == a.assertion_algs &&
         (a.id_token_algs & b.id_token_algs) == a.id_token_algs &&
         (a.access_token_algs & b.access_token_algs) == a.access_token_algs &&
         demands(a.par_required, b.par_required) && demands(a.state_required, b.state_required) &&
         demands(a.nonce_required, b.nonce_required) && demands(a.aud_required, b.aud_required) &&
         demands(a.redirect_uri_required, b.redirect_uri_required) &&
         demands(a.assertion_kid_required, b.assertion_kid_required) &&
         demands(a.sender_constraint_required, b.sender_constraint_required) &&
         demands(a.iss_parameter, b.iss_parameter) && demands(a.offline_needs_consent, b.offline_needs_consent) &&
         a.assertion_audience >= b.assertion_audience && a.refresh_rotation >= b.refresh_rotation &&
         a.code_lifetime <= b.code_lifetime && a.par_lifetime <= b.par_lifetime &&
         a.access_token_lifetime <= b.access_token_lifetime && a.backend_token_lifetime <= b.backend_token_lifetime &&
         a.id_token_lifetime <= b.id_token_lifetime && a.assertion_lifetime <= b.assertion_lifetime &&
         a.refresh_lifetime <= b.refresh_lifetime && a.public_retry_window <= b.public_retry_window &&
         a.retry_window <= b.retry_window;
}

const Profile& floor_profile() noexcept { return kRows[0]; }

const Profile* find_profile(std::string_view name) noexcept {
  if (name.empty()) return &kRows[0];
  const auto row = std::ranges::find(kRows, name, &Profile::name);
  return row == kRows.end() ? nullptr : &*row;
}

std::span<const Profile> all_profiles() noexcept { return kRows; }

Profile effective_profile(std::string_view issuer_profile, std::string_view client_profile) noexcept {
  const Profile* const issuer = find_profile(issuer_profile);
  const Profile* const client = find_profile(client_profile);
  if (issuer == nullptr || client == nullptr) return kClosed;
  return meet(meet(kFloor, *issuer), *client);
}

std::string print_rows() {
  std::string out;
  auto to = std::back_inserter(out);
  for (const Profile& row : kRows) {
    fmt::format_to(to, "{} ({})\n", row.name, row.standard);
    fmt::format_to(to, "  auth_methods            {}\n",
                   names(row.auth_methods, {ClientAuthMethod::none, ClientAuthMethod::client_secret_basic,
                                            ClientAuthMethod::client_secret_post, ClientAuthMethod::private_key_jwt}));
    fmt::format_to(to, "  grant_types             {}\n",
                   names(row.grant_types,
                         {GrantType::authorization_code, GrantType::refresh_token, GrantType::client_credentials}));
    fmt::format_to(to, "  response_modes          {}\n",
                   names(row.response_modes, {ResponseMode::query, ResponseMode::form_post}));
    fmt::format_to(to, "  assertion_algs          {}\n", algs(row.assertion_algs));
    fmt::format_to(to, "  id_token_algs           {}\n", algs(row.id_token_algs));
    fmt::format_to(to, "  access_token_algs       {}\n", algs(row.access_token_algs));
    const std::pair<std::string_view, bool> demands[] = {{"par", row.par_required},
                                                         {"state", row.state_required},
                                                         {"nonce", row.nonce_required},
                                                         {"aud", row.aud_required},
                                                         {"redirect_uri", row.redirect_uri_required},
                                                         {"assertion_kid", row.assertion_kid_required},
                                                         {"sender_constraint", row.sender_constraint_required},
                                                         {"iss_parameter", row.iss_parameter},
                                                         {"offline_consent", row.offline_needs_consent}};
    std::vector<std::string> words;
    for (const auto& [word, on] : demands) {
      if (on) words.emplace_back(word);
    }
    fmt::format_to(to, "  demands                 {}\n", join(words));
    fmt::format_to(
        to, "  assertion_audience      {}\n",
        row.assertion_audience == AssertionAudience::issuer_only ? "issuer only" : "issuer or token endpoint");
    fmt::format_to(to, "  refresh_rotation        {}\n",
                   row.refresh_rotation == RefreshRotation::all_clients ? "all clients" : "public clients");
    fmt::format_to(
        to, "  lifetimes               code {}, par {}, access {}, backend {}, id {}, assertion {}, refresh {}\n",
        row.code_lifetime.count(), row.par_lifetime.count(), row.access_token_lifetime.count(),
        row.backend_token_lifetime.count(), row.id_token_lifetime.count(), row.assertion_lifetime.count(),
        row.refresh_lifetime.count());
    fmt::format_to(to, "  retry_windows           public {}, others {}\n", row.public_retry_window.count(),
                   row.retry_window.count());
  }
  return out;
}

}  // namespace mitral::policy
