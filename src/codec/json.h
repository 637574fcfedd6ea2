// Json: strict RFC 8259 values, parser and serializer.
//
// Stricter than the RFC asks, because a second reader of the same bytes must never see another meaning (threats J-13,
// J-14, J-24): a duplicate member is an error at every level, also when spelled with \u escapes; strict UTF-8, no BOM,
// no lone surrogate, no U+0000 unless asked for, nothing after the value; depth, bytes and nodes have limits. A number
// keeps the bytes of its lexeme, so that a FHIR decimal 1.50 stays 1.50. docs/adr/0003-json.md says why it is written
// by hand.
//
// A Json is a value (16 bytes; strings of up to 14 bytes live inside). Reading a member that is missing or of another
// type never throws: operator[] gives the null value, as_*() give nullopt.
//
//   MITRAL_TRY(const auto json, Json::parse_object(body, kJoseJson));
//   const auto issuer = json["iss"].as_string();                        // optional<string_view>, views into json
//   auto answer = Json::object({{"access_token", token}, {"expires_in", 300}});
//   answer.set("scope", scope);
//   response.body = answer.dump();
//
// Errors: malformed or too_large; the detail holds an offset and a reason, never a byte of the input.
// Thread rules: values; concurrent reads are fine.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace mitral::codec {

struct ParseOptions {
  std::size_t max_depth = limits::kJsonDepthMax;  ///< of arrays and objects; never more than limits::kJsonDepthCeiling
  std::size_t max_bytes = limits::kFhirBodyMax;
  std::size_t max_nodes = limits::kJsonNodesMax;  ///< values in all, so that "[0,0,0,..." can't fill the memory
  bool allow_nul = false;                         ///< U+0000 in strings and member names
};

/// For JOSE headers, claims and requests (threat J-14).
inline constexpr ParseOptions kJoseJson{.max_depth = limits::kJoseJsonDepthMax, .max_bytes = limits::kRequestObjectMax};

class Json {
 public:
  enum class Type : std::uint8_t { null, boolean, number, string, array, object };
  struct Member;
  struct Init;

  constexpr Json() noexcept : raw_{} {}
  constexpr Json(std::nullptr_t) noexcept : raw_{} {}  // NOLINT(google-explicit-constructor)
  template <std::same_as<bool> B>
  Json(B value) noexcept {  // NOLINT(google-explicit-constructor)
    set_tag(value ? kTrue : kFalse, 0);
  }
  template <std::integral I>
    requires(!std::same_as<I, bool> && !std::same_as<I, char>)
  Json(I value) {  // NOLINT(google-explicit-constructor)
    if constexpr (std::unsigned_integral<I>) {
      init_unsigned(value);
    } else {
      init_signed(value);
    }
  }
  Json(double value);  // NOLINT(google-explicit-constructor): shortest lexeme that reads back; not finite becomes null
  Json(std::string_view text) { init_text(kString, text); }    // NOLINT(google-explicit-constructor)
  Json(const std::string& text) { init_text(kString, text); }  // NOLINT(google-explicit-constructor)
  Json(const char* text) { init_text(kString, text); }         // NOLINT(google-explicit-constructor)
  template <class T>
  Json(const T*) = delete;  // a pointer must not turn into true

  Json(const Json& other) { copy_from(other); }
  Json(Json&& other) noexcept {
    raw_ = other.raw_;
    other.set_tag(kNull, 0);
  }
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept {
    if (this != &other) {
      // Taken out first: other may be a part of what is freed now.
      const Raw taken = other.raw_;
      other.set_tag(kNull, 0);
      destroy();
      raw_ = taken;
    }
    return *this;
  }
  ~Json() { destroy(); }

  [[nodiscard]] static Json object() noexcept;
  /// Members in the order given; of two with one name the later wins, so no duplicate can come out.
  [[nodiscard]] static Json object(std::initializer_list<Init> members);
  [[nodiscard]] static Json array() noexcept;
  [[nodiscard]] static Json array(std::initializer_list<Json> items);
  /// An array of everything in a range whose elements convert to Json.
  template <class Range>
  [[nodiscard]] static Json array_of(const Range& range) {
    Json out = array();
    for (const auto& item : range) out.push_back(Json(item));
    return out;
  }
  /// A number by its lexeme, kept byte for byte; nullopt when it isn't one of RFC 8259 §6.
  [[nodiscard]] static std::optional<Json> number(std::string_view lexeme);

