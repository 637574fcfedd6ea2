// Outcome: how the gateway says no: OperationOutcome bodies, challenges and fixed answers (FHIR R4 http.html 3.1.0.1.4,
// RFC 6750 §3, RFC 9728 §5.1).
//
// Every text is a literal. One answer, byte for byte, stands for "does not exist" and "not yours" (threat S-11).
//
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "codec/json.h"
#include "codec/message.h"

namespace mitral::gateway {

inline constexpr std::string_view kFhirJson = "application/fhir+json; charset=utf-8";

/// One issue; `code` is of the FHIR issue-type value set ("forbidden", "not-found" ...), `parameter` a name of this
/// program's registry or empty.
[[nodiscard]] codec::Json outcome(std::string_view severity, std::string_view code, ClientText text,
                                  std::string_view parameter = {});
[[nodiscard]] codec::Response outcome_response(int status, std::string_view code, ClientText text,
                                               std::string_view parameter = {});
/// The one 404.
[[nodiscard]] codec::Response not_found();

/// WWW-Authenticate for a resource server. `error` empty: no token was sent.
[[nodiscard]] std::string challenge(std::string_view resource_metadata, std::string_view error, ClientText description,
                                    std::string_view scope = {});

}  // namespace mitral::gateway
