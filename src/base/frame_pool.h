// FramePool: memory for coroutine frames, kept by each thread and used again.
//
// A request runs through a handful of coroutines whose frames are large for malloc's own caches and are gone in
// microseconds; asking the general allocator for each costs more than what many of them do.
//
// Limits: frames up to kLargest, at most kKept bytes on each thread; the rest goes to operator new. A frame may be
// given back on another thread than took it. Under sanitizers nothing is kept, so that they see every frame live and
// die. Thread rules: any thread; nothing is shared.
#pragma once

#include <cstddef>

namespace mitral::frames {

inline constexpr std::size_t kStep = 128;
inline constexpr std::size_t kLargest = 8192;
inline constexpr std::size_t kKept = std::size_t{512} * 1024;

[[nodiscard]] void* take(std::size_t size);
void give(void* frame, std::size_t size) noexcept;

}  // namespace mitral::frames
