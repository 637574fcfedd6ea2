// meet() of profiles only ever narrows, in whatever order and however often.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "policy/profile.h"

namespace mitral::policy {
namespace {

using std::chrono::seconds;

rc::Gen<Profile> any_profile() {
  return rc::gen::exec([] {
    Profile p;
    p.name = "random";
    p.auth_methods = EnumSet<model::ClientAuthMethod>::of_bits(*rc::gen::inRange(0U, 16U));
    p.grant_types = EnumSet<model::GrantType>::of_bits(*rc::gen::inRange(0U, 8U));
    p.response_modes = EnumSet<ResponseMode>::of_bits(*rc::gen::inRange(0U, 4U));
    const auto algs = [] {
      jose::SignAlgs out;
      for (int i = 0; i <= static_cast<int>(jose::SignAlg::ed25519); ++i) {
        if (*rc::gen::arbitrary<bool>()) out.add(static_cast<jose::SignAlg>(i));
      }
      return out;
    };
    p.assertion_algs = algs();
    p.id_token_algs = algs();
    p.access_token_algs = algs();
    for (bool* demand :
         {&p.par_required, &p.state_required, &p.nonce_required, &p.aud_required, &p.redirect_uri_required,
          &p.assertion_kid_required, &p.sender_constraint_required, &p.iss_parameter, &p.offline_needs_consent}) {
      *demand = *rc::gen::arbitrary<bool>();
    }
    p.assertion_audience =
        *rc::gen::arbitrary<bool>() ? AssertionAudience::issuer_only : AssertionAudience::issuer_or_token_endpoint;
    p.refresh_rotation = *rc::gen::arbitrary<bool>() ? RefreshRotation::all_clients : RefreshRotation::public_clients;
    for (seconds* time :
         {&p.code_lifetime, &p.par_lifetime, &p.access_token_lifetime, &p.backend_token_lifetime, &p.id_token_lifetime,
          &p.assertion_lifetime, &p.refresh_lifetime, &p.public_retry_window, &p.retry_window}) {
      *time = seconds(*rc::gen::inRange(0, 4000));
    }
    return p;
  });
}

Profile nameless(Profile p) {
  p.name = p.standard = {};
  return p;
}

RC_GTEST_PROP(ProfileMeet, NeverWidens, ()) {
  const auto a = *any_profile();
  const auto b = *any_profile();
  const auto both = meet(a, b);
  RC_ASSERT(no_wider(both, a));
  RC_ASSERT(no_wider(both, b));
  // The greatest of what is within both: whatever is within a and b is within the meet.
  const auto c = *any_profile();
  RC_ASSERT(!(no_wider(c, a) && no_wider(c, b)) || no_wider(c, both));
}

RC_GTEST_PROP(ProfileMeet, OrderAndRepetitionDoNotMatter, ()) {
  const auto a = *any_profile();
  const auto b = *any_profile();
  const auto c = *any_profile();
  RC_ASSERT(nameless(meet(a, b)) == nameless(meet(b, a)));
  RC_ASSERT(nameless(meet(meet(a, b), c)) == nameless(meet(a, meet(b, c))));
  RC_ASSERT(nameless(meet(a, a)) == nameless(a));
}

TEST(ProfileMeet, EveryRowIsWithinTheFloor) {
  for (const auto& row : all_profiles()) {
    EXPECT_TRUE(no_wider(row, floor_profile())) << row.name;
    EXPECT_TRUE(meet(floor_profile(), row) == row) << row.name;
  }
}

TEST(ProfileMeet, ClientsOnlyMakeItHarderForThemselves) {
  for (const auto& issuer : all_profiles()) {
    for (const auto& client : all_profiles()) {
      EXPECT_TRUE(no_wider(effective_profile(issuer.name, client.name), effective_profile(issuer.name, {})))
          << issuer.name << " " << client.name;
    }
    EXPECT_TRUE(effective_profile(issuer.name, "no such row").auth_methods.empty());
    EXPECT_TRUE(no_wider(effective_profile(issuer.name, "no such row"), effective_profile(issuer.name, {})));
  }
}

}  // namespace
}  // namespace mitral::policy
