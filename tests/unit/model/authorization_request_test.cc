#include <gtest/gtest.h>

#include "model/grant.h"

namespace mitral::model {
namespace {

AuthorizationRequest full() {
  AuthorizationRequest out;
  out.issuer = Issuer("https://as.example");
  out.client = ClientId("c_app");
  out.redirect_uri = "https://app.example/cb?x=\"1\"";
  out.redirect_uri_sent = false;
  out.response_mode = "form_post";
  out.state = std::string("st\0ate\n", 7);
  out.nonce = "n";
  out.code_challenge = "c";
  out.scopes = {"openid", "patient/*.rs"};
  out.resources = {"https://fhir.example/r4"};
  out.prompt = {"login", "consent"};
  out.max_age = 0;
  out.acr_values = {"2", "1"};
  out.login_hint = "ada";
  out.launch = "l";
  out.par = "p";
  out.dpop_jkt = "j";
  out.extra = codec::Json::object({{"claims", codec::Json::object({{"acr", "1"}})}});
  return out;
}

TEST(AuthorizationRequestJson, ComesBackWhole) {
  const auto text = full().to_json().dump();
  const auto json = codec::Json::parse(text, {.allow_nul = true});
  ASSERT_TRUE(json);
  const auto back = AuthorizationRequest::from_json(*json);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->to_json().dump(), text);
  EXPECT_EQ(back->state, full().state);
  EXPECT_FALSE(back->redirect_uri_sent);
  ASSERT_TRUE(back->max_age);
  EXPECT_EQ(*back->max_age, 0) << "max_age=0 means sign in again; it is not the same as none";
  EXPECT_EQ(back->prompt, full().prompt);
  EXPECT_EQ(back->extra, full().extra);
}

TEST(AuthorizationRequestJson, EmptyMembersStayEmpty) {
  AuthorizationRequest little;
  little.issuer = Issuer("https://as.example");
  little.client = ClientId("c");
  const auto back = AuthorizationRequest::from_json(little.to_json());
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->max_age);
  EXPECT_TRUE(back->redirect_uri_sent);
  EXPECT_TRUE(back->scopes.empty());
  EXPECT_TRUE(back->dpop_jkt.empty());
}

TEST(AuthorizationRequestJson, WhatDoesNotFitIsRefused) {
  const auto good = full().to_json();
  for (const auto* member : {"issuer", "client_id", "redirect_uri_sent"}) {
    auto json = good;
    json.erase(member);
    EXPECT_FALSE(AuthorizationRequest::from_json(json)) << "without " << member;
  }
  for (const auto* member :
       {"redirect_uri", "redirect_uri_sent", "scopes", "max_age", "code_challenge", "prompt", "dpop_jkt", "extra"}) {
    auto json = good;
    json.set(member, 1.5);
    EXPECT_FALSE(AuthorizationRequest::from_json(json)) << member << " of another type";
  }
  auto mixed = good;
  mixed.set("scopes", codec::Json::array({codec::Json("openid"), codec::Json(1)}));
  EXPECT_FALSE(AuthorizationRequest::from_json(mixed));
  EXPECT_FALSE(AuthorizationRequest::from_json(codec::Json::array()));
}

TEST(AuthorizationRequestJson, MembersOfALaterVersionAreIgnored) {
  auto json = full().to_json();
  json.set("from_the_future", true);
  EXPECT_TRUE(AuthorizationRequest::from_json(json));
}

}  // namespace
}  // namespace mitral::model
