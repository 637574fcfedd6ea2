#include "fhir/fhirpath_patch.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/json_patch.h"
#include "fhir/r4.h"

namespace mitral::fhir {
namespace {

using codec::Json;

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::malformed, why); }
std::unexpected<Error> unfit(ClientText why) { return fail(ErrorCode::conflict, why); }

/// Elements at the root of common types that repeat (R4 max "*") or don't; names after "*" hold wherever they stand.
struct Cardinalities {
  std::string_view type;
  std::string_view repeating;
  std::string_view single;
};
constexpr auto kKnown = std::to_array<Cardinalities>({
    {"*", "extension modifierExtension contained coding given prefix suffix line note",
     "language text use system value code display family period start end unit version city state postalCode country "
     "district reference url title contentType data comparator rank"},
    {"Patient", "identifier name telecom address contact communication photo link generalPractitioner",
     "active gender birthDate maritalStatus managingOrganization deceased multipleBirth"},
    {"Observation",
     "identifier basedOn partOf category performer interpretation component hasMember derivedFrom referenceRange focus",
     "status code subject encounter issued bodySite method specimen device dataAbsentReason effective value"},
    {"Condition", "identifier category bodySite stage evidence",
     "clinicalStatus verificationStatus severity code subject encounter recordedDate recorder asserter onset "
     "abatement"},
    {"AllergyIntolerance", "identifier category reaction",
     "clinicalStatus verificationStatus type criticality code patient encounter recordedDate recorder asserter "
     "lastOccurrence onset"},
    {"MedicationRequest",
     "identifier category supportingInformation reasonCode reasonReference basedOn insurance dosageInstruction",
     "status statusReason intent priority doNotPerform reported medication subject encounter authoredOn requester "
     "performer recorder courseOfTherapyType dispenseRequest substitution priorPrescription"},
});

/// Elements that have their type in the name: valueQuantity. Only at the root, in components and in extensions, where
/// "value" is one.
constexpr auto kChoices =
    std::to_array<std::string_view>({"abatement", "deceased", "effective", "medication", "multipleBirth", "occurrence",
                                     "onset", "performed", "serviced", "value"});

/// One element that a path meets.
struct Node {
  Json* value = nullptr;
  Json* owner = nullptr;  ///< object that holds it; null at the root
  std::string key{};      ///< member of the owner
  std::optional<std::size_t> index{};
  bool choices = false;  ///< its own members may be choices
};
using Nodes = std::vector<Node>;

bool is_choice(std::string_view name) { return std::ranges::binary_search(kChoices, name); }
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && !(text.front() >= '0' && text.front() <= '9') &&
         std::ranges::all_of(text,
                             [](char c) { return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

/// The member that stands for an element: itself, or the choice that is there.
std::optional<std::string> member_of(const Node& node, std::string_view name) {
  if (node.value->contains(name)) return std::string(name);
  if (!node.choices || !is_choice(name)) return std::nullopt;
  for (const auto& [key, value] : node.value->members()) {
    if (key.size() > name.size() && key.starts_with(name) && is_upper(key[name.size()])) return key;
  }
  return std::nullopt;
}

void enter(const Node& node, std::string_view name, Nodes& out) {
  const auto key = member_of(node, name);
  if (!key) return;
  auto* const member = node.value->find(std::string_view(*key));
  const bool choices = name == "component" || name == "extension" || name == "modifierExtension";
  if (!member->is_array()) {
    out.push_back({member, node.value, *key, std::nullopt, choices});
    return;
  }
  for (std::size_t i = 0; i < member->size(); ++i) {
    out.push_back({&member->items()[i], node.value, *key, i, choices});
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
    value_ = nullptr;
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
    for (const auto& [key, value] : part.members()) {
      if (!key.starts_with("value") || key.size() <= 5 || !is_upper(key[5])) continue;
      if (value_ != nullptr) return bad("a patch operation has one value");
      value_ = &value;
      suffix_ = std::string_view(key).substr(5);
    }
    if (value_ == nullptr) return unfit("Values made of parts can't be evaluated here; use JSON Patch");
    return {};
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
    Nodes nodes{{&root_, nullptr, {}, std::nullopt, true}};
    for (const auto step : steps.subspan(1)) MITRAL_CHECK(take_step(nodes, step));
    return nodes;
  }

  Result<Node> only(std::span<const std::string_view> steps) {
    MITRAL_TRY(auto nodes, find(steps));
    if (nodes.size() != 1) return unfit("patch path does not meet exactly one element");
    return std::move(nodes.front());
  }

  /// nullopt: not known here.
  [[nodiscard]] std::optional<bool> repeats(const Node& parent) const {
    for (const auto& row : kKnown) {
      if (row.type != "*" && (row.type != type_ || parent.owner != nullptr)) continue;
      const auto holds = [&](std::string_view list) {
        return std::ranges::any_of(codec::split_words(list), [&](std::string_view word) { return word == name_; });
      };
      // At the root the names of data types ("code", "value") are elements of the resource, with its own rules.
      if (row.type == "*" && parent.owner == nullptr && holds(row.single) && name_ != "language" && name_ != "text")
        continue;
      if (holds(row.repeating)) return true;
      if (holds(row.single)) return false;
    }
    return std::nullopt;
  }

  Result<void> add() {
    MITRAL_CHECK(admit());
    MITRAL_TRY(const auto steps, split_path(path_));
    MITRAL_TRY(const auto parent, only(steps));
    if (!parent.value->is_object() || !is_name(name_)) return unfit("nothing can be added there");
    if (parent.choices && is_choice(name_)) {
      if (member_of(parent, name_)) return unfit("the element is there already");
      parent.value->set(std::string(name_) + std::string(suffix_), *value_);
      return {};
    }
    if (auto* const there = parent.value->find(name_); there != nullptr) {
      if (!there->is_array()) return unfit("the element is there already");
      there->push_back(*value_);
      return {};
    }
    const auto many = repeats(parent);
    if (!many) return unfit("Whether this element repeats is not known here; use JSON Patch");
    parent.value->set(name_, *many ? Json::array({*value_}) : *value_);
    return {};
  }

  /// The array that a path without a position at its end names.
  Result<Json*> list() {
    MITRAL_TRY(const auto steps, split_path(path_));
    if (steps.size() < 2 || !is_name(steps.back())) return unfit("patch path does not name a list");
    MITRAL_TRY(const auto parent, only(std::span(steps).first(steps.size() - 1)));
    auto* const out = parent.value->find(steps.back());
    if (out == nullptr || !out->is_array() || parent.value->contains("_" + std::string(steps.back())))
      return unfit("patch path does not name a list");
    return out;
  }

  Result<void> insert() {
    MITRAL_CHECK(admit());
    MITRAL_TRY(auto* const items, list());
    if (!index_ || *index_ > items->size()) return unfit("position is outside the list");
    items->push_back(*value_);
    const auto all = items->items();
    std::rotate(all.begin() + static_cast<std::ptrdiff_t>(*index_), all.end() - 1, all.end());
    return {};
  }

  Result<void> move() {
    MITRAL_TRY(auto* const items, list());
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
    MITRAL_CHECK(admit());
    MITRAL_TRY(const auto steps, split_path(path_));
    MITRAL_TRY(const auto node, only(steps));
    if (node.owner == nullptr) return unfit("the resource itself can't be replaced by a patch");
    const auto last = steps.back();
    if (node.key != last.substr(0, last.find('[')) && is_name(last)) {
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
