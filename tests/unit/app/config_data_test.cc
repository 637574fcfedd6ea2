// [gateway.consent] and [gateway.labels]: closed by default, and no mistake passes.
#include <gtest/gtest.h>

#include <algorithm>

#include "app/config.h"
#include "app/config_gateway_data.h"

namespace mitral::app {
namespace {

const std::string kGateway = R"([gateway]
listen = "127.0.0.1:0"
public_base = "http://127.0.0.1:8090/fhir"
upstream = "http://127.0.0.1:9090/fhir"
issuer = "http://127.0.0.1:8080"
credential_id = "gw"
credential_secret_file = "secret"
master_key_file = "key"
)";

LoadedConfig load(const std::string& more) { return parse_config(kGateway + more, "mitral.toml"); }

TEST(ConfigData, LabelsHideByDefaultAndDirectivesDoNotCount) {
  const auto loaded = load("");
  ASSERT_TRUE(loaded.config.gateway) << (loaded.problems.empty() ? "" : loaded.problems.front().text);
  gateway::Config out;
  apply_gateway_data(*loaded.config.gateway, out);
  EXPECT_FALSE(out.enforce_consent);
  EXPECT_EQ(out.hidden_labels.size(), policy::default_hidden_labels().size());
  EXPECT_NE(std::ranges::find(out.hidden_labels, policy::Label{"", "R"}), out.hidden_labels.end());
}

TEST(ConfigData, TheSectionEnforces) {
  const auto loaded = load(R"(
[gateway.consent]
custodians = ["Organization/clinic"]
assumed_purpose = "TREAT"
[gateway.labels]
hidden = ["ETH", "https://local.example/labels|VIP"]
)");
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems.front().text;
  gateway::Config out;
  apply_gateway_data(*loaded.config.gateway, out);
  EXPECT_TRUE(out.enforce_consent);
  EXPECT_EQ(out.custodians, std::vector<std::string>{"Organization/clinic"});
  EXPECT_EQ(out.assumed_purpose, "TREAT");
  EXPECT_EQ(out.hidden_labels, (std::vector<policy::Label>{{"", "ETH"}, {"https://local.example/labels", "VIP"}}));
  EXPECT_FALSE(load("[gateway.consent]\nmode = \"off\"\n").config.gateway->enforce_consent);
  EXPECT_TRUE(load("[gateway.labels]\nhidden = []\n").config.gateway->hidden_labels.empty());
}

TEST(ConfigData, MistakesAreProblems) {
  for (const auto* const text :
       {"[gateway.consent]\nmode = \"lenient\"\n", "[gateway.consent]\nenforce = true\n",
        "[gateway.consent]\ncustodians = [\"Clinic\"]\n", "[gateway.consent]\ncustodians = [\"Practitioner/x\"]\n",
        "[gateway.consent]\nassumed_purpose = \"ETREAT\"\n", "[gateway.consent]\nassumed_purpose = \"treatment\"\n",
        "[gateway.labels]\nhidden = \"R\"\n", "[gateway.labels]\nhidden = [\"\"]\n",
        "[gateway.labels]\nhidden = [\"a b\"]\n"}) {
    EXPECT_FALSE(load(text).problems.empty()) << text;
  }
}

}  // namespace
}  // namespace mitral::app
