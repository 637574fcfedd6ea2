#include "codec/json_scanner.h"

#include <algorithm>

namespace mitral::codec {
namespace {

constexpr std::size_t kItemNodesMax = limits::kJsonNodesMax / 4;

std::size_t inside(std::size_t depth, std::size_t levels) noexcept { return depth - std::min(depth, levels); }

}  // namespace

JsonScanner::JsonScanner(Options options)
    : options_(std::move(options)),
      items_({.max_depth = inside(options_.max_depth, 2), .max_nodes = kItemNodesMax}),
      heads_({.max_depth = inside(options_.max_depth, 1), .max_nodes = kItemNodesMax}) {
  items_.watch(options_.watched);
}

JsonScanner::Step JsonScanner::refuse(std::string_view why, ErrorCode code) {
  at_ = At::refused;
  error_ = {code, {}, std::string(why)};
  return Step::refused;
}

// After a try that was incomplete, the next one waits for twice the bytes: a large item is not read from its beginning
// with each piece of it.
JsonScanner::Read JsonScanner::read(JsonReader& reader, std::size_t limit, Json& out) {
  const auto text = std::string_view(buffer_).substr(pos_);
  if (!ended_ && text.size() < wanted_) return Read::more;
  wanted_ = 0;
  std::size_t used = 0;
  const auto front = reader.read(text, out, used);
  if (used > limit || (front == Front::incomplete && text.size() > limit)) {
    refuse("JSON has a part that is too large", ErrorCode::too_large);
    return Read::refused;
  }
  if (front == Front::value) {
    pos_ += used;
    return Read::value;
  }
  if (front == Front::incomplete && !ended_) {
    wanted_ = 2 * text.size();
    return Read::more;
  }
  at_ = At::refused;
  error_ = reader.error();
  return Read::refused;
}

bool JsonScanner::take(char c) noexcept {
  if (buffer_[pos_] != c) return false;
  ++pos_;
  return true;
}

bool JsonScanner::take_name(std::string name) {
  if (names_.size() == limits::kStreamHeadMembersMax) return false;
  const auto place = std::ranges::lower_bound(names_, name);
  if (place != names_.end() && *place == name) return false;
  names_.insert(place, name);
  name_ = std::move(name);
  return true;
}

JsonScanner::Step JsonScanner::step(Item& item) {
  constexpr std::string_view kSpace = " \n\r\t";
  while (at_ != At::refused) {
    pos_ = std::min(buffer_.find_first_not_of(kSpace, pos_), buffer_.size());
    if (pos_ == buffer_.size()) {
      if (!ended_) return Step::more;
      return at_ == At::tail ? Step::done : refuse("JSON ends too early");
    }
    switch (at_) {
      case At::begin:
        if (!take('{')) return refuse("JSON is not an object");
        at_ = At::first_name;
        break;
      case At::first_name:
        at_ = At::name;
        if (take('}')) at_ = At::tail;
        break;
      case At::name: {
        if (buffer_[pos_] != '"') return refuse("JSON member lacks a name");
        Json name;
        const auto start = pos_;
        if (const auto got = read(heads_, options_.head_max, name); got != Read::value) {
          return got == Read::more ? Step::more : Step::refused;
        }
        head_bytes_ += pos_ - start;
        if (head_bytes_ > options_.head_max) return refuse("JSON has too large a head", ErrorCode::too_large);
        if (!take_name(std::string(name.string_or()))) return refuse("JSON object has a duplicate member, or too many");
        at_ = At::colon;
        break;
      }
      case At::colon:
        if (!take(':')) return refuse("JSON member lacks a colon");
        at_ = At::value;
        break;
      case At::value: {
        if (name_ == options_.array) {
          if (!take('[')) return refuse("JSON has something else than an array");
          at_ = At::first_item;
          break;
        }
        Json value;
        const auto start = pos_;
        if (const auto got = read(heads_, options_.head_max, value); got != Read::value) {
          return got == Read::more ? Step::more : Step::refused;
        }
        head_bytes_ += pos_ - start;
        if (head_bytes_ > options_.head_max) return refuse("JSON has too large a head", ErrorCode::too_large);
        head_.set(name_, Json(std::as_const(value)));  // a copy, to own its bytes
        at_ = At::after_member;
        break;
      }
      case At::first_item:
        at_ = At::item;
        if (take(']')) at_ = At::after_member;
        break;
      case At::item: {
        if (buffer_[pos_] != '{') return refuse("JSON array holds something else than an object");
        item = {};
        const auto start = pos_;
        if (const auto got = read(items_, options_.item_max, item.value); got != Read::value) {
          return got == Read::more ? Step::more : Step::refused;
        }
        item.bytes = std::string_view(buffer_).substr(start, pos_ - start);
        item.watched = items_.watched();
        item.escapes = items_.escapes();
        at_ = At::after_item;
        return Step::item;
      }
      case At::after_item:
        if (take(',')) {
          at_ = At::item;
        } else if (take(']')) {
          at_ = At::after_member;
        } else {
          return refuse("JSON array lacks a comma or its end");
        }
        break;
      case At::after_member:
        if (take(',')) {
          at_ = At::name;
        } else if (take('}')) {
          at_ = At::tail;
        } else {
          return refuse("JSON object lacks a comma or its end");
        }
        break;
      case At::tail: return refuse("JSON is followed by something else");
      case At::refused: break;
    }
  }
  return Step::refused;
}

void JsonScanner::release() {
  buffer_.erase(0, pos_);
  pos_ = 0;
  items_.clear();
  heads_.clear();
}

}  // namespace mitral::codec
