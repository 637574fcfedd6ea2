// [gateway]: the FHIR server's credential, [gateway.circuit], .identity, .foreign and .decide: what is read, what is
// refused.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "app/config.h"
#include "app/config_gateway.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;
using gateway::IssuerKind;

const std::string kGateway = R"([gateway]
listen = "127.0.0.1:0"
public_base = "http://127.0.0.1:8090/fhir"
upstream = "https://fhir.internal/r4"
issuer = "http://127.0.0.1:8080"
master_key_file = "key"
)";
const std::string kCredential = R"(credential_id = "gw"
credential_secret_file = "secret"
)";

LoadedConfig load(const std::string& more) { return parse_config(kGateway + more, "mitral.toml"); }
std::string problems(const std::string& more) {
  std::string out;
  for (const auto& problem : load(more).problems) out += problem.text + "\n";
  return out;
}

/// A file of a secret in a folder that goes away.
class Files {
 public:
  Files() : folder_(std::filesystem::temp_directory_path() / ("mitral-config-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  std::string put(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    const auto path = (folder_ / name).string();
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }

 private:
  std::filesystem::path folder_;
};

TEST(ConfigNeighbours, DefaultsAreQuietAndBounded) {
  const auto loaded = load(kCredential);
  ASSERT_TRUE(loaded.config.gateway) << problems(kCredential);
  const auto& g = *loaded.config.gateway;
  EXPECT_EQ(g.foreign.kind, IssuerKind::mitral);
  EXPECT_FALSE(g.identity.headers || g.identity.phantom);
  EXPECT_EQ(g.decide_listen.port, 0);
  EXPECT_EQ(g.upstream_timeout, limits::kClientTimeout);
  EXPECT_EQ(g.upstream_rules.circuit.failed_percent, limits::kCircuitFailedPercent);
}

TEST(ConfigNeighbours, EveryKeyIsRead) {
  const Files files;
  const auto key =
      files.put("key.pem", std::string(crypto::PrivateKey::generate(crypto::KeyKind::p256)->pem().reveal()));
  const auto more = R"(credential_id = "gw"
upstream_certificate = "c.pem"
upstream_key = "k.pem"
upstream_basic_file = ")" +
                    files.put("basic", "gateway:pass word\n") + R"("
upstream_headers = ["X-Tenant: clinic"]
upstream_timeout = "8s"
upstream_in_flight = 7
upstream_retry = false
review_tasks = true
documentation = "https://gw.example/developers"
issuer_kind = "introspection"
[gateway.circuit]
window = "30s"
requests_min = 5
failed_percent = 80
pause = "2s"
[gateway.identity]
headers = true
prefix = "X-Who-"
phantom = true
phantom_header = "X-Phantom"
phantom_key_file = ")" +
                    key + R"("
[gateway.foreign]
metadata_url = "https://kc.example/m"
jwks_url = "https://kc.example/k"
introspection_url = "https://kc.example/i"
typs = ["JWT", ""]
introspect_too = true
believed = "3s"
scope_claims = ["scp"]
client_claims = ["cid"]
subject_claim = "uid"
patient_claim = "pat"
fhir_user_claim = "fu"
trust_purpose = true
required = ["typ=Bearer"]
system_when = ["gty=client-credentials", "!sub"]
assertion_key_file = ")" +
                    key + R"("
assertion_kid = "k1"
assertion_audience = "https://kc.example/token"
capabilities = ["launch-ehr"]
[gateway.decide]
listen = "127.0.0.1:8082"
path = "/ask"
request_only = true
secret_file = ")" + files.put("secret", std::string(32, 's')) +
                    R"("
)";
  ASSERT_EQ(problems(more), "");
  const auto loaded = load(more);
  gateway::Config out;
  const auto applied = apply_gateway_neighbours(*loaded.config.gateway, out);
  ASSERT_TRUE(applied) << applied.error().detail;
  EXPECT_EQ(out.upstream_options.certificate_file, "c.pem");
  EXPECT_EQ(out.upstream_options.key_file, "k.pem");
  EXPECT_EQ(out.upstream_options.total_timeout, Duration(8s));
  ASSERT_EQ(out.upstream_headers.size(), 2U);
  EXPECT_EQ(out.upstream_headers[0].value, "Basic Z2F0ZXdheTpwYXNzIHdvcmQ=");
  EXPECT_EQ(out.upstream_headers[1].value, "clinic");
  EXPECT_EQ(out.upstream_rules.in_flight_max, 7U);
  EXPECT_FALSE(out.upstream_rules.retry);
  EXPECT_EQ(out.upstream_rules.circuit.window, Duration(30s));
  EXPECT_EQ(out.upstream_rules.circuit.pause, Duration(2s));
  EXPECT_EQ(out.identity.prefix, "X-Who-");
  EXPECT_TRUE(out.identity.key && out.foreign.assertion_key);
  EXPECT_EQ(out.foreign.kind, IssuerKind::introspection);
  EXPECT_EQ(out.foreign.believed, Duration(3s));
  EXPECT_EQ(out.foreign.typs, (std::vector<std::string>{"JWT", ""}));
  ASSERT_EQ(out.foreign.system_when.size(), 2U);
  EXPECT_EQ(out.foreign.system_when[1].claim, "sub");
  EXPECT_EQ(out.foreign.system_when[1].value, "");
  EXPECT_EQ(out.jwks_url, "https://kc.example/k");
  EXPECT_EQ(out.introspection_url, "https://kc.example/i");
  EXPECT_EQ(out.decide.path, "/ask");
  EXPECT_TRUE(out.decide.request_only && !out.decide.secret.empty());
  EXPECT_EQ(loaded.config.gateway->decide_listen.port, 8082);
}

