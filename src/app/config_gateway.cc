#include "app/config_gateway.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/master_key.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "fhir/r4.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;
using gateway::ClaimRule;
using gateway::IssuerKind;

class Section {
 public:
  Section(const toml::table& table, ConfigReader& reader, const std::string& file, std::vector<ConfigProblem>& problems,
          GatewayConfig& out)
      : table_(table), reader_(reader), file_(file), problems_(problems), out_(out) {}

  void read() {
    read_upstream(reader_);
    reader_.text("documentation", out_.documentation);
    reader_.choice<IssuerKind>(
        "issuer_kind", out_.foreign.kind,
        {{"mitral", IssuerKind::mitral}, {"jwks", IssuerKind::jwks}, {"introspection", IssuerKind::introspection}});
    if (out_.foreign.kind == IssuerKind::introspection) out_.foreign.believed = limits::kForeignIntrospectionBelieved;
    if (const auto* const t = section("circuit")) read_circuit(*t);
    if (const auto* const t = section("identity")) read_identity(*t);
    if (const auto* const t = section("foreign")) read_foreign(*t);
    if (const auto* const t = section("decide")) read_decide(*t);
    if (const auto* const t = section("bulk")) read_bulk(*t);
  }

 private:
  const toml::table* section(std::string_view key) {
    reader_.known(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) return nullptr;
    if (node->as_table() == nullptr) reader_.problem(key, fmt::format("must be a section: [gateway.{}]", key));
    return node->as_table();
  }
  ConfigReader reader(const toml::table& table, std::string_view key) {
    return {table, fmt::format("[gateway.{}]", key), file_, problems_};
  }

