#include "app/config_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "codec/text.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kScheme = "postgresql://";
// What a connection may be told; everything else is Mitral's own business or a credential.
constexpr std::array<std::string_view, 7> kParameters{"sslmode", "sslrootcert", "sslcert",        "sslkey",
                                                      "sslcrl",  "host",        "channel_binding"};
constexpr std::array<std::string_view, 3> kEncrypted{"require", "verify-ca", "verify-full"};

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && !(text.front() >= '0' && text.front() <= '9') &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
}

std::optional<std::string> unescape(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
    const int byte = digit(text[i + 1]) * 16 + digit(text[i + 2]);
    if (byte == 0) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.rfind(':'));
}

/// Hosts of a list that another machine may be.
bool any_remote(std::string_view hosts, bool with_ports) {
  return std::ranges::any_of(codec::split(hosts, ','), [&](std::string_view one) {
    const auto host = unescape(with_ports ? without_port(one) : one);
    return !host || (!host->empty() && host->front() != '/' && host->front() != '@' && !is_loopback(*host));
  });
}

struct Parameters {
  std::string problem;
  std::string sslmode;
  std::string host;
};

Parameters read_parameters(std::string_view query) {
  Parameters out;
  if (query.empty()) return out;
  for (const auto pair : codec::split(query, '&')) {
    const auto equals = pair.find('=');
    const auto key = pair.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::nullopt : unescape(pair.substr(equals + 1));
    if (key == "password" || key == "sslpassword") {
      out.problem = "must not hold a password: put it into a file and name that by 'password_file'";
      return out;
    }
    if (std::ranges::find(kParameters, key) == kParameters.end() || !value || value->empty()) {
      out.problem = fmt::format("may have these parameters only, each with a value: {}", fmt::join(kParameters, ", "));
      return out;
    }
    auto& kept = key == "sslmode" ? out.sslmode : out.host;
    if (key != "sslmode" && key != "host") continue;
    if (!kept.empty()) {
      out.problem = "has a parameter twice";
      return out;
    }
    kept = *value;
  }
  return out;
}

}  // namespace

bool is_postgres_url(std::string_view text) noexcept { return text.starts_with(kScheme); }

std::string postgres_url_problem(std::string_view url) {
  if (!is_postgres_url(url)) return R"(must be like "postgresql://user@host1,host2/database?sslmode=verify-full")";
  if (has_control(url) || url.find('#') != std::string_view::npos) return "must not hold spaces or '#'";
  auto rest = url.substr(kScheme.size());
  std::string_view query;
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  const auto slash = rest.find('/');
  auto hosts = rest.substr(0, slash);
  const auto database = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  if (const auto at = hosts.rfind('@'); at != std::string_view::npos) {
    if (hosts.substr(0, at).find(':') != std::string_view::npos)
      return "must not hold a password: put it into a file and name that by 'password_file'";
    hosts = hosts.substr(at + 1);
  }
  if (database.empty() || database.find('/') != std::string_view::npos) return "must name a database after the hosts";
  const auto parameters = read_parameters(query);
  if (!parameters.problem.empty()) return parameters.problem;
  if (hosts.empty() && parameters.host.empty())
    return "must name a host; a Unix socket's folder as ?host=/run/postgresql";
  const bool remote = parameters.host.empty() ? any_remote(hosts, true) : any_remote(parameters.host, false);
  if (remote && std::ranges::find(kEncrypted, parameters.sslmode) == kEncrypted.end()) {
    return "goes to another machine, where everything would travel in the clear: add sslmode=verify-full with "
           "sslrootcert=FILE (or, knowing that nobody proves to be the server then, sslmode=require)";
  }
  return {};
}

void read_storage(const toml::table& parent, ConfigReader& reader, std::string_view key, const std::string& file,
                  std::vector<ConfigProblem>& problems, StorageConfig& out) {
  reader.known(key);
  const toml::node* node = parent.get(key);
  if (node == nullptr) return;
  const toml::table* t = node->as_table();
  if (t == nullptr) return reader.problem(key, "must be a section");
  ConfigReader s(*t, fmt::format("[{}]", key), file, problems);
  const bool file_named = t->contains("path");
  s.text("path", out.path, !t->contains("postgres"));
  s.text("postgres", out.postgres);
  s.text("password_file", out.password_file);
  s.text("schema", out.schema);
  s.choice<bool>("durability", out.durable, {{"full", true}, {"delayed", false}});
  s.duration("max_delay", out.max_delay, 1ms, 10s);
  if (key == "storage")  // the gateway's audit record has no grants
    s.number("grants_in_memory", out.grants_in_memory, limits::kGrantCacheLeast, limits::kGrantCacheMost);
  s.finish();
  if (out.postgres.empty()) {
    if (t->contains("postgres")) s.problem("postgres", "must not be empty");
    for (const char* name : {"password_file", "schema"}) {
      if (t->contains(name)) s.problem(name, "belongs to a PostgreSQL database: set 'postgres' too, or take it away");
    }
    return;
  }
  if (file_named) s.problem("path", "is a second place beside 'postgres': choose one");
  if (auto problem = postgres_url_problem(out.postgres); !problem.empty()) s.problem("postgres", std::move(problem));
  if (!is_name(out.schema)) s.problem("schema", "must be a name of small letters, digits and '_'");
}

}  // namespace mitral::app
