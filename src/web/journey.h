// Journey: one authorization request on its way through the pages, and how it goes on from wherever it stands.
//
// Shared by /authorize and the interaction's endpoints; private to the front channel.
// Thread rules: belongs to one request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "flow/authorize/answer.h"
#include "flow/context.h"
#include "login/next_step.h"
#include "model/grant.h"
#include "model/user.h"

namespace mitral::web {

struct Journey {
  const model::Client* client = nullptr;
  model::AuthorizationRequest request;
  std::string id;  ///< in the URL; empty: no interaction yet
  std::optional<model::Interaction> interaction;
  std::optional<model::Session> session;
  std::string browser;                         ///< cookie value, or empty
  std::optional<model::PushedRequest> pushed;  ///< that it came from: lives as long as the interaction
  bool after_post = false;                     ///< then redirects are 303 (threat B-4.12)

  bool looked_up = false;  ///< user and consent were read with the session

  // Filled by load().
  std::optional<model::LaunchTicket> launch;
  std::optional<model::User> user;
  std::optional<model::Consent> consent;
  login::Plan plan;
};

/// Where the journey stands.
enum class Stand : std::uint8_t { sign_in, sign_in_again, pick, consent, emergency, finish, refused };

/// Resolves launch, user and remembered consent, and decides. `error` is set with `refused`.
struct Standing {
  Stand stand = Stand::refused;
  Error error;
};
[[nodiscard]] Task<Result<Standing>> load(flow::Context& context, Journey& journey);

/// From where it stands: the page, the redirect to the page, or the answer to the client.
[[nodiscard]] Task<codec::Response> advance(flow::Context& context, Journey journey);

/// Ends the journey with a code. `asked`: the person saw the consent page.
[[nodiscard]] Task<codec::Response> finish(flow::Context& context, Journey& journey, spec::smart::ScopeSet granted,
                                           std::vector<std::string> declined, bool asked);
/// Ends it with an error for the client.
[[nodiscard]] Task<codec::Response> refuse(flow::Context& context, Journey& journey, Error error,
                                           std::string_view reason);

/// Redirect or form_post page for a proven redirect URI. `automatic` false: the person has to press the button or link.
[[nodiscard]] codec::Response answer_response(const flow::IssuerRuntime& issuer,
                                              const flow::AuthorizationAnswer& answer, bool after_post);
[[nodiscard]] codec::Response redirect_response(std::string_view location, bool after_post);
/// A failure that has no client to go to: store down (503), everything else 400.
[[nodiscard]] codec::Response failure_page(const flow::IssuerRuntime& issuer, const Error& error);

// What the pages' forms carry (login/browser.h).
[[nodiscard]] std::string interaction_url(const flow::IssuerRuntime& issuer, std::string_view id,
                                          std::string_view action = {});
[[nodiscard]] std::string form_token(const flow::IssuerRuntime& issuer, const Journey& journey,
                                     std::string_view purpose);

/// Names of the forms of an interaction: last segment of the path and purpose of the token.
inline constexpr std::string_view kSignInForm = "sign-in";
inline constexpr std::string_view kPatientForm = "patient";
inline constexpr std::string_view kConsentForm = "consent";
inline constexpr std::string_view kCancelForm = "cancel";
inline constexpr std::string_view kSwitchForm = "switch";

struct SignInTrouble {
  std::string problem;
  std::string username;
  int status = 200;
  std::int64_t retry_after_s = 0;
};
[[nodiscard]] codec::Response show_sign_in(const flow::Context& context, const Journey& journey, bool again,
                                           const SignInTrouble& trouble);
[[nodiscard]] codec::Response show_picker(const flow::Context& context, const Journey& journey);
/// `ticked` empty: as it is first shown.
struct ConsentTicks {
  std::vector<std::string> values;
  bool offline = true;
  bool first_time = true;
  bool nothing_left = false;
};
[[nodiscard]] codec::Response show_consent(const flow::Context& context, const Journey& journey,
                                           const ConsentTicks& ticks);

}  // namespace mitral::web
