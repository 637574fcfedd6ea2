#include "policy/scope_policy.h"

#include <algorithm>

#include "fhir/r4.h"
#include "fhir/search_params.h"

namespace mitral::policy {
namespace {

using spec::smart::ScopeContext;
using spec::smart::ScopeKind;
using spec::smart::ScopeSet;
using spec::smart::SmartScope;

bool needs_patient(const SmartScope& scope) noexcept {
  return (scope.kind == ScopeKind::resource && scope.context == ScopeContext::patient) ||
         (scope.kind == ScopeKind::launch_context && scope.launch_type == "patient");
}

// Scopes that speak to the authorization server, not to a resource server.
bool is_about_sign_in(const SmartScope& scope) noexcept {
  return scope.kind != ScopeKind::resource && scope.kind != ScopeKind::other;
}

bool for_machines(const SmartScope& scope) noexcept {
  return (scope.kind == ScopeKind::resource && scope.context == ScopeContext::system) || scope.kind == ScopeKind::other;
}

ScopeSet keep(ScopeSet set, auto predicate) {
  set.drop_if([&](const SmartScope& scope) { return !predicate(scope); });
  return set;
}

ScopeSet limit_to_server(ScopeSet set, const model::ResourceServer* server) {
  if (server == nullptr || !server->fhir) {
    set.drop_if([](const SmartScope& s) { return s.kind == ScopeKind::resource; });
  }
  if (server == nullptr || server->scopes.empty()) return set;
  const ScopeSet allowed = scope_set(server->scopes);
  ScopeSet result;
  result.reserve(set.size());
  for (const SmartScope& scope : set.items()) {
    if (is_about_sign_in(scope)) {
      result.add(scope);
      continue;
    }
    ScopeSet one;
    one.add(scope);
    for (const SmartScope& met : ScopeSet::narrow(one, allowed).items()) result.add(met);
  }
  return result;
}

}  // namespace

ScopeSet scope_set(const std::vector<std::string>& list) {
  ScopeSet out;
  out.reserve(list.size());
  for (const auto& text : list) {
    if (auto scope = spec::smart::parse_scope(text, scope_rules())) out.add(std::move(*scope));
  }
  return out;
}

std::vector<std::string> scope_list(const ScopeSet& set) {
  std::vector<std::string> out;
  out.reserve(set.size());
  for (const auto& scope : set.items()) out.push_back(scope.text);
  return out;
}

std::string scope_text(const std::vector<std::string>& list) {
  std::size_t size = 0;
  for (const auto& text : list) size += text.size() + 1;
  std::string out;
  out.reserve(size);
  for (const auto& text : list) {
    if (!out.empty()) out += ' ';
    out += text;
  }
  return out;
}

ScopeSet within_registration(const ScopeSet& asked, const model::Client& client, const model::ResourceServer* server) {
  ScopeSet out = ScopeSet::narrow(asked, scope_set(client.scopes));
  if (!client.offline_allowed) {
    out.drop_if([](const SmartScope& s) { return s.kind == ScopeKind::offline_access; });
  }
  return limit_to_server(std::move(out), server);
}

bool is_clinician(const model::User& user) noexcept {
  return std::ranges::find(user.roles, "clinician") != user.roles.end() ||
         std::string_view(user.fhir_user).starts_with("Practitioner/") ||
         std::string_view(user.fhir_user).starts_with("PractitionerRole/");
}

ScopeSet within_user(const ScopeSet& scopes, const model::User& user) {
  const bool clinician = is_clinician(user);
  return keep(scopes, [&](const SmartScope& scope) {
    if (scope.kind == ScopeKind::fhir_user) return !user.fhir_user.empty();
    if (scope.kind == ScopeKind::resource && scope.context == ScopeContext::system) return false;
    if (scope.kind == ScopeKind::resource && scope.context == ScopeContext::user)
      return clinician && !user.fhir_user.empty();
    if (needs_patient(scope)) return clinician || !user.patients.empty();
    return true;
  });
}

Result<ScopeSet> backend_scopes(std::string_view asked, const model::Client& client,
                                const model::ResourceServer* server) {
  ScopeSet limit = limit_to_server(keep(scope_set(client.scopes), for_machines), server);
  if (asked.empty()) return limit;
  MITRAL_TRY(ScopeSet set, ScopeSet::parse(asked, scope_rules()));
  if (!std::ranges::all_of(set.items(), for_machines)) {
    return fail(ErrorCode::invalid_scope, "Only system scopes can be had without a user");
  }
  if (limit.covers(set)) return set;
  ScopeSet out;
  for (const SmartScope& scope : set.items()) {
    ScopeSet one;
    one.add(scope);
    const ScopeSet met = ScopeSet::narrow(one, limit);
    // SMART 2.2: an explicit ask that can't be met is told at once; a wildcard may come back narrower.
    const bool wildcard = scope.kind == ScopeKind::resource && scope.type == "*";
    if (met.empty() || (!wildcard && !met.covers(scope))) {
      return fail(ErrorCode::invalid_scope, "The client is not registered for a scope that it asked for");
    }
    for (const SmartScope& item : met.items()) out.add(item);
  }
  return out;
}

Result<ScopeSet> narrowed(std::string_view asked, const ScopeSet& granted) {
  MITRAL_TRY(ScopeSet set, ScopeSet::parse(asked, scope_rules()));
  if (!granted.covers(set)) return fail(ErrorCode::invalid_scope, "More scopes than were granted");
  return set;
}

}  // namespace mitral::policy
