// JsonScanner: accepts what Json::parse_object() accepts, gives out the same values, and does so however the bytes are
// split. The first byte of the input says how.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "codec/json_scanner.h"

using mitral::codec::Json;
using mitral::codec::JsonScanner;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

struct Scanned {
  bool ok = false;
  Json value;  // put together again
};

Scanned scan(std::string_view text, std::size_t piece) {
  JsonScanner scanner({.array = "entry", .watched = "resource"});
  Json entries = Json::array();
  bool over = false;
  while (true) {
    JsonScanner::Item item;
    auto step = scanner.step(item);
    for (; step == JsonScanner::Step::item; step = scanner.step(item)) {
      const auto again = Json::parse(item.bytes);
      require(again && *again == item.value);
      const auto* const watched = item.value.find("resource");
      require(watched == nullptr ? item.watched.empty() : Json::parse(item.watched).value() == *watched);
      entries.push_back(std::as_const(item.value));
      item = {};
    }
    if (step == JsonScanner::Step::refused) return {};
    if (step == JsonScanner::Step::done) break;
    require(!over);
    scanner.release();
    if (text.empty()) {
      scanner.end();
      over = true;
      continue;
    }
    const auto size = std::min(text.size(), piece);
    scanner.feed(text.substr(0, size));
    text.remove_prefix(size);
  }
  Scanned out{true, scanner.head()};
  if (!entries.empty()) out.value.set("entry", std::move(entries));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 65'536) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto whole = Json::parse_object(text);
  bool wanted = whole && whole->size() <= mitral::limits::kStreamHeadMembersMax;
  if (wanted) {
    if (const auto* const entry = whole->find("entry")) {
      wanted =
          entry->is_array() && std::ranges::all_of(entry->items(), [](const Json& item) { return item.is_object(); });
      if (entry->empty()) whole->erase("entry");
    }
  }
  for (const auto piece : {std::size_t{1} + data[0], std::size_t{1}, size}) {
    const auto scanned = scan(text, piece);
    require(scanned.ok == wanted);
    if (wanted) require(scanned.value == *whole);
  }
  return 0;
}
