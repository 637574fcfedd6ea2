#include "app/segment_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/limits.h"

namespace mitral::app {
namespace {

constexpr std::string_view kTemporary = ".tmp-";
constexpr std::string_view kNote = ".ship-";
constexpr std::size_t kPiece = 256 * 1024;

class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Result<std::string> read_piece(int fd, std::size_t most) {
  std::string out(most, '\0');
  for (;;) {
    const auto got = ::read(fd, out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorCode::unavailable, {}, fmt::format("read: {}", std::strerror(errno)));
    out.resize(static_cast<std::size_t>(got));
    return out;
  }
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(ErrorCode::unavailable, {}, fmt::format("write: {}", std::strerror(errno)));
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

Result<SegmentFolder> SegmentFolder::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::unavailable, {}, fmt::format("can't open {}: {}", path, std::strerror(errno)));
  return SegmentFolder(fd, path);
}

Result<SegmentFolder> SegmentFolder::create(const std::string& path, std::string writer) {
  // Patients are named in it: it is ours alone from the first moment.
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(ErrorCode::unavailable, {}, fmt::format("can't make {}: {}", path, std::strerror(errno)));
  MITRAL_TRY(auto out, open(path));
  out.writer_ = std::move(writer);
  return out;
}

SegmentFolder::SegmentFolder(SegmentFolder&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), writer_(std::move(other.writer_)) {}
SegmentFolder::~SegmentFolder() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::vector<audit::SegmentRange>> SegmentFolder::list() const {
  std::vector<audit::SegmentRange> out;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(path_, failed), end; !failed && at != end; at.increment(failed)) {
    if (const auto range = audit::parse_segment_name(at->path().filename().string())) out.push_back(*range);
  }
  if (failed) return fail(ErrorCode::unavailable, {}, fmt::format("{}: {}", path_, failed.message()));
  std::ranges::sort(out, {}, [](const auto& one) { return std::pair(one.from, one.to); });
  return out;
}

Result<std::string> SegmentFolder::write_temporary(std::string_view bytes) const {
  static std::atomic<unsigned> counter{0};
  auto name = fmt::format("{}{}-{}", kTemporary, writer_, counter.fetch_add(1));
  const File file(::openat(fd_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const auto write = [&]() -> Result<void> {
    if (file.get() < 0) return fail(ErrorCode::unavailable, {}, fmt::format("{}: {}", path_, std::strerror(errno)));
    MITRAL_CHECK(write_all(file.get(), bytes));
    if (::fsync(file.get()) != 0)
      return fail(ErrorCode::unavailable, {}, fmt::format("fsync: {}", std::strerror(errno)));
    return {};
  };
  if (auto written = write(); !written) {
    ::unlinkat(fd_, name.c_str(), 0);
    return std::unexpected(written.error());
  }
  return name;
}

Result<void> SegmentFolder::add(const audit::Segment& segment) const {
  const auto name = audit::segment_name(segment.head.from, segment.head.to);
  MITRAL_TRY(const auto temporary, write_temporary(segment.bytes));
  // A link and not a rename: it never replaces what is there.
  const int linked = ::linkat(fd_, temporary.c_str(), fd_, name.c_str(), 0);
  const int error = errno;
  ::unlinkat(fd_, temporary.c_str(), 0);
  if (linked != 0 && error == EEXIST) {
    MITRAL_TRY(auto there, source({segment.head.from, segment.head.to}));
    const auto head = audit::check_segment(std::move(there));
    if (!head || head->last != segment.head.last || head->previous != segment.head.previous)
      return fail(ErrorCode::conflict, {}, fmt::format("{}/{} is there and holds something else", path_, name));
  } else if (linked != 0) {
    return fail(ErrorCode::unavailable, {}, fmt::format("{}/{}: {}", path_, name, std::strerror(error)));
  }
  if (::fsync(fd_) != 0) return fail(ErrorCode::unavailable, {}, fmt::format("fsync: {}", std::strerror(errno)));
  return {};
}

Result<std::optional<std::string>> SegmentFolder::read_file(const std::string& name) const {
  const File file(::openat(fd_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return fail(ErrorCode::unavailable, {}, fmt::format("{}/{}: {}", path_, name, std::strerror(errno)));
  }
  std::string out;
  for (;;) {
    MITRAL_TRY(const auto piece, read_piece(file.get(), kPiece));
    if (piece.empty()) return out;
    out += piece;
    if (out.size() > limits::kAuditSegmentBytesMax) return fail(ErrorCode::too_large, {}, name + " is too large");
  }
}

Result<std::string> SegmentFolder::read(const audit::SegmentRange& range) const {
  const auto name = audit::segment_name(range.from, range.to);
  MITRAL_TRY(auto bytes, read_file(name));
  if (!bytes) return fail(ErrorCode::not_found, {}, fmt::format("{}/{} is gone", path_, name));
  return std::move(*bytes);
}

Result<audit::SegmentReader::Source> SegmentFolder::source(const audit::SegmentRange& range) const {
  const auto name = audit::segment_name(range.from, range.to);
  auto file = std::make_shared<File>(::openat(fd_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file->get() < 0)
    return fail(ErrorCode::unavailable, {}, fmt::format("{}/{}: {}", path_, name, std::strerror(errno)));
  return audit::SegmentReader::Source([file] { return read_piece(file->get(), kPiece); });
}

Result<void> SegmentFolder::clean() const {
  std::error_code failed;
  for (std::filesystem::directory_iterator at(path_, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    if (name.starts_with(kTemporary)) ::unlinkat(fd_, name.c_str(), 0);
  }
  if (failed) return fail(ErrorCode::unavailable, {}, fmt::format("{}: {}", path_, failed.message()));
  return {};
}

Result<std::string> SegmentFolder::note(std::string_view name) const {
  MITRAL_TRY(auto text, read_file(fmt::format("{}{}", kNote, name)));
  return text ? std::move(*text) : std::string();
}

Result<void> SegmentFolder::set_note(std::string_view name, std::string_view text) const {
  MITRAL_TRY(const auto temporary, write_temporary(text));
  const auto target = fmt::format("{}{}", kNote, name);
  if (::renameat(fd_, temporary.c_str(), fd_, target.c_str()) != 0 || ::fsync(fd_) != 0)
    return fail(ErrorCode::unavailable, {}, fmt::format("{}/{}: {}", path_, target, std::strerror(errno)));
  return {};
}

Result<std::vector<audit::FoundSegment>> SegmentFolder::found() const {
  MITRAL_TRY(const auto ranges, list());
  std::vector<audit::FoundSegment> out;
  out.reserve(ranges.size());
  for (const auto& range : ranges) out.push_back({range, [this, range] { return source(range); }});
  return out;
}

}  // namespace mitral::app
