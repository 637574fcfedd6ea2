#include "store/postgres/statement.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "codec/text.h"
#include "store/postgres/libpq.h"

namespace mitral::store::postgres {
namespace {

// OIDs of built-in types: fixed in PostgreSQL's catalogue (pg_type), and the same in what is compatible with it.
constexpr std::uint32_t kBool = 16;
constexpr std::uint32_t kBytea = 17;
constexpr std::uint32_t kInt8 = 20;
constexpr std::uint32_t kText = 25;
constexpr std::uint32_t kByteaArray = 1001;
constexpr std::uint32_t kTextArray = 1009;
constexpr std::uint32_t kInt8Array = 1016;

template <class T>
void append_number(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xFFU));
  }
}

// Binary form of a one-dimensional array: dimensions, whether there are NULLs, type of the elements, count, lower
// bound.
void append_array_head(std::string& out, std::uint32_t element, std::size_t count) {
  append_number(out, std::int32_t{count == 0 ? 0 : 1});
  append_number(out, std::int32_t{0});
  append_number(out, element);
  if (count == 0) return;
  append_number(out, static_cast<std::int32_t>(count));
  append_number(out, std::int32_t{1});
}

void append_element(std::string& out, std::string_view bytes) {
  append_number(out, static_cast<std::int32_t>(bytes.size()));
  out.append(bytes);
}

}  // namespace

void Statement::note(std::uint32_t type, std::size_t offset) {
  parameters_.push_back({.type = type, .offset = offset, .size = bytes_.size() - offset});
}

void Statement::check(std::string_view text) noexcept {
  if (text.contains('\0') || !codec::is_utf8(text)) sendable_ = false;
}

void Statement::add(bool value) {
  const std::size_t offset = bytes_.size();
  bytes_.push_back(value ? 1 : 0);
  note(kBool, offset);
}

void Statement::add(std::string_view text) {
  check(text);
  const std::size_t offset = bytes_.size();
  bytes_.append(text);
  note(kText, offset);
}

void Statement::add(const Blob& blob) {
  const std::size_t offset = bytes_.size();
  bytes_.append(blob.bytes);
  note(kBytea, offset);
}

void Statement::add_integer(std::int64_t value) {
  const std::size_t offset = bytes_.size();
  append_number(bytes_, value);
  note(kInt8, offset);
}

void Statement::add(const Column<std::int64_t>& column) {
  const std::size_t offset = bytes_.size();
  append_array_head(bytes_, kInt8, column.values.size());
  for (const auto value : column.values) {
    append_number(bytes_, std::int32_t{sizeof(value)});
    append_number(bytes_, value);
  }
  note(kInt8Array, offset);
}

void Statement::add(const Column<std::string>& column) {
  const std::size_t offset = bytes_.size();
  append_array_head(bytes_, kText, column.values.size());
  for (const auto& value : column.values) {
    check(value);
    append_element(bytes_, value);
  }
  note(kTextArray, offset);
}

void Statement::add(const Column<Hash256>& column) {
  const std::size_t offset = bytes_.size();
  append_array_head(bytes_, kBytea, column.values.size());
  for (const auto& value : column.values) append_element(bytes_, as_view(value));
  note(kByteaArray, offset);
}

Rows::Rows(pg_result* result) noexcept : result_(result) {}

void Rows::Clear::operator()(pg_result* result) const noexcept { libpq().PQclear(result); }

int Rows::count() const noexcept { return result_ ? libpq().PQntuples(result_.get()) : 0; }

std::string_view Rows::command() const noexcept {
  return result_ ? std::string_view(libpq().PQcmdStatus(result_.get())) : std::string_view();
}

std::int64_t Rows::affected() const noexcept {
  if (!result_) return 0;
  const std::string_view text = libpq().PQcmdTuples(result_.get());
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

bool Rows::is_null(int row, int column) const noexcept {
  if (row < 0 || column < 0 || row >= count() || column >= libpq().PQnfields(result_.get())) return true;
  return libpq().PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Rows::text(int row, int column) const noexcept {
  if (is_null(row, column)) return {};
  return {libpq().PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(libpq().PQgetlength(result_.get(), row, column))};
}

bool Rows::boolean(int row, int column) const noexcept {
  const auto bytes = text(row, column);
  return bytes.size() == 1 && bytes[0] != 0;
}

std::int64_t Rows::integer(int row, int column) const noexcept {
  const auto bytes = text(row, column);
  if (bytes.size() != 8 && bytes.size() != 4 && bytes.size() != 2) return 0;
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8U | static_cast<std::uint8_t>(byte);
  if (bytes.size() == 4) return static_cast<std::int32_t>(value);
  if (bytes.size() == 2) return static_cast<std::int16_t>(value);
  return static_cast<std::int64_t>(value);
}

Id128 Rows::id(int row, int column) const noexcept {
  Id128 out;
  const auto bytes = text(row, column);
  if (bytes.size() == out.bytes.size()) std::memcpy(out.bytes.data(), bytes.data(), bytes.size());
  return out;
}

Hash256 Rows::hash(int row, int column) const noexcept {
  Hash256 out{};
  const auto bytes = text(row, column);
  if (bytes.size() == out.size()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

}  // namespace mitral::store::postgres
