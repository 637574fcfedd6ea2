// [gateway.bulk]: what is read, what is refused.
#include <gtest/gtest.h>

#include "app/config.h"
#include "app/config_gateway.h"

namespace mitral::app {
namespace {

LoadedConfig load(const std::string& more) {
  return parse_config(R"([gateway]
listen = "127.0.0.1:0"
public_base = "http://127.0.0.1:8090/fhir"
upstream = "https://fhir.internal/r4"
issuer = "http://127.0.0.1:8080"
master_key_file = "key"
credential_id = "gw"
credential_secret_file = "secret"
[gateway.bulk]
)" + more,
                      "mitral.toml");
}

TEST(ConfigBulk, EveryKeyIsRead) {
  const auto loaded = load(R"(enabled = false
groups = ["c_backend=g1, g2", "other=g3"]
storage = ["https://storage.example/exports/"]
storage_ca = "storage.pem"
storage_private = true
)");
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems.front().text;
  gateway::Config config;
  ASSERT_TRUE(apply_gateway_neighbours(*loaded.config.gateway, config));
  EXPECT_FALSE(config.bulk);
  ASSERT_EQ(config.bulk_groups.size(), 2U);
  EXPECT_EQ(config.bulk_groups[0].client, "c_backend");
  EXPECT_EQ(config.bulk_groups[0].groups, (std::vector<std::string>{"g1", "g2"}));
  EXPECT_EQ(config.bulk_storage, std::vector<std::string>{"https://storage.example/exports/"});
  EXPECT_EQ(config.bulk_storage_options.extra_ca_file, "storage.pem");
  EXPECT_EQ(config.bulk_storage_options.addresses, net::AddressRule::any);
}

TEST(ConfigBulk, StorageHostsArePublicAndTlsUnlessSaidOtherwise) {
  const auto loaded = load("");
  gateway::Config config;
  ASSERT_TRUE(apply_gateway_neighbours(*loaded.config.gateway, config));
  EXPECT_TRUE(config.bulk);
  EXPECT_TRUE(config.bulk_groups.empty() && config.bulk_storage.empty());
  EXPECT_EQ(config.bulk_storage_options.addresses, net::AddressRule::public_only);
  EXPECT_FALSE(config.bulk_storage_options.allow_plain_http);
}

TEST(ConfigBulk, GroupsThatAreNoneAreMistakes) {
  for (const auto* const bad : {"client", "=g1", "client=", "client=g1,,g2", "client=g 1", "client=../x"}) {
    EXPECT_FALSE(load("groups = [\"" + std::string(bad) + "\"]\n").problems.empty()) << bad;
  }
  EXPECT_FALSE(load("group = [\"a=b\"]\n").problems.empty()) << "unknown key";
}

}  // namespace
}  // namespace mitral::app
