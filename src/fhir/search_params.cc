#include "fhir/search_params.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/element_path.h"
#include "fhir/r4.h"
#include "fhir/search_table.h"

namespace mitral::fhir {
namespace {

using codec::Json;

constexpr auto kCommon = std::to_array<SearchParam>({
    {"_id", ParamType::token, "id", {}},
    {"_lastUpdated", ParamType::date, "meta.lastUpdated", {}},
    {"_profile", ParamType::uri, "meta.profile", {}},
    {"_security", ParamType::token, "meta.security", {}},
    {"_source", ParamType::uri, "meta.source", {}},
    {"_tag", ParamType::token, "meta.tag", {}},
});

ParamType type_of_letter(char letter) noexcept {
  switch (letter) {
    case 'r': return ParamType::reference;
    case 'd': return ParamType::date;
    case 's': return ParamType::string;
    case 'q': return ParamType::quantity;
    case 'u': return ParamType::uri;
    case 'n': return ParamType::number;
    default: return ParamType::token;
  }
}

using Registry = std::map<std::string_view, std::vector<SearchParam>>;

Registry build_registry() {
  Registry out;
  for (const auto type : resource_types()) out[type].assign(kCommon.begin(), kCommon.end());
  for (const auto& row : packed_search_params()) {
    auto& params = out[row.type];
    for (const auto entry : codec::split(row.rows, ';')) {
      const auto words = codec::split_words(entry);
      if (words.size() < 3) continue;
      params.push_back({words[0], type_of_letter(words[1].front()), words[2],
                        words.size() > 3 ? words[3].substr(1) : std::string_view{}});
    }
  }
  for (auto& [type, params] : out) std::ranges::sort(params, {}, &SearchParam::name);
  return out;
}

const Registry& registry() {
  static const Registry built = build_registry();
  return built;
}

}  // namespace

std::span<const SearchParam> params_of(std::string_view type) {
  const auto found = registry().find(type);
  return found == registry().end() ? std::span<const SearchParam>{} : std::span(found->second);
}

const SearchParam* find_param(std::string_view type, std::string_view name) {
  const auto params = params_of(type);
  const auto found = std::ranges::lower_bound(params, name, {}, &SearchParam::name);
  return found != params.end() && found->name == name ? &*found : nullptr;
}

bool usable_in_scope(std::string_view type, std::string_view name, std::string_view value) {
  if (name.find_first_of(":.") != std::string_view::npos) return false;
  if (type == "*") {
    // On every type at once only what every type has, and what says something about all of them.
    if (name != "_id" && name != "_tag" && name != "_security" && name != "_profile") return false;
    type = "Basic";
  }
  const auto* const param = find_param(type, name);
  if (param == nullptr) return false;
  if (param->type != ParamType::token && param->type != ParamType::reference && param->type != ParamType::date &&
      name != "_profile") {
    return false;
  }
  return parse_condition(type, name, value).has_value();
}

std::vector<const Json*> elements(const Json& resource, std::string_view paths) {
  std::vector<const Json*> out;
  for (const auto path : codec::split(paths, '|')) {
    any_at_path(resource, path, [&](const Json& value) {
      out.push_back(&value);
      return false;
    });
  }
  return out;
}

}  // namespace mitral::fhir
