#include "flow/authorization_request.h"

#include <algorithm>

#include "flow/emergency.h"
#include "flow/handles.h"
#include "policy/scope_policy.h"
#include "spec/oauth/rfc6749_authorization_request.h"

namespace mitral::flow {
namespace {

using policy::ResponseMode;
using spec::smart::ScopeKind;
using spec::smart::ScopeSet;

std::vector<std::string> copy(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

// Compared byte by byte with what was registered, but for one slash at the end: apps put it there or leave it out as
// they like, and no server registers with one.
const model::ResourceServer* find_server(const Context& context, std::string_view audience) {
  if (const auto* exact = context.directory->by_audience(context.issuer.id(), audience)) return exact;
  if (!audience.ends_with('/')) return nullptr;
  return context.directory->by_audience(context.issuer.id(), audience.substr(0, audience.size() - 1));
}

// Resource servers that the request names, or the only one that the client can mean.
Result<std::vector<const model::ResourceServer*>> targets(const Context& context, const model::Client& client,
                                                          const spec::oauth::AuthorizationParameters& parameters,
                                                          const policy::Profile& profile, bool resource_scopes) {
  auto may = [&](const model::ResourceServer* server) {
    return server != nullptr && server->enabled &&
           (client.resources.empty() ||
            std::ranges::find(client.resources, server->audience) != client.resources.end());
  };
  std::vector<const model::ResourceServer*> out;
  for (const auto audience : parameters.resources) {
    const auto* const server = find_server(context, audience);
    if (!may(server)) {
      // SMART has no error of its own for `aud`; `resource` has one (RFC 8707 §2).
      const bool aud = audience == parameters.aud;
      return fail(aud ? ErrorCode::invalid_request : ErrorCode::invalid_target,
                  "aud or resource is not a resource that this client may use");
    }
    if (std::ranges::find(out, server) != out.end()) continue;
    // Two names for the same thing that say different things: nobody can tell which was meant.
    if (parameters.aud_beside_resource && audience == parameters.aud)
      return fail(ErrorCode::invalid_request, "aud and resource do not agree");
    out.push_back(server);
  }
  if (!out.empty()) return out;
  if (resource_scopes && profile.aud_required) return fail(ErrorCode::invalid_request, "aud is missing");
  if (!resource_scopes) return out;
  for (const auto* server : context.directory->resource_servers(context.issuer.id())) {
    if (may(server)) out.push_back(server);
  }
  if (out.size() != 1) return fail(ErrorCode::invalid_target, "resource is missing");
  return out;
}

bool about_resources(const ScopeSet& set) {
  return std::ranges::any_of(set.items(), [](const auto& s) {
    return s.kind == ScopeKind::resource || s.kind == ScopeKind::launch || s.kind == ScopeKind::launch_context;
  });
}

// Several resources: a scope may be asked for if it makes sense at one of them.
ScopeSet grantable(const ScopeSet& asked, const model::Client& client,
                   const std::vector<const model::ResourceServer*>& servers) {
  if (servers.size() < 2)
    return policy::within_registration(asked, client, servers.empty() ? nullptr : servers.front());
  ScopeSet out;
  for (const auto* server : servers) out = ScopeSet::unite(out, policy::within_registration(asked, client, server));
  return out;
}

Result<ResponseMode> response_mode(std::string_view text, const policy::Profile& profile) {
  const auto mode = text.empty() ? ResponseMode::query : policy::parse_response_mode(text);
  if (!mode || !profile.response_modes.contains(*mode))
    return fail(ErrorCode::invalid_request, "This response_mode is not supported");
  return *mode;
}

}  // namespace

ResponseMode requested_response_mode(const codec::Form& parameters, const policy::Profile& profile) noexcept {
  const bool form_post = parameters.count("response_mode") == 1 && parameters.get("response_mode") == "form_post";
  return form_post && profile.response_modes.contains(ResponseMode::form_post) ? ResponseMode::form_post
                                                                               : ResponseMode::query;
}

Result<model::AuthorizationRequest> check_authorization_request(const Context& context, const codec::Form& parameters,
                                                                const VerifiedRedirect& redirect,
                                                                const policy::Profile& profile) {
  const model::Client& client = redirect.client();
  if (!client.may(model::GrantType::authorization_code) ||
      !profile.grant_types.contains(model::GrantType::authorization_code)) {
    return fail(ErrorCode::unauthorized_client, "This client may not use authorization codes");
  }
  MITRAL_TRY(const auto p, spec::oauth::parse_authorization_parameters(parameters));
  MITRAL_TRY(const auto mode, response_mode(p.response_mode, profile));
  // A client that asks for binding must not get bearer tokens instead (RFC 9449 §10).
  if (!p.dpop_jkt.empty()) return fail(ErrorCode::invalid_request, "dpop_jkt is not supported");
  if (profile.state_required && p.state.empty()) return fail(ErrorCode::invalid_request, "state is missing");

  std::size_t dropped = 0;
  MITRAL_TRY(const auto asked, ScopeSet::parse_known(p.scope, policy::scope_rules(), &dropped));
  MITRAL_TRY(const auto servers, targets(context, client, p, profile, about_resources(asked)));
  const ScopeSet scopes = grantable(asked, client, servers);
  if (scopes.empty() && !p.scope.empty()) {
    return fail(ErrorCode::invalid_scope, "Nothing that was asked for can be granted to this client");
  }
  if (profile.nonce_required && p.nonce.empty() && scopes.has(ScopeKind::openid)) {
    return fail(ErrorCode::invalid_request, "nonce is missing");
  }
  std::string launch;
  if (!p.launch.empty()) {
    const auto hash = stored_handle(p.launch, kLaunchPrefix);
    if (!hash) return fail(ErrorCode::invalid_request, "launch is not a launch handle of this server");
    launch = hash_text(*hash);
  }

  model::AuthorizationRequest out;
  out.issuer = context.issuer.id();
  out.client = client.id;
  out.redirect_uri = redirect.uri();
  out.redirect_uri_sent = redirect.was_sent();
  out.response_mode = policy::name(mode);
  out.state = p.state;
  out.nonce = p.nonce;
  out.code_challenge = p.code_challenge;
  out.scopes = policy::scope_list(scopes);
  for (const auto* server : servers) out.resources.push_back(server->audience);
  out.prompt = copy(p.prompt);
  out.max_age = p.max_age;
  out.acr_values = copy(p.acr_values);
  out.login_hint = p.login_hint;
  out.launch = std::move(launch);
  out.extra = codec::Json::object();
  MITRAL_CHECK(check_purpose(parameters, client, *context.directory, out));
  return out;
}

}  // namespace mitral::flow
