// Consent: what patients have directed about their records, enforced inside the one decision (FHIR R4 Consent,
// scope patient-privacy; smart-fhir §4.2, threats S-6, S-20, S-21, S-28).
//
// Which Consents count: status active and scope patient-privacy, or a scope that is not understood. Those for research,
// treatment and advance care directives say nothing about access here. dateTime decides nothing: a newer Consent does
// not undo an older one that is still active.
//
// Base policy (policyRule, v3-ActCode): OPTIN, OPTINR, IMPLIED, IMPLIEDD and NOPP permit; OPTOUT, OPTOUTE and EMRGONLY
// deny. R4 calls the provision an exception to the base policy, so where policyRule is absent or not understood, the
// base is the opposite of the root provision's type. Base and provisions both absent or not understood: unreadable.
//
// Provisions: criteria of one provision must all match; values of one criterion are alternatives. A match is yes, no or
// unknown (an Organization nobody can tell to be the requester's, a code given as text, a date that is absent …). The
// innermost provision that matches decides; of several a deny beats a permit. A deny matches unless the answer is no, a
// permit only if it is yes, and where it is unknown whether a provision applies, the stricter outcome holds.
//
//   period         now within it                          actor       client, fhirUser, custodian; see below
//   action         access, use, disclose: reading; collect: create; correct: update, delete
//   securityLabel  labels.h; a confidentiality code is a ceiling in a permit (that level or lower, unlabelled data
//                  being N) and a floor in a deny, since as a ceiling it would deny everything
//   purpose        what the token is for: vouched for by the authorization server, else the deployment's assumption
//   class          resource types, declared profiles, LOINC types of documents
//   code           found anywhere in the resource; codes are compared, not subsumed
//   dataPeriod     the clinically relevant dates of the resource
//   data           instance, dependents (what refers to it), authoredby; related: unknown for everything else
//
// Actors: Device/<client id>, or an identifier with the issuer as system and the client id as value, is the app;
// Practitioner, Patient, RelatedPerson and Person are compared with fhirUser. Role CST (custodian) is compared with the
// deployment's own organizations. Organizations, groups, care teams and roles: unknown.
//
// Combination: a deny of any Consent beats all permits. No Consent: what the token's scopes say. A directive never adds
// to scopes; a permit that names a security label lifts that label only (labels.h). A Consent that cannot be read as a
// whole (an unknown element, modifierExtension, implicitRules, a nested provision without a type, too many of anything)
// denies everything of the patient to everyone but herself. She is never cut off from her own records: fhirUser is that
// Patient. A proxy can be. Emergency access (purpose ETREAT) overrides, and the decision is marked.
//
// Limits: kConsentsPerPatientMax, kConsentProvisionsMax, kConsentDepthMax, kConsentCriteriaMax. Errors: none; what is
// not understood denies. Thread rules: immutable values.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "codec/json.h"
#include "policy/decision.h"
#include "policy/labels.h"

namespace mitral::policy {

/// What a deployment does about patients' data beyond scopes. One constant value for all tokens.
struct DataPolicy {
  LabelPolicy labels;
  bool consents = false;                ///< directives are enforced: a decision without them is a denial
  std::vector<std::string> custodians;  ///< "Organization/x": who keeps these records
  std::string assumed_purpose;          ///< HL7 PurposeOfUse of a token that names none; empty: unknown

  [[nodiscard]] bool empty() const noexcept { return !consents && !labels.hides_any(); }
};

inline constexpr std::string_view kEmergencyPurpose = "ETREAT";

/// Who asks, by the verified token.
struct Requester {
  std::string client;
  std::string issuer;              ///< of the token: the system of client identifiers
  bool has_user = false;           ///< the token stands for a person, known by fhirUser or not
  std::string user_type, user_id;  ///< fhirUser, when it names a resource here
  std::string purpose;             ///< as vouched for, or empty
  std::shared_ptr<const DataPolicy> policy;

  [[nodiscard]] bool is_patient(std::string_view id) const noexcept {
    return user_type == "Patient" && !user_id.empty() && user_id == id;
  }
  [[nodiscard]] bool emergency() const noexcept { return purpose == kEmergencyPurpose; }
};

/// What is asked of a directive.
struct ConsentQuestion {
  const Requester& requester;
  const codec::Json& resource;
  char letter = 'r';  ///< r for everything that shows; c, u, d
  Instant now;
  std::string_view own_base;
};

struct Directive;  // one Consent, parsed (consent_model.h)

/// All directives of one patient.
class PatientDirectives {
 public:
  struct Answer {
    bool denied = false;
    std::vector<const Label*> named;  ///< by permits that apply to this requester and resource
  };

  /// Nothing directed.
  PatientDirectives();
  /// `consents` are FHIR Consent resources; those about another patient or without effect are passed over.
  PatientDirectives(std::string_view patient, std::span<const codec::Json> consents, std::string_view own_base);
  ~PatientDirectives();
  PatientDirectives(const PatientDirectives&) = delete;
  PatientDirectives& operator=(const PatientDirectives&) = delete;

  /// May the directives let this be done? She herself is not asked here.
  [[nodiscard]] Answer judge(const ConsentQuestion& question) const;
  /// Consents that count, the unreadable included.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool readable() const noexcept;

 private:
  std::vector<Directive> directives_;
};

/// Directives of patients by logical id, as far as they were read.
class ConsentBook {
 public:
  void put(std::string patient, std::shared_ptr<const PatientDirectives> directives) {
    entries_[std::move(patient)] = std::move(directives);
  }
  /// nullptr: this patient's directives were not read, so nothing about her may be decided but a denial.
  [[nodiscard]] const PatientDirectives* find(std::string_view patient) const noexcept {
    const auto found = entries_.find(patient);
    return found == entries_.end() ? nullptr : found->second.get();
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  std::map<std::string, std::shared_ptr<const PatientDirectives>, std::less<>> entries_;
};

}  // namespace mitral::policy
