// Preloaded into a server under test: makes its fsync slow, or its wall clock wrong, while it runs.
//
// MITRAL_SHIM names a file of two little-endian int64: microseconds that every fsync takes longer, and seconds that the
// wall clock is ahead (negative: behind). The file is mapped, so that a test turns a fault on and off by writing to it.
// Monotonic clocks stay true, as they do when somebody sets the time of a machine.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
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

const Faults& faults() {
  static const Faults* const mapped = [] {
    static const Faults none{};
    const char* const path = std::getenv("MITRAL_SHIM");
    const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return &none;
    void* const memory = mmap(nullptr, sizeof(Faults), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? &none : static_cast<const Faults*>(memory);
  }();
  return *mapped;
}

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

void wait_for_the_disk() {
  const std::int64_t delay = faults().fsync_delay_us;
  if (delay > 0) usleep(static_cast<useconds_t>(delay));
}

}  // namespace

extern "C" {

int fsync(int fd) {
  static auto* const real = next<int(int)>("fsync");
  wait_for_the_disk();
  return real(fd);
}

int fdatasync(int fd) {
  static auto* const real = next<int(int)>("fdatasync");
  wait_for_the_disk();
  return real(fd);
}

int clock_gettime(clockid_t clock, struct timespec* out) {
  static auto* const real = next<int(clockid_t, struct timespec*)>("clock_gettime");
  const int result = real(clock, out);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += faults().clock_ahead_s;
  return result;
}

int gettimeofday(struct timeval* out, void* zone) noexcept {
  static auto* const real = next<int(struct timeval*, void*)>("gettimeofday");
  const int result = real(out, zone);
  if (result == 0) out->tv_sec += faults().clock_ahead_s;
  return result;
}

time_t time(time_t* out) noexcept {
  struct timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
