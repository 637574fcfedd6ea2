// The SQLite side of store/transfer.h.
#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "audit/chain.h"
#include "base/limits.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/migrations.h"
#include "store/transfer.h"

namespace mitral::store::transfer {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::string path, Connection connection) : path_(std::move(path)), db_(std::move(connection)) {}
  ~SqliteDatabase() override { release(); }

  [[nodiscard]] std::string where() const override { return path_; }

  Result<void> hold(View view) override {
    MITRAL_CHECK(db_.execute(view == View::exclusive ? "BEGIN IMMEDIATE" : "BEGIN"));
    // A deferred transaction gets its snapshot by its first read.
    MITRAL_TRY([[maybe_unused]] const auto version, db_.integer("SELECT count(*) FROM leases"));
    return {};
  }
  void release() noexcept override {
    if (db_.in_transaction()) static_cast<void>(db_.execute("ROLLBACK"));
  }

  Result<std::vector<Row>> rows(const Table& table, const Row& after, std::size_t limit) override {
    std::string columns;
    for (const auto& column : table.columns)
      columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", column.name);
    MITRAL_TRY(auto* const statement,
               prepared(fmt::format("SELECT {} FROM \"{}\" {} ORDER BY {} LIMIT ?1", columns, table.name,
                                    after.empty() ? "" : behind(table), keys(table, ""))));
    const Reset reset{statement};
    sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(limit));
    for (std::size_t i = 0; i < after.size(); ++i)
      bind(statement, static_cast<int>(i) + 2, after[i], table.columns[i].kind);
    std::vector<Row> out;
    for (;;) {
      const int code = sqlite3_step(statement);
      if (code == SQLITE_DONE) return out;
      if (code != SQLITE_ROW) return fail(db_.error(code, "reading a table"));
      Row row;
      row.reserve(table.columns.size());
      for (std::size_t i = 0; i < table.columns.size(); ++i) row.push_back(column(statement, static_cast<int>(i)));
      out.push_back(std::move(row));
    }
  }

  Result<Row> last(const Table& table) override {
    MITRAL_TRY(auto* const statement, prepared(fmt::format("SELECT {} FROM \"{}\" ORDER BY {} LIMIT 1", keys(table, ""),
                                                           table.name, keys(table, " DESC"))));
    const Reset reset{statement};
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return Row{};
    if (code != SQLITE_ROW) return fail(db_.error(code, "reading a table"));
    Row row;
    for (std::size_t i = 0; i < table.key; ++i) row.push_back(column(statement, static_cast<int>(i)));
    return row;
  }

  Result<Heads> heads() override {
    Heads out;
    MITRAL_TRY(out.feed_seq, db_.integer("SELECT seq FROM sqlite_sequence WHERE name = 'changes'"));
    for (const char* sql :
         {"SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "SELECT seq, hash FROM audit_anchor"}) {
      Query query(db_, sql);
      MITRAL_TRY(const bool row, query.step());
      if (!row) continue;
      out.audit_seq = query.integer(0);
      out.audit_hash = query.hash(1);
      break;
    }
    return out;
  }

  Result<void> insert(const Table& table, std::span<const Row> rows) override {
    return transaction([&]() -> Result<void> {
      std::string columns;
      std::string marks;
      for (const auto& column : table.columns) {
        columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", column.name);
        marks += marks.empty() ? "?" : ", ?";
      }
      MITRAL_TRY(auto* const statement,
                 prepared(fmt::format("INSERT INTO \"{}\"({}) VALUES({})", table.name, columns, marks)));
      for (const auto& row : rows) {
        const Reset reset{statement};
        for (std::size_t i = 0; i < row.size(); ++i)
          bind(statement, static_cast<int>(i) + 1, row[i], table.columns[i].kind);
        if (const int code = sqlite3_step(statement); code != SQLITE_DONE)
          return fail(db_.error(code, fmt::format("writing to table {}", table.name)));
      }
      return {};
    });
  }

  Result<void> set_heads(const Heads& heads) override {
    MITRAL_TRY(const Heads are, this->heads());
    if (are.audit_seq != heads.audit_seq || are.audit_hash != heads.audit_hash)
      return fail(ErrorCode::internal, {}, "the audit record does not end as it should");
    return transaction([&]() -> Result<void> {
      MITRAL_CHECK(Query(db_, "DELETE FROM sqlite_sequence WHERE name = 'changes'").run());
      return Query(db_, "INSERT INTO sqlite_sequence(name, seq) VALUES('changes', ?1)").bind(heads.feed_seq).run();
    });
  }

  /// Pages and indexes by SQLite, then the audit chain from its anchor on.
  Result<void> check() {
    {
      Query query(db_, "PRAGMA integrity_check(1)");
      MITRAL_TRY(const bool row, query.step());
      if (!row || query.text(0) != "ok") return fail(ErrorCode::internal, {}, path_ + " is damaged");
    }
    Heads at;
    {
      Query query(db_, "SELECT seq, hash FROM audit_anchor");
      MITRAL_TRY(const bool row, query.step());
      if (row) at = {query.integer(0), query.hash(1), 0};
    }
    Query query(db_, "SELECT seq, event, hash FROM audit ORDER BY seq");
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return {};
      const auto seq = query.integer(0);
      const Hash256 hash = query.hash(2);
      if (seq != at.audit_seq + 1 || hash != audit::chain_hash(at.audit_hash, seq, query.text(1)))
        return fail(ErrorCode::internal, {}, fmt::format("the audit record in {} breaks at record {}", path_, seq));
      at = {seq, hash, 0};
    }
  }

  Result<std::vector<Lease>> leases() override {
    Query query(db_, "SELECT name, holder, until FROM leases ORDER BY name");
    std::vector<Lease> out;
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      out.push_back({std::string(query.text(0)), query.id(1), query.time(2)});
    }
  }
  Result<void> put_lease(const Lease& lease) override {
    return transaction([&]() -> Result<void> {
      return Query(db_, "INSERT OR REPLACE INTO leases(name, holder, until) VALUES(?1, ?2, ?3)")
          .bind(lease.name, lease.holder, lease.until)
          .run();
    });
  }
  Result<void> drop_lease(std::string_view name) override {
    return transaction(
        [&]() -> Result<void> { return Query(db_, "DELETE FROM leases WHERE name = ?1").bind(name).run(); });
  }

 private:
  struct Reset {
    sqlite3_stmt* statement;
    ~Reset() {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  };

  template <class F>
  Result<void> transaction(F&& work) {
    MITRAL_CHECK(db_.execute("BEGIN IMMEDIATE"));
    auto done = work();
    if (done) done = db_.execute("COMMIT");
    if (!done) {
      release();
    } else {
      keep_log_short();
    }
    return done;
  }

  Result<sqlite3_stmt*> prepared(std::string sql) {
    const auto [at, fresh] = statements_.try_emplace(std::move(sql));
    if (fresh) {
      sqlite3_stmt* made = nullptr;
      const int code =
          sqlite3_prepare_v3(db_.handle(), at->first.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
      if (code != SQLITE_OK) {
        statements_.erase(at);
        return fail(db_.error(code, "a table that should be there"));
      }
      at->second.reset(made);
    }
    return at->second.get();
  }

  /// What is bound lives until the statement is reset.
  static void bind(sqlite3_stmt* statement, int index, const Value& value, Kind kind) {
    if (const auto* const number = std::get_if<std::int64_t>(&value)) {
      sqlite3_bind_int64(statement, index, *number);
    } else if (const auto* const text = std::get_if<std::string>(&value)) {
      if (kind == Kind::blob) {
        sqlite3_bind_blob64(statement, index, text->data(), text->size(), SQLITE_STATIC);
      } else {
        sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
      }
    }
  }
  static Value column(sqlite3_stmt* statement, int index) {
    switch (sqlite3_column_type(statement, index)) {
      case SQLITE_NULL: return {};
      case SQLITE_INTEGER: return static_cast<std::int64_t>(sqlite3_column_int64(statement, index));
      default: break;
    }
    const auto* const data = static_cast<const char*>(sqlite3_column_blob(statement, index));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
    return data == nullptr ? std::string{} : std::string(data, size);
  }

  static std::string keys(const Table& table, std::string_view order) {
    std::string out;
    for (std::size_t i = 0; i < table.key; ++i)
      out += fmt::format("{}\"{}\"{}", out.empty() ? "" : ", ", table.columns[i].name, order);
    return out;
  }
  static std::string behind(const Table& table) {
    std::string marks;
    for (std::size_t i = 0; i < table.key; ++i) marks += fmt::format("{}?{}", marks.empty() ? "" : ", ", i + 2);
    return fmt::format("WHERE ({}) > ({})", keys(table, ""), marks);
  }

  /// The log of what was written must not grow as large as the database.
  void keep_log_short() noexcept {
    if (++written_ % 64 == 0)
      sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }

  std::string path_;
  Connection db_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
  std::size_t written_ = 0;
};

}  // namespace

