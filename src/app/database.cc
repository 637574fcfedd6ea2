#include "app/database.h"

#include <fmt/format.h>

#include <filesystem>

#include "app/installation.h"
#include "base/limits.h"
#include "crypto/random.h"
#include "flow/key_ring.h"
#include "store/postgres/migrations.h"
#include "store/postgres/transfer_postgres.h"
#include "store/sqlite/migrations.h"

namespace mitral::app {
namespace {

namespace transfer = store::transfer;

model::AuditEvent event_of(const Issuer& issuer, std::string_view reason, Instant now) {
  model::AuditEvent event;
  event.issuer = issuer;
  event.kind = model::AuditKind::administration;
  event.at = now;
  event.reason = std::string(reason);
  return event;
}

ports::Events one(model::AuditEvent event) {
  ports::Events out;
  out.push_back(std::move(event));
  return out;
}

/// Ends everything that may have been ended since the backup. The number of clients.
Result<std::size_t> end_everything(store::ServerStore& store, const ServerConfig& server, const MasterKey& master,
                                   Clock& clock) {
  std::size_t clients = 0;
  std::vector<Issuer> issuers;
  for (const auto& entry : server.issuers) issuers.emplace_back(entry.id);
  const auto directory = store.directory();
  for (const auto& issuer : issuers) {
    MITRAL_TRY(const auto all, directory->clients(issuer));
    for (const auto* client : all) {
      auto event = event_of(issuer, "ended_by_restore", clock.now());
      event.client = client->id.value;
      MITRAL_CHECK(run_sync(store.revoke_client(issuer, client->id, one(std::move(event)), clock.now())));
      ++clients;
    }
  }
  // A key that leaked was revoked, perhaps after the backup.
  flow::Metrics metrics;
  flow::KeyRing ring(store, master.ring, clock, crypto::system_random(), metrics, issuers);
  MITRAL_CHECK(run_sync(ring.tick()));
  for (const auto& issuer : issuers) MITRAL_CHECK(run_sync(ring.rotate_now(issuer, true)));
  return clients;
}

Result<std::size_t> after_restore(const ServerConfig& server, const MasterKey& master, bool keep_tokens, Clock& clock) {
  MITRAL_TRY(const auto store, open_any_store(server.storage, clock, 1, true));
  std::size_t clients = 0;
  if (!keep_tokens) {
    MITRAL_TRY(clients, end_everything(*store, server, master, clock));
  }
  const Issuer first(server.issuers.front().id);
  MITRAL_CHECK(run_sync(store->append(
      one(event_of(first, keep_tokens ? "database_restored_with_tokens" : "database_restored", clock.now())))));
  return clients;
}

}  // namespace

std::string describe(const StorageConfig& storage) {
  return storage.postgres.empty() ? storage.path : fmt::format("{} (schema {})", storage.postgres, storage.schema);
}

Result<std::unique_ptr<transfer::Database>> open_tables(const StorageConfig& storage, bool target) {
  if (!storage.postgres.empty()) {
    MITRAL_TRY(const auto options, postgres_options(storage, "mitral transfer"));
    return transfer::open_postgres(options);
  }
  std::error_code failed;
  return transfer::open_sqlite(storage.path, target && !std::filesystem::exists(storage.path, failed));
}

Result<transfer::Report> move_database(const StorageConfig& from, const StorageConfig& to, Instant now,
                                       const TransferProgress& progress) {
  MITRAL_TRY(const auto source, open_tables(from));
  MITRAL_TRY(const auto target, open_tables(to, true));
  if (source->where() == target->where()) return fail(ErrorCode::config_invalid, {}, "source and target are the same");
  transfer::CopyOptions options;
  options.now = now;
  options.progress = progress;
  return transfer::copy(*source, *target, options);
}

Result<void> back_up(const StorageConfig& from, const std::string& file, const Clock& clock,
                     const TransferProgress& progress) {
  if (from.postgres.empty()) {
    MITRAL_TRY(const auto store, open_any_store(from, clock, 1, true));
    return run_sync(store->backup(file));
  }
  std::error_code failed;
  if (std::filesystem::exists(file, failed)) return fail(ErrorCode::conflict, {}, file + " exists already");
  const std::string unfinished = file + ".unfinished";
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(unfinished + suffix, failed);
  {
    MITRAL_TRY(const auto source, open_tables(from));
    MITRAL_TRY(const auto target, transfer::open_sqlite(unfinished, true));
    transfer::CopyOptions options;
    options.view = transfer::Database::View::snapshot;
    options.close_source = false;
    options.now = clock.now();
    options.progress = progress;
    MITRAL_TRY([[maybe_unused]] const auto report, transfer::copy(*source, *target, options));
  }
  std::filesystem::rename(unfinished, file, failed);
  if (failed) return fail(ErrorCode::unavailable, {}, fmt::format("can't write {}: {}", file, failed.message()));
  return {};
}

Result<Restored> restore(const std::string& file, const ServerConfig& server, const MasterKey& master, bool keep_tokens,
                         Clock& clock, const TransferProgress& progress) {
  if (server.issuers.empty()) return fail(ErrorCode::config_invalid, {}, "there is no [[issuer]]");
  MITRAL_CHECK(transfer::check_backup(file));
  Restored out;
  {
    MITRAL_TRY(const auto source, transfer::open_backup(file));
    MITRAL_TRY(const auto target, open_tables(server.storage, true));
    transfer::CopyOptions options;
    options.view = transfer::Database::View::snapshot;
    options.passing = keep_tokens;
    options.close_source = false;
    options.keep_closed = true;
    options.feed_jump = limits::kFeedJump;
    options.now = clock.now();
    options.progress = progress;
    MITRAL_TRY(out.report, transfer::copy(*source, *target, options));
  }
  MITRAL_TRY(out.clients, after_restore(server, master, keep_tokens, clock));
  MITRAL_CHECK(unlock_database(server.storage));
  return out;
}

Result<void> unlock_database(const StorageConfig& storage) {
  MITRAL_TRY(const auto database, open_tables(storage));
  return database->drop_lease(transfer::kMoveLease);
}

Result<SchemaStatus> schema_status(const StorageConfig& storage) {
  if (!storage.postgres.empty()) {
    MITRAL_TRY(const auto options, postgres_options(storage, "mitral status"));
    MITRAL_TRY(const auto connection, store::postgres::Connection::open(options));
    MITRAL_TRY(const auto state, store::postgres::schema_state(*connection));
    return SchemaStatus{state.newest, store::postgres::newest_schema()};
  }
  std::error_code failed;
  if (!std::filesystem::exists(storage.path, failed)) return SchemaStatus{0, store::newest_schema()};
  MITRAL_TRY(auto connection,
             store::Connection::open(storage.path, store::Connection::Mode::read, limits::kStoreBusyTimeoutCommand));
  MITRAL_TRY(const auto version, connection.integer("PRAGMA user_version"));
  return SchemaStatus{version, store::newest_schema()};
}

Result<std::size_t> migrate_database(const StorageConfig& storage, const std::function<void(std::string)>& progress) {
  if (!storage.postgres.empty()) {
    MITRAL_TRY(const auto options, postgres_options(storage, "mitral migrate"));
    MITRAL_TRY(const auto connection, store::postgres::Connection::open(options));
    return store::postgres::migrate(*connection, store::postgres::newest_schema(), progress);
  }
  MITRAL_TRY(auto connection,
             store::Connection::open(storage.path, store::Connection::Mode::write, limits::kStoreBusyTimeoutCommand));
  std::size_t taken = 0;
  MITRAL_TRY(auto at, connection.integer("PRAGMA user_version"));
  for (const auto& step : store::migrations()) {
    if (step.number <= at) continue;
    if (progress) progress(fmt::format("step {}: {}", step.number, step.what));
    MITRAL_TRY(const auto steps, store::migrate(connection, step.number));
    taken += steps;
  }
  // Also says so when the file is a newer version's.
  MITRAL_TRY(const auto rest, store::migrate(connection));
  return taken + rest;
}

}  // namespace mitral::app
