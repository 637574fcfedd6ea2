// ONC 170.315(g)(10): what is attested (smart-fhir 2.9), and what Inferno's kit expects without spelling it out (2.10).
#include "conformance/onc_rig.h"

namespace mitral::testing {
namespace {

using codec::Json;

// ---- 2.9: what is attested

TEST(Onc_2_9, offline_access_is_explained_and_can_be_turned_off) {
  Onc onc;
  Browser browser(onc.rig);
  const auto form = FrontRig::request("app-basic", "launch/patient offline_access patient/Patient.rs");
  browser.open(FrontRig::authorize(form));
  browser.sign_in();
  EXPECT_TRUE(browser.shows("offline"));
  EXPECT_NE(browser.response.body.find("Keep access while you are away"), std::string::npos);
  EXPECT_NE(browser.response.body.find("100 days"), std::string::npos) << "how long";
  EXPECT_TRUE(browser.shows("app-name"));
  EXPECT_TRUE(browser.shows("duration"));
  browser.allow({"yes"});
  const auto session = onc.redeem("app-basic", browser.answer()["code"]);
  EXPECT_FALSE(has_word(session.scope(), "offline_access"));
  EXPECT_TRUE(session.refresh().empty());
}

TEST(Onc_2_9, refresh_tokens_live_three_months_and_each_use_renews_them) {
  Onc onc;
  for (const auto* client : {"app-basic", "app-public"}) {
    auto session = onc.standalone(kFoundation, {}, client);
    for (int period = 0; period < 3; ++period) {
      onc.as().clock.advance(std::chrono::hours(24 * 92));
      ASSERT_TRUE(run_sync(onc.as().keys().tick()));
      const auto response = onc.refresh(session);
      ASSERT_EQ(response.status, 200) << client << " " << response.body;
      session.token = AsHarness::json(response);
    }
  }
}

TEST(Onc_2_9, registration_for_one_patient_and_for_many_has_the_same_steps) {
  Onc onc;
  EXPECT_EQ(onc.standalone(kFoundation).patient(), "alice");
  EXPECT_EQ(onc.backend("system/Patient.rs").status, 200);
}

TEST(Onc_2_9, multi_patient_scopes_are_not_exceeded) {
  Onc onc;
  EXPECT_EQ(AsHarness::json(onc.backend("system/Patient.rs"))["scope"].string_or(), "system/Patient.rs");
  EXPECT_EQ(AsHarness::verdict(onc.backend("system/Observation.cruds")), "400 invalid_scope");
  EXPECT_EQ(AsHarness::verdict(onc.backend("patient/Observation.rs")), "400 invalid_scope");
}

TEST(Onc_2_9, jwks_are_kept_no_longer_than_cache_control_allows) {
  Onc onc;
  auto& as = onc.as();
  auto& document = as.fetcher.documents[std::string(kJwksUri)];
  const auto ask = [&] {
    const auto assertion = as.sign(as.app_key, "app-uri-1", as.assertion_claims("app-uri"));
    return as.post("revoke", as.with_assertion({{"token", "x"}}, assertion)).status;
  };
  document.max_age_s = 120;
  EXPECT_EQ(ask(), 200);
  as.clock.advance(std::chrono::seconds(119));
  EXPECT_EQ(ask(), 200);
  EXPECT_EQ(as.fetcher.fetches, 1);
  as.clock.advance(std::chrono::seconds(1));
  document.max_age_s = 0;  // no-store
  EXPECT_EQ(ask(), 200);
  EXPECT_EQ(as.fetcher.fetches, 2);
  EXPECT_EQ(ask(), 200);
  EXPECT_EQ(as.fetcher.fetches, 3) << "each time";
  document.body = R"({"keys":[]})";
  EXPECT_EQ(ask(), 401) << "a key that was taken away is dead at once";
}

// ---- 2.10: hidden expectations, in their order

TEST(Onc_2_10, 01_IssIsSpelledAsTheBaseAndAudMayHaveOneSlash) {
  Onc onc;
  EXPECT_EQ(onc.ehr_launch().at("iss"), kFhir);
  auto form = FrontRig::request("app-basic", kFoundation);
  form.set("aud", std::string(kFhir) + "/");
  auto answer = onc.authorize(form);
  const auto session = onc.redeem("app-basic", answer["code"]);
  EXPECT_EQ(onc.as().introspect(session.access())["aud"].string_or(), kFhir);
}

TEST(Onc_2_10, 02_OtherScopesAreEchoedToo) {
  Onc onc;
  for (const auto& scope : words_of(kFoundation)) EXPECT_TRUE(has_word(onc.standalone(kFoundation).scope(), scope));
}

TEST(Onc_2_10, 03_Version2IsAnsweredInVersion2) {
  Onc onc;
  const auto scope = onc.standalone("launch/patient patient/*.rs", {"patient.see.Goal"}).scope();
  EXPECT_EQ(scope.find(".read"), std::string::npos);
  EXPECT_NE(scope.find("patient/Patient.rs"), std::string::npos);
}

TEST(Onc_2_10, 06_TokensAndCodesAreUrlSafe) {
  Onc onc;
  const auto safe = [](std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
             c == '_' || c == '~';
    });
  };
  auto answer = onc.authorize(FrontRig::request("app-basic", kFoundation));
  EXPECT_TRUE(safe(answer["code"]));
  const auto session = onc.redeem("app-basic", answer["code"]);
  EXPECT_TRUE(safe(session.access()));
  EXPECT_TRUE(safe(session.refresh()));
  EXPECT_TRUE(safe(onc.ehr_launch().at("launch")));
}

