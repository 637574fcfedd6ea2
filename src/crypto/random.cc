#include "crypto/random.h"

#include <openssl/rand.h>

#include <climits>

#include "crypto/internal.h"

namespace mitral::crypto {

namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) noexcept override {
    while (!out.empty()) {
      const std::size_t step = std::min<std::size_t>(out.size(), INT_MAX);
      if (RAND_bytes(out.data(), static_cast<int>(step)) != 1) die("no randomness");
      out = out.subspan(step);
    }
  }
};

}  // namespace

Random& system_random() noexcept {
  static SystemRandom instance;
  return instance;
}

std::string random_bytes(Random& random, std::size_t size) {
  std::string out(size, '\0');
  random.fill({bytes(out), out.size()});
  return out;
}

}  // namespace mitral::crypto
