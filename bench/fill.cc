// mitral_fill: makes an installation large, for bench/growth.py: grants with refresh families, users, sessions and
// audit events, written straight to a new SQLite file in its own schema, by the store's own documents and chain
// hashing, so that `mitral audit verify` and every endpoint work on it as on one that grew.
//
//   mitral_fill fill   --config FILE --grants N --events M
//   mitral_fill tokens --config FILE --grants N --offset O --count K --reads R --seed S --out FOLDER
//                      refresh, revoke: bodies for K grants that no other block of the first three quarters has;
//                      introspect, cookies: R random ones of the last quarter
//   mitral_fill rows   --config FILE --table NAME
//                      all rows of a table of the SQLite file in PostgreSQL's COPY format, on standard output
//
// Needs: clients "web" (client secret) and "public", resource server "opaque", a server that has run once (it makes the
// audit key). Every ten grants have one user, who has one session. Ids follow from numbers, so nothing need be kept.
#include <fmt/format.h>
#include <sqlite3.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <random>

#include "app/audit_seal.h"
#include "app/installation.h"
#include "audit/chain.h"
#include "codec/base64url.h"
#include "codec/text.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "flow/handles.h"
#include "flow/key_ring.h"
#include "flow/refresh_token.h"
#include "flow/token_sealer.h"
#include "store/documents.h"

namespace {

using namespace mitral;
using namespace std::chrono_literals;

constexpr std::int64_t kGrantsOfUser = 10;
constexpr std::int64_t kRowsInTransaction = 200'000;

[[noreturn]] void die(std::string_view text) {
  fmt::print(stderr, "mitral_fill: {}\n", text);
  std::exit(2);
}

template <class T>
T need(Result<T> result) {
  if (!result) die(result.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Hash256 numbered(std::string_view what, std::int64_t number) {
  return crypto::sha256(fmt::format("growth {} {}", what, number));
}
Id128 numbered_id(std::string_view what, std::int64_t number) {
  const auto hash = numbered(what, number);
  Id128 out;
  std::copy_n(hash.begin(), out.bytes.size(), out.bytes.begin());
  return out;
}
std::string user_id(std::int64_t number) { return fmt::format("u_{:09}", number); }
std::string cookie_value(std::int64_t user) { return codec::base64url_encode(ByteSpan(numbered("cookie", user))); }

/// The grants in the order of their ids: an index that is filled in order is filled fast.
std::vector<std::pair<Id128, std::int64_t>> sorted_ids(std::string_view what, std::int64_t count) {
  std::vector<std::pair<Id128, std::int64_t>> out;
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) out.emplace_back(numbered_id(what, i), i);
  std::ranges::sort(out);
  return out;
}

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    if (sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr) != SQLITE_OK) die(sqlite3_errmsg(db));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  template <class... Values>
  void run(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    if (sqlite3_step(statement_) != SQLITE_DONE) die(sqlite3_errmsg(db_));
    sqlite3_reset(statement_);
  }

