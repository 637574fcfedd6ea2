// Json: whatever parses is written back as valid UTF-8, parses again and is equal; a repeated member never parses; any
// bytes put into a string come out as valid JSON.
#include <cstdint>
#include <cstdlib>

#include "codec/json.h"
#include "codec/text.h"

using mitral::codec::Json;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_value(std::string_view text) {
  const auto json = Json::parse(text);
  if (!json) {
    require(json.error().code == mitral::ErrorCode::malformed || json.error().code == mitral::ErrorCode::too_large);
    return;
  }
  require(mitral::codec::is_utf8(text));
  const auto dumped = json->dump();
  const auto again = Json::parse(dumped);
  require(again && *again == *json && again->dump() == dumped);
  const auto pretty = Json::parse(json->dump_pretty());
  require(pretty && *pretty == *json);
  const Json copy = *json;
  require(copy == *json);

  require(!Json::parse(std::string(text) + "0x"));
  require(!Json::parse("\xef\xbb\xbf" + dumped));
  require(!Json::parse("{\"k\":" + dumped + ",\"\\u006b\":" + dumped + "}"));
  if (!json->members().empty()) {
    std::string twice = dumped.substr(0, dumped.size() - 1) + ",";
    mitral::codec::append_json_string(twice, json->members().front().key);
    require(!Json::parse(twice + ":null}"));
  }
  require(!Json::parse(text, {.max_nodes = 0}));
  if (json->is_array() || json->is_object()) require(!Json::parse(text, {.max_depth = 0}));
}

void check_string(std::string_view bytes) {
  const auto dumped = Json(bytes).dump();
  require(mitral::codec::is_utf8(dumped));
  const auto back = Json::parse(dumped, {.allow_nul = true});
  require(back && back->is_string());
  if (mitral::codec::is_utf8(bytes)) require(back->as_string() == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_value(text);
  check_string(text);
  if (const auto number = Json::number(text)) {
    require(number->dump() == text);
    if (const auto integer = number->as_int64(); integer && text != "-0") require(Json(*integer) == *number);
  }
  return 0;
}
