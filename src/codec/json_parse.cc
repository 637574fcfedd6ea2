// Parser of Json: recursive descent, bounded by ParseOptions. One pass over the bytes; no copy of the input. Behind
// Json::parse(), whose values own their bytes, and JsonReader, whose values lie in its text and its arena.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <iterator>

#include "codec/json.h"
#include "codec/json_reader.h"
#include "codec/text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mitral::codec {
namespace {

constexpr std::size_t kPairwiseMembers = 64;  // up to here comparing with all is faster than sorting

// Bytes that end the fast run inside a string: quote, backslash, controls, non-ASCII.
consteval std::array<bool, 256> make_stops() {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) table[i] = i < 0x20 || i == '"' || i == '\\' || i >= 0x80;
  return table;
}
constexpr auto kStops = make_stops();

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

const char* skip_plain(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const auto quotes = _mm_set1_epi8('"');
  const auto slashes = _mm_set1_epi8('\\');
  const auto spaces = _mm_set1_epi8(0x20);
  while (end - at >= 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));  // NOLINT
    // As signed bytes, everything above ASCII is below space as well.
    const auto hit = _mm_or_si128(_mm_cmplt_epi8(bytes, spaces),
                                  _mm_or_si128(_mm_cmpeq_epi8(bytes, quotes), _mm_cmpeq_epi8(bytes, slashes)));
    if (const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit)); mask != 0) return at + std::countr_zero(mask);
    at += 16;
  }
