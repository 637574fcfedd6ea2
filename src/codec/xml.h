// Xml: strict documents of XML 1.0 with namespaces, read by libexpat (XML 1.0; Namespaces in XML 1.0).
//
// Narrower than the standard, because what is left out is what XML is attacked by (XXE, entity expansion): UTF-8 alone,
// whatever a declaration says; no DOCTYPE, so no entities but the five of XML; no processing instructions. Comments are
// dropped. Prefixes are resolved; the bindings that stand on an element are kept, for text that uses them.
//
// Limits: kFhirResourceMax bytes, kXmlDepthMax, kXmlNodesMax, kXmlAttributesMax. Errors: malformed or too_large; the
// detail names a line and libexpat's reason, never a byte of the input. docs/adr/0022-xml-patch.md says why libexpat.
// Thread rules: values; concurrent reads are fine.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mitral::codec {

inline constexpr std::string_view kXmlSpace = "http://www.w3.org/XML/1998/namespace";  // of the prefix xml

struct XmlAttribute {
  std::string_view space;  ///< namespace; empty: none
  std::string name;        ///< without a prefix
  std::string value;
};
struct XmlBinding {
  std::string prefix;      ///< empty: the default namespace
  std::string_view space;  ///< empty: taken back (xmlns="")
};

/// An element, or a text between elements: then `name` is empty.
struct XmlElement {
  std::string_view space;
  std::string name;
  std::string text;
  std::vector<XmlAttribute> attributes;
  std::vector<XmlBinding> bindings;  ///< declared here
  std::vector<XmlElement> children;

  [[nodiscard]] bool is_text() const noexcept { return name.empty(); }
  /// The attribute without a namespace; null pointer: there is none.
  [[nodiscard]] const std::string* attribute(std::string_view wanted) const noexcept;
};

/// Owns the names of namespaces that its elements view.
class XmlDocument {
 public:
  [[nodiscard]] static Result<XmlDocument> parse(std::string_view text);

  [[nodiscard]] const XmlElement& root() const noexcept { return root_; }

 private:
  friend class XmlReader;
  std::deque<std::string> spaces_;  // a deque: what lies in it never moves
  XmlElement root_;
};

/// Nothing but what XML calls white space.
[[nodiscard]] bool is_xml_space(std::string_view text) noexcept;
/// Text as content of an element, and as the value of an attribute in double quotes.
void append_xml_text(std::string& out, std::string_view text);
void append_xml_attribute(std::string& out, std::string_view text);

}  // namespace mitral::codec
