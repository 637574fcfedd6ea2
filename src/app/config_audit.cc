#include "app/config_audit.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "net/client.h"
#include "net/message_socket.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;

void check_pair(ConfigReader& r, std::string_view key, const std::string& certificate, const std::string& other) {
  if (certificate.empty() != other.empty()) r.problem(key, "needs its key beside it, and the other way round");
}

void check_http(ConfigReader& r, const AuditSettings& in) {
  if (in.http.empty()) {
    if (!in.http_token_file.empty() || !in.http_ca.empty() || !in.http_certificate.empty())
      r.problem("http", "is missing, but something is set for it");
    return;
  }
  const auto url = net::parse_url(in.http);
  if (!url) return r.problem("http", "must be an https URL");
  if (!url->tls && !is_loopback(url->host))
    return r.problem("http", "must be https: plain http is allowed on loopback only");
  if (url->tls && in.http_token_file.empty() && in.http_certificate.empty())
    r.problem("http", "needs 'http_token_file' or 'http_certificate': the collector must know who writes");
}

void check_syslog(ConfigReader& r, const AuditSettings& in) {
  if (in.syslog.empty()) {
    if (!in.syslog_ca.empty() || !in.syslog_certificate.empty())
      r.problem("syslog", "is missing, but something is set for it");
    return;
  }
  if (const auto target = net::parse_message_target(in.syslog); !target) r.problem("syslog", target.error().detail);
}

}  // namespace

void read_audit_segments(const toml::table& table, ConfigReader& reader, std::string_view owner,
                         const std::string& file, std::vector<ConfigProblem>& problems,
                         std::optional<AuditSettings>& out) {
  constexpr std::string_view kKey = "audit_segments";
  reader.known(kKey);
  const toml::node* const node = table.get(kKey);
  if (node == nullptr) return;
  const toml::table* const t = node->as_table();
  if (t == nullptr) return reader.problem(kKey, "must be a section");
  AuditSettings in;
  ConfigReader r(*t, fmt::format("[{}.{}]", owner, kKey), file, problems);
  r.text("directory", in.directory, true);
  r.number("records", in.records, 1000, static_cast<unsigned>(limits::kAuditSegmentRecordsMax) / 2);
  r.number("mebibytes", in.mebibytes, 1, 64);
  r.duration("age", in.age, 10s, 24h * 7);
  r.text("syslog", in.syslog);
  r.text("syslog_ca", in.syslog_ca);
  r.text("syslog_certificate", in.syslog_certificate);
  r.text("syslog_key", in.syslog_key);
  r.text("http", in.http);
  r.text("http_token_file", in.http_token_file);
  r.text("http_ca", in.http_ca);
  r.text("http_certificate", in.http_certificate);
  r.text("http_key", in.http_key);
  Duration keep{};
  r.duration("keep", keep, 1h, 24h * 365 * 100);
  if (t->get("keep") != nullptr) in.keep = keep;
  r.finish();
  check_pair(r, "syslog_certificate", in.syslog_certificate, in.syslog_key);
  check_pair(r, "http_certificate", in.http_certificate, in.http_key);
  check_http(r, in);
  check_syslog(r, in);
  out = std::move(in);
}

}  // namespace mitral::app
