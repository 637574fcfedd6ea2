#include "fhir/fhirpath_patch.h"

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/json_patch.h"
#include "fhir/r4_elements.h"

namespace mitral::fhir {
namespace {

using codec::Json;

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::malformed, why); }
std::unexpected<Error> unfit(ClientText why) { return fail(ErrorCode::conflict, why); }

/// One element that a path meets.
struct Node {
  Json* value = nullptr;
  Json* owner = nullptr;  ///< object that holds it; null at the root
  std::string key{};      ///< member of the owner
  std::optional<std::size_t> index{};
  const R4TypeRow* type = nullptr;  ///< null: nothing that R4 defines
};
using Nodes = std::vector<Node>;

bool has_choice(const R4TypeRow* type, std::string_view name) { return type != nullptr && r4_has_choice(*type, name); }
std::optional<R4Element> element_of(const R4TypeRow* type, std::string_view name) {
  return type == nullptr ? std::nullopt : r4_element(*type, name);
}
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && !(text.front() >= '0' && text.front() <= '9') &&
         std::ranges::all_of(text,
                             [](char c) { return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

/// The member that stands for an element: itself, or the choice that is there.
std::optional<std::string> member_of(const Node& node, std::string_view name) {
  if (node.value->contains(name)) return std::string(name);
  if (!has_choice(node.type, name)) return std::nullopt;
  for (const auto& [key, value] : node.value->members()) {
    if (const auto element = r4_element(*node.type, key); element && element->choice == name) return key;
  }
  return std::nullopt;
}

/// What a member is: of a resource inside of another one, what it says itself.
const R4TypeRow* type_of(const Node& node, std::string_view key, const Json& value) {
  const auto element = element_of(node.type, key);
  if (!element) return nullptr;
  return r4_form(*element->type) == R4Form::resource ? r4_type(value["resourceType"].string_or()) : element->type;
}

void enter(const Node& node, std::string_view name, Nodes& out) {
  const auto key = member_of(node, name);
  if (!key) return;
  auto* const member = node.value->find(std::string_view(*key));
  if (!member->is_array()) {
    out.push_back({member, node.value, *key, std::nullopt, type_of(node, *key, *member)});
    return;
  }
  for (std::size_t i = 0; i < member->size(); ++i) {
    auto& item = member->items()[i];
    out.push_back({&item, node.value, *key, i, type_of(node, *key, item)});
  }
}

/// The steps of a path; a dot inside where('...') ends none.
Result<std::vector<std::string_view>> split_path(std::string_view text) {
  std::vector<std::string_view> out;
  if (text.size() > limits::kFhirParameterMax) return fail(ErrorCode::too_large, "patch path too long");
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '\\') return unfit("This FHIRPath can't be evaluated here");
    if (i < text.size() && text[i] == '\'') quoted = !quoted;
    if (i < text.size() && (quoted || text[i] != '.')) continue;
    out.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  if (quoted || out.size() > limits::kJsonDepthMax) return unfit("This FHIRPath can't be evaluated here");
  return out;
}

Result<void> pick(Nodes& nodes, std::size_t index) {
  if (index >= nodes.size()) {
    nodes.clear();
  } else {
    nodes = Nodes{nodes[index]};
  }
  return {};
}

/// where(name = 'literal'): nothing else is evaluated.
Result<void> filter(Nodes& nodes, std::string_view condition) {
  const auto equals = condition.find('=');
  if (equals == std::string_view::npos) return unfit("This FHIRPath can't be evaluated here");
  const auto name = codec::trim(condition.substr(0, equals));
  auto literal = codec::trim(condition.substr(equals + 1));
  if (!is_name(name) || literal.size() < 2 || literal.front() != '\'' || literal.back() != '\'' ||
      std::ranges::count(literal, '\'') != 2) {
    return unfit("This FHIRPath can't be evaluated here");
  }
  literal = literal.substr(1, literal.size() - 2);
  std::erase_if(nodes, [&](const Node& node) { return (*node.value)[name].as_string() != literal; });
  return {};
}

Result<void> take_step(Nodes& nodes, std::string_view step) {
  if (step == "first()") return pick(nodes, 0);
  if (step == "last()") return pick(nodes, nodes.empty() ? 0 : nodes.size() - 1);
  if (step.starts_with("where(") && step.ends_with(')')) return filter(nodes, step.substr(6, step.size() - 7));
  std::optional<std::size_t> index;
  if (step.ends_with(']')) {
    const auto open = step.find('[');
    if (open == std::string_view::npos) return unfit("This FHIRPath can't be evaluated here");
    const auto number = codec::parse_uint(step.substr(open + 1, step.size() - open - 2));
    if (!number) return unfit("This FHIRPath can't be evaluated here");
    index = static_cast<std::size_t>(*number);
    step = step.substr(0, open);
  }
  if (!is_name(step)) return unfit("This FHIRPath can't be evaluated here");
  Nodes next;
  for (const auto& node : nodes) enter(node, step, next);
  nodes = std::move(next);
  return index ? pick(nodes, *index) : Result<void>{};
}

/// Does JSON write a value of the type so?
bool fits(R4Form form, const Json& value) {
  switch (form) {
    case R4Form::boolean: return value.is_bool();
    case R4Form::integer:
    case R4Form::decimal: return value.is_number();
    case R4Form::text:
    case R4Form::xhtml: return value.is_string();
    default: return value.is_object();
  }
}

/// The value[x] of a part and the type in its name; null pointer: it has none.
Result<const Json*> value_of(const Json& part, std::string_view& suffix) {
  const Json* out = nullptr;
  for (const auto& [key, value] : part.members()) {
    if (!key.starts_with("value") || key.size() <= 5 || !is_upper(key[5])) continue;
    if (out != nullptr) return bad("a patch operation has one value");
    out = &value;
    suffix = std::string_view(key).substr(5);
  }
  return out;
}

/// A value made of parts: each names an element of the type and has a value or parts again (fhirpatch.html).
Result<Json> assemble(const R4TypeRow& type, const Json& parts) {
  Json out = Json::object();
  for (const auto& part : parts.items()) {
    std::string name(part["name"].string_or());
    std::string_view suffix;
    MITRAL_TRY(const auto* const plain, value_of(part, suffix));
    if (plain != nullptr && r4_has_choice(type, name)) name += suffix;
    const auto element = r4_element(type, name);
    if (!element || r4_form(*element->type) == R4Form::resource) return unfit("FHIR R4 has no such element there");
    Json value;
    if (plain != nullptr) {
      value = *plain;
    } else {
      MITRAL_TRY(value, assemble(*element->type, part["part"]));
    }
    if (!fits(r4_form(*element->type), value)) return unfit("A part of the value has another type");
    auto* const there = out.find(std::string_view(name));
    if (there != nullptr && !element->repeats) return unfit("the element is there already");
    if (there != nullptr) {
      there->push_back(std::move(value));
    } else {
      out.set(name, element->repeats ? Json::array({std::move(value)}) : std::move(value));
    }
  }
  if (out.empty()) return bad("patch operation without a value");
  return out;
}

class Patcher {
 public:
  explicit Patcher(Json& root) : root_(root), type_(root["resourceType"].string_or()), weight_(patch_weight(root)) {}

  Result<void> apply(const Json& operation) {
    MITRAL_CHECK(read(operation));
    if (kind_ == "add") return add();
    if (kind_ == "insert") return insert();
    if (kind_ == "delete") return remove();
    if (kind_ == "replace") return replace();
    if (kind_ == "move") return move();
    return bad("unknown patch operation");
  }

 private:
  /// The parts of one operation; each at most once.
  Result<void> read(const Json& operation) {
    kind_ = path_ = name_ = suffix_ = {};
    value_ = parts_ = nullptr;
    index_.reset();
    source_.reset();
    destination_.reset();
    if (operation["name"].string_or() != "operation") return bad("a FHIRPath Patch holds operations only");
    std::vector<std::string_view> seen;
    for (const auto& part : operation["part"].items()) {
      const auto name = part["name"].string_or();
      if (std::ranges::find(seen, name) != seen.end()) return bad("part of an operation stands twice");
      seen.push_back(name);
      MITRAL_CHECK(read_part(name, part));
    }
    if (kind_.empty() || path_.empty()) return bad("patch operation without type or path");
    return {};
  }

  Result<void> read_part(std::string_view name, const Json& part) {
    if (name == "type") {
      kind_ = part["valueCode"].string_or(part["valueString"].string_or());
    } else if (name == "path") {
      path_ = part["valueString"].string_or();
    } else if (name == "name") {
      name_ = part["valueString"].string_or();
    } else if (name == "index") {
      return number(part, index_);
    } else if (name == "source") {
      return number(part, source_);
    } else if (name == "destination") {
      return number(part, destination_);
    } else if (name == "value") {
      return read_value(part);
    } else {
      return bad("unknown part of a patch operation");
    }
    return {};
  }

  static Result<void> number(const Json& part, std::optional<std::size_t>& out) {
    const auto value = part["valueInteger"].as_int64();
    if (!value || *value < 0) return bad("a position must be a whole number");
    out = static_cast<std::size_t>(*value);
    return {};
  }

  Result<void> read_value(const Json& part) {
    MITRAL_TRY(value_, value_of(part, suffix_));
    if (part["part"].is_array()) parts_ = &part["part"];
    if (value_ != nullptr && parts_ != nullptr) return bad("a patch operation has one value");
    return {};
  }

  /// The value, put together if it comes in parts of an element of this type.
  Result<void> settle_value(const R4TypeRow* type) {
    if (parts_ != nullptr) {
      if (type == nullptr || r4_form(*type) != R4Form::complex)
        return unfit("No element of FHIR R4 that is made of parts is there");
      MITRAL_TRY(assembled_, assemble(*type, *parts_));
      value_ = &assembled_;
    }
    return admit();
  }

  Result<void> admit() {
    if (value_ == nullptr) return bad("patch operation without a value");
    if (codec::split(path_, '.').size() + patch_depth(*value_) > limits::kJsonDepthMax)
      return fail(ErrorCode::too_large, "patch too deep");
    weight_ += patch_weight(*value_);
    if (weight_ > limits::kFhirResourceMax) return fail(ErrorCode::too_large, "patched resource too large");
    return {};
  }

  Result<Nodes> find(std::span<const std::string_view> steps) {
    if (steps.empty() || steps.front() != type_) return unfit("a patch path starts with the type of the resource");
    Nodes nodes{{&root_, nullptr, {}, std::nullopt, r4_type(type_)}};
    for (const auto step : steps.subspan(1)) MITRAL_CHECK(take_step(nodes, step));
    return nodes;
  }

  Result<Node> only(std::span<const std::string_view> steps) {
    MITRAL_TRY(auto nodes, find(steps));
    if (nodes.size() != 1) return unfit("patch path does not meet exactly one element");
    return std::move(nodes.front());
  }

  Result<void> add() {
    MITRAL_TRY(const auto steps, split_path(path_));
    MITRAL_TRY(const auto parent, only(steps));
    if (!parent.value->is_object() || !is_name(name_)) return unfit("nothing can be added there");
    const bool choice = has_choice(parent.type, name_);
    const auto element = element_of(parent.type, std::string(name_) + std::string(choice ? suffix_ : ""));
    MITRAL_CHECK(settle_value(element ? element->type : nullptr));
    if (choice) {
      if (member_of(parent, name_)) return unfit("the element is there already");
      if (!element) return unfit("FHIR R4 has no such element there");
      parent.value->set(std::string(name_) + std::string(suffix_), *value_);
      return {};
    }
    if (auto* const there = parent.value->find(name_); there != nullptr) {
      if (!there->is_array()) return unfit("the element is there already");
      there->push_back(*value_);
      return {};
    }
    if (!element) return unfit("FHIR R4 has no such element there");
    parent.value->set(name_, element->repeats ? Json::array({*value_}) : *value_);
    return {};
  }

  /// The array that a path without a position at its end names.
  struct List {
    Json* items = nullptr;
    const R4TypeRow* type = nullptr;
  };
  Result<List> list() {
    MITRAL_TRY(const auto steps, split_path(path_));
    if (steps.size() < 2 || !is_name(steps.back())) return unfit("patch path does not name a list");
    MITRAL_TRY(const auto parent, only(std::span(steps).first(steps.size() - 1)));
    auto* const out = parent.value->find(steps.back());
    if (out == nullptr || !out->is_array() || parent.value->contains("_" + std::string(steps.back())))
      return unfit("patch path does not name a list");
    const auto element = element_of(parent.type, steps.back());
    return List{out, element ? element->type : nullptr};
  }

  Result<void> insert() {
    MITRAL_TRY(const auto found, list());
    MITRAL_CHECK(settle_value(found.type));
    auto* const items = found.items;
    if (!index_ || *index_ > items->size()) return unfit("position is outside the list");
    items->push_back(*value_);
    const auto all = items->items();
    std::rotate(all.begin() + static_cast<std::ptrdiff_t>(*index_), all.end() - 1, all.end());
    return {};
  }

  Result<void> move() {
    MITRAL_TRY(const auto found, list());
    auto* const items = found.items;
    if (!source_ || !destination_ || *source_ >= items->size() || *destination_ >= items->size())
      return unfit("position is outside the list");
    const auto begin = items->items().begin();
    const auto at = [&](std::size_t i) { return begin + static_cast<std::ptrdiff_t>(i); };
    if (*source_ < *destination_) {
      std::rotate(at(*source_), at(*source_ + 1), at(*destination_ + 1));
    } else {
      std::rotate(at(*destination_), at(*source_), at(*source_ + 1));
    }
    return {};
  }

  Result<void> remove() {
    MITRAL_TRY(const auto steps, split_path(path_));
    MITRAL_TRY(const auto nodes, find(steps));
    if (nodes.empty()) return {};
    const auto& node = nodes.front();
    if (nodes.size() != 1 || node.owner == nullptr) return unfit("patch path does not meet exactly one element");
    if (!node.index) {
      node.owner->erase(node.key);
      node.owner->erase("_" + node.key);
      return {};
    }
    // Extensions of repeating primitives stand in a second array with the same positions.
    if (node.owner->contains("_" + node.key)) return unfit("This element can't be deleted here; use JSON Patch");
    auto& items = *node.owner->find(std::string_view(node.key));
    std::size_t at = 0;
    items.remove_items_if([&](const Json&) { return at++ == *node.index; });
    if (items.empty()) node.owner->erase(node.key);
    return {};
  }

  Result<void> replace() {
    MITRAL_TRY(const auto steps, split_path(path_));
    MITRAL_TRY(const auto node, only(steps));
    MITRAL_CHECK(settle_value(node.type));
    if (node.owner == nullptr) return unfit("the resource itself can't be replaced by a patch");
    const auto last = steps.back();
    if (node.key != last.substr(0, last.find('[')) && is_name(last) && parts_ == nullptr) {
      // A choice: the type of the new value goes into the name.
      node.owner->erase(node.key);
      node.owner->erase("_" + node.key);
      node.owner->set(std::string(last) + std::string(suffix_), *value_);
      return {};
    }
    *node.value = *value_;
    return {};
  }

  Json& root_;
  std::string type_;
  std::size_t weight_;
  std::string_view kind_, path_, name_, suffix_;
  const Json* value_ = nullptr;
  const Json* parts_ = nullptr;
  Json assembled_;
  std::optional<std::size_t> index_, source_, destination_;
};

}  // namespace

Result<Json> apply_fhirpath_patch(Json resource, const Json& parameters) {
  const auto& operations = parameters["parameter"];
  if (parameters["resourceType"].string_or() != "Parameters" || !operations.is_array())
    return bad("a FHIRPath Patch is a Parameters resource");
  if (operations.size() > limits::kPatchOperationsMax) return fail(ErrorCode::too_large, "too many patch operations");
  Patcher patcher(resource);
  for (const auto& operation : operations.items()) MITRAL_CHECK(patcher.apply(operation));
  return resource;
}

}  // namespace mitral::fhir
