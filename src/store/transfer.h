// Transfer: a store as plain tables of rows, so that an installation can move from one kind of database to another, be
// backed up into a file of another kind, and be restored from it.
//
// tables() is the one description of what is moved, in the words of the SQLite schema; each adapter maps it to its own
// (sqlite/transfer_sqlite.cc, postgres/transfer_postgres.cc). Everything is moved but leases and the probe's counter.
// Rows come and go in the order of their keys (bytes, not a language's order), a page at a time, so memory stays flat
// and an interrupted copy goes on behind the last row that the target has.
//
// The lease kMoveLease says that a database is not to be served: it stands in the target until everything is there and
// has been compared, and in the source from the beginning of a move on, for good. A running node shows itself by a
// lease whose name begins with kNodeLease; a server takes that one first and looks for kMoveLease then, a copy does it
// the other way round, so of the two that start at once at least one sees the other.
//
// Errors: unavailable; conflict for a source that is being served or a target that isn't empty; config_invalid for
// what is no database of ours; internal when source and target differ in the end. Thread rules: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace mitral::store::transfer {

inline constexpr std::string_view kNodeLease = "node:";
inline constexpr std::string_view kMoveLease = "move";
inline constexpr std::size_t kPageRows = 400;  // of a page, which is one transaction of the target

enum class Kind : std::uint8_t { integer, text, blob };
struct Column {
  const char* name;
  Kind kind;
};
struct Table {
  const char* name;
  std::size_t key;  ///< so many first columns are unique together; rows are ordered by them
  std::span<const Column> columns;
  bool passing;  ///< under way for minutes, a sign-in, or something that may have been taken back since it was
                 ///< written (a consent): what is restored from an old state leaves it out
};
[[nodiscard]] std::span<const Table> tables() noexcept;

/// NULL, a number, or the bytes of a text or blob.
using Value = std::variant<std::monostate, std::int64_t, std::string>;
using Row = std::vector<Value>;

/// The counters that outlive the rows they counted.
struct Heads {
  std::int64_t audit_seq = 0;
  Hash256 audit_hash{};
  std::int64_t feed_seq = 0;
  friend bool operator==(const Heads&, const Heads&) = default;
};

struct Lease {
  std::string name;
  Id128 holder;
  Instant until;
};

/// One database that is read from or written to.
class Database {
 public:
  enum class View : std::uint8_t {
    snapshot,   ///< as it is now, while others go on writing
    exclusive,  ///< nobody else writes until release()
  };
  Database() = default;
  virtual ~Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Where it is, for people; never with a password.
  [[nodiscard]] virtual std::string where() const = 0;

  // Reading: everything between hold() and release() is of one moment.
  [[nodiscard]] virtual Result<void> hold(View view) = 0;
  virtual void release() noexcept = 0;
  /// Rows behind the key `after` (empty: from the first), at most `limit`.
  [[nodiscard]] virtual Result<std::vector<Row>> rows(const Table& table, const Row& after, std::size_t limit) = 0;
  [[nodiscard]] virtual Result<Heads> heads() = 0;
  /// Key of the last row; empty when there is none.
  [[nodiscard]] virtual Result<Row> last(const Table& table) = 0;

  // Writing, outside hold(): each call is one durable transaction.
  [[nodiscard]] virtual Result<void> insert(const Table& table, std::span<const Row> rows) = 0;
  [[nodiscard]] virtual Result<void> set_heads(const Heads& heads) = 0;

  [[nodiscard]] virtual Result<std::vector<Lease>> leases() = 0;
  /// Whoever has it.
  [[nodiscard]] virtual Result<void> put_lease(const Lease& lease) = 0;
  [[nodiscard]] virtual Result<void> drop_lease(std::string_view name) = 0;
};

struct TableSum {
  std::string name;
  std::uint64_t rows = 0;
  Hash256 digest{};  ///< of all rows in the order of their keys
};
struct Progress {
  std::string_view table;
  std::uint64_t rows = 0;  ///< of this table so far, by this run
  bool comparing = false;
};

struct CopyOptions {
  Database::View view = Database::View::exclusive;
  bool passing = true;         ///< false: tables marked so stay empty
  bool keep_closed = false;    ///< kMoveLease stays in the target too: there is something left to do
  bool close_source = true;    ///< kMoveLease stays in the source: it is not to be served again
  std::int64_t feed_jump = 0;  ///< added to the feed's counter: whoever follows the feed sees a gap and forgets all
  Instant now;
  std::function<void(const Progress&)> progress;
};
struct Report {
  std::vector<TableSum> tables;  ///< equal on both sides
  Heads heads;                   ///< of the target
  bool resumed = false;          ///< an interrupted copy went on
};

/// Copies everything, then reads both sides again and compares. The same call again after an interruption goes on.
/// Leaves kMoveLease in the target when it fails. With close_source, refuses a source that a node serves.
[[nodiscard]] Result<Report> copy(Database& from, Database& to, const CopyOptions& options);

/// Counts and digests of all tables, within hold().
[[nodiscard]] Result<std::vector<TableSum>> sums(Database& database, bool passing,
                                                 const std::function<void(const Progress&)>& progress = {});

/// True when no table has a row.
[[nodiscard]] Result<bool> is_empty(Database& database);

/// A backup: a SQLite file that nobody writes. Nothing is changed in it or beside it; config_invalid when it was made
/// by another version of the schema.
[[nodiscard]] Result<std::unique_ptr<Database>> open_backup(const std::string& path);
/// Whether the file of a backup is whole: every page and index of it, and the chain of its audit record. internal says
/// what is wrong.
[[nodiscard]] Result<void> check_backup(const std::string& path);
/// The file, migrated; `create` makes a new one and refuses one that is there.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite(const std::string& path, bool create = false);

}  // namespace mitral::store::transfer
