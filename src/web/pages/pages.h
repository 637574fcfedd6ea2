// Pages: each page of the front channel as a function from its facts to a finished response with all security headers.
//
// Everything in these structs but literals is hostile text; the templates escape it. URLs of clients are shown as links
// only when they are https. Thread rules: pure functions.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "codec/message.h"
#include "flow/issuer_config.h"
#include "login/consent_model.h"
#include "model/client.h"
#include "model/user.h"

namespace mitral::web {

/// Where a page's forms go, and their CSRF tokens.
struct FormTarget {
  std::string action;
  std::string csrf;
};

struct SignInPage {
  const model::Client* client = nullptr;  ///< the app that waits; null: she goes to her own account
  std::string_view redirect_uri = {};     ///< where the answer may lead
  FormTarget sign_in;
  FormTarget cancel = {};     ///< empty: there is nothing to cancel
  std::string username = {};  ///< typed before, or login_hint
  std::string problem = {};   ///< what went wrong, or empty
  bool again = false;         ///< she is signed in, and has to prove it once more
  int status = 200;
  std::int64_t retry_after_s = 0;
};
[[nodiscard]] codec::Response sign_in_page(const flow::IssuerRuntime& issuer, const SignInPage& page);

struct PickerPage {
  const model::Client* client = nullptr;
  std::string_view redirect_uri;
  FormTarget pick;
  FormTarget cancel;
  std::span<const model::PatientAccess> people;
};
[[nodiscard]] codec::Response picker_page(const flow::IssuerRuntime& issuer, const PickerPage& page);

/// How long what is allowed lasts, as numbers for the texts.
struct ConsentDuration {
  std::int64_t minutes = 0;        ///< of an access token
  std::int64_t session_hours = 0;  ///< with online_access; 0: not asked for
  std::int64_t idle_days = 0;      ///< refresh lifetime, for offline access
};

struct ConsentPage {
  const model::Client* client = nullptr;
  std::string_view redirect_uri;
  FormTarget decide;
  FormTarget switch_user;
  const model::User* user = nullptr;
  std::optional<model::PatientAccess> record;
  bool clinician = false;
  const login::ConsentForm* form = nullptr;
  std::function<bool(std::string_view)> ticked;
  bool offline_ticked = true;
  ConsentDuration duration;
  bool nothing_left = false;  ///< she had unticked everything
};
[[nodiscard]] codec::Response consent_page(const flow::IssuerRuntime& issuer, const ConsentPage& page);

struct ErrorPage {
  int status = 400;
  ClientText text = {};
  std::string_view code = {};  ///< a literal of the standards ("invalid_request"), or empty
  std::string_view continue_to =
      {};  ///< proven URI with the error in it: the person decides whether to follow (B-4.11)
  std::string_view client_domain = {};
  std::int64_t retry_after_s = 0;
};
[[nodiscard]] codec::Response error_page(const flow::IssuerRuntime& issuer, const ErrorPage& page);

/// response_mode=form_post (OAuth 2.0 Form Post Response Mode): posts itself, or by a button where there is no script.
/// `automatic` false: only by the button (B-4.11).
[[nodiscard]] codec::Response form_post_page(const flow::IssuerRuntime& issuer, std::string_view uri,
                                             std::span<const std::pair<std::string, std::string>> fields,
                                             bool automatic);

/// `name` empty: nobody is signed in.
[[nodiscard]] codec::Response sign_out_page(const flow::IssuerRuntime& issuer, std::string_view name,
                                            const FormTarget& target);
[[nodiscard]] codec::Response signed_out_page(const flow::IssuerRuntime& issuer);
[[nodiscard]] codec::Response home_page(const flow::IssuerRuntime& issuer);

/// Host that stands behind a client: of its client_uri, else of the redirect URI.
[[nodiscard]] std::string client_domain(const model::Client& client, std::string_view redirect_uri);
/// The client's name, or its id when it has none that may be shown.
[[nodiscard]] std::string client_title(const model::Client& client);

}  // namespace mitral::web
