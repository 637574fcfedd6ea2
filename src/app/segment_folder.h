// SegmentFolder: a directory of audit segments, written so that a kill or a power cut at any point leaves whole files
// or none: a temporary name, fsync, a rename that never replaces, fsync of the directory.
//
// Beside the segments stand small notes (".ship-<name>"): how far each destination is.
//
// Several processes may use one folder: what two write under one name is kept once.
// Errors: unavailable; conflict when a file of that name holds something else. Thread rules: one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/segment.h"
#include "audit/verify.h"
#include "base/result.h"

namespace mitral::app {

class SegmentFolder {
 public:
  /// For reading.
  [[nodiscard]] static Result<SegmentFolder> open(const std::string& path);
  /// Makes the directory (mode 0700) when it is missing. `writer` is in the names of its unfinished files: no two may
  /// have the same.
  [[nodiscard]] static Result<SegmentFolder> create(const std::string& path, std::string writer);
  ~SegmentFolder();
  SegmentFolder(SegmentFolder&& other) noexcept;
  SegmentFolder& operator=(SegmentFolder&&) = delete;

  /// By name, which is by record.
  [[nodiscard]] Result<std::vector<audit::SegmentRange>> list() const;
  /// Does nothing when the same segment is there already.
  [[nodiscard]] Result<void> add(const audit::Segment& segment) const;
  [[nodiscard]] Result<std::string> read(const audit::SegmentRange& range) const;
  [[nodiscard]] Result<audit::SegmentReader::Source> source(const audit::SegmentRange& range) const;
  /// Removes what a process that died left half written.
  [[nodiscard]] Result<void> clean() const;

  /// Empty when there is none.
  [[nodiscard]] Result<std::string> note(std::string_view name) const;
  [[nodiscard]] Result<void> set_note(std::string_view name, std::string_view text) const;

  /// Everything in the folder, for audit::verify_all(). The folder must outlive it.
  [[nodiscard]] Result<std::vector<audit::FoundSegment>> found() const;

 private:
  SegmentFolder(int fd, std::string path) noexcept : fd_(fd), path_(std::move(path)) {}
  [[nodiscard]] Result<std::string> write_temporary(std::string_view bytes) const;
  [[nodiscard]] Result<std::optional<std::string>> read_file(const std::string& name) const;

  int fd_ = -1;
  std::string path_, writer_;
};

}  // namespace mitral::app
