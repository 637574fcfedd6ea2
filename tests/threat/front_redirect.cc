// Where the browser may be sent, and what may be asked for: threats.md sections 1, 2 and the redirect corpus of 9.1.
#include "support/browser.h"

namespace mitral::testing {
namespace {

class FrontRedirect : public ::testing::Test {
 protected:
  FrontRig rig;
  Browser browser{rig};

  void expect_page(const codec::Form& request, std::string_view what) {
    for (const bool silent : {false, true}) {
      for (const bool post : {false, true}) {
        for (const bool form_post : {false, true}) {
          auto form = request;
          if (silent) form.set("prompt", "none");
          if (form_post) form.set("response_mode", "form_post");
          if (post) {
            browser.send(codec::Method::post, std::string(kIssuer) + "/authorize", form.serialize());
          } else {
            browser.send(codec::Method::get, FrontRig::authorize(form));
          }
          EXPECT_EQ(browser.response.status, 400) << what;
          EXPECT_EQ(browser.location(), "") << what;
          EXPECT_EQ(browser.response.body.find("evil"), std::string::npos) << "reflected: " << what;
          EXPECT_EQ(browser.response.headers.get("X-Frame-Options"), "DENY");
        }
      }
    }
  }
  std::string error_of(const codec::Form& request) {
    browser.open(FrontRig::authorize(request));
    return browser.left() ? browser.answer()["error"] : "page " + std::to_string(browser.response.status);
  }
  void verify(std::string_view id) {
    auto client = rig.as.client_record(id);
    client.verified = true;
    rig.as.put(client);
  }
};

TEST_F(FrontRedirect, B41_M415_RedirectCorpusGivesAPageAlways) {
  const std::string b = "https://app.example.org";
  const std::vector<std::string> corpus = {b + "/cb/",
                                           b + "/CB",
                                           b + "/cb?x=1",
                                           b + "/cb?next=https://evil.example",
                                           b + "/cb#",
                                           b + "/cb#f",
                                           b + "/cb/../evil",
                                           b + "/cb/..%2fevil",
                                           b + "/cb/..;/evil",
                                           b + "/cb%252f..",
                                           b + "/cb%00",
                                           b + "/cb%0d%0a",
                                           b + "/c%62",
                                           "https://app.example.org.evil/cb",
                                           "https://app.example.org@evil/cb",
                                           "https://evil@@app.example.org/cb",
                                           "https://user@app.example.org/cb",
                                           "https://app.example.org:443/cb",
                                           "https://app.example.org%25@evil",
                                           "https://app.example.org\\@evil/cb",
                                           "https:/\\evil",
                                           "https:\\\\evil/cb",
                                           "//evil/cb",
                                           "/cb",
                                           "http://app.example.org/cb",
                                           "HTTPS://APP.EXAMPLE.ORG/cb",
                                           "https://xn--app-evil.example/cb",
                                           "https://app\xE3\x80\x82"
                                           "example.org/cb",
                                           "https://[::1]/cb",
                                           "javascript:alert(1)//evil",
                                           "JaVaScRiPt:alert(1)",
                                           "data:text/html,evil",
                                           " https://app.example.org/cb",
                                           "https://app.example.org/cb ",
                                           "https://appaexample.org/cb",
                                           "https://app.example.org./cb",
                                           "https://app.example.org/cb\t",
                                           "https://app.example.org/cb&x=1",
                                           "null",
                                           "*"};
  for (const auto& uri : corpus) {
    auto request = FrontRig::request();
    request.set("redirect_uri", uri);
    expect_page(request, uri);
  }
}

TEST_F(FrontRedirect, B41_RepeatedArrayStyleAndMissingRedirectUri) {
  auto twice = FrontRig::request();
  twice.add("redirect_uri", "https://evil.example/");
  expect_page(twice, "repeated");
  auto array = FrontRig::request();
  array.remove("redirect_uri");
  array.add("redirect_uri[]", "https://evil.example/");
  auto client = rig.as.client_record("app-basic");
  client.redirect_uris.push_back("https://app.example.org/cb2");
  rig.as.put(client);
  expect_page(array, "array style");
  auto none = FrontRig::request();
  none.remove("redirect_uri");
  expect_page(none, "omitted with two registered");
}

TEST_F(FrontRedirect, M424_NothingRedirectsBeforeClientAndRedirectAreProven) {
  for (const auto* id : {"nobody", "APP-BASIC", "app-basic ", "u_alice", "../app-basic"}) {
    auto request = FrontRig::request();
    request.set("client_id", id);
    expect_page(request, id);
  }
  auto missing = FrontRig::request();
  missing.remove("client_id");
  expect_page(missing, "no client_id");
  auto twice = FrontRig::request();
  twice.add("client_id", "app-public");
  expect_page(twice, "two client_ids");
  for (const auto& [name, value] : {std::pair("scope", "no/such.thing"),
                                    {"response_type", "token"},
                                    {"aud", "https://evil.example"},
                                    {"code_challenge", "x"}}) {
    auto request = FrontRig::request();
    request.set("redirect_uri", "https://evil.example/cb");
    request.set(name, value);
    expect_page(request, name);
  }
  auto client = rig.as.client_record("app-basic");
  client.enabled = false;
  rig.as.put(client);
  expect_page(FrontRig::request(), "disabled client");
}

TEST_F(FrontRedirect, N2_LoopbackPortMayVaryAndNothingElse) {
  auto client = rig.as.client_record("app-public");
  client.redirect_uris = {"http://127.0.0.1/cb", "http://[::1]:7777/cb"};
  rig.as.put(client);
  const auto attempt = [&](std::string_view uri) {
    auto request = FrontRig::request("app-public");
    request.set("redirect_uri", uri);
    browser.open(FrontRig::authorize(request));
    return browser.response.status == 200;
  };
  EXPECT_TRUE(attempt("http://127.0.0.1:51004/cb"));
  EXPECT_TRUE(attempt("http://127.0.0.1/cb"));
  EXPECT_TRUE(attempt("http://[::1]:1/cb"));
  for (const auto* uri :
       {"http://127.0.0.1:51004/cb2", "http://127.0.0.1:51004/cb?x", "http://u@127.0.0.1:1/cb",
        "http://127.0.0.1.evil:1/cb", "http://localhost:1/cb", "http://localhost@evil/cb", "https://127.0.0.1:1/cb",
        "http://127.1:1/cb", "http://2130706433:1/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:/cb/",
        "http://127.0.0.1:1:2/cb", "http://[::ffff:127.0.0.1]:1/cb", "http://0.0.0.0:1/cb"}) {
    EXPECT_FALSE(attempt(uri)) << uri;
  }
}

TEST_F(FrontRedirect, B44_IssuerIsInErrorsToo) {
  verify("app-basic");
  auto request = FrontRig::request();
  request.set("response_type", "token");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.answer()["iss"], kIssuer);
  EXPECT_EQ(browser.answer()["state"], "st 1/&=");
  EXPECT_EQ(browser.answer()["error"], "unsupported_response_type");
}

TEST_F(FrontRedirect, M442_OnlyCodesAreGivenOut) {
  verify("app-basic");
  for (const auto* type :
       {"token", "id_token", "code token", "code id_token", "id_token token", "none", "CODE", "code code"}) {
    auto request = FrontRig::request();
    request.set("response_type", type);
    const auto error = error_of(request);
    EXPECT_TRUE(error == "unsupported_response_type" || error == "invalid_request") << type << " " << error;
  }
  auto missing = FrontRig::request();
  missing.remove("response_type");
  EXPECT_NE(error_of(missing).find("re"), std::string::npos);
}

TEST_F(FrontRedirect, B48_PkceS256CannotBeTalkedDown) {
  verify("app-basic");
  verify("app-public");
  for (const auto* client : {"app-basic", "app-public"}) {
    auto none = FrontRig::request(client);
    none.remove("code_challenge");
    none.remove("code_challenge_method");
    EXPECT_EQ(error_of(none), "invalid_request");
    auto plain = FrontRig::request(client);
    plain.set("code_challenge_method", "plain");
    EXPECT_EQ(error_of(plain), "invalid_request");
    auto omitted = FrontRig::request(client);
    omitted.remove("code_challenge_method");
    EXPECT_EQ(error_of(omitted), "invalid_request");
    auto lower = FrontRig::request(client);
    lower.set("code_challenge_method", "s256");
    EXPECT_EQ(error_of(lower), "invalid_request");
    for (const auto& challenge : {std::string(42, 'a'), std::string(44, 'a'), std::string(129, 'a'),
                                  std::string(42, 'a') + "=", std::string(42, 'a') + "+"}) {
      auto bad = FrontRig::request(client);
      bad.set("code_challenge", challenge);
      EXPECT_EQ(error_of(bad), "invalid_request") << challenge;
    }
    auto twice = FrontRig::request(client);
    twice.add("code_challenge_method", "plain");
    EXPECT_EQ(error_of(twice), "page 400");
  }
}

TEST_F(FrontRedirect, B417_OtherResponseModesAreRefused) {
  verify("app-basic");
  for (const auto* mode : {"web_message", "fragment", "jwt", "form_post.jwt", "okpostmessage"}) {
    auto request = FrontRig::request();
    request.set("response_mode", mode);
    EXPECT_EQ(error_of(request), "invalid_request") << mode;
  }
}

TEST_F(FrontRedirect, M464_S3_TokensAreForKnownServersOnly) {
  verify("app-basic");
  for (const auto* aud : {"https://evil.example/fhir", "http://fhir.example.org/r4", "https://fhir.example.org",
                          "https://fhir.example.org/r4/x", "https://FHIR.example.org/r4"}) {
    auto request = FrontRig::request();
    request.set("aud", aud);
    const auto error = error_of(request);
    EXPECT_EQ(error, "invalid_request") << aud;
  }
  auto missing = FrontRig::request();
  missing.remove("aud");
  EXPECT_EQ(error_of(missing), "invalid_request");
  auto other = rig.as.client_record("app-basic");
  other.resources = {std::string(kLabs)};
  rig.as.put(other);
  EXPECT_EQ(error_of(FrontRig::request()), "invalid_request") << "a server that this client may not use";
}

TEST_F(FrontRedirect, E17_M422_ScopesBeyondReachAreNeverGranted) {
  verify("app-basic");
  for (const auto* scope : {"system/*.cruds", "system/Patient.rs", "patient/*.*x", "patient/Observation.sr", "no/such",
                            "patient/Observation.rs?_filter=x"}) {
    EXPECT_EQ(error_of(FrontRig::request("app-basic", scope)), "invalid_scope") << scope;
  }
  const auto tab = error_of(FrontRig::request("app-basic", "openid\tpatient/Goal.rs"));
  EXPECT_TRUE(tab == "invalid_scope" || tab == "invalid_request") << tab;
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "user/Patient.rs openid")));
  browser.sign_in("alice");
  EXPECT_EQ(browser.response.body.find("user.see.Patient"), std::string::npos) << "a patient is no clinician";
}

