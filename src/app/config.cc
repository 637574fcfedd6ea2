#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "app/config_audit.h"
#include "app/config_gateway.h"
#include "app/config_gateway_data.h"
#include "app/config_reader.h"
#include "app/config_storage.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;

class Loader {
 public:
  Loader(std::string file, LoadedConfig& out) : file_(std::move(file)), out_(out) {}

  void read(const toml::table& root) {
    ConfigReader top(root, "the file", file_, out_.problems);
    if (const toml::table* log = table(root, top, "log")) read_log(*log);
    if (const toml::table* server = table(root, top, "server")) read_server(*server);
    read_issuers(root, top);
    if (const toml::table* gateway = table(root, top, "gateway")) read_gateway(*gateway);
    top.finish();
  }

 private:
  void add(std::uint32_t line, std::string text) { out_.problems.push_back({file_, line, std::move(text)}); }

  const toml::table* table(const toml::table& root, ConfigReader& top, std::string_view key) {
    top.known(key);
    const toml::node* node = root.get(key);
    if (node == nullptr) return nullptr;
    if (const toml::table* t = node->as_table()) return t;
    add(static_cast<std::uint32_t>(node->source().begin.line), fmt::format("'{}' must be a section: [{}]", key, key));
    return nullptr;
  }

  void read_log(const toml::table& t) {
    ConfigReader r(t, "[log]", file_, out_.problems);
    r.choice<log::Level>("level", out_.config.log_level,
                         {{"debug", log::Level::debug},
                          {"info", log::Level::info},
                          {"warn", log::Level::warn},
                          {"error", log::Level::error},
                          {"off", log::Level::off}});
    r.choice<log::Format>("format", out_.config.log_format, {{"text", log::Format::text}, {"json", log::Format::json}});
    r.finish();
  }

  void read_tls(ConfigReader& r, Endpoint& endpoint) {
    r.text("certificate", endpoint.certificate);
    r.text("key", endpoint.key);
    if (endpoint.certificate.empty() != endpoint.key.empty())
      r.problem("certificate", "needs 'key' beside it, and the other way round");
    if (endpoint.certificate.empty() && !is_loopback(endpoint.address)) {
      r.problem("listen",
                "is not loopback: plain HTTP would show every token to the network; set 'certificate' and 'key'");
    }
  }

  void read_admin(ConfigReader& r, Endpoint& admin) {
    r.address("admin_listen", admin, false);
    if (admin.port != 0 && !is_loopback(admin.address)) {
      r.problem("admin_listen", "must be loopback: health and metrics are not for the network (put a proxy before it)");
    }
  }

  static void read_restart(ConfigReader& r, Duration& drain_delay, bool& share_port) {
    r.duration("drain_delay", drain_delay, Duration{}, limits::kDrainDelayMax);
    r.flag("share_port", share_port);
  }

  void read_server(const toml::table& t) {
    ServerConfig server;
    ConfigReader r(t, "[server]", file_, out_.problems);
    r.address("listen", server.listen, true);
    read_tls(r, server.listen);
    read_admin(r, server.admin);
    r.number("threads", server.threads, 0, 256);
    r.number("password_threads", server.password_threads, 1, 64);
    r.text("master_key_file", server.master_key_file, true);
    r.flag("allow_loopback_fetch", server.allow_loopback_fetch);
    read_restart(r, server.drain_delay, server.share_port);
    read_storage(t, r, "storage", file_, out_.problems, server.storage);
    read_audit_segments(t, r, "server", file_, out_.problems, server.audit_segments);
    r.finish();
    out_.config.server = std::move(server);
  }

  void read_issuers(const toml::table& root, ConfigReader& top) {
    top.known("issuer");
    const toml::node* node = root.get("issuer");
    if (node == nullptr) {
      if (out_.config.server) add(0, "no [[issuer]]: the server would serve nobody; add one with id = \"https://…\"");
      return;
    }
    const toml::array* list = node->as_array();
    if (list == nullptr || !list->is_array_of_tables()) {
      return add(static_cast<std::uint32_t>(node->source().begin.line), "'issuer' must be written as [[issuer]]");
    }
    if (!out_.config.server)
      return add(static_cast<std::uint32_t>(node->source().begin.line), "[[issuer]] without [server]");
    for (const auto& element : *list) read_issuer(*element.as_table());
  }

  void read_issuer(const toml::table& t) {
    IssuerEntry entry;
    ConfigReader r(t, "[[issuer]]", file_, out_.problems);
    r.text("id", entry.id, true);
    r.text("name", entry.name);
    r.text("profile", entry.profile);
    r.text("brands_file", entry.brands_file);
    r.text("brand_identifier_system", entry.brand_identifier_system);
    r.text("brand_identifier_value", entry.brand_identifier_value);
    if (entry.brands_file.empty() && !entry.brand_identifier_value.empty())
      r.problem("brand_identifier_value", "needs 'brands_file' beside it");
    read_associated(t, r, entry);
    r.finish();
    check_issuer(r, entry);
    if (entry.name.empty()) entry.name = entry.id;
    for (const auto& other : out_.config.server->issuers) {
      if (other.id == entry.id) r.problem("id", "is there twice");
    }
    out_.config.server->issuers.push_back(std::move(entry));
  }