  void read_upstream(ConfigReader& r) {
    r.text("upstream_certificate", out_.upstream_certificate);
    r.text("upstream_key", out_.upstream_key);
    if (out_.upstream_certificate.empty() != out_.upstream_key.empty())
      r.problem("upstream_certificate", "needs 'upstream_key' beside it, and the other way round");
    r.text("upstream_basic_file", out_.upstream_basic_file);
    r.text("upstream_token_file", out_.upstream_token_file);
    const int credentials = (out_.upstream_basic_file.empty() ? 0 : 1) + (out_.upstream_token_file.empty() ? 0 : 1) +
                            (out_.upstream_authorization_file.empty() ? 0 : 1);
    if (credentials > 1) {
      r.problem(out_.upstream_basic_file.empty() ? "upstream_token_file" : "upstream_basic_file",
                "is a second Authorization header for the FHIR server: choose one of upstream_authorization_file, "
                "upstream_basic_file and upstream_token_file");
    }
    std::vector<std::string> lines;
    r.texts("upstream_headers", lines);
    for (const auto& line : lines) {
      const auto colon = line.find(':');
      const auto name = std::string_view(line).substr(0, colon);
      const auto value =
          colon == std::string::npos ? std::string_view{} : codec::trim(std::string_view(line).substr(colon + 1));
      if (colon == std::string::npos || !codec::is_token(name) || !codec::is_safe_header_value(value)) {
        r.problem("upstream_headers", R"(must hold lines like "X-Tenant: clinic")");
      } else if (codec::iequals(name, "Authorization")) {
        r.problem("upstream_headers",
                  "must not hold a credential: it belongs in a file of its own (upstream_token_file)");
      } else {
        out_.upstream_headers.push_back({std::string(name), std::string(value)});
      }
    }
    r.duration("upstream_timeout", out_.upstream_timeout, 100ms, 25s);
    unsigned in_flight = static_cast<unsigned>(out_.upstream_rules.in_flight_max);
    r.number("upstream_in_flight", in_flight, 1, 100'000);
    out_.upstream_rules.in_flight_max = in_flight;
    r.flag("upstream_retry", out_.upstream_rules.retry);
    r.flag("review_tasks", out_.review_tasks);
  }

  void read_circuit(const toml::table& t) {
    auto& rules = out_.upstream_rules.circuit;
    auto r = reader(t, "circuit");
    bool on = true;
    r.flag("enabled", on);
    r.duration("window", rules.window, 1s, 10min);
    r.number("requests_min", rules.requests_min, 1, 1'000'000);
    r.number("failed_percent", rules.failed_percent, 1, 100);
    r.duration("pause", rules.pause, 100ms, 10min);
    if (!on) rules.failed_percent = 101;
    r.finish();
  }

  void read_identity(const toml::table& t) {
    auto& rules = out_.identity;
    auto r = reader(t, "identity");
    r.flag("headers", rules.headers);
    r.text("prefix", rules.prefix);
    if (!codec::is_token(rules.prefix)) r.problem("prefix", "must be the beginning of a header name");
    r.flag("phantom", rules.phantom);
    r.text("phantom_header", rules.phantom_header);
    if (!rules.phantom_header.empty() && !codec::is_token(rules.phantom_header))
      r.problem("phantom_header", "must be a header name");
    r.text("phantom_key_file", out_.phantom_key_file);
    if (!rules.phantom && !out_.phantom_key_file.empty()) r.problem("phantom_key_file", "needs phantom = true");
    r.finish();
  }

  void claim_rules(ConfigReader& r, std::string_view key, std::vector<ClaimRule>& out) {
    std::vector<std::string> lines;
    r.texts(key, lines);
    for (const auto& line : lines) {
      const auto equals = line.find('=');
      if (line.size() > 1 && line.front() == '!' && equals == std::string::npos) {
        out.push_back({line.substr(1), {}});
      } else if (equals == std::string::npos || equals == 0 || equals + 1 == line.size()) {
        r.problem(key, R"(must hold texts like "typ=Bearer" or "!sub")");
      } else {
        out.push_back({line.substr(0, equals), line.substr(equals + 1)});
      }
    }
  }

  void read_bulk(const toml::table& t) {
    auto r = reader(t, "bulk");
    r.flag("enabled", out_.bulk);
    std::vector<std::string> lines;
    r.texts("groups", lines);
    for (const auto& line : lines) {
      const auto equals = line.find('=');
      gateway::BulkGroups groups{line.substr(0, equals), {}};
      const auto ids = equals == std::string::npos ? std::string_view{} : std::string_view(line).substr(equals + 1);
      for (const auto id : codec::split(ids, ',')) groups.groups.emplace_back(codec::trim(id));
      const bool usable = !groups.client.empty() && std::ranges::all_of(groups.groups, fhir::is_id);
      if (!usable) r.problem("groups", R"(must hold lines like "client-id=group1,group2")");
      if (usable) out_.bulk_groups.push_back(std::move(groups));
    }
    r.texts("storage", out_.bulk_storage);
    r.text("storage_ca", out_.bulk_storage_ca);
    r.flag("storage_private", out_.bulk_storage_private);
    r.finish();
  }

  void read_foreign(const toml::table& t) {
    auto& rules = out_.foreign;
    auto r = reader(t, "foreign");
    if (rules.kind == IssuerKind::mitral)
      reader_.problem("foreign", R"(needs issuer_kind = "jwks" or "introspection" in [gateway])");
    r.text("metadata_url", rules.metadata_url);
    r.text("jwks_url", out_.jwks_url);
    r.text("introspection_url", out_.introspection_url);
    for (const auto& [key, url] : {std::pair<const char*, std::string>{"metadata_url", rules.metadata_url},
                                   {"jwks_url", out_.jwks_url},
                                   {"introspection_url", out_.introspection_url}}) {
      if (!url.empty() && !codec::parse_http_url(url)) r.problem(key, "must be an http(s) URL");
    }
    r.texts("typs", rules.typs);
    r.flag("introspect_too", rules.introspect_too);
    r.duration("believed", rules.believed, 100ms, limits::kForeignBelievedMax);
    r.texts("scope_claims", rules.scope_claims);
    r.texts("client_claims", rules.client_claims);
    r.text("subject_claim", rules.subject_claim);
    r.text("patient_claim", rules.patient_claim);
    r.text("fhir_user_claim", rules.fhir_user_claim);
    r.flag("trust_purpose", rules.trust_purpose);
    claim_rules(r, "required", rules.required);
    claim_rules(r, "system_when", rules.system_when);
    r.text("assertion_key_file", out_.assertion_key_file);
    r.text("assertion_kid", rules.assertion_kid);
    r.text("assertion_audience", rules.assertion_audience);
    r.texts("capabilities", rules.capabilities);
    r.finish();
  }

  void read_decide(const toml::table& t) {
    auto r = reader(t, "decide");
    r.address("listen", out_.decide_listen, true);
    r.text("path", out_.decide.path);
    r.flag("request_only", out_.decide.request_only);
    r.text("secret_file", out_.decide_secret_file);
    if (out_.decide.path.empty() || out_.decide.path.front() != '/' || out_.decide.path.ends_with('/') ||
        !codec::is_plain_path(out_.decide.path)) {
      r.problem("path", R"(must be a plain path like "/_decide")");
    }
    if (!is_loopback(out_.decide_listen.address))
      r.problem("listen", "must be loopback: access tokens come here, and only the proxy beside it may ask");
    r.finish();
  }

  const toml::table& table_;
  ConfigReader& reader_;
  const std::string& file_;
  std::vector<ConfigProblem>& problems_;
  GatewayConfig& out_;
};

Result<std::optional<crypto::PrivateKey>> key_of(const std::string& path) {
  if (path.empty()) return std::nullopt;
  MITRAL_TRY(const Secret text, load_secret_file(path));
  auto key = crypto::PrivateKey::from_pem(text.reveal());
  if (!key) return fail(ErrorCode::config_invalid, {}, path + " is not an unencrypted PKCS #8 key in PEM");
  return std::optional<crypto::PrivateKey>(std::move(*key));
}

}  // namespace

