// Connection: one SQLite connection with its prepared statements, and Query: one run of one of them.
//
// Statements are cached by the address of their text: give string literals or constants only. Bound text and blobs are
// not copied, so bind() refuses temporaries that own memory; what is bound must live until the Query dies.
//
// Errors: unavailable for everything that may pass (full disk, I/O, locks, memory, damaged file), conflict for a
// violated constraint, internal for the rest. Details never hold bound values. Thread rules: a Connection is used by
// one thread at a time; its owner sees to that.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mitral::store {

/// Bytes to be stored as a BLOB.
struct Blob {
  std::string_view bytes;
};

class Connection {
 public:
  enum class Mode : std::uint8_t { read, write };
  [[nodiscard]] static Result<Connection> open(const std::string& path, Mode mode, Duration busy_timeout);
  /// A file that nobody writes, such as a backup: nothing is changed in it or beside it.
  [[nodiscard]] static Result<Connection> open_unchanged(const std::string& path);
  /// How long statements wait for other processes from now on.
  void wait_at_most(Duration busy_timeout) noexcept;
  Connection() = default;
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  /// Statements without parameters or results; several may stand in one text. For set-up and transactions.
  [[nodiscard]] Result<void> execute(const char* sql);
  /// First column of the first row; 0 when there is none.
  [[nodiscard]] Result<std::int64_t> integer(const char* sql);
  [[nodiscard]] sqlite3* handle() const noexcept { return db_; }
  [[nodiscard]] bool in_transaction() const noexcept;
  [[nodiscard]] std::int64_t changes() const noexcept;
  [[nodiscard]] Error error(int code, std::string_view what) const;

 private:
  friend class Query;
  [[nodiscard]] Result<void> use_log(Duration limit);
  [[nodiscard]] sqlite3_stmt* prepared(const char* sql, int& code);
  void close() noexcept;

  sqlite3* db_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  // The busy handler keeps the pointer, so it must not move with the Connection.
  struct Waiting;
  Waiting* waiting_ = nullptr;
};

class Query {
 public:
  Query(Connection& connection, const char* sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// All parameters, ?1 first.
  template <class... A>
  Query& bind(A&&... values) {
    static_assert(((std::is_lvalue_reference_v<A> || !kOwns<std::remove_cvref_t<A>>) && ...),
                  "bound value would dangle");
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  /// True: there is a row. False: done.
  [[nodiscard]] Result<bool> step();
  /// Runs to the end; rows are passed over.
  [[nodiscard]] Result<void> run();
  /// Runs to the end; how many rows were changed.
  [[nodiscard]] Result<std::int64_t> run_counting();

  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  /// Text or blob; lives until the next step().
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] Instant time(int column) const noexcept { return from_micros(integer(column)); }
  [[nodiscard]] std::optional<Instant> time_or_null(int column) const noexcept {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }
  /// Zero when the column has another size.
  [[nodiscard]] Id128 id(int column) const noexcept;
  [[nodiscard]] Hash256 hash(int column) const noexcept;

 private:
  template <class T>
  static constexpr bool kOwns = std::same_as<T, std::string> || std::same_as<T, Hash256> || std::same_as<T, Id128> ||
                                std::same_as<T, Issuer> || std::same_as<T, ClientId> || std::same_as<T, UserId>;
  void bind_text(int index, std::string_view text) noexcept;
  void bind_blob(int index, std::string_view bytes) noexcept;
  void bind_integer(int index, std::int64_t value) noexcept;
  void bind_one(int index, std::string_view text) noexcept { bind_text(index, text); }
  void bind_one(int index, const Blob& blob) noexcept { bind_blob(index, blob.bytes); }
  void bind_one(int index, const Hash256& hash) noexcept { bind_blob(index, as_view(hash)); }
  void bind_one(int index, const Id128& id) noexcept { bind_blob(index, id.view()); }
  template <class Tag>
  void bind_one(int index, const StringId<Tag>& id) noexcept {
    bind_text(index, id.value);
  }
  void bind_one(int index, Instant time) noexcept { bind_integer(index, to_micros(time)); }
  template <class T>
    requires(std::integral<T> || std::is_enum_v<T>)
  void bind_one(int index, T value) noexcept {
    bind_integer(index, static_cast<std::int64_t>(value));
  }
  template <class T>
  void bind_one(int index, const std::optional<T>& value) noexcept {
    if (value) bind_one(index, *value);  // else NULL, which is what an unbound parameter is
  }

  Connection& connection_;
  const char* sql_;
  sqlite3_stmt* statement_ = nullptr;
  int code_ = 0;
};

}  // namespace mitral::store
