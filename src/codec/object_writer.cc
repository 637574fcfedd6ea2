#include "codec/object_writer.h"

#include <array>
#include <charconv>

namespace mitral::codec {

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void ObjectWriter::name(std::string_view name) {
  out_ += out_.size() == 1 ? "\"" : ",\"";
  out_ += name;
  out_ += "\":";
}

ObjectWriter& ObjectWriter::text(std::string_view key, std::string_view value) {
  name(key);
  append_json_string(out_, value);
  return *this;
}

ObjectWriter& ObjectWriter::texts(std::string_view key, std::span<const std::string> values) {
  name(key);
  char before = '[';
  for (const auto& value : values) {
    out_ += before;
    append_json_string(out_, value);
    before = ',';
  }
  out_ += values.empty() ? "[]" : "]";
  return *this;
}

ObjectWriter& ObjectWriter::number(std::string_view key, std::int64_t value) {
  name(key);
  append_number(out_, value);
  return *this;
}

ObjectWriter& ObjectWriter::flag(std::string_view key, bool value) {
  name(key);
  out_ += value ? "true" : "false";
  return *this;
}

ObjectWriter& ObjectWriter::json(std::string_view key, const Json& value) {
  name(key);
  value.dump_to(out_);
  return *this;
}

ObjectWriter& ObjectWriter::raw(std::string_view key, std::string_view json) {
  name(key);
  out_ += json;
  return *this;
}

}  // namespace mitral::codec
