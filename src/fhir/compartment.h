// Compartment: does a resource belong to a patient? The predicate behind every patient/ scope, evaluated on the content
// of the resource that is about to leave or to be stored, never on what a search was asked for.
//
// Source: FHIR R4 Patient compartment with the own elements of patient_link(); SMART App Launch 2.2 patient/ scopes.
// A reference counts when it is relative, or absolute under our own base, versioned or not. An identifier-only
// reference, a contained Patient, a urn: or a foreign URL does not. For a type whose membership may name several
// patients (Appointment, AuditEvent, Person ...) any hit makes a member; names_other_patient() tells whether others
// show up too. Limits: those of the JSON parser. Errors: none; what cannot be read is "not a member". Thread rules:
// pure functions; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "fhir/reference.h"

namespace mitral::fhir {

/// True when the resource is in the patient's compartment by an own element, or by a custom rule (Device.patient,
/// Task.for). Shared types and Provenance about non-patients are false here: see patient_link() and
/// provenance_allowed().
[[nodiscard]] bool member_of_patient(const codec::Json& resource, std::string_view patient_id,
                                     std::string_view own_base);

/// Ids of all patients that the own elements name, in order, without duplicates.
[[nodiscard]] std::vector<std::string> member_patients(const codec::Json& resource, std::string_view own_base);

/// True when the own elements name a patient besides this one, or the resource contains a Patient: such a resource
/// needs redaction or denial by policy even if the patient is a member.
[[nodiscard]] bool names_other_patient(const codec::Json& resource, std::string_view patient_id,
                                       std::string_view own_base);

/// A resource with a contained Patient (FHIR: the contained one has no identity of its own, so it cannot be checked).
[[nodiscard]] bool has_contained_patient(const codec::Json& resource);

/// Provenance (not in the compartment unless it targets the Patient): allowed when at least one target is the patient
/// or a resource that `target_allowed` accepts, and no target is another Patient, contained, foreign or unreadable as a
/// reference.
[[nodiscard]] bool provenance_allowed(const codec::Json& resource, std::string_view patient_id,
                                      std::string_view own_base,
                                      const std::function<bool(const Reference&)>& target_allowed);

/// Every Reference.reference text anywhere in the resource, contained resources included. Views into the resource.
[[nodiscard]] std::vector<std::string_view> all_references(const codec::Json& resource);
std::vector<std::string_view> all_references(codec::Json&& resource) = delete;

}  // namespace mitral::fhir
