// ObjectWriter: one JSON object straight into text, for documents and answers whose members are known when they are
// written: no tree is built only to be printed.
//
//   ObjectWriter out;
//   out.text("iss", issuer).number("exp", expires).text_if("nonce", nonce);
//   return out.take();
//
// Names are written as they are: they are literals of the program and hold nothing that must be escaped. Values are
// escaped as append_json_string() does. Nobody looks for a name that is written twice: the caller does not.
//
// Thread rules: a value of one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace mitral::codec {

class ObjectWriter {
 public:
  /// `expected`: bytes to make room for.
  explicit ObjectWriter(std::size_t expected = 512) {
    out_.reserve(expected);
    out_ += '{';
  }

  ObjectWriter& text(std::string_view name, std::string_view value);
  /// text() unless the value is empty.
  ObjectWriter& text_if(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  ObjectWriter& texts(std::string_view name, std::span<const std::string> values);
  ObjectWriter& texts_if(std::string_view name, std::span<const std::string> values) {
    return values.empty() ? *this : texts(name, values);
  }
  ObjectWriter& number(std::string_view name, std::int64_t value);
  ObjectWriter& flag(std::string_view name, bool value);
  ObjectWriter& json(std::string_view name, const Json& value);
  /// A value that is JSON text already.
  ObjectWriter& raw(std::string_view name, std::string_view json);

  /// The object's text; the writer is used up.
  [[nodiscard]] std::string take() {
    out_ += '}';
    return std::move(out_);
  }

 private:
  void name(std::string_view name);
  std::string out_;
};

/// Decimal digits.
void append_number(std::string& out, std::int64_t value);

}  // namespace mitral::codec
