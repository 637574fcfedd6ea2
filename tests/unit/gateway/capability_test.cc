// The CapabilityStatement says what is served, no more (smart-fhir §3.4, threat S-24): each thing that it advertises
// over the sandbox is asked for.
#include <gtest/gtest.h>

#include <set>

#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

struct Capability : testing::Test {
  SandboxRig rig;
  Json statement = Json::parse(rig.get("/metadata").body).value();
  std::string token = rig.jwt(backend("system/*.cruds"));

  const Json& rest() { return statement["rest"][0]; }
  static std::set<std::string> codes(const Json& list, const char* member) {
    std::set<std::string> out;
    for (const auto& item : list.items()) out.emplace(item[member].string_or());
    return out;
  }
  const Json& type(std::string_view name) {
    for (const auto& resource : rest()["resource"].items()) {
      if (resource["type"].string_or() == name) return resource;
    }
    return rest()["none"];
  }
};

TEST_F(Capability, S24_EveryAdvertisedSearchParameterIsTaken) {
  std::size_t asked = 0;
  for (const auto& resource : rest()["resource"].items()) {
    for (const auto& param : resource["searchParam"].items()) {
      const auto kind = param["type"].string_or();
      const std::string value = kind == "date"                           ? "2026"
                                : kind == "number" || kind == "quantity" ? "1"
                                : kind == "reference"                    ? "Patient/maria"
                                                                         : "x";
      const auto target = "/" + std::string(resource["type"].string_or()) + "?" +
                          std::string(param["name"].string_or()) + "=" + value + "&_count=1";
      EXPECT_EQ(rig.get(target, token).status, 200) << target;
      ++asked;
    }
  }
  EXPECT_GT(asked, 100U);
}

TEST_F(Capability, S24_EveryAdvertisedPatchFormatIsTaken) {
  EXPECT_EQ(statement["patchFormat"].dump(),
            R"(["application/fhir+json","application/json-patch+json","application/xml-patch+xml"])")
      << "patches are applied by the gateway, whatever upstream knows";
  for (const auto& format : statement["patchFormat"].items()) {
    auto request = Rig::request("/Observation/" + std::string(sandbox::sample::kMariaLab), token, Method::patch);
    request.headers.add("Content-Type", std::string(format.string_or()));
    request.body = format.string_or() == "application/json-patch+json" ? "[]"
                   : format.string_or() == "application/fhir+json" ? R"({"resourceType":"Parameters","parameter":[]})"
                                                                   : "<diff/>";
    EXPECT_EQ(rig.send(std::move(request)).status, 200) << format.string_or();
  }
}

TEST_F(Capability, S24_EveryAdvertisedIncludeIsTaken) {
  for (const auto& resource : rest()["resource"].items()) {
    for (const auto& [list, name] : {std::pair("searchInclude", "_include"), {"searchRevInclude", "_revinclude"}}) {
      for (const auto& item : resource[list].items()) {
        const auto target =
            "/" + std::string(resource["type"].string_or()) + "?_count=1&" + name + "=" + std::string(item.string_or());
        const auto response = rig.get(target, token);
        EXPECT_EQ(response.status, 200) << target;
        EXPECT_EQ(response.body.find("left out"), std::string::npos) << target;
      }
    }
  }
}

TEST_F(Capability, S24_EveryAdvertisedReadIsServed) {
  for (const auto& resource : rest()["resource"].items()) {
    const std::string base = "/" + std::string(resource["type"].string_or());
    const auto found = rig.get(base + "?_count=1", token);
    const auto list = ids(found);
    const auto interactions = codes(resource["interaction"], "code");
    if (interactions.contains("search-type")) EXPECT_EQ(found.status, 200) << base;
    if (list.empty()) continue;
    const auto one = "/" + list.front();
    for (const auto& [code, target] : {std::pair<std::string, std::string>{"read", one},
                                       {"vread", one + "/_history/1"},
                                       {"history-instance", one + "/_history"},
                                       {"history-type", base + "/_history?_count=1"}}) {
      if (interactions.contains(code)) EXPECT_EQ(rig.get(target, token).status, 200) << target;
    }
  }
  for (const auto& code : codes(rest()["interaction"], "code")) {
    if (code == "search-system") EXPECT_EQ(rig.get("/?_type=Patient", token).status, 200);
    if (code == "history-system") EXPECT_EQ(rig.get("/_history", token).status, 200);
  }
}

