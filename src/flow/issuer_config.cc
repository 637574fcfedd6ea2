#include "flow/issuer_config.h"

#include <algorithm>

#include "codec/message.h"
#include "codec/uri.h"
#include "crypto/hash.h"
#include "crypto/keywrap.h"
#include "flow/refresh_token.h"
#include "flow/token_sealer.h"
#include "policy/profile.h"

namespace mitral::flow {
namespace {

// HKDF-Expand with one block (RFC 5869 §2.3): the root keys are uniformly random already.
Secret derive_from(const Secret& root, std::string_view purpose, std::string_view issuer) {
  std::string info = "mitral/";
  info += purpose;
  info += '\n';
  info += issuer;
  info += '\x01';
  const auto key = crypto::hmac_sha256(root.reveal(), info);
  return Secret(to_string(key));
}

std::vector<DerivedKey> derive_all(const std::vector<RootKey>& roots, std::string_view purpose,
                                   std::string_view issuer) {
  std::vector<DerivedKey> out;
  for (const RootKey& root : roots) out.push_back({root.id, derive_from(root.key, purpose, issuer)});
  return out;
}

std::unexpected<Error> bad(std::string_view issuer, std::string_view what) {
  return fail(ErrorCode::config_invalid, {}, "issuer \"" + std::string(issuer) + "\": " + std::string(what));
}

}  // namespace

IssuerRuntime::~IssuerRuntime() = default;

Result<std::unique_ptr<IssuerRuntime>> IssuerRuntime::make(IssuerConfig config, const std::vector<RootKey>& roots) {
  const std::string text = config.issuer;
  const auto url = codec::parse_http_url(text);
  if (!url || url->has_query || url->has_fragment || url->has_userinfo)
    return bad(text, "must be an http(s) URL without query, fragment or user");
  if (text.ends_with('/')) return bad(text, "must not end with a slash");
  if (!url->path.empty() && !codec::is_plain_path(url->path))
    return bad(text, "has a path that two parsers could read differently");
  if (std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; }) || text.find('%') != std::string::npos) {
    return bad(text, "must be in lower case and without percent-encoding");
  }
  const bool https = url->scheme == "https";
  if (!https && !codec::is_loopback_literal(url->host)) return bad(text, "plain http is for 127.0.0.1 and [::1] only");
  if (policy::find_profile(config.profile) == nullptr) return bad(text, "unknown profile \"" + config.profile + "\"");
  if (roots.empty()) return bad(text, "no master key");
  for (const RootKey& root : roots) {
    if (root.key.reveal().size() != crypto::kMasterKeySize) return bad(text, "a master key must have 32 bytes");
  }

  std::unique_ptr<IssuerRuntime> out(new IssuerRuntime);
  out->id_ = Issuer(text);
  out->base_path_ = url->path;
  out->authority_ = url->authority;
  out->https_ = https;
  out->urls_ = {.authorize = text + "/authorize",
                .par = text + "/par",
                .token = text + "/token",
                .introspect = text + "/introspect",
                .revoke = text + "/revoke",
                .userinfo = text + "/userinfo",
                .jwks = text + "/jwks",
                .revocations = text + "/revocations",
                .launch = text + "/launch",
                .interaction = text + "/interaction",
                .sign_out = text + "/sign-out",
                .account = text + "/account",
                .brands = text + "/brands"};
  if (!config.brands.empty()) {
    MITRAL_TRY(out->brands_,
               spec::smart::read_brands(config.brands, config.brand_identifier_system, config.brand_identifier_value));
  } else if (!config.brand_identifier_value.empty()) {
    return bad(text, "names a brand but publishes no brand Bundle");
  }
  out->roots_ = roots;
  out->sealer_ = std::make_unique<TokenSealer>(text, derive_all(roots, "access-token", text));
  out->refresh_ = std::make_unique<RefreshTokens>(text, derive_all(roots, "refresh-token", text));
  out->config_ = std::move(config);
  return out;
}

bool IssuerRuntime::accepts_host(std::string_view host) const noexcept {
  return codec::iequals(host, authority_) || std::ranges::any_of(config_.extra_hosts, [&](const std::string& alias) {
           return codec::iequals(host, alias);
         });
}

Secret IssuerRuntime::derive(std::string_view purpose) const {
  return derive_from(roots_.back().key, purpose, id_.value);
}

}  // namespace mitral::flow
