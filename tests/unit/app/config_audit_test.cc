// [server.audit_segments] and [gateway.audit_segments]: no mistake passes, and nothing of the record leaves
// unprotected.
#include <gtest/gtest.h>

#include <algorithm>

#include "app/config.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;

const std::string kServer = R"([server]
listen = "127.0.0.1:0"
master_key_file = "key"
[[issuer]]
id = "http://127.0.0.1:8080"
[server.audit_segments]
)";

LoadedConfig load(const std::string& more) { return parse_config(kServer + more, "mitral.toml"); }
bool complains(const std::string& more, std::string_view key) {
  const auto loaded = load(more);
  return std::ranges::any_of(loaded.problems, [&](const auto& problem) {
    return problem.text.find(key) != std::string::npos &&
           problem.text.find("[server.audit_segments]") != std::string::npos;
  });
}

TEST(ConfigAudit, WithoutTheSectionNothingIsShippedOrLetGo) {
  const auto loaded = parse_config(kServer.substr(0, kServer.find("[server.audit_segments]")), "mitral.toml");
  ASSERT_TRUE(loaded.problems.empty());
  EXPECT_FALSE(loaded.config.server->audit_segments);
}

TEST(ConfigAudit, ADirectoryIsEnoughAndNothingIsLetGo) {
  const auto loaded = load("directory = \"segments\"\n");
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems.front().text;
  const auto& in = *loaded.config.server->audit_segments;
  EXPECT_EQ(in.directory, "segments");
  EXPECT_EQ(in.records, 50'000U);
  EXPECT_EQ(in.age, 1h);
  EXPECT_FALSE(in.keep);
}

TEST(ConfigAudit, EverythingIsRead) {
  const auto loaded = load(R"(directory = "segments"
records = 1000
mebibytes = 8
age = "10m"
syslog = "tls://logs.example:6514"
syslog_ca = "ca.pem"
syslog_certificate = "c.pem"
syslog_key = "k.pem"
http = "https://archive.example/x"
http_token_file = "token"
http_ca = "ca.pem"
http_certificate = "c.pem"
http_key = "k.pem"
keep = "30d"
)");
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems.front().text;
  EXPECT_EQ(loaded.config.server->audit_segments->keep, Duration(24h * 30));
}

TEST(ConfigAudit, MistakesAreFound) {
  const std::string good = "directory = \"segments\"\n";
  EXPECT_TRUE(complains("", "'directory'"));
  EXPECT_TRUE(complains(good + "records = 10\n", "'records'"));
  EXPECT_TRUE(complains(good + "keep = \"1s\"\n", "'keep'"));
  EXPECT_TRUE(complains(good + "recods = 1000\n", "recods"));
  EXPECT_TRUE(complains(good + "http_ca = \"ca.pem\"\n", "'http'"));
  EXPECT_TRUE(complains(good + "syslog_ca = \"ca.pem\"\n", "'syslog'"));
  EXPECT_TRUE(complains(good + "syslog = \"tls://a:1\"\nsyslog_certificate = \"c.pem\"\n", "'syslog_certificate'"));
}

TEST(ConfigAudit, TheRecordDoesNotLeaveUnprotected) {
  const std::string good = "directory = \"segments\"\n";
  EXPECT_TRUE(complains(good + "http = \"http://archive.example/x\"\nhttp_token_file = \"t\"\n", "'http'"));
  EXPECT_TRUE(complains(good + "http = \"https://archive.example/x\"\n", "'http'")) << "nobody would know who writes";
  EXPECT_TRUE(load(good + "http = \"http://127.0.0.1:9/x\"\n").problems.empty());
  for (const std::string target :
       {"udp://logs.example:514", "udp://10.0.0.1:514", "udp://127.0.0.1.example:514", "udp://localhost:514",
        "tcp://127.0.0.1:514", "tls://logs.example", "tls://logs.example:0", "tls://user@logs.example:1", "/dev/log",
        "unix:dev/log", "udp://127.0.0.1:70000"}) {
    EXPECT_TRUE(complains(good + "syslog = \"" + target + "\"\n", "'syslog'")) << target;
  }
  for (const std::string target :
       {"udp://127.0.0.1:514", "udp://[::1]:514", "tls://logs.example:6514", "unix:/dev/log"})
    EXPECT_TRUE(load(good + "syslog = \"" + target + "\"\n").problems.empty()) << target;
}

}  // namespace
}  // namespace mitral::app
