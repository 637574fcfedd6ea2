// write_allowed(): what may be stored, changed or deleted, by the content before and after (smart-fhir §4.7; threats
// S-5, S-7, S-8, S-14, S-16 to S-18).
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "fhir/attachments.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "policy/consent_gate.h"
#include "policy/fhir_decision_parts.h"
#include "policy/labels.h"

namespace mitral::policy {
namespace {

using codec::Json;
using parts::say;

/// Written by nobody through here. A Subscription makes the server send data to whoever it names (S-18); the others
/// change what a search, an operation or a compartment means for everyone.
constexpr auto kNeverWritten = std::to_array<std::string_view>(
    {"CompartmentDefinition", "OperationDefinition", "SearchParameter", "Subscription"});

/// Tags of these systems say who may see something, as labels do.
constexpr auto kPolicyTags = std::to_array<std::string_view>(
    {"http://terminology.hl7.org/CodeSystem/v3-ActCode", "http://terminology.hl7.org/CodeSystem/v3-ActReason",
     "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "http://hl7.org/fhir/v3/ActCode",
     "http://hl7.org/fhir/v3/ActReason", "http://hl7.org/fhir/v3/Confidentiality"});

template <class List, class Value>
bool has(const List& list, const Value& value) {
  return std::ranges::find(list, value) != std::end(list);
}

struct Change {
  const Access& access;
  char letter;
  std::string_view type;
  const Json* before;
  const Json* after;

