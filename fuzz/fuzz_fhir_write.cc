// What is written through the gateway: a stored resource, and a body or a patch for it. First byte: 'r' a resource, 'j'
// a JSON Patch, 'x' an XML Patch, else a FHIRPath Patch; then the stored resource and what was sent, separated by a
// newline.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "fhir/compartment.h"
#include "fhir/reference.h"
#include "gateway/write_content.h"

using namespace mitral;

namespace {

constexpr gateway::Bases kBases{"https://gw.example/fhir", "http://fhir.internal/r4"};

void require(bool holds) {
  if (!holds) std::abort();
}

/// One spelling: what is stored names a resource of this server, a contained one, or what stood there before.
void check_references(const codec::Json& before, const codec::Json& after) {
  const auto known = fhir::all_references(before);
  for (const auto text : fhir::all_references(after)) {
    const auto reference = fhir::parse_reference(text, kBases.own);
    if (std::ranges::find(known, text) != known.end()) continue;
    require(text.find('?') == std::string_view::npos && !text.starts_with("http"));
    require(reference.kind == fhir::ReferenceKind::local || reference.kind == fhir::ReferenceKind::contained);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const char kind = text.front();
  text.remove_prefix(1);
  const auto line = text.find('\n');
  const auto before = codec::Json::parse_object(text.substr(0, line));
  if (!before || line == std::string_view::npos) return 0;
  const std::string type((*before)["resourceType"].string_or()), id((*before)["id"].string_or());
  codec::Request request;
  request.headers.add("Content-Type", kind == 'j'   ? "application/json-patch+json"
                                      : kind == 'x' ? "application/xml-patch+xml"
                                                    : "application/fhir+json");
  request.body = text.substr(line + 1);
  auto draft = gateway::read_draft(request, kind != 'r', kBases);
  if (!draft) return 0;
  auto after =
      kind == 'r' ? Result<codec::Json>(std::move(draft->body)) : gateway::apply_patch(*before, *draft, true, kBases);
  if (!after) return 0;
  if (kind != 'r') require((*after)["id"] == (*before)["id"] && (*after)["resourceType"] == (*before)["resourceType"]);
  const gateway::ContentRules rules{.type = type, .id = id, .own_base = kBases.own, .before = &*before};
  if (!gateway::settle_content(*after, rules)) return 0;
  require((*after)["resourceType"].string_or() == type);
  check_references(*before, *after);
  // The form is settled: once more changes nothing, and the text means what was judged.
  auto again = *after;
  require(gateway::settle_content(again, rules).has_value() && again == *after);
  const auto sent = gateway::upstream_text(*after, kBases);
  require(sent.has_value() && codec::Json::parse_object(*sent).has_value());
  return 0;
}
