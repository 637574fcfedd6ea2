// Scope policy: what of the scopes that were asked for may be granted.
//
//   asked ∩ registered for the client ∩ meaningful at the resource server ∩ sensible for the kind of user
//
// What is left over is silently absent, as SMART App Launch 2.2 wants it; a scope that is granted unchanged keeps the
// client's own spelling. Unknown scopes are never granted (threat E-17). The consent page can only take more away.
//
//   user flows        system/ never; user/ only for clinicians; patient/ and launch/patient need a patient to choose;
//                     fhirUser needs a FHIR identity; offline_access needs a client that may
//   client_credentials  system/ and scopes that are not FHIR's; an explicit ask for anything else is an error (M-4.4.4)
//
// Errors: invalid_scope. Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/client.h"
#include "model/user.h"
#include "policy/scope_rules.h"
#include "spec/smart/scopes.h"

namespace mitral::policy {

/// The list as one set; items that do not parse (a registration from before a rule changed) are left out.
[[nodiscard]] spec::smart::ScopeSet scope_set(const std::vector<std::string>& list);
[[nodiscard]] std::vector<std::string> scope_list(const spec::smart::ScopeSet& set);
/// Joined by single spaces.
[[nodiscard]] std::string scope_text(const std::vector<std::string>& list);

/// What the client may have at this resource server, whoever the user is. `server` nullptr: the issuer itself (no FHIR
/// scopes).
[[nodiscard]] spec::smart::ScopeSet within_registration(const spec::smart::ScopeSet& asked, const model::Client& client,
                                                        const model::ResourceServer* server);

/// The same, and what fits this user.
[[nodiscard]] spec::smart::ScopeSet within_user(const spec::smart::ScopeSet& scopes, const model::User& user);

/// A clinician may hold user/ scopes: role "clinician", or a fhirUser that is a Practitioner.
[[nodiscard]] bool is_clinician(const model::User& user) noexcept;

/// client_credentials: invalid_scope when anything asked for is not for machines (openid, offline_access, launch,
/// patient/, user/) or is not registered; a wildcard may be narrowed. Empty `asked`: everything registered that is for
/// machines.
[[nodiscard]] Result<spec::smart::ScopeSet> backend_scopes(std::string_view asked, const model::Client& client,
                                                           const model::ResourceServer* server);

/// A refresh request's `scope`: every item covered by the grant, or invalid_scope (RFC 6749 §6). The order does not
/// matter.
[[nodiscard]] Result<spec::smart::ScopeSet> narrowed(std::string_view asked, const spec::smart::ScopeSet& granted);

}  // namespace mitral::policy
