// Preloaded into a server under test: makes its fsync slow, or its wall clock wrong, while it runs.
//
// MITRAL_SHIM names a file of two little-endian int64: microseconds that every fsync takes longer, and seconds that the
// wall clock is ahead (negative: behind). The file is mapped, so that a test turns a fault on and off by writing to it.
// Monotonic clocks stay true, as they do when somebody sets the time of a machine.
//
// Everything goes straight to the kernel: a sanitizer's own functions may call these before any library is ready.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

struct Faults {
  volatile std::int64_t fsync_delay_us;
  volatile std::int64_t clock_ahead_s;
};

const Faults kNone{};
const Faults* faults = &kNone;

[[gnu::constructor]] void map_the_file() {
  const char* const path = std::getenv("MITRAL_SHIM");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* const memory = mmap(nullptr, sizeof(Faults), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (memory != MAP_FAILED) faults = static_cast<const Faults*>(memory);
}

int sync_slowly(long call, int fd) {
  const std::int64_t delay = faults->fsync_delay_us;
  if (delay > 0) usleep(static_cast<useconds_t>(delay));
  return static_cast<int>(syscall(call, fd));
}

}  // namespace

extern "C" {

int fsync(int fd) { return sync_slowly(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_slowly(SYS_fdatasync, fd); }

int clock_gettime(clockid_t clock, struct timespec* out) noexcept {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, out));
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += faults->clock_ahead_s;
  return result;
}

int gettimeofday(struct timeval* out, void* zone) noexcept {
  const auto result = static_cast<int>(syscall(SYS_gettimeofday, out, zone));
  if (result == 0) out->tv_sec += faults->clock_ahead_s;
  return result;
}

time_t time(time_t* out) noexcept {
  struct timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