TEST(ConfigNeighbours, ABelievedIntrospectionIsFreshUnlessSaidOtherwise) {
  EXPECT_EQ(load(kCredential + "issuer_kind = \"introspection\"\n").config.gateway->foreign.believed,
            Duration(limits::kForeignIntrospectionBelieved));
  EXPECT_EQ(load("issuer_kind = \"jwks\"\n").config.gateway->foreign.believed, Duration(limits::kForeignBelieved));
}

TEST(ConfigNeighbours, CredentialsAreNeededWhereTheyAreUsed) {
  EXPECT_NE(problems(""), "");
  EXPECT_EQ(problems("issuer_kind = \"jwks\"\n"), "") << "keys are public";
  EXPECT_NE(problems("issuer_kind = \"introspection\"\n"), "");
  EXPECT_NE(problems("issuer_kind = \"jwks\"\n[gateway.foreign]\nintrospect_too = true\n"), "");
  EXPECT_EQ(problems("issuer_kind = \"introspection\"\ncredential_id = \"gw\"\n[gateway.foreign]\n"
                     "assertion_key_file = \"k\"\n"),
            "");
}

TEST(ConfigNeighbours, WhatCanNotBeMeantIsRefused) {
  for (const char* more : {
           "upstream_certificate = \"c.pem\"\n",
           "upstream_basic_file = \"a\"\nupstream_token_file = \"b\"\n",
           "upstream_authorization_file = \"a\"\nupstream_token_file = \"b\"\n",
           "upstream_headers = [\"no colon\"]\n",
           "upstream_headers = [\"X-A: b\\r\\nX-B: c\"]\n",
           "upstream_headers = [\"Authorization: Bearer secret\"]\n",
           "upstream_timeout = \"10m\"\n",
           "issuer_kind = \"keycloak\"\n",
           "[gateway.foreign]\ntyps = [\"JWT\"]\n",
           "issuer_kind = \"jwks\"\n[gateway.foreign]\nbelieved = \"1h\"\n",
           "issuer_kind = \"jwks\"\n[gateway.foreign]\nrequired = [\"typ\"]\n",
           "issuer_kind = \"jwks\"\n[gateway.foreign]\njwks_url = \"/keys\"\n",
           "[gateway.identity]\nprefix = \"X Who\"\n",
           "[gateway.identity]\nphantom_key_file = \"k\"\n",
           "[gateway.decide]\npath = \"/_decide\"\n",
           "[gateway.decide]\nlisten = \"0.0.0.0:8082\"\n",
           "[gateway.decide]\nlisten = \"127.0.0.1:8082\"\npath = \"/a/../b\"\n",
           "[gateway.decide]\nlisten = \"127.0.0.1:8082\"\nrequest_olny = true\n",
           "[gateway.circuit]\nfailed_percent = 0\n",
       }) {
    EXPECT_NE(problems(kCredential + more), "") << more;
  }
}

TEST(ConfigNeighbours, SecretsAreReadOnlyFromFilesThatAreSecret) {
  const Files files;
  const auto applied = [&](const std::string& more) {
    const auto loaded = load(kCredential + more);
    if (!loaded.config.gateway) return false;
    gateway::Config out;
    return apply_gateway_neighbours(*loaded.config.gateway, out).has_value();
  };
  const auto good = files.put("token", "abc.def");
  EXPECT_TRUE(applied("upstream_token_file = \"" + good + "\"\n"));
  EXPECT_FALSE(applied("upstream_token_file = \"" + files.put("open", "abc", 0644) + "\"\n"));
  EXPECT_FALSE(applied("upstream_token_file = \"" + files.put("two", "abc def") + "\"\n"));
  EXPECT_FALSE(applied("upstream_basic_file = \"" + files.put("user", "nobody") + "\"\n"));
  EXPECT_FALSE(applied("[gateway.identity]\nphantom = true\nphantom_key_file = \"" + good + "\"\n"));
  EXPECT_FALSE(
      applied("[gateway.decide]\nlisten = \"127.0.0.1:8082\"\nsecret_file = \"" + files.put("short", "x") + "\"\n"));
}

}  // namespace
}  // namespace mitral::app
