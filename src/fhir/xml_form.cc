#include "fhir/xml_form.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "fhir/r4_elements.h"

namespace mitral::fhir {
namespace {

using codec::Json;
using codec::XmlElement;

std::unexpected<Error> unfit(ClientText why) { return fail(ErrorCode::conflict, why); }
std::unexpected<Error> not_stored_as_r4() {
  return unfit("The stored resource has what the XML form of FHIR R4 does not; use JSON Patch");
}

/// JSON -> elements.
class Writer {
 public:
  Result<FormElement> resource(const Json& json) {
    const auto name = json["resourceType"].string_or();
    const auto* const type = r4_type(name);
    if (type == nullptr || r4_form(*type) != R4Form::resource || r4_is_abstract(*type)) return not_stored_as_r4();
    FormElement out{.name = std::string(name)};
    MITRAL_CHECK(members(*type, json, out));
    return out;
  }

 private:
  /// By place among the elements of the type, then by place in the list.
  using Ordered = std::vector<std::pair<std::uint64_t, FormElement>>;

  Result<void> members(const R4TypeRow& type, const Json& json, FormElement& out) {
    if (++depth_ > limits::kJsonDepthMax) return fail(ErrorCode::too_large, "The resource is nested too deeply");
    Ordered children;
    for (const auto& [key, value] : json.members()) {
      if (key == "resourceType" && r4_form(type) == R4Form::resource) continue;
      const bool sibling = key.starts_with('_');
      const std::string_view name = std::string_view(key).substr(sibling ? 1 : 0);
      const auto element = r4_element(type, name);
      if (!element) return not_stored_as_r4();
      // What stands beside a primitive is taken with it.
      if (sibling && is_primitive(r4_form(*element->type)) && json.contains(name)) continue;
      if (element->attribute) {
        MITRAL_CHECK(attribute(name, value, out));
      } else if (is_primitive(r4_form(*element->type))) {
        MITRAL_CHECK(
            primitives(*element, name, sibling ? nullptr : &value, json.find("_" + std::string(name)), children));
      } else {
        if (sibling) return not_stored_as_r4();
        MITRAL_CHECK(composites(*element, name, value, children));
      }
    }
    --depth_;
    if (!std::ranges::is_sorted(children, {}, &Ordered::value_type::first))
      std::ranges::sort(children, {}, &Ordered::value_type::first);
    out.children.reserve(children.size());
    for (auto& [order, child] : children) out.children.push_back(std::move(child));
    return {};
  }

  static Result<void> attribute(std::string_view name, const Json& value, FormElement& out) {
    if (!value.is_string()) return not_stored_as_r4();
    (name == "id" ? out.id : out.url) = std::string(value.string_or());
    return {};
  }

  Result<void> add(const R4Element& element, FormElement child, Ordered& children) {
    if (++nodes_ > limits::kXmlNodesMax)
      return fail(ErrorCode::too_large, "The resource is too large for an XML Patch");
    children.emplace_back(std::uint64_t{element.order} << 32U | nodes_, std::move(child));
    return {};
  }

  Result<void> composites(const R4Element& element, std::string_view name, const Json& value, Ordered& children) {
    if (!element.repeats) return composite(element, name, value, children);
    if (!value.is_array() || value.empty()) return not_stored_as_r4();
    for (const auto& item : value.items()) MITRAL_CHECK(composite(element, name, item, children));
    return {};
  }

  Result<void> composite(const R4Element& element, std::string_view name, const Json& value, Ordered& children) {
    FormElement child{.name = std::string(name)};
    switch (r4_form(*element.type)) {
      case R4Form::xhtml:
        if (!value.is_string()) return not_stored_as_r4();
        child.xhtml = true;
        child.value = std::string(value.string_or());
        break;
      case R4Form::resource: {
        MITRAL_TRY(auto inner, resource(value));
        child.children.push_back(std::move(inner));
        break;
      }
      default:
        if (!value.is_object()) return not_stored_as_r4();
        MITRAL_CHECK(members(*element.type, value, child));
    }
    return add(element, std::move(child), children);
  }

  /// Values and what stands beside them, at the same places of two arrays (json.html 2.6.2.2).
  Result<void> primitives(const R4Element& element, std::string_view name, const Json* value, const Json* beside,
                          Ordered& children) {
    static const Json kNothing;
    if (!element.repeats)
      return primitive(element, name, value ? *value : kNothing, beside ? *beside : kNothing, children);
    if ((value && (!value->is_array() || value->empty())) || (beside && !beside->is_array())) return not_stored_as_r4();
    const auto count = std::max(value ? value->size() : 0, beside ? beside->size() : 0);
    for (std::size_t i = 0; i < count; ++i) {
      const auto& one = value ? (*value)[i] : kNothing;
      MITRAL_CHECK(primitive(element, name, one, beside ? (*beside)[i] : kNothing, children));
    }
    return {};
  }

