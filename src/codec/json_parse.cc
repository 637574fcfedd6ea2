// Parser of Json: recursive descent, bounded by ParseOptions. One pass over the bytes; no copy of the input.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "codec/json.h"
#include "codec/text.h"

namespace mitral::codec {
namespace {

constexpr std::size_t kPairwiseMembers = 12;  // up to here comparing all pairs is faster than sorting

// Bytes that end the fast run inside a string: quote, backslash, controls, non-ASCII.
consteval std::array<bool, 256> make_stops() {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) table[i] = i < 0x20 || i == '"' || i == '\\' || i >= 0x80;
  return table;
}
constexpr auto kStops = make_stops();

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

const char* skip_plain(const char* at, const char* end) noexcept {
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
    if ((hit & kHigh) != 0) break;
    at += 8;
  }
  while (at != end && !kStops[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

}  // namespace

class JsonParser {
 public:
  JsonParser(std::string_view text, const ParseOptions& options)
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        depth_left_(std::min(options.max_depth, limits::kJsonDepthCeiling)),
        nodes_left_(options.max_nodes),
        allow_nul_(options.allow_nul) {}

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
  std::unexpected<Error> error() const {
    return fail(code_, reason_, fmt::format("{} at byte {}", reason_.view(), at_ - begin_));
  }

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
        out.init_text(Json::kString, text);
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
    out.init_text(Json::kNumber, {start, static_cast<std::size_t>(at_ - start)});
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
      const auto first = items_.begin() + static_cast<std::ptrdiff_t>(base);
      out.set_pointer(new Json::Items(std::move_iterator(first), std::move_iterator(items_.end())));
      items_.erase(first, items_.end());
    }
    ++depth_left_;
    return true;
  }

  bool object(Json& out) {
    if (depth_left_ == 0) return refuse("JSON is nested too deep", ErrorCode::too_large);
    --depth_left_;
    ++at_;
    const std::size_t base = members_.size();
    skip_space();
    if (!take('}')) {
      for (;;) {
        if (!member()) return false;
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
      if (has_duplicate(std::span(members_).subspan(base))) return refuse("JSON object has a duplicate member");
      const auto first = members_.begin() + static_cast<std::ptrdiff_t>(base);
      out.set_pointer(new Json::Members(std::move_iterator(first), std::move_iterator(members_.end())));
      members_.erase(first, members_.end());
    }
    ++depth_left_;
    return true;
  }

  bool member() {
    std::string_view key;
    if (at_ == end_ || *at_ != '"') return refuse("JSON member lacks a name");
    if (!string(key)) return false;
    Json::Member out{std::string(key), {}};
    skip_space();
    if (!take(':')) return refuse("JSON member lacks a colon");
    skip_space();
    if (!value(out.value)) return false;
    members_.push_back(std::move(out));
    return true;
  }

  // Names are compared after escapes are gone, so "\u0061lg" is a second "alg" (J-13).
  bool has_duplicate(std::span<const Json::Member> members) {
    if (members.size() <= kPairwiseMembers) {
      for (std::size_t i = 1; i < members.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) {
          if (members[i].key == members[k].key) return true;
        }
      }
      return false;
    }
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
      scratch_.append(run, at_);
      out = scratch_;
    } else {
      out = {run, static_cast<std::size_t>(at_ - run)};
    }
    ++at_;
    return true;
  }

  bool escape() {
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
    if (code == 0 && !allow_nul_) return refuse("JSON string has a NUL");
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

  const char* begin_;
  const char* at_;
  const char* end_;
  std::size_t depth_left_;
  std::size_t nodes_left_;
  bool allow_nul_;
  ClientText reason_;
  ErrorCode code_ = ErrorCode::malformed;
  std::string scratch_;
  // Children of the open arrays and objects, the innermost last; moved out in one piece when it closes.
  Json::Items items_;
  Json::Members members_;
};

Result<Json> Json::parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_bytes) return fail(ErrorCode::too_large, "JSON is too large");
  return JsonParser(text, options).run();
}

Result<Json> Json::parse_object(std::string_view text, const ParseOptions& options) {
  auto out = parse(text, options);
  if (out && !out->is_object()) return fail(ErrorCode::malformed, "JSON is not an object");
  return out;
}

}  // namespace mitral::codec