TEST_F(FrontRedirect, RequestObjectsAndForeignRequestUrisAreRefused) {
  verify("app-basic");
  auto object = FrontRig::request();
  object.add("request", "eyJhbGciOiJub25lIn0.e30.");
  EXPECT_EQ(error_of(object), "request_not_supported");
  for (const auto* uri : {"https://evil.example/request.jwt", "http://127.0.0.1/x", "urn:other:thing"}) {
    auto request = FrontRig::request();
    request.add("request_uri", uri);
    EXPECT_EQ(error_of(request), "request_uri_not_supported") << uri;
  }
}

TEST_F(FrontRedirect, E8_PushedRequestsBelongToTheirClient) {
  const auto pushed = rig.as.post("par", FrontRig::request("app-basic"), {AsHarness::basic("app-basic")});
  const auto uri = std::string(AsHarness::json(pushed)["request_uri"].string_or());
  EXPECT_EQ(error_of({{"client_id", "app-public"}, {"request_uri", uri}}), "page 400");
  EXPECT_EQ(error_of({{"client_id", "app-public"}, {"request_uri", uri}, {"redirect_uri", std::string(kRedirectUri)}}),
            "page 400");
  EXPECT_EQ(error_of({{"client_id", "app-basic"}, {"request_uri", uri.substr(0, uri.size() - 1) + "A"}}), "page 400");
  EXPECT_EQ(error_of({{"client_id", "app-basic"}, {"request_uri", uri + "x"}}), "page 400");
  rig.as.clock.advance(std::chrono::seconds(91));
  EXPECT_EQ(error_of({{"client_id", "app-basic"}, {"request_uri", uri}}), "page 400");
}

