// JsonReader: strict values out of a text that is still coming, for bodies that are judged piece by piece.
//
// The parser, its strictness and its limits are those of Json::parse(); only the memory differs: strings view into the
// text, arrays and objects lie in the reader's arena, so that reading costs little and dropping costs less. A value
// read here is good until clear() or until the text goes away; a copy of it is an ordinary Json.
//
//   JsonReader reader(options);
//   switch (reader.read(text, value, used)) ...   // text.substr(0, used) is exactly what `value` was read from
//   value = {}; reader.clear();
//
// Limits: ParseOptions, max_bytes excepted: the caller bounds its buffer. Errors: Front::refused, with error().
// Thread rules: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace mitral::codec {

/// Memory that is taken in small pieces and given back all at once.
class JsonArena {
 public:
  [[nodiscard]] void* take(std::size_t bytes) {
    constexpr std::size_t kAlign = alignof(std::max_align_t);
    bytes = (bytes + kAlign - 1) / kAlign * kAlign;
    if (bytes > left_) return take_block(bytes);
    auto* const out = next_;
    next_ += bytes;
    left_ -= bytes;
    return out;
  }
  /// Keeps one block for the next round.
  void clear() noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size = 0;
  };
  [[nodiscard]] void* take_block(std::size_t bytes);

  std::vector<Block> blocks_;
  std::byte* next_ = nullptr;  // in the last block
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
};

enum class Front : std::uint8_t {
  value,       ///< one whole value
  incomplete,  ///< the text may end inside the value: come again with more of it
  refused,
};

class JsonReader {
 public:
  explicit JsonReader(const ParseOptions& options = {});
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Reads the value at the front of the text, which must not begin with white space. A number that ends with the text
  /// is incomplete. After `incomplete` with the last of the bytes there is nothing more to hope for.
  [[nodiscard]] Front read(std::string_view text, Json& out, std::size_t& used);
  /// After refused, or for an incomplete value that will not be completed.
  [[nodiscard]] Error error() const;
  /// The value read last had an escape in one of its strings.
  [[nodiscard]] bool escapes() const noexcept;
  /// From now on the bytes of this member of each value that is an object are noted. The name must outlive the reader.
  void watch(std::string_view name) noexcept;
  /// Those of the value read last; empty: it has no such member.
  [[nodiscard]] std::string_view watched() const noexcept;
  /// Every value that was read must be gone.
  void clear() noexcept;
  /// Memory that the values hold now.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::codec
