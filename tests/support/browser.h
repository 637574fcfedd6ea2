// Browser: a person's browser as far as the front channel can tell: a cookie jar, redirects, and forms read from the
// pages that the server really sent. No script runs.
//
//   Browser browser(as);
//   browser.open(authorize_url({...}));                      // follows redirects that stay at the issuer
//   browser.sign_in("alice", "correct horse");
//   browser.pick("alice");
//   browser.submit("consent", {{"decision", "allow"}});
//   browser.answer()["code"]                                 // parameters of the redirect to the client
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "codec/uri.h"
#include "support/as_harness.h"
#include "web/browser_front.h"

namespace mitral::testing {

/// RFC 7636 appendix B.
inline constexpr std::string_view kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
inline constexpr std::string_view kPassword = "correct horse";

/// The harness's server with the real pages.
class FrontRig {
 public:
  explicit FrontRig(HarnessOptions options = {});
  ~FrontRig();
  FrontRig(const FrontRig&) = delete;
  FrontRig& operator=(const FrontRig&) = delete;

  AsHarness as;
  web::BrowserFront front;
  std::unique_ptr<web::AuthorizationServer> server;

  [[nodiscard]] static codec::Form request(std::string_view client = "app-basic",
                                           std::string_view scope = "openid patient/Observation.rs");
  [[nodiscard]] static std::string authorize(const codec::Form& form);
  /// One user with one record: no picker.
  void only_own_record();
  [[nodiscard]] std::vector<model::AuditEvent> events(model::AuditKind kind);
};

class Browser {
 public:
  explicit Browser(FrontRig& rig) : rig_(rig) {}

  std::map<std::string, std::string> jar;
  codec::Response response;              ///< the last one
  std::string url;                       ///< where it came from
  std::vector<std::string> set_cookies;  ///< every Set-Cookie line so far
  std::string address{kAddress};

  /// One request, redirects not followed.
  const codec::Response& send(codec::Method method, std::string target, std::string body = {},
                              std::vector<codec::Header> headers = {});
  [[nodiscard]] std::string location() const;
  [[nodiscard]] bool left() const;

  /// GET, then every redirect that stays at the issuer.
  const codec::Response& open(std::string target);
  const codec::Response& follow();

  struct FoundForm {
    std::string action;
    codec::Form fields;  ///< hidden fields, texts, and the boxes that are ticked
  };
  /// What stands between `before` and `after`, searched from `at` on, which moves behind it; nullopt when there is no
  /// more.
  [[nodiscard]] static std::optional<std::string> between(std::string_view text, std::string_view before,
                                                          std::string_view after, std::size_t& at);
  [[nodiscard]] static std::optional<std::string> attribute(std::string_view tag, std::string_view name);

  /// The form of the last page whose action ends like this.
  [[nodiscard]] std::optional<FoundForm> form(std::string_view action_end) const;
  /// Submits that form, with some fields replaced, and follows redirects at the issuer.
  const codec::Response& submit(std::string_view action_end, const codec::Form& set = {},
                                std::vector<std::string> untick = {});
  int last_post_status = 0;

  const codec::Response& sign_in(std::string_view user = "alice", std::string_view password = kPassword);
  const codec::Response& pick(std::string_view patient);
  const codec::Response& allow(std::vector<std::string> untick = {});
  const codec::Response& deny() { return submit("/consent", {{"decision", "deny"}}); }

  /// Parameters of the redirect to the client.
  [[nodiscard]] std::map<std::string, std::string> answer() const;
  [[nodiscard]] bool shows(std::string_view id) const;
  [[nodiscard]] std::string session_cookie() const;

  [[nodiscard]] static std::string unescape(std::string text);

 private:
  void take_cookies();
  FrontRig& rig_;
};

}  // namespace mitral::testing
