// What may go into the token: audience by RFC 8707, then scopes by policy/scope_policy.h.

#include <algorithm>

#include "codec/text.h"
#include "flow/steps/steps.h"
#include "policy/scope_policy.h"
#include "spec/oauth/rfc8707_resource.h"

namespace mitral::flow {
namespace {

std::unexpected<Error> bad_target(std::string detail) {
  return fail(ErrorCode::invalid_target, "This resource can't be had with this grant", std::move(detail));
}

// One audience per token: a resource server that is compromised gets nothing that is good elsewhere (threat B-4.9).
Result<std::string> chosen_audience(const Context& context, const std::vector<std::string>& authorized) {
  MITRAL_TRY(const auto asked, spec::oauth::resources_of(context.form));
  if (asked.size() > 1) return bad_target("more than one resource asked for");
  if (asked.empty()) return authorized.empty() ? std::string{} : authorized.front();
  if (std::ranges::find(authorized, asked.front()) == authorized.end())
    return bad_target("resource was not authorized");
  return std::string(asked.front());
}

// Without a user: what the client asks for, or the only one it can mean.
Result<const model::ResourceServer*> backend_server(const Context& context) {
  const model::Client& client = context.client->record();
  MITRAL_TRY(const auto asked, spec::oauth::resources_of(context.form));
  if (asked.size() > 1) return bad_target("more than one resource asked for");
  const auto may = [&](const model::ResourceServer* server) {
    return server != nullptr && server->enabled &&
           (client.resources.empty() ||
            std::ranges::find(client.resources, server->audience) != client.resources.end());
  };
  if (!asked.empty()) {
    const auto* const named = context.directory->by_audience(context.issuer.id(), asked.front());
    if (!may(named)) return bad_target("no such resource for this client");
    return named;
  }
  auto allowed = context.directory->resource_servers(context.issuer.id());
  std::erase_if(allowed, [&](const auto* s) { return !may(s); });
  if (allowed.size() > 1) std::erase_if(allowed, [](const auto* s) { return !s->fhir; });
  if (allowed.size() != 1)
    return bad_target(allowed.empty() ? "no such resource for this client" : "resource is needed");
  return allowed.front();
}

// The same words, in whatever order.
bool same_words(std::string_view asked, const std::vector<std::string>& granted) {
  const auto words = codec::split_scope(asked);
  if (!words || words->size() != granted.size()) return false;
  return std::ranges::all_of(*words,
                             [&](std::string_view w) { return std::ranges::find(granted, w) != granted.end(); });
}

}  // namespace

bool ApprovedScopes::contains(std::string_view scope) const noexcept {
  return std::ranges::find(list_, scope) != list_.end();
}

struct ScopeStep {
  static Result<ApprovedScopes> for_client(const Context& context) {
    ApprovedScopes out;
    MITRAL_TRY(out.server_, backend_server(context));
    MITRAL_TRY(const auto set, policy::backend_scopes(context.form.get("scope").value_or(std::string_view{}),
                                                      context.client->record(), out.server_));
    if (set.empty()) return fail(ErrorCode::invalid_scope, "scope is missing");
    // SMART Backend Services: whoever may read everybody's data proves itself by a key, not by a shared secret.
    const bool data = std::ranges::any_of(
        set.items(), [](const auto& scope) { return scope.kind == spec::smart::ScopeKind::resource; });
    if (data && context.client->method() != model::ClientAuthMethod::private_key_jwt)
      return fail(ErrorCode::unauthorized_client, "system scopes need a client that authenticates by private_key_jwt");
    out.audience_ = out.server_->audience;
    out.list_ = policy::scope_list(set);
    return out;
  }

  static Result<ApprovedScopes> for_grant(const Context& context) {
    const RedeemedGrant& redeemed = *context.grant;
    const model::Grant& grant = redeemed.grant();
    const model::Client& client = context.client->record();
    ApprovedScopes out;
    MITRAL_TRY(out.audience_, chosen_audience(context, grant.audiences));
    if (!out.audience_.empty()) {
      out.server_ = context.directory->by_audience(context.issuer.id(), out.audience_);
      if (out.server_ == nullptr || !out.server_->enabled) return bad_target("resource server is gone or disabled");
    } else {
      out.audience_ = context.issuer.text();
    }

    const auto asked = redeemed.source() == RedeemedGrant::Source::refresh ? context.form.get("scope") : std::nullopt;
    const bool narrower = asked && !same_words(*asked, grant.scopes);
    // Nothing to compute when nothing has changed since the person agreed.
    const bool limited = out.server_ != nullptr && !out.server_->scopes.empty();
    if (!narrower && !limited && client.updated <= redeemed.since() && grant.audiences.size() <= 1) {
      out.list_ = grant.scopes;
      out.whole_ = true;
      return out;
    }
    auto set = policy::scope_set(grant.scopes);
    if (narrower) {
      MITRAL_TRY(set, policy::narrowed(*asked, set));
    }
    out.list_ = policy::scope_list(policy::within_registration(set, client, out.server_));
    out.whole_ = out.list_ == grant.scopes;
    return out;
  }
};

Result<void> approve_scopes(Context& context) {
  MITRAL_TRY(context.scopes,
             context.grant->has_user() ? ScopeStep::for_grant(context) : ScopeStep::for_client(context));
  return {};
}

}  // namespace mitral::flow
