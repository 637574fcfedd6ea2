// Parts of the FHIR decision that its files share; nobody else needs this header. fhir_decision.cc compiles rules and
// judges resources, fhir_decision_write.cc what is written, fhir_decision_request.cc requests, fhir_decision_search.cc
// their search parameters and fhir_decision_operation.cc operations.
//
// Limits, errors: as in fhir_decision.h. Thread rules: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/interaction.h"
#include "policy/fhir_decision.h"

namespace mitral::policy::parts {

inline constexpr int kBundleDepthMax = 3;  // bundles in bundles: nobody needs more, and each level is judged again

/// Why a request is denied, and by which parameter (a name of the registry, or empty).
struct Stop {
  Reason reason;
  std::string parameter;
  std::string scope_hint = {};
};
using Step = std::optional<Stop>;

/// What the rules that cover a letter on a type have in common.
struct Frame {
  enum class Rules : std::uint8_t { all, beyond_patient };
  std::vector<const AccessRule*> rules;
  std::vector<std::string> patients;  ///< union of all bounds
  bool bounded = true;                ///< no rule is without a bound
  bool unlimited = false;             ///< some rule hides nothing

  Frame(const Access& access, char letter, std::string_view type, Rules which = Rules::all);
  [[nodiscard]] bool has(std::string_view patient) const;
};

[[nodiscard]] bool covered(const Access& access, char letter, std::string_view type);
/// The rule shows everything of the type. Of Bundles: everything that may be in one, too.
[[nodiscard]] bool shows_all(const AccessRule& rule, char letter, std::string_view type) noexcept;
/// Some rule shows everything of the type.
[[nodiscard]] bool unlimited(const Access& access, char letter, std::string_view type);

/// One line of an explanation: names only, never values.
void say(Explanation* explain, std::string_view scope, std::string_view what);

/// Is the resource in the rule's bound? `seen` as in resource_visible().
[[nodiscard]] bool in_bound(const AccessRule& rule, const codec::Json& resource, std::string_view type,
                            std::string_view own_base, const SeenVisible& seen);
/// Do all restrictions of the rule hold?
[[nodiscard]] bool conditions_hold(const AccessRule& rule, const codec::Json& resource, std::string_view own_base);

/// What search parameters are for.
enum class SearchUse : std::uint8_t {
  answer,     ///< a search whose matches are shown
  condition,  ///< finds the matches of a conditional write: conditions on content only, and at least one
};
/// Everything that judging search parameters needs to know.
struct SearchCall {
  const Access& access;
  std::string_view type;
  const Frame& frame;
  SearchUse use = SearchUse::answer;
};
/// Judges the parameters, and writes plan.forward with bound and filters added.
[[nodiscard]] Step judge_search(const SearchCall& call, std::span<const fhir::QueryParam> params, Plan& plan);
/// GET /?... and POST /_search: types and the parameters that every type has.
[[nodiscard]] Step judge_system_search(const Access& access, std::span<const fhir::QueryParam> params, Plan& plan);

/// One parameter that shapes an answer (_format, _summary ...) or names an instant, as read and history know them.
enum class Plain : std::uint8_t { read, history, write };
[[nodiscard]] Step take_plain(const fhir::QueryParam& param, Plain where, Plan& plan);
/// A date, dateTime or instant, by its characters.
[[nodiscard]] bool is_date_like(std::string_view text) noexcept;
/// _count as upstream gets it: at most kFhirPageMax; 0 is nullopt like everything that is not a number.
[[nodiscard]] std::optional<std::string> page_count(std::string_view text);

/// Types that some rule covers with the letter, sorted. With `patient`: only types whose records of that patient a rule
/// may show.
[[nodiscard]] std::vector<std::string> covered_types(const Access& access, char letter, std::string_view patient = {});
/// Narrows `types` to the values of _type; a type that is not a resource type is a Stop.
[[nodiscard]] Step intersect_types(std::string_view value, std::vector<std::string>& types);
/// Puts `types` into plan.types and, unless they are all there are, as _type into plan.forward.
void set_types(Plan& plan, std::vector<std::string> types, bool from_body);

/// Judges an interaction of kind operation.
[[nodiscard]] Step judge_operation(const Access& access, const fhir::Interaction& interaction, Plan& plan,
                                   Explanation* explain);

}  // namespace mitral::policy::parts
