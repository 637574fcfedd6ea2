#include "fhir/json_patch.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"

namespace mitral::fhir {
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
      const auto escaped = part.substr(i + 1, 1);
      if (escaped != "0" && escaped != "1") return bad("not a JSON Pointer");
      token.push_back(escaped == "0" ? '~' : '/');
      ++i;
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

class Patcher {
 public:
  explicit Patcher(Json& root) : root_(root), weight_(patch_weight(root)) {}

  Result<void> apply(const Json& operation) {
    if (!operation.is_object()) return bad("a patch operation is an object");
    const auto op = operation["op"].string_or();
    const auto path_text = operation["path"].as_string();
    if (!path_text) return bad("patch operation without a path");
    MITRAL_TRY(const auto path, parse_pointer(*path_text));
    const bool needs_value = op == "add" || op == "replace" || op == "test";
    if (needs_value && !operation.contains("value")) return bad("patch operation without a value");
    if (op == "add") return add(path, operation["value"]);
    if (op == "remove") {
      MITRAL_TRY([[maybe_unused]] const auto gone, take(path));
      return {};
    }
    if (op == "replace" || op == "test") return replace_or_test(op == "test", path, operation["value"]);
    if (op == "move" || op == "copy") return move_or_copy(op == "move", path, *path_text, operation["from"]);
    return bad("unknown patch operation");
  }

 private:
  /// Every value that goes in is counted, also what a copy makes of the document itself.
  Result<void> admit(std::span<const std::string> path, const Json& value) {
    if (path.size() + patch_depth(value) > limits::kJsonDepthMax) return fail(ErrorCode::too_large, "patch too deep");
    weight_ += patch_weight(value);
    if (weight_ > limits::kFhirResourceMax) return fail(ErrorCode::too_large, "patched resource too large");
    return {};
  }

  Result<void> add(std::span<const std::string> path, Json value) {
    MITRAL_CHECK(admit(path, value));
    if (path.empty()) {
      root_ = std::move(value);
      return {};
    }
    auto* const parent = walk(root_, path.first(path.size() - 1));
    if (parent == nullptr) return missing();
    const auto& last = path.back();
    if (parent->is_object()) {
      parent->set(last, std::move(value));
      return {};
    }
    const auto index = last == "-" ? std::optional(parent->size()) : index_of(last);
    if (!parent->is_array() || !index || *index > parent->size()) return missing();
    parent->push_back(std::move(value));
    const auto items = parent->items();
    std::rotate(items.begin() + static_cast<std::ptrdiff_t>(*index), items.end() - 1, items.end());
    return {};
  }

  Result<Json> take(std::span<const std::string> path) {
    auto* const target = walk(root_, path);
    if (target == nullptr || path.empty()) return missing();
    Json value = std::move(*target);
    auto& parent = *walk(root_, path.first(path.size() - 1));
    if (parent.is_object()) {
      parent.erase(path.back());
      return value;
    }
    std::size_t at = 0;
    const auto index = index_of(path.back());
    parent.remove_items_if([&](const Json&) { return at++ == index; });
    return value;
  }

  Result<void> replace_or_test(bool test, std::span<const std::string> path, const Json& value) {
    auto* const target = walk(root_, path);
    if (target == nullptr) return missing();
    if (test) {
      if (*target == value) return {};
      return fail(ErrorCode::conflict, "patch test failed");
    }
    MITRAL_CHECK(admit(path, value));
    *target = value;
    return {};
  }

  Result<void> move_or_copy(bool move, std::span<const std::string> path, std::string_view path_text,
                            const Json& from_json) {
    const auto from_text = from_json.as_string();
    if (!from_text) return bad("patch operation without from");
    MITRAL_TRY(const auto from, parse_pointer(*from_text));
    if (move) {
      if (path_text.starts_with(std::string(*from_text) + '/')) return bad("patch moves a value into itself");
      MITRAL_TRY(auto value, take(from));
      return add(path, std::move(value));
    }
    const auto* const source = walk(root_, from);
    if (source == nullptr) return missing();
    return add(path, *source);
  }

  Json& root_;
  std::size_t weight_;
};

}  // namespace

std::size_t patch_weight(const Json& value) noexcept {
  std::size_t out = 2;
  if (value.is_string()) out += value.string_or().size();
  if (value.is_number()) out += value.lexeme().size();
  for (const auto& item : value.items()) out += patch_weight(item);
  for (const auto& [key, member] : value.members()) out += key.size() + 3 + patch_weight(member);
  return out;
}

std::size_t patch_depth(const Json& value) noexcept {
  if (!value.is_array() && !value.is_object()) return 0;
  std::size_t deepest = 0;
  for (const auto& item : value.items()) deepest = std::max(deepest, patch_depth(item));
  for (const auto& [key, member] : value.members()) deepest = std::max(deepest, patch_depth(member));
  return deepest + 1;
}

bool tests_values(const Json& patch) noexcept {
  return std::ranges::any_of(patch.items(), [](const Json& item) { return item["op"].string_or() == "test"; });
}

Result<Json> apply_json_patch(Json document, const Json& patch) {
  if (!patch.is_array()) return bad("a JSON Patch is an array");
  if (patch.size() > limits::kPatchOperationsMax) return fail(ErrorCode::too_large, "too many patch operations");
  Patcher patcher(document);
  for (const auto& operation : patch.items()) MITRAL_CHECK(patcher.apply(operation));
  return document;
}

}  // namespace mitral::fhir
