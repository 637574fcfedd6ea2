// Config: the one TOML file of an installation.
//
// Strict by design: an unknown key, a wrong type, a value outside its range or an insecure combination is an error that
// names file, line and remedy; there is no setting that is quietly ignored. docs/operator.md lists every key.
//
// Thread rules: values, read once at start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/audit_settings.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/message.h"
#include "gateway/rules.h"

namespace mitral::app {

struct Endpoint {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::string certificate;  ///< PEM file; empty: plain HTTP, which is allowed on loopback only
  std::string key;          ///< PEM file
};

struct StorageConfig {
  std::string path = "mitral.db";  ///< SQLite file; not used when `postgres` is set
  std::string postgres;            ///< address of a PostgreSQL database (app/config_storage.h); empty: SQLite
  std::string password_file;       ///< for it
  std::string schema = "mitral";   ///< in it
  bool durable = true;             ///< false: acknowledged within `max_delay` of being on disk
  Duration max_delay = std::chrono::milliseconds(100);
  unsigned grants_in_memory = limits::kGrantCacheMax;  ///< that each process remembers, least recently used out first
};

struct IssuerEntry {
  std::string id;                 ///< issuer URL, without a trailing slash
  std::string name;               ///< organisation's name, shown on pages
  std::string profile = "smart";  ///< row of policy/profile.h that applies to the whole issuer
  std::string brands_file;        ///< user-access brand Bundle (JSON) to publish; empty: none
  std::string brands;             ///< or the text itself, where no file is meant (the demo)
  std::string brand_identifier_system, brand_identifier_value;  ///< which brand of it is this server's
  struct Associated {
    std::string url;
    std::vector<std::string> capabilities;
  };
  std::vector<Associated> associated_endpoints;  ///< FHIR servers that take the same authorization
};

struct ServerConfig {
  Endpoint listen;
  Endpoint admin;        ///< health and metrics; port 0: not served
  unsigned threads = 0;  ///< 0: one per core
  unsigned password_threads = 1;
  StorageConfig storage;
  Duration drain_delay = limits::kDrainDelayDefault;  ///< from the red /readyz to the closed door
  bool share_port = false;      ///< a second process of the installation may listen there: a restart without a gap
  std::string master_key_file;  ///< 32 bytes as base64url; mitral key master makes one
  std::vector<IssuerEntry> issuers;
  bool allow_loopback_fetch = false;            ///< jwks_uri on loopback: for tests and the demo
  std::optional<AuditSettings> audit_segments;  ///< none: the audit record stays in the database
};

struct GatewayConfig {
  Endpoint listen;
  Endpoint admin;
  unsigned threads = 0;
  Duration drain_delay = limits::kDrainDelayDefault;
  bool share_port = false;
  std::string public_base;                  ///< FHIR base URL that clients use
  std::string audience;                     ///< token audience; empty: public_base
  std::string upstream;                     ///< FHIR base URL behind the gateway
  std::string upstream_ca;                  ///< PEM file of an extra CA
  std::string upstream_authorization_file;  ///< a file with the value of the Authorization header sent upstream
  std::string issuer;
  std::string issuer_ca;
  std::string credential_id;  ///< the gateway's name at introspection
  std::string credential_secret_file;
  std::vector<std::string> origins;  ///< CORS
  StorageConfig audit;
  std::optional<AuditSettings> audit_segments;
  std::string master_key_file;

  // app/config_gateway.h
  std::string upstream_certificate;  ///< PEM file of a client certificate for the FHIR server
  std::string upstream_key;
  std::string upstream_basic_file;  ///< a file with user:password
  std::string upstream_token_file;  ///< a file with a bearer token
  std::vector<codec::Header> upstream_headers;
  Duration upstream_timeout = limits::kClientTimeout;
  std::string documentation;
  gateway::UpstreamRules upstream_rules;
  gateway::IdentityRules identity;
  std::string phantom_key_file;
  gateway::ForeignRules foreign;
  std::string jwks_url, introspection_url, assertion_key_file;
  bool review_tasks = false;
  gateway::DecideRules decide;
  Endpoint decide_listen;  ///< port 0: not served
  std::string decide_secret_file;
  bool bulk = true;
  std::vector<gateway::BulkGroups> bulk_groups;
  std::vector<std::string> bulk_storage;
  std::string bulk_storage_ca;
  bool bulk_storage_private = false;  ///< storage hosts lie in the house: private addresses, plain http

  // app/config_gateway_data.h
  bool enforce_consent = false;
  std::vector<std::string> custodians;
  std::string assumed_purpose;
  std::vector<std::string> hidden_labels;
};

struct Config {
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
  std::optional<ServerConfig> server;
  std::optional<GatewayConfig> gateway;
};

/// Every mistake found, one line each: "mitral.toml:12: unknown key 'threds' in [server]; did you mean 'threads'?"
struct ConfigProblem {
  std::string file;
  std::uint32_t line = 0;
  std::string text;
};

struct LoadedConfig {
  Config config;
  std::vector<ConfigProblem> problems;  ///< empty: the config may be used
};

/// Never fails otherwise: a file that can't be read or parsed is a problem too.
[[nodiscard]] LoadedConfig load_config(const std::string& path);
[[nodiscard]] LoadedConfig parse_config(std::string_view text, const std::string& file_name);

/// "127.0.0.1:8080", "[::1]:0"; false for anything else.
[[nodiscard]] bool parse_endpoint(std::string_view text, Endpoint& out);

/// True for 127.0.0.0/8, ::1 and localhost.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

}  // namespace mitral::app
