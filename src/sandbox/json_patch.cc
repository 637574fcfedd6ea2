#include "sandbox/json_patch.h"

#include "base/limits.h"
#include "codec/text.h"

namespace mitral::sandbox {
namespace {

using codec::Json;

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::malformed, why); }
std::unexpected<Error> missing() { return fail(ErrorCode::conflict, "patch path does not exist"); }

/// RFC 6901 §4: ~1 is a slash, ~0 a tilde.
Result<std::vector<std::string>> parse_pointer(std::string_view text) {
  std::vector<std::string> out;
  if (text.empty()) return out;
  if (text.front() != '/') return bad("not a JSON Pointer");
  for (const auto part : codec::split(text.substr(1), '/')) {
    auto& token = out.emplace_back();
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] != '~') {
        token.push_back(part[i]);
        continue;
      }
      if (++i == part.size() || (part[i] != '0' && part[i] != '1')) return bad("not a JSON Pointer");
      token.push_back(part[i] == '0' ? '~' : '/');
    }
  }
  return out;
}

/// Array index without leading zeros (RFC 6901 §4).
std::optional<std::size_t> index_of(std::string_view token) {
  if (token.empty() || (token.size() > 1 && token.front() == '0')) return std::nullopt;
  const auto number = codec::parse_uint(token);
  return number ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
}

Json* step(Json& at, const std::string& token) {
  if (at.is_object()) return at.find(std::string_view(token));
  const auto index = index_of(token);
  return at.is_array() && index && *index < at.size() ? &at.items()[*index] : nullptr;
}

Json* walk(Json& root, std::span<const std::string> path) {
  Json* at = &root;
  for (const auto& token : path) {
    at = step(*at, token);
    if (at == nullptr) return nullptr;
  }
  return at;
}

Result<void> add(Json& root, std::span<const std::string> path, Json value) {
  if (path.empty()) {
    root = std::move(value);
    return {};
  }
  auto* const parent = walk(root, path.first(path.size() - 1));
  if (parent == nullptr) return missing();
  const auto& last = path.back();
  if (parent->is_object()) {
    parent->set(last, std::move(value));
    return {};
  }
  const auto index = last == "-" ? std::optional(parent->size()) : index_of(last);
  if (!parent->is_array() || !index || *index > parent->size()) return missing();
  Json out = Json::array();
  for (std::size_t i = 0; i <= parent->size(); ++i) {
    if (i == *index) out.push_back(value);
    if (i < parent->size()) out.push_back((*parent)[i]);
  }
  *parent = std::move(out);
  return {};
}

Result<Json> take(Json& root, std::span<const std::string> path) {
  auto* const target = walk(root, path);
  if (target == nullptr || path.empty()) return missing();
  Json value = *target;
  auto& parent = *walk(root, path.first(path.size() - 1));
  if (parent.is_object()) {
    parent.erase(path.back());
    return value;
  }
  std::size_t at = 0;
  const auto index = index_of(path.back());
  parent.remove_items_if([&](const Json&) { return at++ == index; });
  return value;
}

Result<void> apply(Json& root, const Json& operation) {
  const auto op = operation["op"].string_or();
  const auto path_text = operation["path"].as_string();
  if (!path_text) return bad("patch operation without a path");
  MITRAL_TRY(const auto path, parse_pointer(*path_text));
  const bool needs_value = op == "add" || op == "replace" || op == "test";
  if (needs_value && !operation.contains("value")) return bad("patch operation without a value");
  if (op == "add") return add(root, path, operation["value"]);
  if (op == "remove") {
    MITRAL_TRY([[maybe_unused]] const auto gone, take(root, path));
    return {};
  }
  if (op == "replace" || op == "test") {
    auto* const target = walk(root, path);
    if (target == nullptr) return missing();
    if (op == "replace") {
      *target = operation["value"];
    } else if (*target != operation["value"]) {
      return fail(ErrorCode::conflict, "patch test failed");
    }
    return {};
  }
  if (op == "move" || op == "copy") {
    const auto from_text = operation["from"].as_string();
    if (!from_text) return bad("patch operation without from");
    MITRAL_TRY(const auto from, parse_pointer(*from_text));
    if (op == "move") {
      if (path_text->starts_with(std::string(*from_text) + '/')) return bad("patch moves a value into itself");
      MITRAL_TRY(auto value, take(root, from));
      return add(root, path, std::move(value));
    }
    const auto* const source = walk(root, from);
    if (source == nullptr) return missing();
    return add(root, path, *source);
  }
  return bad("unknown patch operation");
}

}  // namespace

Result<Json> apply_json_patch(Json document, const Json& patch) {
  if (!patch.is_array()) return bad("a JSON Patch is an array");
  if (patch.size() > limits::kFhirBatchEntriesMax) return fail(ErrorCode::too_large, "too many patch operations");
  for (const auto& operation : patch.items()) MITRAL_CHECK(apply(document, operation));
  return document;
}

}  // namespace mitral::sandbox