TEST_F(Capability, S24_AdvertisedWritesAreServed) {
  const auto interactions = codes(type("Observation")["interaction"], "code");
  if (interactions.contains("create")) {
    auto request = Rig::request("/Observation", token, Method::post);
    request.headers.add("Content-Type", "application/fhir+json");
    request.body =
        R"({"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/maria"}})";
    EXPECT_EQ(rig.send(std::move(request)).status, 201);
  }
  EXPECT_FALSE(codes(type("Subscription")["interaction"], "code").contains("create"));
}

TEST_F(Capability, S24_EveryAdvertisedOperationIsServedAndNoOther) {
  const std::map<std::string, std::string> targets = {
      {"Composition document", "/Composition/maria-summary/$document"},
      {"DocumentReference docref", "/DocumentReference/$docref?patient=maria"},
      {"Encounter everything", "/Encounter/maria-visit-1/$everything"},
      {"Group export", "/Group/group-maria-otto/$export"},
      {"Observation lastn", "/Observation/$lastn"},
      {"Patient everything", "/Patient/maria/$everything"},
      {"Patient export", "/Patient/$export"},
      {" export", "/$export"}};
  std::set<std::string> seen;
  const auto ask = [&](const std::string& key, std::string_view type) {
    if (key.ends_with(" validate")) {
      auto request = Rig::request("/" + std::string(type) + "/$validate", token, Method::post);
      request.headers.add("Content-Type", "application/fhir+json");
      request.body = R"({"resourceType":")" + std::string(type) + R"("})";
      EXPECT_EQ(rig.send(std::move(request)).status, 200) << key;
      return;
    }
    ASSERT_TRUE(targets.contains(key)) << key;
    seen.insert(key);
    auto request = Rig::request(targets.at(key), token);
    request.headers.add("Prefer", "respond-async");
    EXPECT_EQ(rig.send(std::move(request)).status, key.ends_with("export") ? 202 : 200) << key;
  };
  for (const auto& resource : rest()["resource"].items()) {
    const std::string name(resource["type"].string_or());
    for (const auto& operation : resource["operation"].items())
      ask(name + " " + std::string(operation["name"].string_or()), name);
  }
  for (const auto& operation : rest()["operation"].items()) ask(" " + std::string(operation["name"].string_or()), "");
  EXPECT_EQ(seen.size(), targets.size()) << "nothing that is served is kept quiet about";
}

TEST_F(Capability, S24_SecurityIsTheAuthorizationServersAndTheUrlIsPublic) {
  EXPECT_EQ(statement["implementation"]["url"].string_or(), kPublic);
  const auto& security = rest()["security"];
  EXPECT_EQ(security["cors"].as_bool(), true);
  EXPECT_EQ(security["service"][0]["coding"][0]["code"].string_or(), "SMART-on-FHIR");
  std::set<std::string> uris;
  for (const auto& uri : security["extension"][0]["extension"].items()) {
    EXPECT_TRUE(uri["valueUri"].string_or().starts_with(kIssuer));
    uris.emplace(uri["url"].string_or());
  }
  EXPECT_TRUE(uris.contains("authorize") && uris.contains("token"));
  EXPECT_EQ(statement.dump().find("fhir.internal"), std::string::npos);
}

TEST_F(Capability, FormatAndModeAreHonoured) {
  EXPECT_EQ(rig.get("/metadata?_format=json").status, 200);
  EXPECT_EQ(rig.get("/metadata?_format=application/fhir%2Bjson&mode=full").status, 200);
  EXPECT_EQ(rig.get("/metadata?mode=normative").status, 200);
  EXPECT_EQ(rig.get("/metadata?_format=xml").status, 406);
  EXPECT_EQ(rig.get("/metadata?mode=terminology").status, 400);
  auto request = Rig::request("/metadata");
  request.headers.add("Accept", "application/fhir+xml");
  EXPECT_EQ(rig.send(std::move(request)).status, 406);
}

TEST_F(Capability, AnyoneMayAskOftenUpstreamIsAskedOnce) {
  const auto before = rig.world.upstream_log.size();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.get("/metadata").status, 200);
  EXPECT_EQ(rig.world.upstream_log.size(), before);
}

}  // namespace
}  // namespace mitral::gateway::rig
