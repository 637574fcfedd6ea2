#include "base/frame_pool.h"

#include <array>
#include <cstdint>
#include <new>

namespace mitral::frames {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

struct Free {
  Free* next;
};

constexpr std::size_t kClasses = kLargest / kStep;
constexpr std::size_t class_of(std::size_t size) noexcept { return (size - 1) / kStep; }

// Trivial, so that frames which die after the thread's own objects still find it; Cleaner empties it before the end.
struct Pool {
  std::array<Free*, kClasses> lists;
  std::size_t kept;
  bool closed;
};
constinit thread_local Pool pool{};

struct Cleaner {
  ~Cleaner() {
    pool.closed = true;
    for (Free*& list : pool.lists) {
      while (list != nullptr) {
        Free* const frame = list;
        list = frame->next;
        ::operator delete(frame);
      }
    }
  }
  bool armed = false;
};
thread_local Cleaner cleaner;

}  // namespace

void* take(std::size_t size) {
  if (kSanitized || size > kLargest || size == 0) return ::operator new(size);
  const std::size_t index = class_of(size);
  if (Free* const frame = pool.lists[index]; frame != nullptr) {
    pool.lists[index] = frame->next;
    pool.kept -= (index + 1) * kStep;
    return frame;
  }
  return ::operator new((index + 1) * kStep);
}

void give(void* frame, std::size_t size) noexcept {
  if (kSanitized || size > kLargest || size == 0) return ::operator delete(frame);
  const std::size_t index = class_of(size);
  const std::size_t whole = (index + 1) * kStep;
  if (pool.closed || pool.kept + whole > kKept) return ::operator delete(frame);
  cleaner.armed = true;  // the first use on a thread makes it, and so has it destroyed at the thread's end
  pool.kept += whole;
  pool.lists[index] = new (frame) Free{pool.lists[index]};
}

}  // namespace mitral::frames
