// mitral: see `mitral --help`.
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

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

bool serves(int argc, char** argv) noexcept {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word == "serve" || word == "gateway") return true;
  }
  return false;
}

// A thread keeps seven freed blocks of each size at hand, and a request takes and frees more than that. Only the
// environment of a starting program says another number: what serves starts itself once more with it. What the operator
// has set stays, and where this can't be done everything works, only slower.
void keep_more_blocks(int argc, char** argv) noexcept {
  constexpr const char* kName = "GLIBC_TUNABLES";
  if (!serves(argc, argv) || std::getenv(kName) != nullptr) return;
  if (::setenv(kName, "glibc.malloc.tcache_count=64", 0) != 0) return;
  ::execv("/proc/self/exe", argv);
}
#endif

}  // namespace

int main(int argc, char** argv) {
#ifndef MITRAL_OTHER_ALLOCATOR
  keep_more_blocks(argc, argv);
  keep_heaps();
#endif
  return mitral::app::run_cli(argc, argv);
}
