// XML of a client: the parser, and an XML Patch for a stored resource. First line: the resource as JSON; the rest: XML.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "codec/xml.h"
#include "fhir/xml_form.h"
#include "fhir/xml_patch.h"

using namespace mitral;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// An element is text, or has a name; XML never nests deeper than allowed.
void check(const codec::XmlElement& element, std::size_t depth) {
  require(depth <= limits::kXmlDepthMax);
  require(element.is_text() || element.name.find_first_of(" :\n<>&\"'") == std::string::npos);
  for (const auto& child : element.children) check(child, depth + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const auto xml = text.substr(line + 1);
  if (const auto document = codec::XmlDocument::parse(xml)) {
    check(document->root(), 0);
    (void)fhir::read_form(document->root());
  }
  const auto patch = fhir::XmlPatch::parse(xml);
  const auto before = codec::Json::parse_object(text.substr(0, line));
  if (!before) return 0;
  // The form says all that the JSON says.
  if (const auto form = fhir::xml_form(*before)) {
    if (const auto back = fhir::json_form(*form)) {
      const auto again = fhir::xml_form(*back);
      require(again.has_value() && fhir::json_form(*again).value() == *back);
    }
  }
  if (!patch) return 0;
  const auto after = patch->apply(*before);
  if (!after) return 0;
  require((*after)["resourceType"] == (*before)["resourceType"]);
  const auto read = codec::Json::parse_object(after->dump());
  require(read.has_value() && *read == *after);
  const auto form = fhir::xml_form(*after);
  require(form.has_value() && fhir::json_form(*form).value() == *after);
  return 0;
}
