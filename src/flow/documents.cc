#include "flow/documents.h"

#include <algorithm>
#include <memory>

#include "base/limits.h"
#include "base/log.h"
#include "flow/responses.h"
#include "spec/oidc/discovery.h"
#include "spec/smart/configuration.h"
#include "spec/smart/words.h"

namespace mitral::flow {
namespace {

codec::Response document(const Context& context, std::string body) {
  static const std::string kCacheControl =
      "public, max-age=" + std::to_string(limits::kMetadataMaxAge / std::chrono::seconds(1));
  codec::Response out;
  out.status = 200;
  out.headers.reserve(8);
  out.headers.add("Content-Type", "application/json");
  out.headers.add("Cache-Control", kCacheControl);
  out.body = std::move(body);
  add_common_headers(out, context.issuer);
  return out;
}

// What discovery says follows from the configuration, the directory and the keys. Each thread keeps the text for as
// long as the last two are the very same snapshots; held weakly, so that no old directory stays in memory for it.
class Kept {
 public:
  template <class Make>
  const std::string& text(const Context& context, Make&& make) {
    const auto keys = context.services.keys.snapshot(context.issuer.id());
    for (auto& entry : entries_) {
      if (entry.issuer != &context.issuer || entry.endpoint != context.endpoint) continue;
      if (entry.directory.lock() != context.directory || entry.keys.lock() != keys) {
        entry = Entry{&context.issuer, context.endpoint, context.directory, keys, make()};
      }
      return entry.body;
    }
    if (entries_.size() == kMost) entries_.erase(entries_.begin());
    return entries_.emplace_back(Entry{&context.issuer, context.endpoint, context.directory, keys, make()}).body;
  }