TEST_F(FrontRedirect, ParRequiredProfileTakesNoDirectRequests) {
  auto client = rig.as.client_record("app-jwt");
  client.profile = "fapi2";
  client.verified = true;
  rig.as.put(client);
  EXPECT_EQ(error_of(FrontRig::request("app-jwt")), "invalid_request");
  browser.send(codec::Method::post, std::string(kIssuer) + "/authorize", FrontRig::request("app-jwt").serialize());
  EXPECT_EQ(browser.answer()["error"], "invalid_request") << "a POST is not a push";
}

TEST_F(FrontRedirect, B411_UnvettedClientsCannotBounceBrowsers) {
  auto request = FrontRig::request("app-basic", "no/such");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.response.status, 400);
  EXPECT_EQ(browser.location(), "");
  EXPECT_TRUE(browser.shows("return")) << "the person may go on by herself";
  EXPECT_NE(browser.response.body.find("app.example.org"), std::string::npos);
  request.add("response_mode", "form_post");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.response.body.find("<script"), std::string::npos);
  request.remove("response_mode");
  request.add("prompt", "none");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.answer()["error"], "invalid_scope") << "silent requests are always answered";
  verify("app-basic");
  request.remove("prompt");
  EXPECT_EQ(error_of(request), "invalid_scope");
}

