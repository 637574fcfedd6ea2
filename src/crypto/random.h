// The production source of randomness: the kernel's (getrandom(2)), which waits until it is seeded. OpenSSL draws what
// signatures and new keys need from its own generator, which the same source seeds.
//
// Errors: none. When no randomness is to be had the program ends (see base/random.h).
// Thread rules: any thread; no lock is taken.
#pragma once

#include <cstddef>
#include <string>

#include "base/random.h"

namespace mitral::crypto {

/// The one instance; lives as long as the program.
[[nodiscard]] Random& system_random() noexcept;

/// `size` bytes from the source given.
[[nodiscard]] std::string random_bytes(Random& random, std::size_t size);

}  // namespace mitral::crypto
