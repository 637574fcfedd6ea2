#include "codec/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <memory>

namespace mitral::codec {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// RFC 8259 §6.
bool is_number_lexeme(std::string_view s) noexcept {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < s.size() && is_digit(s[i])) ++i;
    return i - start;
  };
  if (i < s.size() && s[i] == '-') ++i;
  const std::size_t first = i;
  const auto whole = digits();
  if (whole == 0 || (whole > 1 && s[first] == '0')) return false;
  if (i < s.size() && s[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == s.size();
}

constinit const Json kNullValue;

}  // namespace

void Json::set_pointer(const void* pointer) noexcept { std::memcpy(raw_.bytes, &pointer, sizeof pointer); }

// The tags of long texts follow those of the short ones.
void Json::init_text(Tag small_tag, std::string_view text) {
  if (text.size() <= kSmall) {
    if (!text.empty()) std::memcpy(raw_.bytes, text.data(), text.size());
    set_tag(small_tag, text.size());
    return;
  }
  auto* copy = new char[text.size()];
  std::memcpy(copy, text.data(), text.size());
  set_pointer(copy);
  // 4 GiB is far above every limit on text; one that got here all the same is cut, not misread.
  const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), UINT32_MAX));
  std::memcpy(raw_.bytes + 8, &length, sizeof length);
  set_tag(static_cast<Tag>(small_tag + 1), 0);
}

void Json::init_signed(std::int64_t value) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  init_text(kNumber, {buffer.data(), static_cast<std::size_t>(end - buffer.data())});
}

void Json::init_unsigned(std::uint64_t value) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  init_text(kNumber, {buffer.data(), static_cast<std::size_t>(end - buffer.data())});
}

Json::Json(double value) : Json() {
  if (!std::isfinite(value)) return;
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  init_text(kNumber, {buffer.data(), static_cast<std::size_t>(end - buffer.data())});
}

std::string_view Json::text() const noexcept {
  if (tag() == kNumber || tag() == kString) {
    return {reinterpret_cast<const char*>(raw_.bytes), raw_.bytes[14]};  // NOLINT
  }
  return {pointer<const char>(), length()};
}

void Json::copy_from(const Json& other) {
  set_tag(kNull, 0);  // stands if an allocation fails
  switch (other.tag()) {
    case kNumberHeap: init_text(kNumber, other.text()); break;
    case kStringHeap:
    case kStringView: init_text(kString, other.text()); break;
    case kArrayIn: {
      const auto from = other.items();
      if (!from.empty()) set_pointer(new Items(from.begin(), from.end()));
      if (from.empty()) set_pointer(nullptr);
      set_tag(kArray, 0);
      break;
    }
    case kObjectIn: {
      const auto from = other.members();
      if (!from.empty()) set_pointer(new Members(from.begin(), from.end()));
      if (from.empty()) set_pointer(nullptr);
      set_tag(kObject, 0);
      break;
    }
    case kArray: {
      const auto* items = other.pointer<const Items>();
      auto* copy = items == nullptr ? nullptr : new Items(*items);
      set_pointer(copy);
      set_tag(kArray, 0);
      break;
    }
    case kObject: {
      const auto* members = other.pointer<const Members>();
      auto* copy = members == nullptr ? nullptr : new Members(*members);
      set_pointer(copy);
      set_tag(kObject, 0);
      break;
    }
    default: raw_ = other.raw_;
  }
}

Json& Json::operator=(const Json& other) {
  if (this != &other) *this = Json(other);
  return *this;
}

void Json::destroy_heap() noexcept {
  switch (tag()) {
    case kNumberHeap:
    case kStringHeap: delete[] pointer<char>(); break;
    case kArray: delete pointer<Items>(); break;
    case kObject: delete pointer<Members>(); break;
    // The memory is the arena's; what the elements own (long names, replaced values) is theirs. Byte 14 is 0 as long as
    // they own nothing; whoever may change them sets it.
    case kArrayIn:
      if (raw_.bytes[14] != 0) std::destroy_n(pointer<Json>(), length());
      break;
    case kObjectIn:
      if (raw_.bytes[14] != 0) std::destroy_n(pointer<Member>(), length());
      break;
    default: break;
  }
}

Json Json::object() noexcept {
  Json out;
  out.set_pointer(nullptr);
  out.set_tag(kObject, 0);
  return out;
}

Json Json::array() noexcept {
  Json out;
  out.set_pointer(nullptr);
  out.set_tag(kArray, 0);
  return out;
}

Json Json::object(std::initializer_list<Init> members) {
  Json out = object();
  out.reserve(members.size());
  for (const auto& member : members) out.set(member.key, std::move(member.value));
  return out;
}

Json Json::array(std::initializer_list<Json> items) {
  Json out = array();
  out.make_items().assign(items);
  return out;
}

std::optional<Json> Json::number(std::string_view lexeme) {
  if (!is_number_lexeme(lexeme)) return std::nullopt;
  Json out;
  out.init_text(kNumber, lexeme);
  return out;
}

