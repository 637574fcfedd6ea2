// The sandbox as a Bulk Data server, and its operations: what the gateway's tests stand on.
#include "unit/sandbox/fixture.h"

namespace mitral::sandbox {
namespace {

class SandboxBulk : public SandboxTest {
 protected:
  Reply kick_off(std::string_view path) { return get(path, {{"Prefer", "respond-async"}}); }
  Json manifest(const Reply& begun) {
    EXPECT_EQ(begun.status, 202);
    EXPECT_EQ(follow(begun.header("Content-Location")).status, 202);
    return follow(begun.header("Content-Location")).json;
  }
};

TEST_F(SandboxBulk, ExportsAGroupByItsMembers) {
  const auto json = manifest(kick_off("/Group/group-maria-otto/$export?_type=Patient"));
  ASSERT_EQ(json["output"].size(), 1U);
  const auto text = follow(json["output"][0]["url"].string_or()).raw.body;
  EXPECT_NE(text.find("\"id\":\"maria\""), std::string::npos);
  EXPECT_NE(text.find("\"id\":\"otto\""), std::string::npos);
  EXPECT_EQ(text.find("\"id\":\"leo\""), std::string::npos);
}

TEST_F(SandboxBulk, AsksForPreferAndKnownParameters) {
  EXPECT_EQ(get("/$export").status, 400);
  EXPECT_EQ(kick_off("/$export?_nonsense=1").status, 400);
  EXPECT_EQ(kick_off("/$export?_type=Nonsense").status, 400);
  EXPECT_EQ(kick_off("/Group/none/$export").status, 404);
}

TEST_F(SandboxBulk, CancelsAndForgets) {
  const auto url = kick_off("/$export").header("Content-Location");
  EXPECT_EQ(ask(Method::del, url.substr(kBase.size())).status, 202);
  const auto later = follow(url);
  EXPECT_EQ(later.status, 404);
  EXPECT_EQ(later.json["resourceType"].string_or(), "OperationOutcome");
}

TEST_F(SandboxBulk, ListsDeletionsSince) {
  const auto json = manifest(kick_off("/$export?_since=2000-01-01T00:00:00Z"));
  ASSERT_EQ(json["deleted"].size(), 1U);
  EXPECT_NE(follow(json["deleted"][0]["url"].string_or()).raw.body.find("Observation/deleted-observation"),
            std::string::npos);
}

TEST_F(SandboxBulk, Operations) {
  EXPECT_EQ(get("/Encounter/maria-visit-1/$everything").status, 200);
  EXPECT_TRUE(get("/Composition/maria-otto-summary/$document").ids().contains("Observation/otto-glucose-1"));
  EXPECT_EQ(get("/Observation/$lastn?patient=maria&code=2339-0").json["entry"].size(), 1U);
  EXPECT_TRUE(get("/DocumentReference/$docref?patient=otto").ids().contains("DocumentReference/otto-note"));
  EXPECT_EQ(ask(Method::post, "/Patient/$validate", R"({"resourceType":"Patient"})").status, 200);
  EXPECT_EQ(get("/ValueSet/$expand?url=urn:x").json["resourceType"].string_or(), "ValueSet");
}

}  // namespace
}  // namespace mitral::sandbox
