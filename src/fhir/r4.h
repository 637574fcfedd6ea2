// R4: tables of FHIR R4 (4.0.1) that a decision about access needs: the names of its resource types, what a logical id
// looks like, and how each type belongs to a patient.
//
// Source: FHIR R4 resource list, the Patient compartment definition (66 types) and, for types that it leaves out though
// US Core reads them under patient/ scopes, Mitral's own rules (Device, Task, Provenance, shared types).
// By default a resource belongs to a patient only by its subject-like element ("own"). The other elements of the
// official definition (author, performer, member ...) name resources about somebody else and are kept apart ("other").
// Limits: an unknown type has PatientAccess::denied and no elements. Errors: none.
// Thread rules: constant tables; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace mitral::fhir {

/// Names of all concrete R4 resource types, sorted by byte value.
[[nodiscard]] std::span<const std::string_view> resource_types() noexcept;
[[nodiscard]] bool is_resource_type(std::string_view name) noexcept;

/// FHIR R4 datatype id: 1 to 64 of A-Z a-z 0-9 - and '.'. "." and ".." are refused: they are path steps to others.
[[nodiscard]] bool is_id(std::string_view text) noexcept;

/// How resources of a type may be reached under patient/ scopes.
enum class PatientAccess : std::uint8_t {
  compartment,  ///< in the R4 Patient compartment, by an own element
  custom,       ///< not in the compartment; Mitral has a rule of its own (Device.patient, Task.for)
  provenance,   ///< by Provenance.target: the patient herself, or resources that the token may read
  shared,       ///< describes no patient (Organization, Practitioner, Medication ...): read and search only
  denied,       ///< everything else
};
[[nodiscard]] std::string_view name(PatientAccess access) noexcept;

struct PatientLink {
  std::string_view type;
  PatientAccess access = PatientAccess::denied;
  /// Element paths, separated by a space, that make a resource belong to the patient whom they reference. "id" stands
  /// for the resource's own logical id (Patient). Empty for a type that the compartment holds only by other elements.
  std::string_view own;
  /// Further elements of the official compartment definition, not used unless a deployment says so.
  std::string_view other;
  /// Member of the official R4 Patient compartment (66 types), whatever `access` says.
  bool official = false;
};

/// The row of a type; an unknown type gets a row that denies.
[[nodiscard]] const PatientLink& patient_link(std::string_view type) noexcept;
/// All rows, sorted by type.
[[nodiscard]] std::span<const PatientLink> patient_links() noexcept;

}  // namespace mitral::fhir