TEST_F(FrontRedirect, W12_StateCannotSplitHeaders) {
  verify("app-basic");
  rig.only_own_record();
  // NUL and control characters are refused; everything else comes back as it was, percent-encoded.
  for (const auto* raw : {"%0d%0aSet-Cookie:x=1", "a%0ab", "%00"}) {
    auto request = FrontRig::request();
    request.remove("state");
    browser.send(codec::Method::get, FrontRig::authorize(request) + "&state=" + raw);
    EXPECT_EQ(browser.location().find('\n'), std::string::npos);
    EXPECT_EQ(browser.location().find("Set-Cookie"), std::string::npos);
    for (const auto& header : browser.response.headers.list()) EXPECT_EQ(header.value.find('\r'), std::string::npos);
  }
  auto request = FrontRig::request();
  request.set("state", "\"><script>alert(1)</script>&iss=https://evil.example#'%41");
  browser.open(FrontRig::authorize(request));
  browser.sign_in();
  browser.allow();
  EXPECT_EQ(browser.answer()["state"], "\"><script>alert(1)</script>&iss=https://evil.example#'%41");
  EXPECT_EQ(browser.answer()["iss"], kIssuer);
}

TEST_F(FrontRedirect, W4_FormPostEscapesState) {
  rig.only_own_record();
  auto request = FrontRig::request();
  request.set("state", "\"><script>alert(1)</script>");
  request.add("response_mode", "form_post");
  browser.open(FrontRig::authorize(request));
  browser.sign_in();
  browser.allow();
  EXPECT_EQ(browser.response.body.find("<script>alert"), std::string::npos);
  EXPECT_EQ(browser.form("/cb")->fields.get("state"), "\"><script>alert(1)</script>");
}

TEST_F(FrontRedirect, W11_NoParameterSteersTheNextPage) {
  rig.only_own_record();
  auto request = FrontRig::request();
  for (const auto* name : {"next", "return_to", "continue", "post_login_redirect_uri", "target"})
    request.add(name, "//evil.example");
  browser.open(FrontRig::authorize(request));
  browser.submit("/sign-in", {{"username", "alice"},
                              {"password", std::string(kPassword)},
                              {"next", "//evil.example"},
                              {"return_to", "https:evil"}});
  EXPECT_TRUE(browser.shows("allow"));
  browser.open(std::string(kIssuer) + "/sign-out?post_logout_redirect_uri=https://evil.example&next=//evil");
  browser.submit("/sign-out", {{"post_logout_redirect_uri", "https://evil.example"}});
  EXPECT_EQ(browser.location(), "");
  EXPECT_EQ(browser.response.body.find("evil"), std::string::npos);
}

TEST_F(FrontRedirect, W3_HostHeadersDoNotMoveTheIssuer) {
  browser.send(codec::Method::get, FrontRig::authorize(FrontRig::request()), {},
               {{"X-Forwarded-Host", "evil.example"},
                {"X-Forwarded-Proto", "http"},
                {"Forwarded", "host=evil.example"},
                {"X-Forwarded-Prefix", "/evil"}});
  EXPECT_TRUE(browser.location().starts_with(std::string(kIssuer) + "/interaction/"));
}

TEST_F(FrontRedirect, W17_HeadAndOverridesHaveNoEffect) {
  const auto before = rig.as.counters().commits;
  browser.send(codec::Method::head, FrontRig::authorize(FrontRig::request()));
  browser.send(codec::Method::put, FrontRig::authorize(FrontRig::request()));
  browser.send(codec::Method::del, FrontRig::authorize(FrontRig::request()));
  EXPECT_EQ(rig.as.counters().commits, before);
}

}  // namespace
}  // namespace mitral::testing