 private:
  static constexpr std::size_t kMost = 32;
  struct Entry {
    const IssuerRuntime* issuer;
    Endpoint endpoint;
    std::weak_ptr<const ports::Directory> directory;
    std::weak_ptr<const KeySnapshot> keys;
    std::string body;
  };
  std::vector<Entry> entries_;
};

template <class Make>
codec::Response kept_document(const Context& context, Make&& make) {
  thread_local Kept kept;
  return document(context, kept.text(context, std::forward<Make>(make)));
}

template <class E>
std::vector<std::string> names_of(policy::EnumSet<E> set, std::initializer_list<E> order) {
  std::vector<std::string> out;
  for (const E item : order) {
    if (set.contains(item)) out.emplace_back(name(item));
  }
  return out;
}

bool has_fhir_server(const Context& context) {
  return std::ranges::any_of(context.directory->resource_servers(context.issuer.id()),
                             [](const auto* server) { return server->fhir && server->enabled; });
}

// What configuration lists, or what every SMART server of this kind serves: everything listed must work.
std::vector<std::string> scopes_supported(const Context& context) {
  const auto& config = context.issuer.config();
  if (!config.scopes_supported.empty()) return config.scopes_supported;
  std::vector<std::string> out{"openid", "profile", "email", "fhirUser", "offline_access", "online_access"};
  if (!has_fhir_server(context)) return out;
  if (config.ehr_launch) out.emplace_back("launch");
  if (config.standalone_launch && config.patient_picker) out.emplace_back("launch/patient");
  for (const auto* scope :
       {"patient/*.cruds", "patient/*.rs", "user/*.cruds", "user/*.rs", "system/*.cruds", "system/*.rs"}) {
    out.emplace_back(scope);
  }
  // US Core wants each of its scopes named, wildcards or not.
  using spec::smart::ScopeContext;
  for (const auto context_name : {ScopeContext::patient, ScopeContext::user, ScopeContext::system}) {
    for (const auto type : spec::smart::us_core_types())
      out.push_back(std::string(spec::smart::name(context_name)).append("/").append(type).append(".rs"));
    std::ranges::copy(spec::smart::us_core_granular_scopes(context_name), std::back_inserter(out));
  }
  return out;
}

}  // namespace

spec::oauth::ServerFacts server_facts(const Context& context) {
  using model::ClientAuthMethod;
  using model::GrantType;
  using policy::ResponseMode;
  const auto& urls = context.issuer.urls();
  const auto profile = policy::effective_profile(context.issuer.config().profile, {});
  const auto keys = context.services.keys.snapshot(context.issuer.id());
  spec::oauth::ServerFacts out;
  out.issuer = context.issuer.text();
  out.authorization_endpoint = urls.authorize;
  out.token_endpoint = urls.token;
  out.userinfo_endpoint = urls.userinfo;
  out.jwks_uri = urls.jwks;
  out.introspection_endpoint = urls.introspect;
  out.revocation_endpoint = urls.revoke;
  out.pushed_authorization_request_endpoint = urls.par;
  out.par_required = profile.par_required;
  out.iss_parameter = profile.iss_parameter;
  out.scopes_supported = scopes_supported(context);
  out.response_modes = names_of(profile.response_modes, {ResponseMode::query, ResponseMode::form_post});
  out.grant_types = names_of(profile.grant_types,
                             {GrantType::authorization_code, GrantType::refresh_token, GrantType::client_credentials});
  out.auth_methods =
      names_of(profile.auth_methods, {ClientAuthMethod::client_secret_basic, ClientAuthMethod::client_secret_post,
                                      ClientAuthMethod::private_key_jwt, ClientAuthMethod::none});
  out.assertion_algs = profile.assertion_algs.names();
  out.id_token_algs = (profile.id_token_algs & keys->algs).names();
  for (const auto* server : context.directory->resource_servers(context.issuer.id())) {
    if (server->enabled) out.protected_resources.push_back(server->audience);
  }
  std::ranges::sort(out.protected_resources);
  return out;
}

codec::Response jwks_document(const Context& context) {
  return document(context, context.services.keys.snapshot(context.issuer.id())->jwks_json);
}

codec::Response oauth_metadata_document(const Context& context) {
  return kept_document(context, [&] { return spec::oauth::oauth_metadata(server_facts(context)).dump(); });
}

codec::Response openid_configuration_document(const Context& context) {
  return kept_document(context, [&] { return spec::oidc::openid_configuration(server_facts(context)).dump(); });
}

codec::Response smart_configuration_document(const Context& context) {
  const auto facts = server_facts(context);
  const auto& config = context.issuer.config();
  spec::smart::ConfigurationFacts smart;
  smart.issuer = facts.issuer;
  smart.jwks_uri = facts.jwks_uri;
  smart.authorization_endpoint = facts.authorization_endpoint;
  smart.token_endpoint = facts.token_endpoint;
  smart.introspection_endpoint = facts.introspection_endpoint;
  smart.revocation_endpoint = facts.revocation_endpoint;
  smart.management_endpoint = context.issuer.urls().account;
  if (context.issuer.brands() != nullptr) {
    smart.user_access_brand_bundle = context.issuer.urls().brands;
    smart.user_access_brand_identifier_system = config.brand_identifier_system;
    smart.user_access_brand_identifier_value = config.brand_identifier_value;
  }
  smart.associated_endpoints = config.associated_endpoints;
  smart.scopes_supported = facts.scopes_supported;
  smart.token_endpoint_auth_methods = facts.auth_methods;
  smart.token_endpoint_auth_signing_algs = facts.assertion_algs;
  smart.grant_types = facts.grant_types;
  smart.openid_connect = true;
  smart.launch_ehr = config.ehr_launch;
  smart.launch_standalone = config.standalone_launch;
  smart.authorize_post = true;
  smart.patient_banner = config.ehr_launch;
  smart.style_url = config.ehr_launch;
  smart.ehr_patient = config.ehr_launch;
  smart.ehr_encounter = config.ehr_launch;
  smart.standalone_patient = config.standalone_launch && config.patient_picker;
  const bool refresh = std::ranges::find(facts.grant_types, "refresh_token") != facts.grant_types.end();
  const bool fhir = has_fhir_server(context);
  smart.offline_access = refresh;
  smart.online_access = refresh;
  smart.patient_scopes = fhir;
  smart.user_scopes = fhir;
  smart.scopes_v1 = fhir;
  smart.scopes_v2 = fhir;
  const auto json = spec::smart::smart_configuration(smart);
  if (!json) {
    log::error("smart_configuration.failed", {{"reason", json.error().detail}});
    return error_response(context, {ErrorCode::server_error, {}, {}});
  }
  return document(context, json->dump());
}

codec::Response brands_document(const Context& context) {
  const auto* const brands = context.issuer.brands();
  if (brands == nullptr) return error_response(context, {ErrorCode::not_found, "No brands are published here", {}});
  const auto known = context.request.headers.get("If-None-Match");
  codec::Response out;
  if (known && spec::smart::none_match_fails(*known, brands->etag)) {
    out.status = 304;
    out.headers.set("Cache-Control",
                    "public, max-age=" + std::to_string(limits::kMetadataMaxAge / std::chrono::seconds(1)));
    add_common_headers(out, context.issuer);
  } else {
    out = document(context, brands->body);
    out.headers.set("Content-Type", "application/fhir+json");
  }
  out.headers.set("ETag", brands->etag);
  return out;
}

}  // namespace mitral::flow