#endif
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHigh = 0x8080808080808080ULL;
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    const std::uint64_t quote = word ^ (kOnes * '"');
    const std::uint64_t slash = word ^ (kOnes * '\\');
    // High bit of a byte is set when it is a quote, a backslash, below space or above ASCII (or follows such a byte).
    const std::uint64_t hit =
        ((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) | ((word - kOnes * 0x20) & ~word) | word;
    if ((hit & kHigh) != 0) {
      // Carries run upwards only, so the lowest mark is a true one.
      if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(hit & kHigh) / 8;
      break;
    }
    at += 8;
  }
  while (at != end && !kStops[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

}  // namespace

class JsonParser {
 public:
  JsonParser(const ParseOptions& options, JsonArena* arena) : options_(options), arena_(arena) {}

  void begin(std::string_view text) noexcept {
    begin_ = at_ = text.data();
    end_ = text.data() + text.size();
    depth_left_ = std::min(options_.max_depth, limits::kJsonDepthCeiling);
    nodes_left_ = options_.max_nodes;
    escapes_ = false;
    watched_ = {};
    watch_depth_ = depth_left_ - std::min<std::size_t>(depth_left_, 1);
  }
  void watch(std::string_view name) noexcept { watch_ = name; }
  [[nodiscard]] std::string_view watched() const noexcept { return watched_; }

  Front front(Json& out, std::size_t& used) {
    const bool whole = value(out);
    used = static_cast<std::size_t>(at_ - begin_);
    if (whole) return at_ == end_ && out.is_number() ? Front::incomplete : Front::value;
    items_.clear();  // what they hold may lie in the arena, which may be cleared next
    members_.clear();
    // Nothing looks further ahead than this: what was refused further from the end would be refused with more, too.
    return end_ - at_ < kLookahead ? Front::incomplete : Front::refused;
  }
  [[nodiscard]] bool escapes() const noexcept { return escapes_; }
  [[nodiscard]] Error failure() const {
    return {code_, reason_, fmt::format("{} at byte {}", reason_.view(), at_ - begin_)};
  }

  Result<Json> run() {
    Json out;
    skip_space();
    if (!value(out)) return error();
    skip_space();
    if (at_ != end_) {
      refuse("JSON is followed by something else");
      return error();
    }
    return out;
  }

 private:
  static constexpr std::size_t kNameInside = 15;    // a string of this size needs no memory of its own
  static constexpr std::ptrdiff_t kLookahead = 16;  // a surrogate pair in escapes has 12 bytes

  std::unexpected<Error> error() const { return std::unexpected(failure()); }

  bool refuse(ClientText reason, ErrorCode code = ErrorCode::malformed) noexcept {
    reason_ = reason;
    code_ = code;
    return false;
  }

  void skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool value(Json& out) {
    if (nodes_left_ == 0) return refuse("JSON has too many values", ErrorCode::too_large);
    --nodes_left_;
    if (at_ == end_) return refuse("JSON ends too early");
    switch (*at_) {
      case '"': {
        std::string_view text;
        if (!string(text)) return false;
        if (arena_ != nullptr && !in_scratch_) {
          out.set_view(Json::kStringView, text.data(), text.size());
        } else {
          out.init_text(Json::kString, text);
        }
        return true;
      }
      case '{': return object(out);
      case '[': return array(out);
      case 't': return literal("true", Json::kTrue, out);
      case 'f': return literal("false", Json::kFalse, out);
      case 'n': return literal("null", Json::kNull, out);
      default: return number(out);
    }
  }

  bool literal(std::string_view word, Json::Tag tag, Json& out) noexcept {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
      return refuse("JSON has an unknown literal");
    }
    at_ += word.size();
    out.set_tag(tag, 0);
    return true;
  }

  bool digits() noexcept {
    const char* const start = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != start;
  }

  bool number(Json& out) {
    const char* const start = at_;
    take('-');
    if (!take('0') && !digits()) return refuse("JSON has a malformed value");
    if (take('.') && !digits()) return refuse("JSON has a malformed number");
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (!take('+')) take('-');
      if (!digits()) return refuse("JSON has a malformed number");
    }
    // A digit here follows a leading zero; letters are caught as trailing data by whoever called.
    if (at_ != end_ && is_digit(*at_)) return refuse("JSON has a malformed number");
    const auto size = static_cast<std::size_t>(at_ - start);
    if (Json::kOneStore && size <= Json::kSmall && end_ - start >= 16) {
      std::uint64_t low = 0;
      std::uint64_t high = 0;
      std::memcpy(&low, start, 8);  // more than there is, but of a size that is known
      std::memcpy(&high, start + 8, 8);
      out.set_raw(low, (high & 0xFFFFFFFFFFFFULL) | size << 48U | std::uint64_t{Json::kNumber} << 56U);
    } else {
      out.init_text(Json::kNumber, {start, size});
    }
    return true;
  }

  bool array(Json& out) {
    if (depth_left_ == 0) return refuse("JSON is nested too deep", ErrorCode::too_large);
    --depth_left_;
    ++at_;
    const std::size_t base = items_.size();
    skip_space();
    if (!take(']')) {
      for (;;) {
        // Not into the vector at once: it may grow while the value is being read.
        Json item;
        if (!value(item)) return false;
        items_.push_back(std::move(item));
        skip_space();
        if (take(',')) {
          skip_space();
          continue;
        }
        if (take(']')) break;
        return refuse("JSON array lacks a comma or its end");
      }
    }
    out = Json::array();
    if (items_.size() != base) {
      close(items_, base, Json::kArrayIn, out);
    }
    ++depth_left_;
    return true;
  }

  bool object(Json& out) {
    if (depth_left_ == 0) return refuse("JSON is nested too deep", ErrorCode::too_large);
    --depth_left_;
    ++at_;
    const std::size_t base = members_.size();
    NamesSeen names;
    skip_space();
    if (!take('}')) {
      for (;;) {
        if (!member(names, base)) return false;
        skip_space();
        if (take(',')) {
          skip_space();
          continue;
        }
        if (take('}')) break;
        return refuse("JSON object lacks a comma or its end");
      }
    }
    out = Json::object();
    if (members_.size() != base) {
      if (names.suspect && has_duplicate(std::span(members_).subspan(base))) {
        return refuse("JSON object has a duplicate member");
      }
      close(members_, base, Json::kObjectIn, out);
    }
    ++depth_left_;
    return true;
  }

  // Members of one object whose names fall on different bits are different: most names need no comparison at all.
  struct NamesSeen {
    std::array<std::uint64_t, 4> bits{};
    bool suspect = false;
    /// True when the name may have been there before.
    bool note(std::string_view name) noexcept {
      auto mix = static_cast<std::uint32_t>(name.size()) * 0x9E3779B1U;
      if (!name.empty()) {
        mix ^= static_cast<unsigned char>(name.front()) * 0x85EBCA6BU;
        mix ^= static_cast<unsigned char>(name.back()) * 0xC2B2AE35U;
        mix ^= static_cast<unsigned char>(name[name.size() / 2]) * 0x27D4EB2FU;
      }
      auto& word = bits[mix >> 30U];
      const auto bit = std::uint64_t{1} << (mix >> 24U & 63U);
      return (std::exchange(word, word | bit) & bit) != 0;
    }
  };

  // Few members: compared at once. Many: sorted when the object closes.
  bool note(NamesSeen& names, std::string_view key, std::size_t base) noexcept {
    if (!names.note(key)) return true;
    if (members_.size() - base > kPairwiseMembers) {
      names.suspect = true;
      return true;
    }
    for (std::size_t i = base; i < members_.size(); ++i) {
      if (members_[i].key.size() == key.size() && members_[i].key == key) return false;
    }
    return true;
  }

  // A copy of fixed size costs less than one of the right size, and fits into a string without allocation.
  void set_name(std::string& out, std::string_view name) const {
    if (name.size() > kNameInside || in_scratch_ || static_cast<std::size_t>(end_ - name.data()) < kNameInside) {
      out.assign(name);
      return;
    }
    out.resize_and_overwrite(kNameInside, [name](char* to, std::size_t) {
      std::memcpy(to, name.data(), kNameInside);
      return name.size();
    });
  }

  bool member(NamesSeen& names, std::size_t base) {
    std::string_view key;
    if (at_ == end_ || *at_ != '"') return refuse("JSON member lacks a name");
    if (!string(key)) return false;
    if (!note(names, key, base)) return refuse("JSON object has a duplicate member");
    const auto index = members_.size();  // members of inner objects come and go behind it
    set_name(members_.emplace_back().key, key);
    skip_space();
    if (!take(':')) return refuse("JSON member lacks a colon");
    skip_space();
    const char* const start = at_;
    Json out;
    if (!value(out)) return false;
    if (depth_left_ == watch_depth_ && !watch_.empty() && members_[index].key == watch_) {
      watched_ = {start, static_cast<std::size_t>(at_ - start)};
    }
    members_[index].value.raw_ = out.raw_;  // it was null
    out.set_tag(Json::kNull, 0);
    return true;
  }

  static bool owns_memory(const Json& value) noexcept {
    const auto tag = value.tag();
    return tag == Json::kNumberHeap || tag == Json::kStringHeap || (tag >= Json::kArray && value.raw_.bytes[14] != 0);
  }
  static bool owns_memory(const Json::Member& member) noexcept {
    return member.key.capacity() > kNameInside || owns_memory(member.value);
  }

  static void relocate(Json* to, Json& from) { std::construct_at(to, std::move(from)); }
  // The string's own move copies as many bytes as the name has, by a call; this many cost less (set_name()).
  static void relocate(Json::Member* to, Json::Member& from) {
    if (from.key.capacity() > kNameInside) {
      std::construct_at(to, std::move(from));
      return;
    }
    auto* const made = std::construct_at(to);
    made->key.resize_and_overwrite(kNameInside, [&from](char* bytes, std::size_t) {
      std::memcpy(bytes, from.key.data(), kNameInside);
      return from.key.size();
    });
    made->value = std::move(from.value);
  }

  // The elements above `base` become the content of `out`.
  template <class Element>
  void close(std::vector<Element>& stack, std::size_t base, Json::Tag in_arena, Json& out) {
    const auto first = stack.begin() + static_cast<std::ptrdiff_t>(base);
    if (arena_ == nullptr) {
      out.set_pointer(new std::vector<Element>(std::move_iterator(first), std::move_iterator(stack.end())));
    } else {
      const auto count = stack.size() - base;
      auto* const place = static_cast<Element*>(arena_->take(count * sizeof(Element)));
      bool owns = false;
      for (std::size_t i = 0; i < count; ++i) {
        owns = owns || owns_memory(stack[base + i]);
        relocate(place + i, stack[base + i]);
      }
      out.set_view(in_arena, place, count, owns);
    }
    stack.erase(first, stack.end());
  }

  // Names are compared after escapes are gone, so "\u0061lg" is a second "alg" (J-13).
  static bool has_duplicate(std::span<const Json::Member> members) {
    // Sorting has no bad case that names chosen by an attacker could reach, as a hash table would (W-16).
    std::vector<std::string_view> names;
    names.reserve(members.size());
    for (const auto& m : members) names.emplace_back(m.key);
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) != names.end();
  }

  // Reads a string; out views into the input, or into scratch_ when there were escapes (until the next call).
  bool string(std::string_view& out) {
    const char* run = ++at_;
    bool in_scratch = false;
    in_scratch_ = false;
    for (;;) {
      at_ = skip_plain(at_, end_);
      if (at_ == end_) return refuse("JSON string has no end");
      if (*at_ == '"') break;
      if (*at_ == '\\') {
        if (!in_scratch) scratch_.clear();
        in_scratch = true;
        scratch_.append(run, at_);
        if (!escape()) return false;
        run = at_;
        continue;
      }
      const auto length = static_cast<unsigned char>(*at_) < 0x80
                              ? 0
                              : utf8_sequence_length({at_, static_cast<std::size_t>(end_ - at_)});
      if (length == 0) return refuse("JSON string has a control character or invalid UTF-8");
      at_ += length;
    }
    if (in_scratch) {
      in_scratch_ = true;
      scratch_.append(run, at_);
      out = scratch_;
    } else {
      out = {run, static_cast<std::size_t>(at_ - run)};
    }
    ++at_;
    return true;
  }

  bool escape() {
    escapes_ = true;
    ++at_;
    if (at_ == end_) return refuse("JSON string has no end");
    switch (*at_++) {
      case '"': scratch_.push_back('"'); return true;
      case '\\': scratch_.push_back('\\'); return true;
      case '/': scratch_.push_back('/'); return true;
      case 'b': scratch_.push_back('\b'); return true;
      case 'f': scratch_.push_back('\f'); return true;
      case 'n': scratch_.push_back('\n'); return true;
      case 'r': scratch_.push_back('\r'); return true;
      case 't': scratch_.push_back('\t'); return true;
      case 'u': return unicode_escape();
      default: return refuse("JSON string has an unknown escape");
    }
  }

  bool hex4(std::uint32_t& out) noexcept {
    if (end_ - at_ < 4) return refuse("JSON string has a broken escape");
    out = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = *at_++;
      out <<= 4U;
      if (is_digit(c)) {
        out |= static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        out |= static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        out |= static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        return refuse("JSON string has a broken escape");
      }
    }
    return true;
  }

  bool unicode_escape() {
    std::uint32_t code = 0;
    if (!hex4(code)) return false;
    if (code == 0 && !options_.allow_nul) return refuse("JSON string has a NUL");
    if (code >= 0xdc00 && code <= 0xdfff) return refuse("JSON string has a lone surrogate");
    if (code >= 0xd800 && code <= 0xdbff) {
      std::uint32_t low = 0;
      if (!take('\\') || !take('u')) return refuse("JSON string has a lone surrogate");
      if (!hex4(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return refuse("JSON string has a lone surrogate");
      code = 0x10000 + ((code - 0xd800) << 10U) + (low - 0xdc00);
    }
    append_utf8(scratch_, code);
    return true;
  }

  ParseOptions options_;
  JsonArena* arena_;
  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::size_t depth_left_ = 0;
  std::size_t nodes_left_ = 0;
  bool escapes_ = false;
  bool in_scratch_ = false;      // the string read last had escapes
  std::size_t watch_depth_ = 0;  // depth_left_ inside the outermost object
  std::string_view watch_;
  std::string_view watched_;
  ClientText reason_;
  ErrorCode code_ = ErrorCode::malformed;
  std::string scratch_;
  // Children of the open arrays and objects, the innermost last; moved out in one piece when it closes.
  Json::Items items_;
  Json::Members members_;
};

Result<Json> Json::parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_bytes) return fail(ErrorCode::too_large, "JSON is too large");
  JsonParser parser(options, nullptr);
  parser.begin(text);
  return parser.run();
}

