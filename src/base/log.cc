#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "base/time.h"

namespace mitral::log {
namespace {

std::atomic<Level> g_level{Level::info};
std::atomic<Format> g_format{Format::text};

constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error", "off"};

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
}

void append_value(std::string& out, const Field& field, Format format) {
  struct Visitor {
    std::string& out;
    Format format;
    void operator()(std::string_view v) const {
      out.push_back('"');
      append_escaped(out, v);
      out.push_back('"');
    }
    void operator()(std::int64_t v) const { out += std::to_string(v); }
    void operator()(bool v) const { out += v ? "true" : "false"; }
    void operator()(double v) const { out += fmt::format("{}", v); }
  };
  std::visit(Visitor{out, format}, field.value);
}

}  // namespace

void configure(Level level, Format format) noexcept {
  g_level = level;
  g_format = format;
}

std::string render(Level level, Format format, std::int64_t micros, std::string_view event,
                   std::initializer_list<Field> fields) {
  const std::string at = to_rfc3339(from_micros(micros));
  std::string out;
  if (format == Format::json) {
    out = fmt::format(R"({{"time":"{}","level":"{}","event":")", at, kLevels[static_cast<int>(level)]);
    append_escaped(out, event);
    out.push_back('"');
    for (const auto& field : fields) {
      out += ",\"";
      append_escaped(out, field.key);
      out += "\":";
      append_value(out, field, format);
    }
    out.push_back('}');
    return out;
  }
  out = fmt::format("{} {:5} ", at, kLevels[static_cast<int>(level)]);
  append_escaped(out, event);
  for (const auto& field : fields) {
    out.push_back(' ');
    append_escaped(out, field.key);
    out.push_back('=');
    append_value(out, field, format);
  }
  return out;
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  std::string line =
      render(level, g_format.load(std::memory_order_relaxed), to_micros(SystemClock{}.now()), event, fields);
  line.push_back('\n');
  // One write per line: lines of several threads do not mix.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace mitral::log
