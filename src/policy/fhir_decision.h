// FHIR decision: what a token may do with FHIR data. The one predicate behind every answer of the gateway, as a pure
// function of the token's facts, the classified interaction and the content of resources.
//
// Source: SMART App Launch 2.2 (scopes for requesting FHIR resources), FHIR R4 Patient compartment, RFC 9700 §2.3.
//
// Three stages, each sufficient to deny:
//   Access::compile()   scopes with the bound of their context become rules; a scope whose claim is missing or whose
//                       restriction cannot be evaluated becomes no rule (it never widens, MS fhir-server #5688, #5817);
//   decide()            gate by type and letter, policy of search parameters, rewrite (bound and granular filter as
//                       additional AND parameters);
//   resource_visible()  judges the content of each resource of each answer. This is the boundary; the rewrite is only
//                       economy.
//
// Each resource must be justified by one rule: letters, restrictions and bound of that one scope together. Rules add
// up. patient/  the compartment of the token's patient by its own elements (fhir/compartment.h), or a shared type.
// user/     fhirUser Patient, RelatedPerson, Person: the patients this user may see (token patient, herself, proxies);
//           Practitioner: any patient. No fhirUser, or another type: no rule.
// system/   only in a token without a user.
// fhirUser scope: reading exactly the resource that fhirUser names.
//
// Limits: base/limits.h. Errors: none; everything is a Decision. Thread rules: Access is immutable after compile();
// pure functions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "codec/json.h"
#include "fhir/interaction.h"
#include "fhir/search_params.h"
#include "policy/consent.h"
#include "policy/decision.h"
#include "policy/scope_policy.h"
#include "policy/scope_rules.h"
#include "spec/smart/scopes.h"

namespace mitral::policy {

/// What the token says, after it was verified. Nothing here comes from the request.
struct TokenFacts {
  spec::smart::ScopeSet scopes;
  std::string client;
  std::string subject;                     ///< equal to client in a token without a user
  std::string patient;                     ///< SMART launch context; logical id or empty
  std::string fhir_user;                   ///< absolute URL under own_base or "Type/id"; or empty
  std::vector<std::string> user_patients;  ///< patients whom the user may see besides (proxies); logical ids
  std::string own_base;                    ///< public FHIR base, without a trailing slash
  std::string purpose;  ///< HL7 v3 PurposeOfUse that the authorization server vouches for ("ETREAT"), or empty
  std::string issuer;   ///< of the token
  std::shared_ptr<const DataPolicy> data_policy;  ///< of this deployment; null: directives and labels hide nothing

  [[nodiscard]] bool has_user() const noexcept { return !subject.empty() && subject != client; }
};

/// One scope, ready to be evaluated.
struct AccessRule {
  enum class Bound : std::uint8_t { none, patients };
  spec::smart::ScopeContext context = spec::smart::ScopeContext::patient;
  std::string type;  ///< or "*"
  spec::smart::Perms perms;
  Bound bound = Bound::patients;
  std::vector<std::string> patients;                        ///< Bound::patients: at least one
  std::vector<spec::smart::ScopeRestriction> restrictions;  ///< all must hold
  std::vector<fhir::Condition> conditions;                  ///< of the restrictions, when the type is not "*"
  std::string scope;                                        ///< text, for explanations
  bool guarded = false;  ///< directives or labels may hide what bound and restrictions would show

  [[nodiscard]] bool covers(char letter, std::string_view resource_type) const noexcept;
  /// The rule itself hides nothing of its types: no bound, no restriction, no directives. A stored Bundle is judged by
  /// what it holds besides.
  [[nodiscard]] bool unlimited() const noexcept { return bound == Bound::none && restrictions.empty() && !guarded; }
};

/// A token's permissions, compiled once and kept beside the cached token.
class Access {
 public:
  [[nodiscard]] static Access compile(const TokenFacts& facts);

  [[nodiscard]] const std::vector<AccessRule>& rules() const noexcept { return rules_; }
  [[nodiscard]] const std::string& own_base() const noexcept { return own_base_; }
  /// Resource that the fhirUser scope allows to read; empty type: none.
  [[nodiscard]] const std::string& self_type() const noexcept { return self_type_; }
  [[nodiscard]] const std::string& self_id() const noexcept { return self_id_; }
  [[nodiscard]] const Requester& requester() const noexcept { return requester_; }
  /// Security labels may hide resources from this token, so nothing may be found out by searching for labels.
  [[nodiscard]] bool hides_labels() const noexcept;
  /// The reason to give when no rule covers a letter on a type: a scope may have lost its bound.
  [[nodiscard]] Reason reason_without_rule(char letter, std::string_view type) const noexcept;
  /// The scope that a developer should ask for: "patient/Observation.rs".
  [[nodiscard]] std::string scope_hint(std::string_view letters, std::string_view type) const;

