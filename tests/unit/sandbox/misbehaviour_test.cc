// The switches do what they say: a gateway test that relies on one must not pass because the fault did not happen.
#include "sandbox/json_patch.h"
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
  EXPECT_EQ(misbehaviour_names().size(), 16U);
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

Result<Json> patched(std::string_view document, std::string_view patch) {
  return apply_json_patch(*Json::parse(document), *Json::parse(patch));
}

TEST(JsonPatch, Rfc6902Operations) {
  EXPECT_EQ(patched(R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])")->dump(), R"({"a":[1,2,3]})");
  EXPECT_EQ(patched(R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])")->dump(), R"({"a":[1,2]})");
  EXPECT_EQ(patched(R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])")->dump(), R"({"b":2})");
  EXPECT_EQ(patched(R"({"a":[1,2,3]})", R"([{"op":"remove","path":"/a/1"}])")->dump(), R"({"a":[1,3]})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"replace","path":"/a","value":[]}])")->dump(), R"({"a":[]})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"move","from":"/a","path":"/b"}])")->dump(), R"({"b":1})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"copy","from":"/a","path":"/b"}])")->dump(), R"({"a":1,"b":1})");
  EXPECT_EQ(patched(R"({"a/b":{"~":1}})", R"([{"op":"test","path":"/a~1b/~0","value":1}])")->dump(),
            R"({"a/b":{"~":1}})");
}

TEST(JsonPatch, FailuresLeaveNothing) {
  for (const auto* wrong :
       {R"([{"op":"remove","path":"/x"}])", R"([{"op":"test","path":"/a","value":2}])",
        R"([{"op":"add","path":"/x/y","value":1}])", R"([{"op":"add","path":"/l/5","value":1}])",
        R"([{"op":"add","path":"/l/01","value":1}])", R"([{"op":"add","path":"a","value":1}])",
        R"([{"op":"add","path":"/a"}])", R"([{"op":"move","from":"/l","path":"/l/0"}])",
        R"([{"op":"nonsense","path":"/a"}])", R"({})", R"([{"op":"replace","path":"/~2","value":1}])",
        R"([{"op":"remove","path":""}])", R"([7])"}) {
    EXPECT_FALSE(patched(R"({"a":1,"l":[1]})", wrong)) << wrong;
  }
}

}  // namespace
}  // namespace mitral::sandbox