Json::Type Json::type() const noexcept {
  switch (tag()) {
    case kNull: return Type::null;
    case kFalse:
    case kTrue: return Type::boolean;
    case kNumber:
    case kNumberHeap: return Type::number;
    case kString:
    case kStringHeap:
    case kStringView: return Type::string;
    case kArray:
    case kArrayIn: return Type::array;
    case kObject:
    case kObjectIn: break;
  }
  return Type::object;
}

std::optional<bool> Json::as_bool() const noexcept {
  if (!is_bool()) return std::nullopt;
  return tag() == kTrue;
}

std::optional<std::int64_t> Json::as_int64() const noexcept {
  const auto digits = lexeme();
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

std::optional<double> Json::as_double() const noexcept {
  const auto digits = lexeme();
  double out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

std::optional<std::string_view> Json::as_string() const noexcept {
  if (!is_string()) return std::nullopt;
  return text();
}

std::string_view Json::lexeme() const noexcept { return is_number() ? text() : std::string_view{}; }

std::string_view Json::string_or(std::string_view fallback) const noexcept { return is_string() ? text() : fallback; }

std::size_t Json::size() const noexcept { return is_array() ? items().size() : members().size(); }

std::span<const Json> Json::items() const noexcept {
  if (tag() == kArrayIn) return {pointer<const Json>(), length()};
  if (tag() != kArray || pointer<Items>() == nullptr) return {};
  return *pointer<const Items>();
}

std::span<Json> Json::items() noexcept {
  if (tag() == kArrayIn) {
    raw_.bytes[14] = 1;
    return {pointer<Json>(), length()};
  }
  if (tag() != kArray || pointer<Items>() == nullptr) return {};
  return *pointer<Items>();
}

std::span<const Json::Member> Json::members() const noexcept {
  if (tag() == kObjectIn) return {pointer<const Member>(), length()};
  if (tag() != kObject || pointer<Members>() == nullptr) return {};
  return *pointer<const Members>();
}

std::span<Json::Member> Json::members_mut() noexcept {
  if (tag() == kObjectIn) {
    raw_.bytes[14] = 1;
    return {pointer<Member>(), length()};
  }
  if (tag() != kObject || pointer<Members>() == nullptr) return {};
  return *pointer<Members>();
}

const Json* Json::find(std::string_view key) const noexcept {
  for (const auto& member : members()) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Json* Json::find(std::string_view key) noexcept {
  for (auto& member : members_mut()) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view key) const noexcept {
  const Json* found = find(key);
  return found == nullptr ? kNullValue : *found;
}

const Json& Json::item_or_null(std::size_t index) const noexcept {
  const auto all = items();
  return index < all.size() ? all[index] : kNullValue;
}

Json::Items& Json::make_items() {
  if (tag() == kArrayIn) {
    const auto all = items();
    auto* const own = new Items(std::move_iterator(all.begin()), std::move_iterator(all.end()));
    destroy();
    set_pointer(own);
    set_tag(kArray, 0);
  }
  if (tag() != kArray) *this = array();
  if (pointer<Items>() == nullptr) set_pointer(new Items);
  return *pointer<Items>();
}

Json::Members& Json::make_members() {
  if (tag() == kObjectIn) {
    const auto all = members_mut();
    auto* const own = new Members(std::move_iterator(all.begin()), std::move_iterator(all.end()));
    destroy();
    set_pointer(own);
    set_tag(kObject, 0);
  }
  if (tag() != kObject) *this = object();
  if (pointer<Members>() == nullptr) set_pointer(new Members);
  return *pointer<Members>();
}

Json& Json::set(std::string_view key, Json value) {
  if (Json* found = find(key); found != nullptr) {
    *found = std::move(value);
  } else {
    make_members().push_back({std::string(key), std::move(value)});
  }
  return *this;
}

Json& Json::push_back(Json value) {
  make_items().push_back(std::move(value));
  return *this;
}

bool Json::erase(std::string_view key) {
  if (find(key) == nullptr) return false;
  std::erase_if(make_members(), [&](const Member& member) { return member.key == key; });
  return true;
}

void Json::reserve(std::size_t count) {
  if (count == 0) return;
  if (is_array()) make_items().reserve(count);
  if (is_object()) make_members().reserve(count);
}

bool Json::equal(const Json& a, const Json& b) noexcept {
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Type::null: return true;
    case Type::boolean: return a.tag() == b.tag();
    case Type::number:
    case Type::string: return a.text() == b.text();
    case Type::array: return std::ranges::equal(a.items(), b.items(), equal);
    case Type::object: break;
  }
  const auto left = a.members();
  const auto right = b.members();
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    // Most of the time the order is the same, too.
    const Json* other = right[i].key == left[i].key ? &right[i].value : b.find(left[i].key);
    if (other == nullptr || !equal(left[i].value, *other)) return false;
  }
  return true;
}

}  // namespace mitral::codec
