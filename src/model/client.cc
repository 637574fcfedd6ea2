#include "model/client.h"

#include <algorithm>

namespace mitral::model {
namespace {

template <class E>
struct Name {
  E value;
  std::string_view text;
};

constexpr Name<ClientAuthMethod> kMethods[] = {{ClientAuthMethod::none, "none"},
                                               {ClientAuthMethod::client_secret_basic, "client_secret_basic"},
                                               {ClientAuthMethod::client_secret_post, "client_secret_post"},
                                               {ClientAuthMethod::private_key_jwt, "private_key_jwt"}};
constexpr Name<GrantType> kGrants[] = {{GrantType::authorization_code, "authorization_code"},
                                       {GrantType::refresh_token, "refresh_token"},
                                       {GrantType::client_credentials, "client_credentials"}};
constexpr Name<TokenFormat> kFormats[] = {
    {TokenFormat::jwt, "jwt"}, {TokenFormat::opaque, "opaque"}, {TokenFormat::wrapped, "wrapped"}};

template <class E, std::size_t N>
std::string_view text_of(const Name<E> (&table)[N], E value) noexcept {
  for (const auto& row : table) {
    if (row.value == value) return row.text;
  }
  return {};
}

template <class E, std::size_t N>
std::optional<E> value_of(const Name<E> (&table)[N], std::string_view text) noexcept {
  for (const auto& row : table) {
    if (row.text == text) return row.value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(ClientAuthMethod method) noexcept { return text_of(kMethods, method); }
std::optional<ClientAuthMethod> parse_client_auth_method(std::string_view text) noexcept {
  return value_of(kMethods, text);
}
std::string_view name(GrantType type) noexcept { return text_of(kGrants, type); }
std::optional<GrantType> parse_grant_type(std::string_view text) noexcept { return value_of(kGrants, text); }
std::string_view name(TokenFormat format) noexcept { return text_of(kFormats, format); }
std::optional<TokenFormat> parse_token_format(std::string_view text) noexcept { return value_of(kFormats, text); }

bool Client::may(GrantType type) const noexcept { return std::ranges::find(grant_types, type) != grant_types.end(); }

}  // namespace mitral::model