 private:
  void bind(int index, std::int64_t value) { sqlite3_bind_int64(statement_, index, value); }
  void bind(int index, Instant value) { bind(index, to_micros(value)); }
  void bind(int index, std::nullptr_t) { sqlite3_bind_null(statement_, index); }
  void bind(int index, const std::string& text) {
    sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind(int index, const Id128& id) { sqlite3_bind_blob64(statement_, index, id.bytes.data(), 16, SQLITE_STATIC); }
  void bind(int index, const Hash256& hash) { sqlite3_bind_blob64(statement_, index, hash.data(), 32, SQLITE_STATIC); }

  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

class Filler {
 public:
  Filler(const std::string& path, Issuer issuer, Instant now) : issuer_(std::move(issuer)), now_(now) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) die(sqlite3_errmsg(db_));
    sqlite3_busy_timeout(db_, 10'000);
    run("PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=20000; PRAGMA cache_size=-1000000; PRAGMA temp_store=FILE");
  }
  ~Filler() {
    run("PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(db_);
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;

  void grants(std::int64_t count, const std::string& audience) {
    without_indexes({"grants_user", "grants_expires"}, [&] {
      model::Grant grant;
      grant.scopes = {"launch/patient", "openid", "offline_access", "patient/*.rs"};
      grant.audiences = {audience};
      grant.acr = "urn:mitral:acr:password";
      grant.amr = {"pwd"};
      grant.auth_time = now_;
      Statement insert(db_,
                       "INSERT INTO grants(id, issuer, client, user, sid, offline, created, expires, revoked, "
                       "generation, rotated, family_expires, document) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
      each(sorted_ids("grant", count), [&](const Id128& id, std::int64_t number) {
        const auto patient = fmt::format("p{}", number);
        grant.context = codec::Json::object({{"patient", patient}});
        grant.fhir_user = audience + "/Patient/" + patient;
        insert.run(id, issuer_.value, std::string("public"), user_id(number / kGrantsOfUser),
                   numbered_id("session", number / kGrantsOfUser), std::int64_t{1}, now_,
                   now_ + std::chrono::hours(24 * 365), nullptr, std::int64_t{flow::kFirstGeneration}, now_,
                   now_ + std::chrono::hours(24 * 90), store::to_document(grant));
      });
    });
  }

  void users(std::int64_t count) {
    Statement insert(
        db_, "INSERT INTO users(issuer, id, username, enabled, tokens_valid_from, document) VALUES(?,?,?,?,?,?)");
    begin();
    for (std::int64_t i = 0; i < count; ++i) {
      model::User user;
      user.issuer = issuer_;
      user.id = UserId(user_id(i));
      user.username = "name" + user.id.value;
      user.display_name = "Person Number " + std::to_string(i);
      user.fhir_user = fmt::format("Patient/p{}", i);
      user.patients = {{fmt::format("p{}", i), user.display_name, "self", "1980-01-01"}};
      user.created = user.updated = now_;
      insert.run(issuer_.value, user.id.value, user.username, std::int64_t{1}, std::int64_t{0},
                 store::to_document(user));
      tick();
    }
    commit();
  }

  void sessions(std::int64_t count) {
    without_indexes({"sessions_user", "sessions_expires"}, [&] {
      model::Session session;
      session.acr = "urn:mitral:acr:password";
      session.amr = {"pwd"};
      const auto document = store::to_document(session);
      std::vector<std::pair<Hash256, std::int64_t>> order;
      for (std::int64_t i = 0; i < count; ++i) order.emplace_back(flow::hash_of(cookie_value(i)), i);
      std::ranges::sort(order);
      Statement insert(db_,
                       "INSERT INTO sessions(id_hash, issuer, user, sid, auth_time, created, last_seen, expires, "
                       "document) VALUES(?,?,?,?,?,?,?,?,?)");
      each(order, [&](const Hash256& id, std::int64_t number) {
        // Seen in the future: looking one up shall not write.
        insert.run(id, issuer_.value, user_id(number), numbered_id("session", number), now_, now_, now_ + 12h,
                   now_ + 24h, document);
      });
    });
  }

  void events(std::int64_t count, ports::AuditStore::Anchor head, const audit::CheckpointSigner& signer) {
    model::AuditEvent event;
    event.issuer = issuer_;
    event.kind = model::AuditKind::token_refreshed;
    event.client = "public";
    event.address = "192.0.2.7";
    Statement insert(db_, "INSERT INTO audit(seq, issuer, at, event, hash, checkpoint) VALUES(?,?,?,?,?,?)");
    begin();
    for (std::int64_t i = 0; i < count; ++i) {
      event.at = now_ - (count - i) * std::chrono::microseconds(50);
      event.user = user_id(i % 1000);
      event.grant = numbered_id("grant", i % 1000).text();
      event.token = numbered_id("token", i % 1000).text();
      event.details = {{"scopes", "launch/patient openid offline_access patient/*.rs"}};
      const auto text = audit::canonical(event);
      head = {head.seq + 1, audit::chain_hash(head.hash, head.seq + 1, text)};
      if (i % limits::kAuditCheckpointRecords == limits::kAuditCheckpointRecords - 1 || i + 1 == count) {
        const auto seal = need(signer(audit::checkpoint_payload({.seq = head.seq, .hash = head.hash, .at = event.at})));
        insert.run(head.seq, issuer_.value, event.at, text, head.hash, seal);
      } else {
        insert.run(head.seq, issuer_.value, event.at, text, head.hash, nullptr);
      }
      tick();
    }
    commit();
  }

 private:
  void run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) die(sqlite3_errmsg(db_));
  }
  void begin() { run("BEGIN IMMEDIATE"); }
  void commit() {
    run("COMMIT");
    rows_ = 0;
  }
  void tick() {
    if (++rows_ % kRowsInTransaction != 0) return;
    commit();
    begin();
  }
  template <class Key, class F>
  void each(const std::vector<std::pair<Key, std::int64_t>>& rows, F insert) {
    begin();
    for (const auto& [key, number] : rows) {
      insert(key, number);
      tick();
    }
    commit();
  }
  /// Indexes are built in one go afterwards, exactly as the schema has them.
  template <class F>
  void without_indexes(std::initializer_list<const char*> names, F fill) {
    std::vector<std::string> again;
    for (const auto* name : names) {
      const auto take = [](void* to, int, char** values, char**) {
        static_cast<std::vector<std::string>*>(to)->emplace_back(values[0]);
        return 0;
      };
      const auto sql = fmt::format("SELECT sql FROM sqlite_schema WHERE name = '{}'", name);
      sqlite3_exec(db_, sql.c_str(), take, &again, nullptr);
      run(fmt::format("DROP INDEX {}", name).c_str());
    }
    fill();
    for (const auto& sql : again) run(sql.c_str());
  }

  sqlite3* db_ = nullptr;
  Issuer issuer_;
  Instant now_;
  std::int64_t rows_ = 0;
};

/// PostgreSQL's text format: tabs between, \N for NULL, backslashes before what would be read as something else.
void rows(const std::string& path, const std::string& table) {
  sqlite3* db = nullptr;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK) die(sqlite3_errmsg(db));
  sqlite3_stmt* statement = nullptr;
  const auto sql = fmt::format("SELECT * FROM {}", table);
  if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) die(sqlite3_errmsg(db));
  std::string out;
  const auto append = [&](int column) {
    const auto bytes = [&] {
      const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
      return std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    };
    switch (sqlite3_column_type(statement, column)) {
      case SQLITE_NULL: out += "\\N"; break;
      case SQLITE_INTEGER: out += std::to_string(sqlite3_column_int64(statement, column)); break;
      case SQLITE_BLOB: out.append("\\\\x").append(codec::to_hex(bytes())); break;
      default:
        for (const char c : bytes()) {
          if (c == '\\') out += '\\';
          out += c == '\n' || c == '\t' || c == '\r' ? '?' : c;
        }
    }
  };
  while (sqlite3_step(statement) == SQLITE_ROW) {
    for (int column = 0; column < sqlite3_column_count(statement); ++column) {
      if (column > 0) out += '\t';
      append(column);
    }
    out += '\n';
    if (out.size() > 1'000'000) {
      std::fwrite(out.data(), 1, out.size(), stdout);
      out.clear();
    }
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  sqlite3_finalize(statement);
  sqlite3_close(db);
}

struct Options {
  std::string config, out, table;
  std::int64_t grants = 0, events = 0, offset = 0, count = 0, reads = 0;
  std::uint64_t seed = 1;
};

std::string audience_of(const app::Installation& installation, const Issuer& issuer) {
  const auto* const server = installation.store->directory()->resource_server(issuer, "opaque");
  if (server == nullptr) die("there is no resource server 'opaque'");
  return server->audience;
}

void fill(const Options& options) {
  auto installation = need(app::open_installation(options.config));
  const auto issuer = need(installation->issuer(""));
  const auto audience = audience_of(*installation, issuer);
  flow::Metrics metrics;
  flow::KeyRing keys(*installation->store, installation->master.ring, installation->clock, crypto::system_random(),
                     metrics, {issuer});
  need(run_sync(keys.tick()));
  const auto snapshot = keys.snapshot(issuer);
  if (!snapshot->audit) die("there is no audit key: run the server once");
  const auto signer = audit::signer_of(*snapshot->audit);
  installation->store->set_checkpoint_signer(signer);
  need(run_sync(installation->store->seal_audit()));
  ports::AuditStore::Anchor head;
  if (const auto last = installation->store->last_seq(); last > 0) {
    const auto record = need(run_sync(installation->store->read(last - 1, 1))).front();
    head = {record.seq, record.hash};
  }
  const auto path = installation->server().storage.path;
  const Instant now = installation->clock.now();
  installation.reset();
  const auto users = (options.grants + kGrantsOfUser - 1) / kGrantsOfUser;
  Filler filler(path, issuer, now);
  const auto timed = [](std::string_view what, const std::function<void()>& work) {
    const auto began = std::chrono::steady_clock::now();
    work();
    fmt::print("{}: {:.0f} s\n", what, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    std::fflush(stdout);
  };
  timed("users", [&] { filler.users(users); });
  timed("sessions", [&] { filler.sessions(users); });
  timed("grants", [&] { filler.grants(options.grants, audience); });
  timed("audit events", [&] { filler.events(options.events, head, signer); });
}

void tokens(const Options& options) {
  const auto config = need(app::require_config(options.config));
  const auto master = need(app::load_master_key(config.server->master_key_file));
  const auto& entry = config.server->issuers.front();
  flow::IssuerConfig settings;
  settings.issuer = entry.id;
  settings.profile = entry.profile;
  const auto issuer = need(flow::IssuerRuntime::make(std::move(settings), master.roots));
  const auto now = to_seconds(SystemClock().now());
  // A permutation of all grants: neighbours in it are nowhere near each other in the database.
  const auto permuted = [&](std::int64_t index) {
    constexpr std::int64_t kStride = 7919;
    return (index * kStride + 13) % options.grants;
  };
  const std::int64_t reserved = options.grants / 4 * 3;
  if (options.grants % 7919 == 0 || options.offset + options.count > reserved) die("not so many grants");
  std::ofstream refresh(options.out + "/refresh"), introspect(options.out + "/introspect"),
      revoke(options.out + "/revoke"), cookies(options.out + "/cookies");
  for (std::int64_t i = options.offset; i < options.offset + options.count; ++i) {
    const auto token = issuer->refresh_tokens().make(numbered_id("grant", permuted(i)), flow::kFirstGeneration);
    refresh << "grant_type=refresh_token&client_id=public&refresh_token=" << token << '\n';
    revoke << "client_id=public&token=" << token << '\n';
  }
  std::mt19937_64 random(options.seed);
  std::uniform_int_distribution<std::int64_t> any(reserved, options.grants - 1);
  for (std::int64_t i = 0; i < options.reads; ++i) {
    const auto number = permuted(any(random));
    flow::SealedToken sealed;
    sealed.jti = Id128::random(crypto::system_random());
    sealed.grant = numbered_id("grant", number);
    sealed.issued = now;
    sealed.expires = now + 3600;
    sealed.all_scopes = true;
    introspect << "token=" << need(issuer->sealer().seal(sealed)) << '\n';
    cookies << cookie_value(number / kGrantsOfUser) << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("makes an installation large");
  app.require_subcommand(1);
  Options options;
  auto* filling = app.add_subcommand("fill", "rows");
  filling->add_option("--events", options.events, "audit events")->required();
  auto* asking = app.add_subcommand("tokens", "requests");
  asking->add_option("--offset", options.offset, "grants used before");
  asking->add_option("--count", options.count, "grants to use up");
  asking->add_option("--reads", options.reads, "requests that change nothing");
  asking->add_option("--seed", options.seed, "which ones");
  asking->add_option("--out", options.out, "folder")->required();
  auto* telling = app.add_subcommand("rows", "a table for PostgreSQL");
  telling->add_option("--table", options.table, "its name")->required();
  telling->add_option("--config", options.config, "the installation's mitral.toml")->required();
  for (auto* one : {filling, asking}) {
    one->add_option("--config", options.config, "the installation's mitral.toml")->required();
    one->add_option("--grants", options.grants, "how many there are")->required();
  }
  CLI11_PARSE(app, argc, argv);
  if (filling->parsed()) fill(options);
  if (asking->parsed()) tokens(options);
  if (telling->parsed()) rows(need(app::require_config(options.config)).server->storage.path, options.table);
  return 0;
}
