// mitral: see `mitral --help`.
#include <malloc.h>

#include "app/cli.h"

namespace {

// glibc gives the top of a thread's heap back at 128 KiB and asks for it again with the next batch of writes: two system
// calls for each. Large blocks stay in the heap for the same reason, up to a size that is worth a mapping of its own.
void keep_heaps() noexcept {
  constexpr int kKept = 4 * 1024 * 1024;
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kKept / 4);
}

}  // namespace

int main(int argc, char** argv) {
  keep_heaps();
  return mitral::app::run_cli(argc, argv);
}
