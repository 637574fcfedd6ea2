// The production source of randomness: OpenSSL's DRBG, seeded by the operating system.
//
// Errors: none. When no randomness is to be had the program ends (see base/random.h).
// Thread rules: any thread; the generator behind it is per thread, no lock is taken.
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