  Result<void> primitive(const R4Element& element, std::string_view name, const Json& value, const Json& beside,
                         Ordered& children) {
    FormElement child{.name = std::string(name)};
    const auto form = r4_form(*element.type);
    if (value.is_bool() && form == R4Form::boolean) {
      child.value = value.bool_or(false) ? "true" : "false";
    } else if (value.is_number() && (form == R4Form::decimal || form == R4Form::integer)) {
      child.value = std::string(value.lexeme());
    } else if (value.is_string() && form == R4Form::text) {
      child.value = std::string(value.string_or());
    } else if (!value.is_null()) {
      return not_stored_as_r4();
    }
    if (beside.is_object()) MITRAL_CHECK(members(*element.type, beside, child));
    const bool empty = !child.value && child.children.empty();
    if (empty || (!beside.is_null() && !beside.is_object())) return not_stored_as_r4();
    return add(element, std::move(child), children);
  }

  std::size_t nodes_ = 0;
  std::size_t depth_ = 0;
};

/// elements -> JSON.
class Reader {
 public:
  static Result<Json> resource(const FormElement& element) {
    const auto* const type = r4_type(element.name);
    if (type == nullptr || r4_form(*type) != R4Form::resource || r4_is_abstract(*type) || element.xhtml)
      return unfit("An element is not the FHIR R4 resource that it stands for");
    if (element.id || element.url || element.value) return unfit("A resource has no attributes in XML");
    Json out = Json::object();
    out.set("resourceType", element.name);
    MITRAL_CHECK(children(*type, element, out));
    return out;
  }

 private:
  static Result<void> children(const R4TypeRow& type, const FormElement& element, Json& out) {
    std::vector<std::string_view> once;  // what stands there and can't again; a choice counts by its name
    for (const auto& child : element.children) {
      const auto found = r4_element(type, child.name);
      if (!found || found->attribute) return unfit("FHIR R4 has no such element there");
      if (child.xhtml != (r4_form(*found->type) == R4Form::xhtml)) return unfit("Only the div of a narrative is XHTML");
      if (!found->repeats) {
        const std::string_view name = found->choice.empty() ? std::string_view(child.name) : found->choice;
        if (std::ranges::find(once, name) != once.end())
          return unfit("An element that stands at most once would stand there twice");
        once.push_back(name);
      }
      MITRAL_CHECK(is_primitive(r4_form(*found->type)) ? primitive(*found, child, out) : composite(*found, child, out));
    }
    drop_nothings(type, out);
    return {};
  }

  static void place(const R4Element& element, const std::string& name, Json value, Json& out) {
    auto* const there = out.find(std::string_view(name));
    if (!element.repeats) {
      out.set(name, std::move(value));
    } else if (there != nullptr) {
      there->push_back(std::move(value));
    } else {
      Json list = Json::array();
      list.push_back(std::move(value));
      out.set(name, std::move(list));
    }
  }

  static Result<void> composite(const R4Element& element, const FormElement& child, Json& out) {
    if (child.xhtml) {
      place(element, child.name, Json(child.value.value_or("")), out);
      return {};
    }
    if (r4_form(*element.type) == R4Form::resource) {
      if (child.children.size() != 1 || child.id || child.url || child.value)
        return unfit("An element that holds a resource holds one, and nothing else");
      MITRAL_TRY(auto inner, resource(child.children.front()));
      place(element, child.name, std::move(inner), out);
      return {};
    }
    if (child.value) return unfit("An element with parts has no value of its own");
    MITRAL_TRY(auto value, parts(*element.type, child));
    if (child.children.empty() && !child.url) return unfit("An element without any content is no FHIR");
    place(element, child.name, std::move(value), out);
    return {};
  }

  /// Attributes and children of anything but a resource.
  static Result<Json> parts(const R4TypeRow& type, const FormElement& element) {
    Json out = Json::object();
    out.set_if("id", element.id);
    if (element.url && !r4_element(type, "url").value_or(R4Element{}).attribute)
      return unfit("Only an extension has the attribute url");
    out.set_if("url", element.url);
    MITRAL_CHECK(children(type, element, out));
    return out;
  }

  static Result<Json> plain(R4Form form, const std::string& text) {
    switch (form) {
      case R4Form::boolean:
        if (text == "true" || text == "false") return Json(text == "true");
        return unfit("A boolean is true or false");
      case R4Form::integer:
      case R4Form::decimal: {
        auto number = Json::number(text);
        const bool whole = text.find_first_of(".eE") == std::string::npos;
        if (number && (whole || form == R4Form::decimal)) return std::move(*number);
        return unfit("A value is not the number that FHIR R4 has there");
      }
      default: return Json(text);
    }
  }

