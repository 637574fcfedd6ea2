#include "app/config.h"

#include <gtest/gtest.h>

namespace mitral::app {
namespace {

constexpr std::string_view kGood = R"(
[server]
listen = "127.0.0.1:8080"
admin_listen = "127.0.0.1:8081"
threads = 2
master_key_file = "master.key"
storage = { path = "a.db", durability = "delayed", max_delay = "50ms", grants_in_memory = 2048 }

[[issuer]]
id = "http://127.0.0.1:8080"
name = "Clinic"
)";

std::string all(const LoadedConfig& loaded) {
  std::string out;
  for (const auto& p : loaded.problems) out += p.file + ":" + std::to_string(p.line) + ": " + p.text + "\n";
  return out;
}

std::string problems(std::string_view text) { return all(parse_config(text, "m.toml")); }

std::string with(std::string_view from, std::string_view to) {
  std::string text(kGood);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(Config, ReadsEveryKey) {
  const auto loaded = parse_config(kGood, "m.toml");
  ASSERT_EQ(all(loaded), "");
  const auto& server = *loaded.config.server;
  EXPECT_EQ(server.listen.port, 8080);
  EXPECT_EQ(server.threads, 2U);
  EXPECT_FALSE(server.storage.durable);
  EXPECT_EQ(server.storage.max_delay, std::chrono::milliseconds(50));
  EXPECT_EQ(server.storage.grants_in_memory, 2048U);
  ASSERT_EQ(server.issuers.size(), 1U);
  EXPECT_EQ(server.issuers[0].profile, "smart");
}

TEST(Config, UnknownKeyIsAnErrorWithLineAndGuess) {
  EXPECT_EQ(problems(with("threads = 2", "threds = 2")),
            "m.toml:5: unknown key 'threds' in [server]; did you mean 'threads'?\n");
}

TEST(Config, UnknownSectionIsAnError) {
  EXPECT_NE(problems(std::string(kGood) + "[gatewayy]\nx = 1\n").find("unknown key 'gatewayy'"), std::string::npos);
}

TEST(Config, WrongTypesAreErrors) {
  EXPECT_NE(problems(with("threads = 2", "threads = \"2\"")).find("must be a whole number"), std::string::npos);
  EXPECT_NE(problems(with("threads = 2", "threads = -1")).find("from 0 to 256"), std::string::npos);
  EXPECT_NE(problems(with("= 2048", "= 1")).find("from 1024 to 20000000"), std::string::npos);
  EXPECT_NE(problems(with("\"50ms\"", "50")).find("must be a time like"), std::string::npos);
  EXPECT_NE(problems(with("\"delayed\"", "\"never\"")).find("must be one of: full, delayed"), std::string::npos);
}

TEST(Config, TheGatewaysRecordHasNoGrantsToRemember) {
  const auto found = problems("[gateway]\naudit = { path = \"g.db\", grants_in_memory = 2048 }\n");
  EXPECT_NE(found.find("unknown key 'grants_in_memory'"), std::string::npos) << found;
}

TEST(Config, SyntaxErrorNamesTheLine) {
  EXPECT_NE(problems("[server]\nlisten = \n").find("m.toml:2"), std::string::npos);
}

TEST(Config, M_4_3_1_PlainHttpOffLoopbackIsRefused) {
  EXPECT_NE(problems(with("listen = \"127.0.0.1:8080\"", "listen = \"0.0.0.0:8080\"")).find("plain HTTP"),
            std::string::npos);
  EXPECT_NE(problems(with("id = \"http://127.0.0.1:8080\"", "id = \"http://as.example\"")).find("must be https"),
            std::string::npos);
  EXPECT_NE(
      problems(with("id = \"http://127.0.0.1:8080\"", "id = \"http://127.0.0.1.evil.example\"")).find("must be https"),
      std::string::npos);
}

TEST(Config, W_20_AdminListenerStaysOnLoopback) {
  EXPECT_NE(
      problems(with("admin_listen = \"127.0.0.1:8081\"", "admin_listen = \"0.0.0.0:8081\"")).find("must be loopback"),
      std::string::npos);
}

TEST(Config, J_6_IssuerIsTakenExactlyOrRefused) {
  for (const char* bad :
       {"https://as.example/", "https://as.example?x", "https://as.example#x", "https://u@as.example"}) {
    EXPECT_NE(problems(with("http://127.0.0.1:8080\"\nname", std::string(bad) + "\"\nname")), "") << bad;
  }
}

TEST(Config, IssuerTwiceIsAnError) {
  EXPECT_NE(problems(std::string(kGood) + "[[issuer]]\nid = \"http://127.0.0.1:8080\"\n").find("is there twice"),
            std::string::npos);
}

TEST(Config, MissingFileSaysWhatToDo) {
  const auto loaded = load_config("/nonexistent/mitral.toml");
  EXPECT_NE(all(loaded).find("mitral config init"), std::string::npos);
}

}  // namespace
}  // namespace mitral::app
