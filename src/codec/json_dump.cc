// Serializer of Json.
#include <array>

#include "codec/json.h"
#include "codec/text.h"

namespace mitral::codec {
namespace {

// Bytes that can't be copied as they are: quote, backslash, controls (escaped) and everything above ASCII (checked).
consteval std::array<bool, 256> make_special() {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) table[i] = i < 0x20 || i == '"' || i == '\\' || i >= 0x7f;
  return table;
}
constexpr auto kSpecial = make_special();

/// Nothing of it is special, as of nearly every text. No early exit: the loop becomes vector code.
bool all_plain(std::string_view text) noexcept {
  unsigned special = 0;
  for (const char ch : text) {
    const auto c = static_cast<unsigned char>(ch);
    special |= static_cast<unsigned>(c < 0x20U) | static_cast<unsigned>(c >= 0x7fU) | static_cast<unsigned>(c == '"') |
               static_cast<unsigned>(c == '\\');
  }
  return special == 0;
}

void append_escape(std::string& out, char c) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out.push_back(kHex[byte >> 4U]);
  out.push_back(kHex[byte & 15U]);
}

void newline(std::string& out, int indent) {
  out.push_back('\n');
  out.append(static_cast<std::size_t>(indent) * 2, ' ');
}

constexpr int kCompact = -1;

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  if (all_plain(text)) {
    out.push_back('"');
    out.append(text.data(), text.size());
    out.push_back('"');
    return;
  }
  const auto plain = [](char c) { return !kSpecial[static_cast<unsigned char>(c)]; };
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* start = at;
  out.push_back('"');
  for (;;) {
    while (end - at >= 4 && plain(at[0]) && plain(at[1]) && plain(at[2]) && plain(at[3])) at += 4;
    while (at != end && plain(*at)) ++at;
    if (at == end) break;
    const bool ascii = static_cast<unsigned char>(*at) < 0x80;
    if (!ascii) {
      if (const auto length = utf8_sequence_length({at, static_cast<std::size_t>(end - at)}); length != 0) {
        at += length;
        continue;
      }
    }
    out.append(start, static_cast<std::size_t>(at - start));
    if (ascii) {
      append_escape(out, *at);
    } else {
      out += "\xef\xbf\xbd";
    }
    start = ++at;
  }
  out.append(start, static_cast<std::size_t>(end - start));
  out.push_back('"');
}

void Json::dump_value(std::string& out, int indent) const {
  const bool pretty = indent != kCompact;
  const int inner = pretty ? indent + 1 : kCompact;
  bool first = true;
  switch (type()) {
    case Type::null: out += "null"; return;
    case Type::boolean: out += tag() == kTrue ? "true" : "false"; return;
    case Type::number: out += text(); return;
    case Type::string: append_json_string(out, text()); return;
    case Type::array:
      out.push_back('[');
      for (const auto& item : items()) {
        if (!first) out.push_back(',');
        first = false;
        if (pretty) newline(out, inner);
        item.dump_value(out, inner);
      }
      if (pretty && !first) newline(out, indent);
      out.push_back(']');
      return;
    case Type::object: break;
  }
  out.push_back('{');
  for (const auto& [key, value] : members()) {
    if (!first) out.push_back(',');
    first = false;
    if (pretty) newline(out, inner);
    append_json_string(out, key);
    out += pretty ? ": " : ":";
    value.dump_value(out, inner);
  }
  if (pretty && !first) newline(out, indent);
  out.push_back('}');
}

void Json::dump_to(std::string& out) const { dump_value(out, kCompact); }

std::string Json::dump() const {
  std::string out;
  out.reserve(256);
  dump_to(out);
  return out;
}

std::string Json::dump_pretty() const {
  std::string out;
  dump_value(out, 0);
  return out;
}

}  // namespace mitral::codec