void read_gateway_neighbours(const toml::table& table, ConfigReader& reader, const std::string& file,
                             std::vector<ConfigProblem>& problems, GatewayConfig& out) {
  Section(table, reader, file, problems, out).read();
}

Result<void> apply_gateway_neighbours(const GatewayConfig& in, gateway::Config& out) {
  out.upstream_options.certificate_file = in.upstream_certificate;
  out.upstream_options.key_file = in.upstream_key;
  out.upstream_options.total_timeout = in.upstream_timeout;
  if (!in.upstream_basic_file.empty()) {
    MITRAL_TRY(const Secret pair, load_secret_file(in.upstream_basic_file));
    if (pair.reveal().find(':') == std::string_view::npos)
      return fail(ErrorCode::config_invalid, {}, in.upstream_basic_file + " must hold user:password");
    out.upstream_headers.push_back({"Authorization", "Basic " + codec::base64_encode(pair.reveal())});
  }
  if (!in.upstream_token_file.empty()) {
    MITRAL_TRY(const Secret token, load_secret_file(in.upstream_token_file));
    if (!codec::is_token68(token.reveal()))
      return fail(ErrorCode::config_invalid, {}, in.upstream_token_file + " must hold one token");
    out.upstream_headers.push_back({"Authorization", "Bearer " + std::string(token.reveal())});
  }
  for (const auto& header : in.upstream_headers) out.upstream_headers.push_back(header);
  out.documentation = in.documentation;
  out.upstream_rules = in.upstream_rules;
  out.identity = in.identity;
  MITRAL_TRY(out.identity.key, key_of(in.phantom_key_file));
  out.foreign = in.foreign;
  MITRAL_TRY(out.foreign.assertion_key, key_of(in.assertion_key_file));
  out.jwks_url = in.jwks_url;
  out.introspection_url = in.introspection_url;
  out.review_tasks = in.review_tasks;
  out.bulk = in.bulk;
  out.bulk_groups = in.bulk_groups;
  out.bulk_storage = in.bulk_storage;
  out.bulk_storage_options.extra_ca_file = in.bulk_storage_ca;
  if (in.bulk_storage_private) {
    out.bulk_storage_options.addresses = net::AddressRule::any;
    out.bulk_storage_options.allow_plain_http = true;
  }
  out.decide = in.decide;
  if (!in.decide_secret_file.empty()) {
    MITRAL_TRY(out.decide.secret, load_secret_file(in.decide_secret_file));
    if (out.decide.secret.reveal().size() < limits::kDecideSecretMin)
      return fail(ErrorCode::config_invalid, {}, in.decide_secret_file + " must hold at least 32 characters");
  }
  return {};
}

}  // namespace mitral::app
