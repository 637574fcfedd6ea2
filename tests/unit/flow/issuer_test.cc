#include <gtest/gtest.h>

#include "flow/issuer_config.h"
#include "flow/refresh_token.h"
#include "flow/token_sealer.h"

namespace mitral::flow {
namespace {

std::vector<RootKey> roots() { return {{1, Secret(std::string(32, 'k'))}}; }
bool accepted(std::string issuer, std::string profile = "smart") {
  IssuerConfig config;
  config.issuer = std::move(issuer);
  config.profile = std::move(profile);
  return IssuerRuntime::make(std::move(config), roots()).has_value();
}

TEST(IssuerRuntime, Rfc8414_2_OnlyPlainHttpsUrlsOrLoopback) {
  EXPECT_TRUE(accepted("https://as.example.org"));
  EXPECT_TRUE(accepted("https://as.example.org/t/clinic"));
  EXPECT_TRUE(accepted("http://127.0.0.1:8080/t/demo"));
  EXPECT_TRUE(accepted("http://[::1]:8080"));
  for (const char* bad :
       {"http://as.example.org", "http://localhost:8080", "https://as.example.org/", "https://as.example.org?x",
        "https://as.example.org#", "https://u@as.example.org", "https://AS.example.org", "ftp://as.example.org",
        "https://as.example.org/a//b", "https://as.example.org/%2e", "as.example.org", ""}) {
    EXPECT_FALSE(accepted(bad)) << bad;
  }
  EXPECT_FALSE(accepted("https://as.example.org", "no-such-row"));
}

TEST(IssuerRuntime, DerivedKeysDifferByIssuerAndPurpose) {
  IssuerConfig config;
  config.issuer = "https://a.example";
  const auto a = *IssuerRuntime::make(config, roots());
  config.issuer = "https://b.example";
  const auto b = *IssuerRuntime::make(config, roots());
  EXPECT_FALSE(a->derive("csrf") == b->derive("csrf"));
  EXPECT_FALSE(a->derive("csrf") == a->derive("other"));
  EXPECT_EQ(a->derive("csrf").reveal().size(), 32U);
  EXPECT_FALSE(b->refresh_tokens().open(a->refresh_tokens().make(Id128{{1}}, 1)));
}

TEST(IssuerRuntime, W2_HostsAreItsOwnOrConfigured) {
  IssuerConfig config;
  config.issuer = "http://127.0.0.1:8080/t/demo";
  config.extra_hosts = {"localhost:8080"};
  const auto issuer = *IssuerRuntime::make(config, roots());
  EXPECT_TRUE(issuer->accepts_host("127.0.0.1:8080"));
  EXPECT_TRUE(issuer->accepts_host("LOCALHOST:8080"));
  EXPECT_FALSE(issuer->accepts_host("evil.example"));
  EXPECT_FALSE(issuer->accepts_host("127.0.0.1"));
  EXPECT_EQ(issuer->base_path(), "/t/demo");
  EXPECT_EQ(issuer->urls().token, "http://127.0.0.1:8080/t/demo/token");
}

TEST(IssuerRuntime, NeedsAKeyOfTheRightSize) {
  IssuerConfig config;
  config.issuer = "https://a.example";
  EXPECT_FALSE(IssuerRuntime::make(config, {}));
  EXPECT_FALSE(IssuerRuntime::make(config, {{1, Secret(std::string("short"))}}));
}

}  // namespace
}  // namespace mitral::flow
