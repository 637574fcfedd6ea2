// mitral: see `mitral --help`.
#include <malloc.h>

#include "app/cli.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MITRAL_OTHER_ALLOCATOR 1
#endif
#endif

namespace {

#ifndef MITRAL_OTHER_ALLOCATOR
// glibc gives the top of a thread's heap back at 128 KiB and asks for it again with the next batch of writes: two
// system calls for each. Large blocks stay in the heap for the same reason, up to a size that is worth a mapping of its
// own.
void keep_heaps() noexcept {
  constexpr int kKept = 4 * 1024 * 1024;
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kKept / 4);
}
#endif

}  // namespace

int main(int argc, char** argv) {
#ifndef MITRAL_OTHER_ALLOCATOR
  keep_heaps();
#endif
  return mitral::app::run_cli(argc, argv);
}