namespace {

Result<std::unique_ptr<SqliteDatabase>> opened_backup(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return fail(ErrorCode::config_invalid, {}, path + " is no file");
  if (std::filesystem::exists(path + "-wal", failed) && std::filesystem::file_size(path + "-wal", failed) > 0)
    return fail(ErrorCode::config_invalid, {},
                path + " is a database in use, not a backup: make one by 'mitral db backup'");
  MITRAL_TRY(auto connection, Connection::open_unchanged(path));
  MITRAL_TRY(const auto schema, connection.integer("PRAGMA user_version"));
  if (schema != newest_schema()) {
    return fail(
        ErrorCode::config_invalid, {},
        fmt::format("{} has schema {}, this program's is {}: restore it with the version that made it, or bring "
                    "a copy of it up to date by serving it once as 'path' of [server.storage]",
                    path, schema, newest_schema()));
  }
  return std::make_unique<SqliteDatabase>(path, std::move(connection));
}

}  // namespace

Result<std::unique_ptr<Database>> open_backup(const std::string& path) {
  MITRAL_TRY(auto database, opened_backup(path));
  return std::unique_ptr<Database>(std::move(database));
}

Result<void> check_backup(const std::string& path) {
  MITRAL_TRY(const auto database, opened_backup(path));
  return database->check();
}

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path, bool create) {
  std::error_code failed;
  const bool there = std::filesystem::exists(path, failed);
  if (std::filesystem::is_directory(path, failed)) return fail(ErrorCode::config_invalid, {}, path + " is a directory");
  if (create && there) return fail(ErrorCode::conflict, {}, path + " exists already");
  if (!create && !there) return fail(ErrorCode::config_invalid, {}, path + ": there is no such file");
  MITRAL_TRY(auto connection, Connection::open(path, Connection::Mode::write, limits::kStoreBusyTimeoutCommand));
  MITRAL_TRY([[maybe_unused]] const auto steps, migrate(connection));
  return std::make_unique<SqliteDatabase>(path, std::move(connection));
}

}  // namespace mitral::store::transfer