  [[nodiscard]] static Result<Json> parse(std::string_view text, const ParseOptions& options = {});
  /// The same, and the value must be an object.
  [[nodiscard]] static Result<Json> parse_object(std::string_view text, const ParseOptions& options = {});

  [[nodiscard]] Type type() const noexcept;
  [[nodiscard]] bool is_null() const noexcept { return tag() == kNull; }
  [[nodiscard]] bool is_bool() const noexcept { return tag() == kTrue || tag() == kFalse; }
  [[nodiscard]] bool is_number() const noexcept { return tag() == kNumber || tag() == kNumberHeap; }
  [[nodiscard]] bool is_string() const noexcept { return tag() >= kString && tag() <= kStringView; }
  [[nodiscard]] bool is_array() const noexcept { return tag() == kArray || tag() == kArrayIn; }
  [[nodiscard]] bool is_object() const noexcept { return tag() == kObject || tag() == kObjectIn; }

  [[nodiscard]] std::optional<bool> as_bool() const noexcept;
  /// Only for a plain integer lexeme (no fraction, no exponent) in range.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept;
  /// Nearest double; nullopt when out of range or not a number.
  [[nodiscard]] std::optional<double> as_double() const noexcept;
  [[nodiscard]] std::optional<std::string_view> as_string() const noexcept;
  /// The bytes of the number, or empty for anything else.
  [[nodiscard]] std::string_view lexeme() const noexcept;
  /// This value when it is a string, else the fallback: json["scope"].string_or("").
  [[nodiscard]] std::string_view string_or(std::string_view fallback = {}) const noexcept;
  [[nodiscard]] std::int64_t int_or(std::int64_t fallback) const noexcept { return as_int64().value_or(fallback); }
  [[nodiscard]] bool bool_or(bool fallback) const noexcept { return as_bool().value_or(fallback); }

  /// Number of items or members; 0 for everything else.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// Items of an array; empty for everything else.
  [[nodiscard]] std::span<const Json> items() const noexcept;
  [[nodiscard]] std::span<Json> items() noexcept;
  /// Members of an object in their order; empty for everything else:  for (const auto& [key, value] : json.members()).
  [[nodiscard]] std::span<const Member> members() const noexcept;
  /// The same for changing values. Keys must stay as they are.
  [[nodiscard]] std::span<Member> members_mut() noexcept;

