// Launch ticket: SMART EHR launch. An EHR that an operator registered hands over the context in which an app starts,
// and gets an opaque handle for the app's launch URL (SMART App Launch 2.2, EHR launch; smart-fhir 1.5, threats S-1,
// S-2, S-4).
//
//   POST {issuer}/launch   client authentication as at the token endpoint; the EHR's registration must hold the scope
//                          "launch-context". Form parameters:
//     app        client_id of the app to start; it must have a registered launch URL
//     user       username or id of the person who is signed in at the EHR
//     aud        FHIR server's audience
//     launch_url which of the app's registered launch URLs; the first one when it is left out
//     context    JSON object with the names of the standard (patient, encounter, fhirContext, need_patient_banner,
//                intent, smart_style_url, tenant, appContext) and members of the EHR's own ("__name" or an absolute
//                URL); checked strictly
//   201 {"launch": "mlt_...", "launch_url": "<launch URL>?iss=...&launch=...", "expires_in": 300}
//
// The handle is random, single use, short-lived, and bound to app, user and audience. It signs nobody in.
// Errors: unauthorized_client; invalid_request for everything that does not fit, without telling which user exists.
// Thread rules: belong to one request.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "flow/context.h"
#include "model/grant.h"

namespace mitral::flow {

inline constexpr std::string_view kLaunchScope = "launch-context";

struct MadeLaunch {
  std::string handle;
  std::string url;
  std::int64_t expires_in = 0;
};
/// `style_url`: goes into the context unless the EHR names one of its own.
[[nodiscard]] Task<Result<MadeLaunch>> make_launch(Context& context, std::string style_url);

/// The ticket of an authorization request with a `launch` parameter: alive, for this client and one of its resources.
/// Error: invalid_request.
[[nodiscard]] Task<Result<model::LaunchTicket>> resolve_launch(const Context& context,
                                                               const model::AuthorizationRequest& request);

}  // namespace mitral::flow
