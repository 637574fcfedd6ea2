// The switches do what they say: a gateway test that relies on one must not pass because the fault did not happen.
#include "unit/sandbox/fixture.h"

namespace mitral::sandbox {
namespace {

class Misbehaving : public SandboxTest {
 protected:
  [[nodiscard]] static bool names(const Reply& reply, std::string_view patient) {
    return reply.raw.body.find("\"Patient/" + std::string(patient) + '"') != std::string::npos;
  }
};

TEST_F(Misbehaving, EverySwitchHasItsName) {
  Misbehaviour how;
  EXPECT_EQ(misbehaviour_names().size(), 22U);
  for (const auto name : misbehaviour_names()) EXPECT_TRUE(set_by_name(how, name)) << name;
  EXPECT_FALSE(set_by_name(how, "nonsense"));
  EXPECT_TRUE(how.truncated && how.lenient_params && how.padding_bytes > 0 && how.delay.count() > 0);
}

TEST_F(Misbehaving, Off) { EXPECT_FALSE(names(get("/Observation?patient=leo"), "otto")); }

TEST_F(Misbehaving, LenientParamsDropThePatient) {
  misbehave("lenient-params");
  const auto reply = get("/Observation?patient=leo&nonsense=1&_count=200");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(names(reply, "otto"));
}

TEST_F(Misbehaving, ForeignMatchesAndIncludes) {
  misbehave("foreign-matches");
  EXPECT_GT(get("/Observation?patient=leo&_count=200").ids("match").size(), 0U);
  EXPECT_TRUE(names(get("/Observation?patient=maria&_count=200"), "leo") ||
              names(get("/Observation?patient=maria&_count=200"), "otto"));
  misbehave("wrong-subject-includes");
  EXPECT_FALSE(get("/Condition?patient=leo").ids("include").empty());
}

TEST_F(Misbehaving, NextPagesAreUnfiltered) {
  misbehave("unfiltered-next-pages");
  const auto first = get("/Observation?patient=leo&_count=100");
  EXPECT_FALSE(names(first, "otto"));
  const auto next = follow(first.link("next"));
  EXPECT_TRUE(names(next, "otto"));
}

TEST_F(Misbehaving, AbsoluteLinks) {
  misbehave("absolute-self-links");
  EXPECT_EQ(get("/Observation/maria-glucose-1").json["subject"]["reference"].string_or(),
            std::string(kBase) + "/Patient/maria");
}

TEST_F(Misbehaving, WrongMediaTypes) {
  misbehave("xml-answer");
  EXPECT_EQ(get("/Patient/maria").header("Content-Type"), "application/fhir+xml");
  misbehave("not-json");
  const auto reply = get("/Patient/nobody-here");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "text/html");
}

TEST_F(Misbehaving, NotModifiedWhateverIsAsked) {
  misbehave("not-modified-before-read");
  EXPECT_EQ(get("/Patient/nobody-here", {{"If-None-Match", "W/\"99\""}}).status, 304);
}

TEST_F(Misbehaving, TotalsAndHistory) {
  const auto right = get("/Observation?patient=leo").json["total"].int_or(0);
  misbehave("wrong-totals");
  EXPECT_GT(get("/Observation?patient=leo").json["total"].int_or(0), right);
  misbehave("mixed-history");
  EXPECT_GT(get("/Observation/maria-glucose-1/_history").ids().size(), 1U);
}

TEST_F(Misbehaving, ContainedPatients) {
  misbehave("contained-foreign-patient");
  EXPECT_EQ(get("/Observation/maria-glucose-1").json["contained"][0]["resourceType"].string_or(), "Patient");
  EXPECT_EQ(get("/Observation?patient=leo").json["entry"][0]["resource"]["contained"][0]["resourceType"].string_or(),
            "Patient");
}

TEST_F(Misbehaving, DuplicateMembersAndBrokenBodies) {
  misbehave("duplicate-keys");
  EXPECT_FALSE(Json::parse(get("/Observation/maria-glucose-1").raw.body));
  EXPECT_FALSE(Json::parse(get("/Patient/maria").raw.body));
  misbehave("truncated");
  EXPECT_FALSE(Json::parse(get("/Patient/maria").raw.body));
  misbehave("padding");
  EXPECT_GT(get("/Patient/maria").raw.body.size(), 1U << 20U);
}

TEST_F(Misbehaving, ErrorsThatQuoteOthers) {
  misbehave("phi-in-errors");
  EXPECT_NE(get("/Patient/nobody-here").raw.body.find("Nobody"), std::string::npos);
}

TEST_F(Misbehaving, SlowAnswersSleep) {
  Duration slept{0};
  Sandbox slow({std::string(kBase), {}, &clock_, &random_, [&slept](Duration d) -> Task<void> {
                  slept += d;
                  co_return;
                }});
  Misbehaviour how;
  how.delay = std::chrono::seconds(2);
  slow.set_misbehaviour(how);
  codec::Request request;
  request.set_target("/fhir/metadata");
  EXPECT_EQ(run_sync(slow.handle(request)).status, 200);
  EXPECT_EQ(slept, std::chrono::seconds(2));
}

}  // namespace
}  // namespace mitral::sandbox
