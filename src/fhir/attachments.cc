#include "fhir/attachments.h"

#include <algorithm>
#include <array>

#include "fhir/element_path.h"
#include "fhir/r4.h"
#include "fhir/reference.h"

namespace mitral::fhir {
namespace {

using codec::Json;

struct Place {
  std::string_view type;
  std::string_view path;
};
constexpr auto kPlaces = std::to_array<Place>({
    {"Communication", "payload.contentAttachment"},
    {"Consent", "sourceAttachment"},
    {"DiagnosticReport", "presentedForm"},
    {"DocumentReference", "content.attachment"},
    {"Media", "content"},
    {"Patient", "photo"},
    {"Person", "photo"},
    {"Practitioner", "photo"},
    {"RelatedPerson", "photo"},
});

constexpr std::string_view kBinary = "Binary/";

bool names_binary(std::string_view text) {
  for (auto at = text.find(kBinary); at != std::string_view::npos; at = text.find(kBinary, at + 1)) {
    if ((at == 0 || text[at - 1] == '/') && at + kBinary.size() < text.size()) return true;
  }
  return false;
}

void collect(const Json& value, std::vector<std::string_view>& out) {
  if (const auto text = value.as_string()) {
    if (names_binary(*text)) out.push_back(*text);
    return;
  }
  for (const auto& item : value.items()) collect(item, out);
  for (const auto& member : value.members()) {
    // Narrative and inline content are read by people, not followed.
    const bool prose = member.value.is_string() && (member.key == "div" || member.key == "data");
    if (!prose) collect(member.value, out);
  }
}

}  // namespace

bool attachment_refers_to(const Json& resource, std::string_view binary_id, std::string_view own_base) {
  if (!is_id(binary_id)) return false;
  const auto type = resource["resourceType"].string_or();
  return std::ranges::any_of(kPlaces, [&](const Place& place) {
    return place.type == type && any_at_path(resource, place.path, [&](const Json& attachment) {
             const auto url = attachment["url"].as_string();
             if (!url) return false;
             const auto reference = parse_reference(*url, own_base);
             return reference.kind == ReferenceKind::local && reference.type == "Binary" && reference.id == binary_id;
           });
  });
}

std::vector<std::string_view> binary_locations(const Json& resource) {
  std::vector<std::string_view> out;
  collect(resource, out);
  return out;
}

}  // namespace mitral::fhir
