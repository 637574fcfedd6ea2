// Attachments: where a resource points to a Binary that holds its content (FHIR R4 datatypes.html#Attachment). A Binary
// names no patient; it belongs to whom the resource belongs that refers to it (smart-fhir §4.10, threat S-17).
//
// Read: DocumentReference.content.attachment, DiagnosticReport.presentedForm, Media.content, Consent.sourceAttachment,
// Patient.photo, Practitioner.photo, Person.photo, RelatedPerson.photo, Communication.payload.contentAttachment. A url
// counts when it is relative or absolute below our own base, versioned or not; everything else points elsewhere.
// Limits: those of the JSON parser. Errors: none; what cannot be read refers to nothing. Thread rules: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "codec/json.h"

namespace mitral::fhir {

/// Does an attachment of the resource have its content in this Binary?
[[nodiscard]] bool attachment_refers_to(const codec::Json& resource, std::string_view binary_id,
                                        std::string_view own_base);

/// Every text in the resource, wherever it stands, that could be taken for the location of a stored Binary: under any
/// base, for a base that is foreign here may be the upstream's own. Views into the resource.
[[nodiscard]] std::vector<std::string_view> binary_locations(const codec::Json& resource);
std::vector<std::string_view> binary_locations(codec::Json&& resource) = delete;

}  // namespace mitral::fhir
