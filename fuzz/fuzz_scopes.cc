// SMART scopes: no text may crash the parser, print back differently, or come out of narrowing wider than it went in.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fhir/r4.h"
#include "fhir/search_params.h"
#include "spec/smart/scopes.h"
#include "spec/smart/words.h"

using namespace mitral;
using spec::smart::ScopeSet;

static void require(bool holds) {
  if (!holds) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const spec::smart::ScopeRules rules{fhir::resource_types(), &fhir::usable_in_scope};
  // The first line is asked for, the second is the limit.
  const auto line = input.find('\n');
  const auto asked = ScopeSet::parse_known(input.substr(0, line), rules);
  if (!asked) return 0;
  for (const auto& scope : asked->items()) {
    const auto again = spec::smart::parse_scope(scope.text, rules);
    require(again && *again == scope);
    require(covers(scope, scope));
    const auto canonical = spec::smart::parse_scope(scope.canonical(), rules);
    require(canonical && covers(*canonical, scope) && covers(scope, *canonical));
    (void)spec::smart::facts(scope);
  }
  const auto limit = ScopeSet::parse_known(
      line == std::string_view::npos ? std::string_view("patient/*.rs openid") : input.substr(line + 1), rules);
  if (!limit) return 0;
  const auto granted = ScopeSet::narrow(*asked, *limit);
  require(asked->covers(granted) && limit->covers(granted));
  return 0;
}
