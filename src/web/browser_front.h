// BrowserFront: the front channel itself (see front_channel.h): /authorize, the pages of an interaction, sign-out, the
// EHR launch endpoint, and the few things that pages load.
//
//   GET  /authorize                      validate; signed in and agreed before: straight 302 with a code (3 reads, 1
//   commit);
//                                        else an interaction is stored and the browser sent to its page
//   POST /authorize                      validate, keep the parameters as a pushed request, 303 to GET: a form that
//   another
//                                        site posts carries no SameSite=Lax cookies, the redirect does
//   GET  /interaction/{id}               the page of the step that is due
//   POST /interaction/{id}/sign-in | patient | consent | cancel | switch | emergency
//   GET  /account                        what the person gave to apps (account_endpoint.cc)
//
// An interaction belongs to the browser whose cookie began it (BU-3). The id in the URL is a name, not a right.
// Errors: pages, or redirects to a proven redirect_uri. Thread rules: one object serves all threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "flow/authorize/answer.h"
#include "flow/authorize/completion.h"
#include "login/sign_in.h"
#include "model/grant.h"
#include "web/front_channel.h"

namespace mitral::web {

class BrowserFront final : public FrontChannel {
 public:
  explicit BrowserFront(Random& random) : throttles_(random) {}

  Task<codec::Response> authorize(flow::Context& context) override;
  Task<codec::Response> interaction(flow::Context& context, std::string_view rest) override;
  Task<codec::Response> sign_out(flow::Context& context) override;
  Task<codec::Response> account(flow::Context& context, std::string_view rest) override;
  Task<codec::Response> launch(flow::Context& context) override;
  codec::Response asset(const flow::IssuerRuntime& issuer, std::string_view rest) override;
  codec::Response error_page(const flow::IssuerRuntime& issuer, int status, ClientText text) override;

 private:
  login::SignInThrottles throttles_;
};

}  // namespace mitral::web
