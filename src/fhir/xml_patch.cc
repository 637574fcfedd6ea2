#include "fhir/xml_patch.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/limits.h"
#include "fhir/json_patch.h"

namespace mitral::fhir {
namespace {

using codec::Json;
using codec::XmlElement;

constexpr std::string_view kPatchSpace = "urn:ietf:rfc:7351";

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::malformed, why); }
std::unexpected<Error> unfit(ClientText why) { return fail(ErrorCode::conflict, why); }

bool is_patch_root(const XmlElement& root) {
  return (root.name == "diff" || root.name == "patch") &&
         (root.space.empty() || root.space == kPatchSpace || root.space == kFhirSpace);
}

bool has_only(const XmlElement& element, std::span<const std::string_view> names) {
  return std::ranges::all_of(element.attributes, [&](const codec::XmlAttribute& item) {
    return item.space.empty() && std::ranges::find(names, item.name) != names.end();
  });
}

std::size_t depth_of(const FormElement& element) {
  std::size_t deepest = 0;
  for (const auto& child : element.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

}  // namespace

Result<XmlPatch> XmlPatch::parse(std::string_view text) {
  MITRAL_TRY(const auto document, codec::XmlDocument::parse(text));
  const auto& root = document.root();
  if (!is_patch_root(root) || !root.attributes.empty()) return bad("An XML Patch is a diff or patch element");
  XmlPatch out;
  for (const auto& child : root.children) {
    if (child.is_text()) {
      if (!codec::is_xml_space(child.text)) return bad("An XML Patch holds add, replace and remove");
      continue;
    }
    if (out.operations_.size() >= limits::kPatchOperationsMax)
      return fail(ErrorCode::too_large, "too many patch operations");
    MITRAL_TRY(auto operation, read(child, root));
    out.operations_.push_back(std::move(operation));
  }
  return out;
}

Result<XmlPatch::Operation> XmlPatch::read(const XmlElement& element, const XmlElement& root) {
  Operation out;
  if (element.space != root.space) return bad("An XML Patch holds add, replace and remove");
  const auto* const selector = element.attribute("sel");
  if (selector == nullptr) return bad("A patch operation without a selector");
  MITRAL_TRY(out.selector, XmlSelector::parse(*selector, {&element, &root}));
  out.attribute = out.selector.attribute();
  if (element.name == "add") {
    MITRAL_CHECK(read_add(element, out));
  } else if (element.name == "replace") {
    out.kind = Kind::replace;
    if (!has_only(element, std::to_array<std::string_view>({"sel"})))
      return bad("A patch operation has an unknown attribute");
  } else if (element.name == "remove") {
    out.kind = Kind::remove;
    const auto* const space = element.attribute("ws");
    if (!has_only(element, std::to_array<std::string_view>({"sel", "ws"})) ||
        (space != nullptr && *space != "before" && *space != "after" && *space != "both"))
      return bad("A patch operation has an unknown attribute");
  } else {
    return bad("An XML Patch holds add, replace and remove");
  }
  MITRAL_CHECK(read_content(element, out));
  return out;
}

Result<void> XmlPatch::read_add(const XmlElement& element, Operation& out) {
  const auto* const type = element.attribute("type");
  const auto* const position = element.attribute("pos");
  if (!has_only(element, std::to_array<std::string_view>({"sel", "type", "pos"})))
    return bad("A patch operation has an unknown attribute");
  if (out.attribute != FormAttribute::none) return bad("Something can be added to an element only");
  if (position != nullptr) {
    if (type != nullptr) return bad("An attribute is added at no position");
    if (*position == "prepend") {
      out.position = Position::prepend;
    } else if (*position == "before") {
      out.position = Position::before;
    } else if (*position == "after") {
      out.position = Position::after;
    } else {
      return bad("A position is before, after or prepend");
    }
  }
  if (type == nullptr) return {};
  out.attribute = type->starts_with('@') ? form_attribute(std::string_view(*type).substr(1)) : FormAttribute::none;
  if (out.attribute == FormAttribute::none) return bad("FHIR has no attributes but value, id and url");
  return {};
}

Result<void> XmlPatch::read_content(const XmlElement& element, Operation& out) {
  for (const auto& child : element.children) {
    if (child.is_text()) {
      if (out.attribute != FormAttribute::none && out.kind != Kind::remove) {
        out.text += child.text;
      } else if (!codec::is_xml_space(child.text)) {
        return bad("An element of FHIR holds no text");
      }
      continue;
    }
    MITRAL_TRY(auto read, read_form(child));
    out.depth = std::max(out.depth, depth_of(read));
    out.content.push_back(std::move(read));
  }
  const bool of_element = out.attribute == FormAttribute::none && out.kind != Kind::remove;
  if (!of_element && !out.content.empty()) return bad("A patch operation has content that it can't have");
  if (out.kind == Kind::remove) return {};
  if (!of_element && out.text.empty()) return bad("An attribute of FHIR is never empty");
  if (of_element && out.content.empty()) return bad("A patch operation without content");
  if (of_element && out.kind == Kind::replace && out.content.size() != 1)
    return bad("An element is replaced by one element");
  return {};
}

Result<Json> XmlPatch::apply(const Json& resource) const {
  MITRAL_TRY(auto form, xml_form(resource));
  std::size_t steps = 0;
  for (const auto& operation : operations_) MITRAL_CHECK(apply_one(operation, form, steps));
  MITRAL_TRY(auto out, json_form(form));
  if (patch_depth(out) > limits::kJsonDepthMax) return fail(ErrorCode::too_large, "patch too deep");
  if (patch_weight(out) > limits::kFhirResourceMax) return fail(ErrorCode::too_large, "patched resource too large");
  return out;
}

Result<void> XmlPatch::apply_one(const Operation& operation, FormElement& root, std::size_t& steps) {
  MITRAL_TRY(const auto target, operation.selector.find(root, steps));
  if (operation.attribute != FormAttribute::none) return change_attribute(operation, *target.element);
  return change_element(operation, target, steps);
}

Result<void> XmlPatch::change_attribute(const Operation& operation, FormElement& target) {
  if (target.xhtml) return unfit("What lies inside a narrative can't be selected; replace its div");
  auto& attribute = *attribute_of(target, operation.attribute);
  const bool adds = operation.kind == Kind::add;
  if (attribute.has_value() == adds) {
    return adds ? unfit("An attribute that is added is there already")
                : unfit("A selector does not meet exactly one element");
  }
  if (operation.kind == Kind::remove) {
    attribute.reset();
  } else {
    attribute = operation.text;
  }
  return {};
}

Result<void> XmlPatch::change_element(const Operation& operation, const FormPlace& target, std::size_t& steps) {
  // Each operation could hang its content below that of the one before.
  if (target.depth + operation.depth > limits::kJsonDepthMax) return fail(ErrorCode::too_large, "patch too deep");
  const auto insert = [&](FormElement& parent, std::size_t index) {
    parent.children.insert(parent.children.begin() + static_cast<std::ptrdiff_t>(index), operation.content.begin(),
                           operation.content.end());
  };
  const bool inside = operation.kind == Kind::add &&
                      (operation.position == Position::append || operation.position == Position::prepend);
  if (inside) {
    if (target.element->xhtml) return unfit("What lies inside a narrative can't be changed alone; replace its div");
    insert(*target.element, operation.position == Position::prepend ? 0 : target.element->children.size());
    return {};
  }
  if (target.parent == nullptr) return unfit("The resource itself can't be replaced, removed or joined by a patch");
  steps += target.parent->children.size();  // they move
  const auto place = target.parent->children.begin() + static_cast<std::ptrdiff_t>(target.index);
  if (operation.kind == Kind::add) {
    insert(*target.parent, target.index + (operation.position == Position::after ? 1 : 0));
  } else if (operation.kind == Kind::replace) {
    *place = operation.content.front();
  } else {
    target.parent->children.erase(place);
  }
  return {};
}

}  // namespace mitral::fhir
