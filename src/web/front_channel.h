// FrontChannel: what the authorization server's door needs from the pages: the endpoints that a browser visits.
//
// Each gets a Context whose endpoint, request, issuer and directory are set and whose form is empty: the handler parses
// query or body itself (flow/steps/parse.h has both), because an error at /authorize is a page and not JSON.
// `launch` is the exception: the back channel's steps have parsed the form and authenticated the client (context.client
// is set). Every answer passes flow::add_common_headers() afterwards; a handler sets everything else (CSP, no-store,
// cookies).
//
// Thread rules: one object serves all requests of all threads.
#pragma once

#include <string_view>

#include "base/task.h"
#include "codec/message.h"
#include "flow/context.h"

namespace mitral::web {

class FrontChannel {
 public:
  virtual ~FrontChannel() = default;
  /// GET or POST {issuer}/authorize.
  virtual Task<codec::Response> authorize(flow::Context& context) = 0;
  /// GET or POST {issuer}/interaction/{rest}: `rest` is "<id>/sign-in", "<id>/consent" and so on, still
  /// percent-encoded.
  virtual Task<codec::Response> interaction(flow::Context& context, std::string_view rest) = 0;
  /// GET or POST {issuer}/sign-out.
  virtual Task<codec::Response> sign_out(flow::Context& context) = 0;
  /// GET {issuer}/account, GET or POST {issuer}/account/{rest}: what a person gave to apps; `rest` is empty,
  /// "sign-in", "apps/<grant>" or "end-sessions".
  virtual Task<codec::Response> account(flow::Context& context, std::string_view rest) = 0;
  /// POST {issuer}/launch: makes a SMART EHR launch handle for an authenticated client. JSON; errors as of the token
  /// endpoint: return flow::error_response().
  virtual Task<codec::Response> launch(flow::Context& context) = 0;
  /// GET of what is the same for everybody: `rest` is "" (home page, {issuer} and {issuer}/) or what follows "assets/"
  /// (stylesheet, SMART style document). Unknown names are 404 pages.
  virtual codec::Response asset(const flow::IssuerRuntime& issuer, std::string_view rest) = 0;
  /// A page that says why nothing can be done, for paths that only a person would open. Status and text are literals.
  virtual codec::Response error_page(const flow::IssuerRuntime& issuer, int status, ClientText text) = 0;
};

}  // namespace mitral::web