 private:
  struct Lost {
    spec::smart::SmartScope scope;
    Reason reason;
  };
  std::vector<AccessRule> rules_;
  std::vector<Lost> lost_;
  std::string own_base_;
  std::string self_type_, self_id_;
  Requester requester_;
  spec::smart::ScopeContext hint_ = spec::smart::ScopeContext::patient;
};

/// What of a resource an answer carries, by _summary (FHIR R4 search.html 3.1.1.5.8). Always made here, from the whole
/// resource that was judged. `elements` is _summary=true, made like `data`: more than what the definition marks, which
/// is allowed. `count` (also _count=0): only how many are visible; upstream's own count may be used only when the plan
/// is unlimited, else the matches are read and counted, or no total is given.
enum class Summary : std::uint8_t { none, count, text, data, elements };

struct OperationRule;

/// What to do with a permitted request.
struct Plan {
  std::string letters;  ///< what was needed: "r" or "s" is what each primary resource of the answer is judged by
  std::vector<fhir::QueryParam> forward;  ///< parameters for upstream, canonical, with bound and filters added
  std::vector<fhir::QueryParam> kept;     ///< the client's own parameters that were honoured, for the self link
  std::vector<std::string> left_out;      ///< _include/_revinclude without a scope for their type: parameter texts
  bool by_include = false;                ///< an _include is forwarded: "r" is enough for included resources
  std::vector<std::string> elements;      ///< _elements, to be projected after the check; empty: everything
  std::string search_type;                ///< type searched, compartment searches included; empty: see `types`
  bool unlimited = false;                 ///< nothing of the primary type can be hidden from this token
  Summary summary = Summary::none;        ///< _summary, to be made after the check
  /// System search and history, GET /Patient/p/*, $everything, $export: the types that may come back, sorted. Upstream
  /// gets them as _type in `forward`; another type in the answer is dropped.
  std::vector<std::string> types;
  const OperationRule* operation = nullptr;  ///< of policy/fhir_operations.h, for an operation
};

struct RequestDecision {
  Decision decision;
  Plan plan;
  std::string parameter;  ///< name of the parameter that decided, a name of the registry or "" (never echoed otherwise)
  std::string scope_hint;  ///< insufficient_scope: what to ask for
};

/// Facts about the moment and the patients that no token carries.
struct Circumstances {
  Instant now;
  /// Directives of every patient who may be concerned; null when this deployment enforces none. A patient who is
  /// missing in the book is denied: it could not be read (policy/consent.h).
  std::shared_ptr<const ConsentBook> consents = nullptr;
};

/// Judges a request before anything is sent upstream. `explain` may be null.
///
/// Writes: letters and parameters only; content is judged by write_allowed(), before and after. Conditional writes and
/// If-None-Exist: the caller puts the parameters of the header into `interaction.params`; `plan.forward` is the search
/// that finds the matches, bound and filters added, and each match must be visible (Origin::match) besides. At least
/// one condition on content is demanded. Conditional update, patch and delete need rules of user/ or system/ (§4.1). A
/// batch or transaction is permitted here without a letter of its own: each entry is a request to be decided.
///
/// Chains and _has (at most two hops) only where an unlimited rule covers every type that they touch: an answer must
/// not depend on what this token cannot see (S-9). Compartment searches: of a Patient's, the search of the type bound
/// to her; `type` "*" keeps the path /Patient/p/* and gets `plan.types`. Of an Encounter's, Practitioner's, Device's or
/// RelatedPerson's: the search of the type by the parameter of that name, where the registry has one. System search
/// under a bound: only types that the parameter `patient` can bind; history cannot be bound and is filtered afterwards.
/// Binary: reading is permitted to who may read Binary or DocumentReference; resource_visible() does not show a Binary
/// under a bound, its owner must be proven by a DocumentReference that is visible (fhir/attachments.h).
/// Operations: the closed list of fhir_operations.h. Parameters of a POST body (Parameters resource) are expected in
/// `interaction.params` with from_body.
[[nodiscard]] RequestDecision decide(const Access& access, const fhir::Interaction& interaction,
                                     Explanation* explain = nullptr);

/// How a resource came into the answer.
enum class Origin : std::uint8_t {
  read,      ///< read, vread, instance history: letter r
  match,     ///< search match or type history: letter s
  included,  ///< by _include: r or s
  reverse,   ///< by _revinclude: s
};

/// Tells whether a resource of the same answer was already found visible; decides Provenance about non-patients.
using SeenVisible = std::function<bool(std::string_view type, std::string_view id)>;

/// May this resource be shown? `seen` may be empty. `explain` may be null.
[[nodiscard]] Decision resource_visible(const Access& access, const codec::Json& resource, Origin origin,
                                        const SeenVisible& seen = {}, Explanation* explain = nullptr,
                                        const Circumstances& circumstances = {});

/// May this content be written by an interaction of this letter (c, u or d)? `before` null: nothing is stored under the
/// id yet; `after` null: it is going to be deleted (smart-fhir §4.7).
///
/// One rule must justify both states by letter, bound and restrictions; letter u with nothing before is a creation
/// under a chosen id and demands c as well, of any rule that justifies it. What every rule is held to: type, id,
/// patients of the compartment link, meta.security and tags of policy (v3 Confidentiality, ActCode, ActReason) stay as
/// they are; no reference is a match URL; no contained Patient is added; no subsetted copy is stored; Subscription and
/// what redefines the server for everyone (SearchParameter, OperationDefinition, CompartmentDefinition) is never
/// written. A stored Bundle's resources must each be writable. Under a bound besides: never a shared type; every
/// reference to a Patient that was not there before is within the bound; no new link to a stored Binary (it would prove
/// ownership of someone else's); what is created carries no security label. A Patient cannot be created by POST.
/// urn: references of a transaction must be resolved before: one that is left names nobody here.
/// URLs in content (endpoints, attachments) are data: nothing here or in the gateway ever opens them (S-18).
[[nodiscard]] Decision write_allowed(const Access& access, char letter, const codec::Json* before,
                                     const codec::Json* after, Explanation* explain = nullptr,
                                     const Circumstances& circumstances = {});

/// May the fact be shown that a version of this type was deleted? There is no content to judge: unlimited rules only.
[[nodiscard]] bool tombstone_visible(const Access& access, std::string_view type, Origin origin) noexcept;

/// Search parameter of the type by which its resources are bound to a patient ("patient", "subject", "_id" ...); empty
/// when the registry has none.
[[nodiscard]] std::string_view bound_parameter(std::string_view type);

}  // namespace mitral::policy
