// Log: structured lines for the operator, JSON or text, to standard error.
//
// A line has an event name (a literal) and named fields. Values are escaped; control characters can't forge a line
// (threat W-27). Never log a secret, a token, a code, a cookie, a query string or health data: log ids and counts.
//
//   log::info("client.registered", {{"client_id", id.value}});
//
// Thread rules: all functions may be called from any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace mitral::log {

enum class Level : std::uint8_t { debug, info, warn, error, off };
enum class Format : std::uint8_t { text, json };

struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, bool, double> value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
  Field(std::string_view k, I v) : key(k), value(static_cast<std::int64_t>(v)) {}
};

/// Once, at start. Default: text at level info.
void configure(Level level, Format format) noexcept;

void write(Level level, std::string_view event, std::initializer_list<Field> fields);
inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}

/// One line as it would be written, without the newline. For tests.
[[nodiscard]] std::string render(Level level, Format format, std::int64_t micros, std::string_view event,
                                 std::initializer_list<Field> fields);

}  // namespace mitral::log