  [[nodiscard]] bool creates() const noexcept { return before == nullptr; }
};

// ---------------------------------------------------------------------------------------------- states

bool readable(const Json& resource, bool needs_id) {
  if (!resource.is_object() || !fhir::is_resource_type(resource["resourceType"].string_or())) return false;
  const auto* const id = resource.find("id");
  return id == nullptr ? !needs_id : id->is_string() && fhir::is_id(id->string_or());
}

/// The letter says which states there are.
bool shaped(char letter, const Json* before, const Json* after) {
  switch (letter) {
    case 'c': return before == nullptr && after != nullptr && readable(*after, false);
    case 'u': return after != nullptr && readable(*after, true) && (before == nullptr || readable(*before, true));
    case 'd': return before != nullptr && after == nullptr && readable(*before, true);
    default: return false;
  }
}

// ---------------------------------------------------------------------------------------------- what must not change

using Coding = std::pair<std::string_view, std::string_view>;

std::vector<Coding> codings(const Json& list, std::span<const std::string_view> systems) {
  std::vector<Coding> out;
  for (const auto& item : list.items()) {
    const Coding coding{item["system"].string_or(), item["code"].string_or()};
    if (systems.empty() || has(systems, coding.first)) out.push_back(coding);
  }
  std::ranges::sort(out);
  return out;
}

/// Labels wherever labels.h looks for them.
std::vector<Coding> labels(const Json& resource) {
  std::vector<Coding> out;
  for (const auto& label : labels_of(resource)) out.emplace_back(label.system, label.code);
  std::ranges::sort(out);
  return out;
}

bool subsetted(const Json& resource) {
  return std::ranges::any_of(resource["meta"]["tag"].items(),
                             [](const Json& tag) { return tag["code"].string_or() == "SUBSETTED"; });
}

std::vector<std::string> owners(const Json& resource, std::string_view own_base) {
  auto out = fhir::member_patients(resource, own_base);
  std::ranges::sort(out);
  return out;
}

/// A match URL would be resolved by upstream to whatever it finds, with nobody's rights (HAPI's inline match URLs).
bool is_match_url(std::string_view reference) { return reference.find('?') != std::string_view::npos; }

/// What every rule is held to, whatever its bound. permitted: nothing.
Reason unchangeable(const Change& change) {
  if (has(kNeverWritten, change.type)) return Reason::write_denied;
  if (change.after == nullptr) return Reason::permitted;
  const auto& after = *change.after;
  // FHIR R4 resource.html, SUBSETTED: storing a part as if it were the whole would destroy the rest.
  if (subsetted(after)) return Reason::write_denied;
  if (fhir::has_contained_patient(after) && (change.creates() || !fhir::has_contained_patient(*change.before))) {
    return Reason::write_denied;
  }
  const auto old = change.creates() ? std::vector<std::string_view>{} : fhir::all_references(*change.before);
  for (const auto reference : fhir::all_references(after)) {
    if (is_match_url(reference) && !has(old, reference)) return Reason::reference_denied;
  }
  if (change.creates()) return Reason::permitted;
  const auto& before = *change.before;
  const auto base = change.access.own_base();
  if (before["resourceType"].string_or() != change.type || before["id"].string_or() != after["id"].string_or() ||
      owners(before, base) != owners(after, base)) {
    return Reason::link_changed;
  }
  const bool same_labels = labels(before) == labels(after) &&
                           codings(before["meta"]["tag"], kPolicyTags) == codings(after["meta"]["tag"], kPolicyTags);
  return same_labels ? Reason::permitted : Reason::label_changed;
}

// ---------------------------------------------------------------------------------------------- under a bound

/// ".../Patient/x" under another base: foreign here, but the base may be the upstream's own.
bool names_patient_elsewhere(std::string_view url) { return url.find("/Patient/") != std::string_view::npos; }

bool reference_allowed(const AccessRule& rule, std::string_view text, std::string_view own_base) {
  const auto reference = fhir::parse_reference(text, own_base);
  switch (reference.kind) {
    case fhir::ReferenceKind::local: return reference.type != "Patient" || has(rule.patients, reference.id);
    case fhir::ReferenceKind::contained:
    case fhir::ReferenceKind::urn: return true;
    case fhir::ReferenceKind::foreign: return !names_patient_elsewhere(text);
    case fhir::ReferenceKind::other: break;
  }
  return false;
}

/// Everything that is new in `after` and points somewhere.
Reason new_references(const AccessRule& rule, const Change& change) {
  const auto base = std::string_view(change.access.own_base());
  const auto old = change.creates() ? std::vector<std::string_view>{} : fhir::all_references(*change.before);
  for (const auto reference : fhir::all_references(*change.after)) {
    if (!has(old, reference) && !reference_allowed(rule, reference, base)) return Reason::reference_denied;
  }
  // Whoever may say that a document of hers lies in this Binary could read anyone's (S-17).
  const auto known = change.creates() ? std::vector<std::string_view>{} : fhir::binary_locations(*change.before);
  for (const auto location : fhir::binary_locations(*change.after)) {
    if (!has(known, location)) return Reason::reference_denied;
  }
  return Reason::permitted;
}

/// A Provenance that is written speaks of the patient herself only: of her records nobody has proven here whose they
/// are.
bool provenance_of_patient(const Json& provenance, std::string_view own_base) {
  return std::ranges::all_of(provenance["target"].items(), [&](const Json& target) {
    const auto reference = fhir::parse_reference(target["reference"].string_or(), own_base);
    return reference.kind == fhir::ReferenceKind::local && reference.type == "Patient";
  });
}

Reason within_bound(const AccessRule& rule, const Change& change) {
  const auto base = std::string_view(change.access.own_base());
  switch (fhir::patient_link(change.type).access) {
    case fhir::PatientAccess::compartment:
    case fhir::PatientAccess::custom: break;
    case fhir::PatientAccess::provenance:
      if (change.after != nullptr && !provenance_of_patient(*change.after, base)) return Reason::reference_denied;
      break;
    case fhir::PatientAccess::shared:
    case fhir::PatientAccess::denied: return Reason::write_denied;
  }
  // Upstream chooses the id of what is created by POST: whatever the body says, it would be another patient.
  if (change.letter == 'c' && change.creates() && change.type == "Patient") return Reason::resource_not_in_bound;
  for (const auto* const state : {change.before, change.after}) {
    if (state != nullptr && !parts::in_bound(rule, *state, change.type, base, {})) return Reason::resource_not_in_bound;
  }
  if (change.after == nullptr) return Reason::permitted;
  if (change.creates() && !(*change.after)["meta"]["security"].is_null()) return Reason::label_changed;
  return new_references(rule, change);
}

// ---------------------------------------------------------------------------------------------- one rule

/// What a stored Bundle carries is stored too: each resource must be writable by itself.
bool bundle_writable(const Access& access, const Json& bundle, char letter, int depth) {
  if (depth >= parts::kBundleDepthMax) return false;
  return std::ranges::all_of(bundle["entry"].items(), [&](const Json& entry) {
    const auto* const inner = entry.find("resource");
    if (inner == nullptr) return true;
    const auto type = (*inner)["resourceType"].string_or();
    if (!readable(*inner, false) || has(kNeverWritten, type)) return false;
    return std::ranges::any_of(access.rules(), [&](const AccessRule& rule) {
      return rule.bound == AccessRule::Bound::none && rule.covers(letter, type) &&
             parts::conditions_hold(rule, *inner, access.own_base()) &&
             (type != "Bundle" || bundle_writable(access, *inner, letter, depth + 1));
    });
  });
}

Reason justified_by(const AccessRule& rule, const Change& change, char letter) {
  if (rule.bound == AccessRule::Bound::patients) {
    const auto reason = within_bound(rule, change);
    if (reason != Reason::permitted) return reason;
  }
  for (const auto* const state : {change.before, change.after}) {
    if (state != nullptr && !parts::conditions_hold(rule, *state, change.access.own_base())) {
      return Reason::resource_not_in_scope;
    }
  }
  const bool bundle = change.type == "Bundle" && change.after != nullptr;
  if (bundle && !bundle_writable(change.access, *change.after, letter, 0)) return Reason::resource_not_in_scope;
  return Reason::permitted;
}

Decision by_some_rule(const Change& change, char letter, const Circumstances& circumstances, Explanation* explain) {
  auto reason = change.access.reason_without_rule(letter, change.type);
  for (const auto& rule : change.access.rules()) {
    if (!rule.covers(letter, change.type)) continue;
    reason = justified_by(rule, change, letter);
    if (reason != Reason::permitted) {
      say(explain, rule.scope, name(reason));
      continue;
    }
    auto guarded = guard_written(change.access, rule, letter, change.before, change.after, circumstances, explain);
    if (guarded.permitted()) say(explain, rule.scope, "permits");
    // Only a label, or the type Consent, may be named by another scope; what a patient directed holds for all of them.
    if (guarded.reason != Reason::label_hidden && guarded.reason != Reason::write_denied) return guarded;
    reason = guarded.reason;
  }
  return deny(reason);
}

}  // namespace

Decision write_allowed(const Access& access, char letter, const Json* before, const Json* after, Explanation* explain,
                       const Circumstances& circumstances) {
  if (!shaped(letter, before, after)) {
    say(explain, {}, "the content cannot be judged");
    return indeterminate(Reason::resource_malformed);
  }
  const Change change{access, letter, (after != nullptr ? *after : *before)["resourceType"].string_or(), before, after};
  say(explain, change.type, letter == 'c' ? "create" : letter == 'u' ? "update" : "delete");
  if (const auto reason = unchangeable(change); reason != Reason::permitted) {
    say(explain, {}, name(reason));
    return deny(reason);
  }
  auto decision = by_some_rule(change, letter, circumstances, explain);
  // An id of the client's choice under which nothing is stored: a creation by another name.
  if (decision.permitted() && letter == 'u' && change.creates()) {
    const bool overridden = decision.overridden;
    decision = by_some_rule(change, 'c', circumstances, explain);
    decision.overridden = decision.overridden || overridden;
  }
  return decision;
}

}  // namespace mitral::policy