  static Result<void> primitive(const R4Element& element, const FormElement& child, Json& out) {
    if (child.url) return unfit("Only an extension has the attribute url");
    if (!child.value && child.children.empty()) return unfit("An element without any content is no FHIR");
    Json value, beside;
    if (child.value) {
      MITRAL_TRY(value, plain(r4_form(*element.type), *child.value));
    }
    if (child.id || !child.children.empty()) {
      MITRAL_TRY(beside, parts(*element.type, child));
    }
    if (element.repeats || child.value) place(element, child.name, std::move(value), out);
    if (element.repeats || !beside.is_null()) place(element, "_" + child.name, std::move(beside), out);
    return {};
  }

  /// Of the two arrays of a repeating primitive one may hold nothing at all.
  static void drop_nothings(const R4TypeRow& type, Json& out) {
    std::vector<std::string> gone;
    for (const auto& [key, value] : out.members()) {
      const auto name = std::string_view(key).substr(key.starts_with('_') ? 1 : 0);
      const auto element = value.is_array() ? r4_element(type, name) : std::nullopt;
      if (!element || !is_primitive(r4_form(*element->type))) continue;
      if (std::ranges::all_of(value.items(), [](const Json& item) { return item.is_null(); })) gone.push_back(key);
    }
    for (const auto& key : gone) out.erase(key);
  }
};

/// XHTML as the one text that JSON keeps; the namespace stands once, at the top.
class Markup {
 public:
  Result<std::string> write(const XmlElement& div) {
    MITRAL_CHECK(element(div, true));
    return std::move(out_);
  }

 private:
  Result<void> element(const XmlElement& node, bool top) {
    static constexpr auto kVoid = std::to_array<std::string_view>({"area", "br", "col", "hr", "img"});
    if (node.is_text()) {
      codec::append_xml_text(out_, node.text);
      return {};
    }
    if (node.space != kXhtmlSpace) return fail(ErrorCode::malformed, "A narrative holds XHTML and nothing else");
    out_.append("<").append(node.name);
    if (top) out_.append(" xmlns=\"").append(kXhtmlSpace).append("\"");
    for (const auto& attribute : node.attributes) {
      const bool of_xml = attribute.space == codec::kXmlSpace;
      if (!of_xml && !attribute.space.empty())
        return fail(ErrorCode::malformed, "A narrative holds XHTML and nothing else");
      out_.append(of_xml ? " xml:" : " ").append(attribute.name).append("=\"");
      codec::append_xml_attribute(out_, attribute.value);
      out_.push_back('"');
    }
    // A browser that reads it as HTML must not take <p/> for a beginning.
    if (node.children.empty() && std::ranges::find(kVoid, node.name) != kVoid.end()) {
      out_.append("/>");
      return {};
    }
    out_.push_back('>');
    for (const auto& child : node.children) MITRAL_CHECK(element(child, false));
    out_.append("</").append(node.name).push_back('>');
    return {};
  }

  std::string out_;
};

}  // namespace

Result<FormElement> xml_form(const Json& resource) { return Writer().resource(resource); }
Result<Json> json_form(const FormElement& resource) { return Reader::resource(resource); }

Result<FormElement> read_form(const XmlElement& element) {
  FormElement out{.name = element.name};
  if (element.space == kXhtmlSpace && element.name == "div") {
    out.xhtml = true;
    MITRAL_TRY(out.value, Markup().write(element));
    return out;
  }
  if (element.space != kFhirSpace)
    return fail(ErrorCode::malformed, "New elements must be in the namespace of FHIR, or be the div of a narrative");
  for (const auto& attribute : element.attributes) {
    auto* const slot = !attribute.space.empty()    ? nullptr
                       : attribute.name == "value" ? &out.value
                       : attribute.name == "id"    ? &out.id
                       : attribute.name == "url"   ? &out.url
                                                   : nullptr;
    if (slot == nullptr) return fail(ErrorCode::malformed, "FHIR has no attributes but value, id and url");
    if (attribute.value.empty()) return fail(ErrorCode::malformed, "An attribute of FHIR is never empty");
    *slot = attribute.value;
  }
  for (const auto& child : element.children) {
    if (child.is_text()) {
      if (!codec::is_xml_space(child.text)) return fail(ErrorCode::malformed, "An element of FHIR holds no text");
      continue;
    }
    MITRAL_TRY(auto inner, read_form(child));
    out.children.push_back(std::move(inner));
  }
  return out;
}

}  // namespace mitral::fhir
