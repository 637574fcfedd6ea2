// JsonScanner: a JSON object that is too large to be held, one member of which is an array: its items one by one, as
// their bytes come; its other members whole (a FHIR Bundle and its entries).
//
// Accepts what Json::parse_object() accepts whose member of that name, if there is one, is an array of objects, however
// the bytes are split: duplicates are refused at every level, this object's own included; depth counts from the
// outside; nothing may follow. Each item is parsed whole before it is given out.
//
//   scanner.feed(bytes);                       // or scanner.end();
//   while (scanner.step(item) == Step::item) keep(std::move(item));
//   ... drop all items ...; scanner.release(); scanner.feed(more);
//
// Items view into the scanner's buffer and arena: they must be gone before release(), and release() must come before
// the next feed().
//
// Limits: item_max bytes for an item, head_max for everything else, kStreamHeadMembersMax other members, kJsonNodesMax
// / 4 values in an item. Errors: malformed, too_large. Thread rules: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_reader.h"

namespace mitral::codec {

class JsonScanner {
 public:
  struct Options {
    std::string array;    ///< name of the member whose items are given out
    std::string watched;  ///< member of each item whose bytes are wanted
    std::size_t item_max = limits::kFhirResourceMax;
    std::size_t head_max = limits::kStreamHeadMax;
    std::size_t max_depth = limits::kJsonDepthMax;  ///< of the whole text
  };
  struct Item {
    Json value;                ///< an object
    std::string_view bytes;    ///< that it was read from
    std::string_view watched;  ///< bytes of that member's value; empty: there is none
    bool escapes = false;      ///< a string in it has an escape
  };
  enum class Step : std::uint8_t { item, more, done, refused };

  explicit JsonScanner(Options options);

  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// There will be no more bytes.
  void end() noexcept { ended_ = true; }
  [[nodiscard]] Step step(Item& item);
  /// Every item is gone: their memory may be used again.
  void release();

  /// The members but the array, as far as they have come. Whole after done.
  [[nodiscard]] const Json& head() const noexcept { return head_; }
  [[nodiscard]] Json& head() noexcept { return head_; }
  /// After refused.
  [[nodiscard]] Error error() const { return error_; }
  /// Bytes held: the buffer and what was read from it.
  [[nodiscard]] std::size_t held() const noexcept { return buffer_.capacity() + items_.bytes() + heads_.bytes(); }

 private:
  enum class At : std::uint8_t {
    begin,
    first_name,
    name,
    colon,
    value,
    first_item,
    item,
    after_item,
    after_member,
    tail,
    refused
  };
  enum class Read : std::uint8_t { value, more, refused };

  Step refuse(std::string_view why, ErrorCode code = ErrorCode::malformed);
  Read read(JsonReader& reader, std::size_t limit, Json& out);
  bool take(char c) noexcept;
  bool take_name(std::string name);

  Options options_;
  JsonReader items_, heads_;
  std::string buffer_;
  std::size_t pos_ = 0;     // first byte not taken
  std::size_t wanted_ = 0;  // bytes after pos_ that make another try worth while
  std::size_t head_bytes_ = 0;
  bool ended_ = false;
  At at_ = At::begin;
  std::string name_;
  std::vector<std::string> names_;  // sorted
  Json head_ = Json::object();
  Error error_;
};

}  // namespace mitral::codec
