// Bytes written as hex digits, spaces allowed, in test data.
#pragma once

#include <string>
#include <string_view>

namespace mitral::crypto {

inline std::string from_hex(std::string_view text) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string out;
  int high = -1;
  for (char c : text) {
    if (c == ' ' || c == '\n') continue;
    if (high < 0) {
      high = value(c);
    } else {
      out += static_cast<char>(high * 16 + value(c));
      high = -1;
    }
  }
  return out;
}

}  // namespace mitral::crypto