Result<Json> Json::parse_object(std::string_view text, const ParseOptions& options) {
  auto out = parse(text, options);
  if (out && !out->is_object()) return fail(ErrorCode::malformed, "JSON is not an object");
  return out;
}

// ---- values in an arena

void* JsonArena::take_block(std::size_t bytes) {
  constexpr std::size_t kFirstBlock = 16 * 1024;
  const auto size = std::max(bytes, blocks_.empty() ? kFirstBlock : blocks_.back().size * 2);
  blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
  bytes_ += size;
  next_ = blocks_.back().memory.get() + bytes;
  left_ = size - bytes;
  return blocks_.back().memory.get();
}

void JsonArena::clear() noexcept {
  constexpr std::size_t kKeep = 1024 * 1024;
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
  if (!blocks_.empty() && blocks_.front().size > kKeep) blocks_.clear();
  bytes_ = left_ = blocks_.empty() ? 0 : blocks_.front().size;
  next_ = blocks_.empty() ? nullptr : blocks_.front().memory.get();
}

struct JsonReader::Impl {
  explicit Impl(const ParseOptions& options) : parser(options, &arena) {}
  JsonArena arena;
  JsonParser parser;
};

JsonReader::JsonReader(const ParseOptions& options) : impl_(std::make_unique<Impl>(options)) {}
JsonReader::~JsonReader() = default;
Front JsonReader::read(std::string_view text, Json& out, std::size_t& used) {
  impl_->parser.begin(text);
  return impl_->parser.front(out, used);
}
Error JsonReader::error() const { return impl_->parser.failure(); }
bool JsonReader::escapes() const noexcept { return impl_->parser.escapes(); }
void JsonReader::watch(std::string_view name) noexcept { impl_->parser.watch(name); }
std::string_view JsonReader::watched() const noexcept { return impl_->parser.watched(); }
void JsonReader::clear() noexcept { impl_->arena.clear(); }
std::size_t JsonReader::bytes() const noexcept { return impl_->arena.bytes(); }

}  // namespace mitral::codec