TEST(Onc_2_10, 07_BasicUnencoded) {
  Onc onc;
  auto client = onc.as().client_record("app-basic");
  constexpr std::string_view kOdd = "se+cret:with%zz/odd =chars";
  client.credentials.secret_hashes = {crypto::sha256(kOdd)};
  onc.as().put(client);
  auto answer = onc.authorize(FrontRig::request("app-basic", kFoundation));
  const auto response = onc.as().token(Onc::code_form(answer["code"]), {AsHarness::basic("app-basic", kOdd)});
  EXPECT_EQ(response.status, 200) << response.body;
}

TEST(Onc_2_10, 08_AssertionsMayEndFiveMinutesAheadByAClockThatRunsAhead) {
  Onc onc;
  auto& as = onc.as();
  const auto ask = [&](std::int64_t ahead) {
    auto claims = as.assertion_claims("backend");
    claims.set("exp", to_seconds(as.clock.now()) + ahead);
    return as
        .token(as.with_assertion(
            {{"grant_type", "client_credentials"}, {"scope", "system/*.rs"}, {"resource", std::string(kFhir)}},
            as.sign(as.backend_key, "backend-1", claims)))
        .status;
  };
  EXPECT_EQ(ask(300), 200);
  EXPECT_EQ(ask(330), 200);
  EXPECT_NE(ask(420), 200);
}

TEST(Onc_2_10, 09_BadRequestsAre400BeforeAnythingElse) {
  Onc onc;
  EXPECT_EQ(onc.as().token({{"grant_type", "not_a_grant_type"}}).status, 400);
  EXPECT_EQ(onc.token_request("app-basic", Onc::code_form("BAD_CODE")).status, 400);
  EXPECT_EQ(onc.token_request("app-jwt", Onc::code_form("BAD_CODE")).status, 400);
}

TEST(Onc_2_10, 10_RefreshWithTheSameScopesInAnyOrder) {
  Onc onc;
  auto session = onc.standalone(kAllPatientTypes);
  auto words = words_of(session.scope());
  std::ranges::reverse(words);
  std::string reversed;
  for (const auto& word : words) reversed += (reversed.empty() ? "" : " ") + word;
  const auto response = onc.refresh(session, reversed);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(AsHarness::verdict(onc.refresh(session, session.scope() + " patient/Device.rs")), "400 invalid_scope");
}

TEST(Onc_2_10, 12_StyleUrlIsPublicAndNeverChanges) {
  Onc onc;
  const auto url = onc.ehr("launch user/Patient.rs").text("smart_style_url");
  Browser anyone(onc.rig);
  anyone.send(codec::Method::get, url, {}, {{"Origin", "https://anybody.example"}});
  EXPECT_EQ(anyone.response.headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_NE(anyone.response.headers.get("Cache-Control")->find("immutable"), std::string_view::npos);
  const auto style = AsHarness::json(anyone.response);
  for (const auto* key :
       {"color_background", "color_error", "color_highlight", "color_modal_backdrop", "color_success", "color_text",
        "dim_border_radius", "dim_font_size", "dim_spacing_size", "font_family_body", "font_family_heading"}) {
    EXPECT_TRUE(style[key].is_string()) << key;
  }
  EXPECT_EQ(onc.ehr("launch user/Patient.rs").text("smart_style_url"), url);
}

TEST(Onc_2_10, 13_BannerKeyIsThereWhetherTrueOrFalse) {
  Onc onc;
  EXPECT_EQ(onc.ehr("launch user/Patient.rs").token["need_patient_banner"].as_bool(), true);
  EXPECT_EQ(onc.ehr("launch user/Patient.rs", R"({"patient":"alice","need_patient_banner":false})")
                .token["need_patient_banner"]
                .as_bool(),
            false);
}

TEST(Onc_2_10, 14_PractitionersGetTheEncounter) {
  Onc onc;
  EXPECT_EQ(onc.ehr("launch user/Encounter.rs").text("encounter"), "visit");
}

TEST(Onc_2_10, 15_IntrospectedScopesAreCountedTheSame) {
  Onc onc;
  const auto session = onc.standalone(kAllPatientTypes);
  EXPECT_EQ(words_of(onc.as().introspect(session.access())["scope"].string_or()).size(),
            words_of(session.scope()).size());
}

TEST(Onc_2_10, 16_CategoriesIncludeThoseOfUsCoresOwnSystems) {
  Onc onc;
  const auto json = AsHarness::json(onc.as().get(kWellKnown));
  EXPECT_TRUE(lists(json["scopes_supported"], granular("Observation", kUsCoreCategory, "sdoh")));
  EXPECT_TRUE(lists(json["scopes_supported"], granular("Condition", kUsCoreConditionCategory, "health-concern")));
}

TEST(Onc_2_10, 17_FhirUserIsAPersonNotARole) {
  Onc onc;
  const auto session = onc.ehr("launch openid fhirUser user/Patient.rs");
  EXPECT_EQ(onc.id_token(session)["fhirUser"].string_or(), std::string(kFhir) + "/Practitioner/dora");
}

}  // namespace
}  // namespace mitral::testing
