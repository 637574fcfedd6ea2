// FHIR requests: classification, query parsing, search conditions and references take any bytes. First byte: the
// method; then path, query, body and a resource, separated by newlines.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codec/json.h"
#include "fhir/compartment.h"
#include "fhir/interaction.h"
#include "fhir/r4.h"
#include "fhir/search_params.h"

using namespace mitral;

static void require(bool holds) {
  if (!holds) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::array<std::string_view, 4> part;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto line = i + 1 < part.size() ? rest.find('\n') : std::string_view::npos;
    part[i] = rest.substr(0, line);
    rest = line == std::string_view::npos ? std::string_view{} : rest.substr(line + 1);
  }
  const auto got = fhir::classify({.method = static_cast<codec::Method>(data[0] % 8),
                                   .path = part[0],
                                   .query = part[1],
                                   .content_type = "application/x-www-form-urlencoded",
                                   .body = part[2],
                                   .if_none_exist = data[0] >= 128});
  const auto resource = codec::Json::parse(part[3]);
  if (resource) {
    if (fhir::member_of_patient(*resource, "p1", "https://gw.example/fhir")) {
      require(!fhir::member_patients(*resource, "https://gw.example/fhir").empty());
    }
    (void)fhir::names_other_patient(*resource, "p1", "https://gw.example/fhir");
    (void)fhir::all_references(*resource);
  }
  if (!got) return 0;
  // What passes has one reading: plain segments, a known type or none.
  require(part[0].find_first_of("%;\\?#") == std::string_view::npos && part[0].find("//") == std::string_view::npos);
  require(got->type.empty() || got->type == "*" || fhir::is_resource_type(got->type));
  require(got->id.empty() || fhir::is_id(got->id));
  for (const auto& parameter : got->params) {
    if (got->type.empty()) break;
    const auto condition = fhir::parse_condition(got->type, parameter.name, parameter.value);
    if (condition && resource) (void)fhir::matches(*resource, *condition, "https://gw.example/fhir");
    if (condition && resource) (void)fhir::sort_key(*resource, *condition->param, true);
  }
  return 0;
}
