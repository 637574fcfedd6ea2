// Sample data: the demo's own patients. All fictional; made by hand for Mitral.
//
// A mother (the demo's patient), her two children (she is their proxy, by RelatedPerson), the younger one a newborn
// whose birth resources are intertwined with hers, and a stranger. Around them what trips a gateway: a Group and a
// Person that name several patients, Provenance about two patients, a Device with and without a patient, an Observation
// with two categories, a document with its Binary, and an Observation whose first version belonged to somebody else.
// Limits, errors: none. Thread rules: pure; load_samples() calls Sandbox.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "sandbox/sandbox.h"

namespace mitral::sandbox::sample {

// Patients
inline constexpr std::string_view kMaria = "maria";    ///< adult, signs in at the demo
inline constexpr std::string_view kLeo = "leo";        ///< her son, 9
inline constexpr std::string_view kNora = "nora";      ///< her newborn daughter
inline constexpr std::string_view kStranger = "otto";  ///< not related to anyone
// Who treats them
inline constexpr std::string_view kPractitioner = "dr-ada";
inline constexpr std::string_view kPractitionerRole = "dr-ada-role";
inline constexpr std::string_view kOrganization = "sample-clinic";
inline constexpr std::string_view kLocation = "sample-ward";
// Proxies: RelatedPerson.patient is the child, the person is Maria
inline constexpr std::string_view kMariaForLeo = "maria-for-leo";
inline constexpr std::string_view kMariaForNora = "maria-for-nora";
// Traps
inline constexpr std::string_view kGroupOfTwo = "group-maria-otto";         ///< Group of Maria and the stranger
inline constexpr std::string_view kPersonOfTwo = "person-maria-otto";       ///< Person linking both
inline constexpr std::string_view kProvenanceOfTwo = "prov-maria-otto";     ///< targets resources and both patients
inline constexpr std::string_view kProvenanceOfMaria = "prov-maria-lab";    ///< targets one lab result of Maria
inline constexpr std::string_view kTwoCategories = "maria-two-categories";  ///< laboratory and vital-signs
inline constexpr std::string_view kMovedObservation =
    "moved-observation";  ///< version 1 the stranger's, version 2 Maria's
inline constexpr std::string_view kDeletedObservation = "deleted-observation";  ///< was Maria's
inline constexpr std::string_view kDeviceOfMaria = "maria-pacemaker";
inline constexpr std::string_view kDeviceOfNobody = "ward-scale";
inline constexpr std::string_view kDocumentOfMaria = "maria-note";
inline constexpr std::string_view kBinaryOfMaria = "maria-note-text";
inline constexpr std::string_view kDocumentOfStranger = "otto-note";
inline constexpr std::string_view kBinaryOfStranger = "otto-note-text";
inline constexpr std::string_view kFetalHeartRate = "maria-fetal-heart-rate";  ///< subject Maria, focus Nora
inline constexpr std::string_view kIdentifierOnly =
    "identifier-only-subject";  ///< Observation whose subject is an identifier
inline constexpr std::string_view kContainedSubject = "contained-subject";  ///< Observation whose subject is contained
inline constexpr std::string_view kGroupSubject = "group-subject";          ///< Observation about the Group
inline constexpr std::string_view kScanOfMaria = "maria-scan";    ///< Binary without securityContext, of kMaria's note
inline constexpr std::string_view kScanOfStranger = "otto-scan";  ///< the same of the stranger's
inline constexpr std::string_view kScanOfNobody = "loose-scan";   ///< Binary that nothing refers to
inline constexpr std::string_view kPageOfMaria = "maria-page";    ///< Binary that is HTML
inline constexpr std::string_view kSummaryOfMaria = "maria-summary";     ///< Composition of her own records
inline constexpr std::string_view kSummaryOfTwo = "maria-otto-summary";  ///< Composition of hers with a result of his
// Ordinary entries
inline constexpr std::string_view kMariaEncounter = "maria-visit-1";
inline constexpr std::string_view kStrangerLab = "otto-glucose-1";
inline constexpr std::string_view kMariaLab = "maria-glucose-1";

/// Transaction bundles, in the order in which they are to be loaded.
[[nodiscard]] std::vector<codec::Json> bundles();
/// Loads all of them, moves kMovedObservation and deletes kDeletedObservation.
[[nodiscard]] Result<> load_samples(Sandbox& sandbox);

}  // namespace mitral::sandbox::sample
