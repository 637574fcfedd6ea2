#include "base/secret.h"

#include <cstring>

namespace mitral {

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference =
        static_cast<unsigned char>(difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  }
  return difference == 0;
}

void wipe(std::string& bytes) noexcept {
  explicit_bzero(bytes.data(), bytes.size());
  bytes.clear();
}

}  // namespace mitral