  /// The member, or null pointer. Linear.
  [[nodiscard]] const Json* find(std::string_view key) const noexcept;
  [[nodiscard]] Json* find(std::string_view key) noexcept;
  [[nodiscard]] bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }
  /// The member or item, or a null value that lives forever.
  [[nodiscard]] const Json& operator[](std::string_view key) const noexcept;
  [[nodiscard]] const Json& operator[](const char* key) const noexcept { return (*this)[std::string_view(key)]; }
  [[nodiscard]] const Json& operator[](const std::string& key) const noexcept { return (*this)[std::string_view(key)]; }
  template <std::integral I>
  [[nodiscard]] const Json& operator[](I index) const noexcept {
    return item_or_null(static_cast<std::size_t>(index));
  }

  /// Adds or replaces a member. Anything but an object becomes one first (a null value grows into an object).
  Json& set(std::string_view key, Json value);
  /// set() when the optional has a value.
  template <class T>
  Json& set_if(std::string_view key, const std::optional<T>& value) {
    if (value) set(key, Json(*value));
    return *this;
  }
  /// Appends an item. Anything but an array becomes one first.
  Json& push_back(Json value);
  /// Removes the member; true when it was there.
  bool erase(std::string_view key);
  /// Removes the items of an array that the predicate picks; how many went.
  template <class Predicate>
  std::size_t remove_items_if(Predicate predicate);
  void reserve(std::size_t count);

  /// Compact text: always valid JSON in valid UTF-8 (a broken byte in a string becomes U+FFFD).
  [[nodiscard]] std::string dump() const;
  void dump_to(std::string& out) const;
  /// Indented by two spaces, for people.
  [[nodiscard]] std::string dump_pretty() const;

  /// Same type and content: numbers by lexeme, objects whatever the order of members.
  [[nodiscard]] friend bool operator==(const Json& a, const Json& b) noexcept { return equal(a, b); }

 private:
  friend class JsonParser;  // and JsonReader's
  // kStringView, kArrayIn and kObjectIn are made by JsonReader alone: their bytes lie in its text or its arena. A copy
  // owns its bytes again, like every other value.
  enum Tag : std::uint8_t {
    kNull = 0,
    kFalse,
    kTrue,
    kNumber,
    kNumberHeap,
    kString,
    kStringHeap,
    kStringView,
    kArray,
    kObject,
    kArrayIn,
    kObjectIn
  };
  using Items = std::vector<Json>;
  using Members = std::vector<Member>;
  // Bytes 0-13 short text, or 0-7 pointer and 8-11 length of long text (or of elements in an arena), or 0-7 pointer to
  // Items or Members (null: empty); byte 14 length of short text; byte 15 tag.
  struct Raw {
    alignas(8) unsigned char bytes[16];
  };
  static constexpr std::size_t kSmall = 14;

  [[nodiscard]] Tag tag() const noexcept { return static_cast<Tag>(raw_.bytes[15]); }
  void set_tag(Tag tag, std::size_t small) noexcept {
    raw_.bytes[14] = static_cast<unsigned char>(small);
    raw_.bytes[15] = tag;
  }
  template <class T>
  [[nodiscard]] T* pointer() const noexcept;
  void set_pointer(const void* pointer) noexcept;
  void init_text(Tag small_tag, std::string_view text);
  void init_signed(std::int64_t value);
  void init_unsigned(std::uint64_t value);
  [[nodiscard]] std::string_view text() const noexcept;
  void copy_from(const Json& other);
  void destroy() noexcept {
    if (tag() == kNumberHeap || tag() == kStringHeap || tag() >= kArray) destroy_heap();
  }
  void destroy_heap() noexcept;
  [[nodiscard]] std::uint32_t length() const noexcept {
    std::uint32_t out = 0;
    __builtin_memcpy(&out, raw_.bytes + 8, sizeof out);
    return out;
  }
  void set_view(Tag tag, const void* at, std::size_t length, bool small = false) noexcept {
    const auto count = static_cast<std::uint32_t>(length);
    if constexpr (kOneStore) {
      set_raw(reinterpret_cast<std::uintptr_t>(at), count | std::uint64_t{small} << 48U | std::uint64_t{tag} << 56U);
    } else {
      set_pointer(at);
      __builtin_memcpy(raw_.bytes + 8, &count, sizeof count);
      set_tag(tag, small ? 1 : 0);
    }
  }
  static constexpr bool kOneStore = std::endian::native == std::endian::little && sizeof(void*) == 8;
  /// All bytes by one store: a value is mostly moved right after it was made, and a wide load has to wait for the
  /// narrow stores before it.
  void set_raw(std::uint64_t low, std::uint64_t high) noexcept {
    using Pair = std::uint64_t __attribute__((vector_size(16)));
    const Pair both = {low, high};
    __builtin_memcpy(raw_.bytes, &both, sizeof both);
  }
  Items& make_items();
  Members& make_members();
  [[nodiscard]] const Json& item_or_null(std::size_t index) const noexcept;
  void dump_value(std::string& out, int indent) const;
  [[nodiscard]] static bool equal(const Json& a, const Json& b) noexcept;

  Raw raw_;
};
static_assert(sizeof(Json) == 16);

struct Json::Member {
  std::string key;
  Json value;
};

/// One entry of Json::object({...}). The value is mutable so that it can be moved out of the initializer_list.
struct Json::Init {
  std::string_view key;
  mutable Json value;
};

template <class Predicate>
std::size_t Json::remove_items_if(Predicate predicate) {
  if (!is_array() || items().empty()) return 0;
  return std::erase_if(make_items(), predicate);
}

template <class T>
T* Json::pointer() const noexcept {
  T* out = nullptr;
  __builtin_memcpy(&out, raw_.bytes, sizeof out);
  return out;
}

/// Text as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace mitral::codec
