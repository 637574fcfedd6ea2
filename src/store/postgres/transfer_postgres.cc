#include "store/postgres/transfer_postgres.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <string>
#include <utility>

#include "codec/text.h"
#include "store/postgres/migrations.h"

namespace mitral::store::transfer {
namespace {

using postgres::Connection;
using postgres::Rows;
using postgres::Statement;

constexpr std::size_t kParametersMax = 16;
constexpr std::size_t kBytesAtOnce = 256 * 1024;  // of parameters in one round trip
constexpr int kHoldAttempts = 10;

// A Statement takes its values by their C++ types; a row's are known at run time only. So all travel as text, and the
// SQL says what they are.
using Texts = std::array<std::optional<std::string>, kParametersMax>;

template <std::size_t... I>
Statement make(const char* sql, const Texts& values, std::index_sequence<I...> /*count*/) {
  return Statement(sql, values[I]...);
}

template <std::size_t N = 0>
Statement with(const char* sql, const Texts& values, std::size_t count) {
  if constexpr (N < kParametersMax) {
    if (count > N) return with<N + 1>(sql, values, count);
  }
  return make(sql, values, std::make_index_sequence<N>{});
}

std::optional<std::string> as_text(const Value& value, Kind kind) {
  if (const auto* const number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  const auto* const text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::nullopt;
  return kind == Kind::blob ? codec::to_hex(*text) : *text;
}

std::string parameter(Kind kind, std::size_t number) {
  switch (kind) {
    case Kind::integer: return fmt::format("(${}::text)::int8", number);
    case Kind::blob: return fmt::format("decode(${}, 'hex')", number);
    case Kind::text: break;
  }
  return fmt::format("${}", number);
}

class PostgresDatabase final : public Database {
 public:
  PostgresDatabase(std::string where, std::unique_ptr<Connection> connection)
      : where_(std::move(where)), db_(std::move(connection)) {}
  ~PostgresDatabase() override { release(); }

  [[nodiscard]] std::string where() const override { return where_; }

  Result<void> hold(View view) override {
    for (int attempt = 1;; ++attempt) {
      MITRAL_CHECK(db_->execute("BEGIN ISOLATION LEVEL REPEATABLE READ"));
      held_ = true;
      // Every writer takes the lock of this row first; the snapshot begins here.
      const auto locked =
          db_->exchange(Statement(view == View::exclusive ? "SELECT id FROM head WHERE id = 1 FOR UPDATE"
                                                          : "SELECT id FROM head WHERE id = 1"));
      if (locked) return {};
      const bool again = db_->failure() == postgres::Failure::serialize && attempt < kHoldAttempts;
      release();
      if (!again) return fail(locked.error());
    }
  }
  void release() noexcept override {
    if (std::exchange(held_, false) && !db_->lost()) static_cast<void>(db_->execute("ROLLBACK"));
  }

  Result<std::vector<Row>> rows(const Table& table, const Row& after, std::size_t limit) override {
    std::string columns;
    for (const auto& column : table.columns)
      columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", column.name);
    const char* const sql = kept(fmt::format("SELECT {} FROM \"{}\" {} ORDER BY {} LIMIT {}", columns, table.name,
                                             after.empty() ? "" : behind(table), keys(table, ""), limit));
    Texts values;
    for (std::size_t i = 0; i < after.size(); ++i) values[i] = as_text(after[i], table.columns[i].kind);
    MITRAL_TRY(const Rows found, db_->exchange(with(sql, values, after.size())));
    std::vector<Row> out;
    out.reserve(static_cast<std::size_t>(found.count()));
    for (int i = 0; i < found.count(); ++i) out.push_back(row_of(found, i, table, table.columns.size()));
    return out;
  }

  Result<Row> last(const Table& table) override {
    const char* const sql = kept(
        fmt::format("SELECT {} FROM \"{}\" ORDER BY {} LIMIT 1", keys(table, ""), table.name, keys(table, " DESC")));
    MITRAL_TRY(const Rows found, db_->exchange(Statement(sql)));
    if (found.empty()) return Row{};
    return row_of(found, 0, table, table.key);
  }

  Result<Heads> heads() override {
    MITRAL_TRY(const Rows found,
               db_->exchange(Statement("SELECT audit_seq, audit_hash, change_seq FROM head WHERE id = 1")));
    if (found.empty()) return fail(ErrorCode::config_invalid, {}, where_ + " has no head row");
    return Heads{found.integer(0, 0), found.hash(0, 1), found.integer(0, 2)};
  }

  Result<void> insert(const Table& table, std::span<const Row> rows) override {
    std::string columns;
    std::string marks;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", table.columns[i].name);
      marks += fmt::format("{}{}", marks.empty() ? "" : ", ", parameter(table.columns[i].kind, i + 1));
    }
    const char* const sql = kept(fmt::format("INSERT INTO \"{}\"({}) VALUES({})", table.name, columns, marks));
    return transaction([&]() -> Result<void> {
      std::vector<Statement> ready;
      std::size_t bytes = 0;
      const auto send = [&]() -> Result<void> {
        MITRAL_TRY([[maybe_unused]] const auto done, db_->exchange(std::span<const Statement>(ready)));
        ready.clear();
        bytes = 0;
        return {};
      };
      for (const auto& row : rows) {
        Texts values;
        for (std::size_t i = 0; i < row.size(); ++i) {
          values[i] = as_text(row[i], table.columns[i].kind);
          bytes += values[i] ? values[i]->size() : 0;
        }
        ready.push_back(with(sql, values, row.size()));
        if (bytes >= kBytesAtOnce) MITRAL_CHECK(send());
      }
      return ready.empty() ? Result<void>{} : send();
    });
  }

  Result<void> set_heads(const Heads& heads) override {
    MITRAL_TRY(
        const Rows found,
        db_->exchange(Statement("SELECT seq, hash FROM (SELECT seq, hash FROM audit UNION ALL SELECT seq, hash FROM "
                                "audit_anchor) AS ends ORDER BY seq DESC LIMIT 1")));
    const bool fits = found.empty() ? heads.audit_seq == 0
                                    : found.integer(0, 0) == heads.audit_seq && found.hash(0, 1) == heads.audit_hash;
    if (!fits) return fail(ErrorCode::internal, {}, "the audit record does not end as it should");
    MITRAL_TRY([[maybe_unused]] const auto done,
               db_->exchange(Statement(
                   "UPDATE head SET audit_seq = $1, audit_hash = $2, change_seq = $3, "
                   "audit_at = coalesce((SELECT at FROM audit ORDER BY seq DESC LIMIT 1), 0), "
                   "sealed = coalesce((SELECT max(seq) FROM audit WHERE checkpoint IS NOT NULL), 0) WHERE id = 1",
                   heads.audit_seq, heads.audit_hash, heads.feed_seq)));
    return {};
  }

  Result<std::vector<Lease>> leases() override {
    MITRAL_TRY(const Rows found, db_->exchange(Statement("SELECT name, holder, until FROM leases ORDER BY name")));
    std::vector<Lease> out;
    for (int i = 0; i < found.count(); ++i)
      out.push_back({std::string(found.text(i, 0)), found.id(i, 1), found.time(i, 2)});
    return out;
  }
  Result<void> put_lease(const Lease& lease) override {
    MITRAL_TRY(
        [[maybe_unused]] const auto done,
        db_->exchange(Statement("INSERT INTO leases(name, holder, until) VALUES($1, $2, $3) ON CONFLICT(name) DO "
                                "UPDATE SET holder = excluded.holder, until = excluded.until",
                                lease.name, lease.holder, lease.until)));
    return {};
  }
  Result<void> drop_lease(std::string_view name) override {
    MITRAL_TRY([[maybe_unused]] const auto done, db_->exchange(Statement("DELETE FROM leases WHERE name = $1", name)));
    return {};
  }

 private:
  template <class F>
  Result<void> transaction(F&& work) {
    MITRAL_CHECK(db_->execute("BEGIN"));
    held_ = true;
    auto done = work();
    if (done) done = db_->execute("COMMIT");
    if (done) {
      held_ = false;
    } else {
      release();
    }
    return done;
  }

  /// Connections know a statement by its address.
  const char* kept(std::string sql) { return sql_.insert(std::move(sql)).first->c_str(); }

  static Row row_of(const Rows& found, int row, const Table& table, std::size_t count) {
    Row out;
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const int column = static_cast<int>(i);
      if (found.is_null(row, column)) {
        out.emplace_back();
      } else if (table.columns[i].kind == Kind::integer) {
        out.emplace_back(found.integer(row, column));
      } else {
        out.emplace_back(std::string(found.text(row, column)));
      }
    }
    return out;
  }
  // The key columns have the order of bytes by their definition.
  static std::string keys(const Table& table, std::string_view order) {
    std::string out;
    for (std::size_t i = 0; i < table.key; ++i)
      out += fmt::format("{}\"{}\"{}", out.empty() ? "" : ", ", table.columns[i].name, order);
    return out;
  }
  static std::string behind(const Table& table) {
    std::string marks;
    for (std::size_t i = 0; i < table.key; ++i)
      marks += fmt::format("{}{}", marks.empty() ? "" : ", ", parameter(table.columns[i].kind, i + 1));
    return fmt::format("WHERE ({}) > ({})", keys(table, ""), marks);
  }

  std::string where_;
  std::unique_ptr<Connection> db_;
  std::set<std::string> sql_;
  bool held_ = false;
};

}  // namespace

Result<std::unique_ptr<Database>> open_postgres(const postgres::ConnectOptions& options) {
  MITRAL_TRY(auto connection, Connection::open(options));
  MITRAL_TRY([[maybe_unused]] const auto steps, postgres::migrate(*connection));
  MITRAL_CHECK(connection->be_patient(postgres::kSchemaPatience));
  // A held snapshot waits while the other side is written.
  MITRAL_CHECK(connection->execute("SET idle_in_transaction_session_timeout TO 0"));
  return std::make_unique<PostgresDatabase>(fmt::format("{} (schema {})", options.url, options.schema),
                                            std::move(connection));
}

}  // namespace mitral::store::transfer
