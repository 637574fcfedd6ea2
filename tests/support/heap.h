// How much of the heap is in use: what the program asked for and has not freed, whichever allocator serves it.
#pragma once

#include <malloc.h>

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#include <sanitizer/allocator_interface.h>
#define MITRAL_SANITIZER_COUNTS 1
#endif
#endif

namespace mitral::heap {

inline std::size_t in_use() {
#ifdef MITRAL_SANITIZER_COUNTS
  return __sanitizer_get_current_allocated_bytes();
#else
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

}  // namespace mitral::heap
