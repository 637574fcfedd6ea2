#include "crypto/random.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "crypto/internal.h"

namespace mitral::crypto {

namespace {

void ask_kernel(std::span<std::uint8_t> out) noexcept {
  while (!out.empty()) {
    const auto got = ::getrandom(out.data(), out.size(), 0);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      die("no randomness");
    }
  }
}

// A request needs a few ids, and asking for each costs more than making its bytes: small needs are met from a store of
// the thread's own, and what was given out is wiped there at once.
class Reservoir {
 public:
  static constexpr std::size_t kLargest = 64;
  ~Reservoir() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  void take(std::span<std::uint8_t> out) noexcept {
    if (out.size() > left_) {
      ask_kernel(bytes_);
      left_ = bytes_.size();
    }
    left_ -= out.size();
    std::memcpy(out.data(), bytes_.data() + left_, out.size());
    OPENSSL_cleanse(bytes_.data() + left_, out.size());
  }

 private:
  std::array<std::uint8_t, 512> bytes_{};
  std::size_t left_ = 0;
};

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) noexcept override {
    if (out.size() <= Reservoir::kLargest) {
      thread_local Reservoir reservoir;
      return reservoir.take(out);
    }
    ask_kernel(out);
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
