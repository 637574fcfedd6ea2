// Search parameters: which ones exist per resource type, where their values stand in a resource, and whether a resource
// matches a condition. One evaluator for the gateway's granular scopes, its check of answers, and the sandbox's search.
//
// Source: FHIR R4 search.html (3.1.1) and the R4 search parameter registry.
// Token: "code" (any system), "system|code", "|code" (no system), "system|" over Coding, CodeableConcept, Identifier,
// ContactPoint, code, boolean and string. Reference: "id", "Type/id", absolute, versioned. Date: the prefixes eq ne lt
// gt le ge sa eb with partial dates as intervals. String: case- and space-insensitive prefix, :exact, :contains.
// Modifiers: :not (token), :missing, :exact, :contains, :Type and :identifier (reference). Others are refused.
// A value list with commas is OR; the escapes \, \| \$ \\ are honoured.
// Limits: kFhirParameterMax per value, kFhirOrValuesMax alternatives. Errors: malformed for what cannot be evaluated;
// the caller denies. A parameter that is unknown is an error, never "matches all". Thread rules: constant tables and
// pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace mitral::fhir {

enum class ParamType : std::uint8_t { token, reference, date, string, quantity, uri, number };

struct SearchParam {
  std::string_view name;
  ParamType type = ParamType::token;
  /// Element paths below the resource, '|' between alternatives. "value[x]" takes any typed variant; "x(system=phone)"
  /// keeps the items of x whose member equals the literal.
  std::string_view paths;
  std::string_view target;  ///< a reference counts only when it points to this type (empty: any)
};

/// Parameters of a type, sorted by name; includes _id, _lastUpdated, _tag, _profile, _security and _source.
[[nodiscard]] std::span<const SearchParam> params_of(std::string_view type);
/// nullptr when the type or the parameter is unknown.
[[nodiscard]] const SearchParam* find_param(std::string_view type, std::string_view name);

/// May the parameter restrict a granular SMART scope of this type? Tokens, references and dates that matches() can
/// decide on the resource alone; for the type "*" only _id, _tag, _security and _profile.
[[nodiscard]] bool usable_in_scope(std::string_view type, std::string_view name, std::string_view value);

enum class Modifier : std::uint8_t { none, not_, missing, exact, contains, type, identifier };
enum class Prefix : std::uint8_t { eq, ne, gt, lt, ge, le, sa, eb };

struct ConditionValue {
  std::string text;      ///< unescaped; the code of a token, the id or URL of a reference
  std::string system;    ///< token, quantity and :identifier
  bool has_bar = false;  ///< "|" was given: an empty system then means "no system"
  Prefix prefix = Prefix::eq;
};

/// One parsed search condition: name[:modifier]=value,value...
struct Condition {
  const SearchParam* param = nullptr;
  Modifier modifier = Modifier::none;
  std::string target_type;  ///< of the modifier :Type
  std::vector<ConditionValue> any_of;
};

/// Parses one condition on resources of a type. `name` may carry a modifier; chains ("a.b"), _has and unknown names are
/// errors. `value` is already percent-decoded.
[[nodiscard]] Result<Condition> parse_condition(std::string_view type, std::string_view name, std::string_view value);

/// Does the resource meet the condition? `own_base` as in parse_reference().
[[nodiscard]] bool matches(const codec::Json& resource, const Condition& condition, std::string_view own_base);

/// One call for callers that evaluate once. An error means "cannot be evaluated": deny.
[[nodiscard]] Result<bool> matches(const codec::Json& resource, std::string_view name, std::string_view value,
                                   std::string_view own_base);

/// All elements of a resource that a parameter's paths reach, in document order.
[[nodiscard]] std::vector<const codec::Json*> elements(const codec::Json& resource, std::string_view paths);

/// Text by which _sort orders resources for this parameter (dates become comparable UTC text); empty when absent.
[[nodiscard]] std::string sort_key(const codec::Json& resource, const SearchParam& param, bool descending);

/// A date, dateTime, instant or partial date as a half-open interval of microseconds since the epoch.
struct DateRange {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
[[nodiscard]] Result<DateRange> parse_date_range(std::string_view text);

}  // namespace mitral::fhir
