// Emergency journey: the part of an authorization request for emergency access that differs from any other: after the
// fresh sign-in comes one page with a warning and a statement, and no picker and no consent (flow/emergency.h).
//
// Private to the front channel. Thread rules: belongs to one request.
#pragma once

#include <string_view>

#include "web/journey.h"

namespace mitral::web {

/// Last segment of the path and purpose of the form's token.
inline constexpr std::string_view kEmergencyForm = "emergency";

/// For a journey whose person has just signed in: the page, or the refusal of who may not.
[[nodiscard]] Standing emergency_stand(const Journey& journey);
[[nodiscard]] codec::Response show_emergency(const flow::Context& context, const Journey& journey);
/// The statement came: the page again with what is missing, or the code.
[[nodiscard]] Task<codec::Response> post_emergency(flow::Context& context, Journey journey);

/// Writes down that emergency access was asked for, or refused before anybody was seen. `reason` is a literal.
[[nodiscard]] Task<Result<void>> note_emergency(const flow::Context& context, std::string_view client,
                                                std::string_view user, model::AuditOutcome outcome,
                                                std::string_view reason);

}  // namespace mitral::web