  void read_associated(const toml::table& t, ConfigReader& r, IssuerEntry& entry) {
    constexpr std::string_view kKey = "associated_endpoints";
    r.known(kKey);
    const toml::node* node = t.get(kKey);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr || !list->is_array_of_tables())
      return r.problem(kKey, "must be a list of { url = \"…\", capabilities = [\"…\"] }");
    for (const auto& element : *list) {
      IssuerEntry::Associated sibling;
      ConfigReader s(*element.as_table(), "associated_endpoints", file_, out_.problems);
      s.text("url", sibling.url, true);
      s.texts("capabilities", sibling.capabilities);
      s.finish();
      if (!sibling.url.starts_with("https://") && !sibling.url.starts_with("http://"))
        s.problem("url", "must be an absolute URL");
      if (sibling.capabilities.empty()) s.problem("capabilities", "must name at least one");
      entry.associated_endpoints.push_back(std::move(sibling));
    }
  }

  // RFC 8414 §2: https, no query, no fragment. A trailing slash invites mismatches (J-6), so it is refused.
  static void check_issuer(ConfigReader& r, const IssuerEntry& entry) {
    const std::string_view id = entry.id;
    if (id.find_first_of("?#@ \\") != std::string_view::npos)
      return r.problem("id", "must have no query, fragment, user or space");
    if (id.ends_with('/')) return r.problem("id", "must not end with '/'");
    if (id.starts_with("https://")) return;
    if (!id.starts_with("http://")) return r.problem("id", "must be an https URL");
    std::string_view host = id.substr(7);
    host = host.substr(0, host.find('/'));
    const auto colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos)
      host = host.substr(0, colon);
    if (!is_loopback(host)) r.problem("id", "must be https: plain http is allowed on loopback only");
  }

  void read_gateway(const toml::table& t) {
    GatewayConfig g;
    ConfigReader r(t, "[gateway]", file_, out_.problems);
    r.address("listen", g.listen, true);
    read_tls(r, g.listen);
    read_admin(r, g.admin);
    r.number("threads", g.threads, 0, 256);
    r.text("public_base", g.public_base, true);
    r.text("audience", g.audience);
    r.text("upstream", g.upstream, true);
    r.text("upstream_ca", g.upstream_ca);
    r.text("upstream_authorization_file", g.upstream_authorization_file);
    r.text("issuer", g.issuer, true);
    r.text("issuer_ca", g.issuer_ca);
    read_gateway_neighbours(t, r, file_, out_.problems, g);
    read_gateway_data(t, r, file_, out_.problems, g);
    const bool ours = g.foreign.kind == gateway::IssuerKind::mitral;
    r.text("credential_id", g.credential_id, ours);
    r.text("credential_secret_file", g.credential_secret_file, ours);
    const bool asks = g.foreign.kind == gateway::IssuerKind::introspection || g.foreign.introspect_too;
    if (asks && (g.credential_id.empty() || (g.credential_secret_file.empty() && g.assertion_key_file.empty())))
      r.problem("credential_id", "is needed for introspection, with credential_secret_file or assertion_key_file");
    r.texts("origins", g.origins);
    r.text("master_key_file", g.master_key_file, true);
    read_restart(r, g.drain_delay, g.share_port);
    g.audit.path = "gateway-audit.db";
    g.audit.schema = "mitral_gateway";
    read_storage(t, r, "audit", file_, out_.problems, g.audit);
    read_audit_segments(t, r, "gateway", file_, out_.problems, g.audit_segments);
    r.finish();
    if (g.public_base.ends_with('/')) r.problem("public_base", "must not end with '/'");
    if (g.upstream.ends_with('/')) r.problem("upstream", "must not end with '/'");
    if (g.audience.empty()) g.audience = g.public_base;
    out_.config.gateway = std::move(g);
  }

  std::string file_;
  LoadedConfig& out_;
};

}  // namespace

bool is_loopback(std::string_view host) noexcept {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

LoadedConfig parse_config(std::string_view text, const std::string& file_name) {
  LoadedConfig out;
  // The library reports by exception; this is where it ends.
  try {
    const toml::table parsed = toml::parse(text, file_name);
    Loader(file_name, out).read(parsed);
  } catch (const toml::parse_error& error) {
    out.problems.push_back(
        {file_name, static_cast<std::uint32_t>(error.source().begin.line), std::string(error.description())});
    return out;
  }
  if (out.problems.empty() && !out.config.server && !out.config.gateway) {
    out.problems.push_back({file_name, 0, "neither [server] nor [gateway]: there is nothing to run"});
  }
  return out;
}

LoadedConfig load_config(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    LoadedConfig out;
    out.problems.push_back({path, 0, "can't be read; 'mitral config init' writes one to start from"});
    return out;
  }
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return parse_config(text, path);
}

}  // namespace mitral::app
