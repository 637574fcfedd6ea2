// Statement: one SQL text with its parameters in PostgreSQL's binary form; Rows: what came back.
//
// SQL texts are string literals: connections prepare each once and know it by its address. Parameters are $1, $2 ...;
// their types follow from the C++ types:
//
//   bool -> bool      integers, enums, Instant (microseconds) -> int8      std::string_view, StringId -> text
//   Blob, Hash256, Id128 -> bytea      std::optional -> NULL or the value      Column<T> -> an array, for unnest()
//
// Values are copied into the Statement. Results come in binary form too; a column is read by the getter of its type.
//
// A text that is not UTF-8 or holds a NUL can't be stored by the server. Such a statement is known as such and refused
// before it is sent, so that what a stranger typed never breaks a pipeline that others are in.
//
// Errors: none; a getter for another type than the column's answers zero or empty, as for NULL. Thread rules: values.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"

struct pg_result;

namespace mitral::store::postgres {

struct Blob {
  std::string_view bytes;
};
/// Values of one column of many rows: $1 in `FROM unnest($1::int8[], ...)`.
template <class T>
struct Column {
  std::vector<T> values;
};

class Statement {
 public:
  template <class... Values>
  explicit Statement(const char* sql, const Values&... values) : sql_(sql) {
    parameters_.reserve(sizeof...(values));
    (add(values), ...);
  }

  struct Parameter {
    std::uint32_t type = 0;  ///< OID of the type
    bool null = false;
    std::size_t offset = 0;
    std::size_t size = 0;
  };
  [[nodiscard]] const char* sql() const noexcept { return sql_; }
  [[nodiscard]] std::span<const Parameter> parameters() const noexcept { return parameters_; }
  [[nodiscard]] std::string_view bytes(const Parameter& parameter) const noexcept {
    return std::string_view(bytes_).substr(parameter.offset, parameter.size);
  }
  /// False when a text parameter is none.
  [[nodiscard]] bool sendable() const noexcept { return sendable_; }

 private:
  void add(bool value);
  void add(std::string_view text);
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(const char* text) { add(std::string_view(text)); }
  void add(const Blob& blob);
  void add(const Hash256& hash) { add(Blob{as_view(hash)}); }
  void add(const Id128& id) { add(Blob{id.view()}); }
  template <class Tag>
  void add(const StringId<Tag>& id) {
    add(std::string_view(id.value));
  }
  void add(Instant time) { add_integer(to_micros(time)); }
  template <class T>
    requires((std::integral<T> || std::is_enum_v<T>) && !std::same_as<T, bool>)
  void add(T value) {
    add_integer(static_cast<std::int64_t>(value));
  }
  template <class T>
  void add(const std::optional<T>& value) {
    if (value) {
      add(*value);
    } else {
      // The type still has to be told, or the server would guess it from the first use.
      add(T{});
      parameters_.back().null = true;
      bytes_.resize(parameters_.back().offset);
      parameters_.back().size = 0;
    }
  }
  void add(const Column<std::int64_t>& column);
  void add(const Column<std::string>& column);  ///< text[]
  void add(const Column<Hash256>& column);      ///< bytea[]
  void add_integer(std::int64_t value);
  void check(std::string_view text) noexcept;
  void note(std::uint32_t type, std::size_t offset);

  const char* sql_;
  std::vector<Parameter> parameters_;
  std::string bytes_;
  bool sendable_ = true;
};

class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result) noexcept;  ///< takes it over

  [[nodiscard]] int count() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return count() == 0; }
  /// Rows that INSERT, UPDATE or DELETE touched.
  [[nodiscard]] std::int64_t affected() const noexcept;
  /// What the server says it did: "COMMIT", "UPDATE 1".
  [[nodiscard]] std::string_view command() const noexcept;

  [[nodiscard]] bool is_null(int row, int column) const noexcept;
  [[nodiscard]] bool boolean(int row, int column) const noexcept;
  /// int8 and int4.
  [[nodiscard]] std::int64_t integer(int row, int column) const noexcept;
  /// text or bytea; lives as long as the Rows.
  [[nodiscard]] std::string_view text(int row, int column) const noexcept;
  [[nodiscard]] Instant time(int row, int column) const noexcept { return from_micros(integer(row, column)); }
  [[nodiscard]] std::optional<Instant> time_or_null(int row, int column) const noexcept {
    return is_null(row, column) ? std::nullopt : std::optional(time(row, column));
  }
  /// Zero when the column has another size.
  [[nodiscard]] Id128 id(int row, int column) const noexcept;
  [[nodiscard]] Hash256 hash(int row, int column) const noexcept;

 private:
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace mitral::store::postgres
