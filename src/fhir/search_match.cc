// Parsing of search conditions, and whether a resource meets them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "fhir/search_params.h"

namespace mitral::fhir {
namespace {

using codec::Json;

std::unexpected<Error> cannot(ClientText why) { return fail(ErrorCode::malformed, why); }

// ---------------------------------------------------------------------------------------------- parsing

/// Splits at separators that no backslash escapes; the pieces stay escaped.
std::vector<std::string_view> split_unescaped(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == separator) {
      out.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  out.push_back(text.substr(start));
  return out;
}

/// Undoes \, \| \$ \\; any other backslash is an error, for its meaning is undefined.
Result<std::string> unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    ++i;
    if (i == text.size() || !std::string_view(",|$\\").contains(text[i])) return cannot("bad escape in search value");
    out.push_back(text[i]);
  }
  return out;
}

Result<ConditionValue> parse_token(std::string_view text) {
  ConditionValue out;
  const auto parts = split_unescaped(text, '|');
  if (parts.size() > 2) return cannot("more than one bar in a token");
  if (parts.size() == 2) {
    out.has_bar = true;
    MITRAL_TRY(out.system, unescape(parts[0]));
  }
  MITRAL_TRY(out.text, unescape(parts.back()));
  if (out.text.empty() && out.system.empty()) return cannot("empty token");
  return out;
}

/// Takes a two-letter prefix off the front when a digit or sign follows it.
Prefix take_prefix(std::string_view& text) {
  struct Name {
    std::string_view text;
    Prefix prefix;
  };
  constexpr auto kNames = std::to_array<Name>({{"eq", Prefix::eq},
                                               {"ne", Prefix::ne},
                                               {"gt", Prefix::gt},
                                               {"lt", Prefix::lt},
                                               {"ge", Prefix::ge},
                                               {"le", Prefix::le},
                                               {"sa", Prefix::sa},
                                               {"eb", Prefix::eb}});
  for (const auto& [prefix_name, prefix] : kNames) {
    if (text.starts_with(prefix_name)) {
      text.remove_prefix(2);
      return prefix;
    }
  }
  return Prefix::eq;
}

Result<ConditionValue> parse_quantity(std::string_view text, bool with_unit) {
  ConditionValue out;
  out.prefix = take_prefix(text);
  const auto parts = split_unescaped(text, '|');
  if (parts.size() != 1 && (!with_unit || parts.size() != 3)) return cannot("not a quantity");
  if (!Json::number(parts[0])) return cannot("not a number");
  out.text = parts[0];
  if (parts.size() == 3) {
    out.has_bar = true;
    MITRAL_TRY(const auto system, unescape(parts[1]));
    MITRAL_TRY(const auto unit, unescape(parts[2]));
    if (unit.empty()) return cannot("quantity without a unit");
    out.system = system + '|' + unit;
  }
  return out;
}

Result<ConditionValue> parse_value(const SearchParam& param, Modifier modifier, std::string_view text) {
  if (text.empty()) return cannot("empty search value");
  if (modifier == Modifier::missing) {
    if (text != "true" && text != "false") return cannot("missing takes true or false");
    ConditionValue out;
    out.text = text;
    return out;
  }
  if (modifier == Modifier::identifier) return parse_token(text);
  ConditionValue out;
  switch (param.type) {
    case ParamType::token: return parse_token(text);
    case ParamType::quantity: return parse_quantity(text, true);
    case ParamType::number: return parse_quantity(text, false);
    case ParamType::date: {
      out.prefix = take_prefix(text);
      MITRAL_TRY([[maybe_unused]] const auto range, parse_date_range(text));
      out.text = text;
      return out;
    }
    case ParamType::reference:
    case ParamType::string:
    case ParamType::uri: break;
  }
  MITRAL_TRY(out.text, unescape(text));
  return out;
}

Result<void> parse_modifier(Condition& out, std::string_view text) {
  const auto type = out.param->type;
  if (text == "missing") {
    out.modifier = Modifier::missing;
  } else if (text == "not" && type == ParamType::token) {
    out.modifier = Modifier::not_;
  } else if (text == "exact" && type == ParamType::string) {
    out.modifier = Modifier::exact;
  } else if (text == "contains" && type == ParamType::string) {
    out.modifier = Modifier::contains;
  } else if (text == "identifier" && type == ParamType::reference) {
    out.modifier = Modifier::identifier;
  } else if (type == ParamType::reference && is_resource_type(text)) {
    out.modifier = Modifier::type;
    out.target_type = text;
  } else {
    return cannot("search modifier not supported");
  }
  return {};
}

// ---------------------------------------------------------------------------------------------- tokens

struct Token {
  std::string_view system;
  std::string_view code;
  bool has_system = false;
};

/// Calls visit(Token) for each code that the element carries; stops at true.
template <class Visit>
bool any_token(const Json& element, const Visit& visit) {
  if (const auto text = element.as_string()) return visit(Token{{}, *text, false});
  if (const auto flag = element.as_bool()) return visit(Token{{}, *flag ? "true" : "false", false});
  if (!element.is_object()) return false;
  if (const auto* const codings = element.find("coding")) {
    return std::ranges::any_of(codings->items(), [&](const Json& coding) { return any_token(coding, visit); });
  }
  // Coding has a code; Identifier and ContactPoint have a value.
  const auto* code = element.find("code");
  if (code == nullptr) code = element.find("value");
  if (code == nullptr || !code->is_string()) return false;
  const auto* const system = element.find("system");
  return visit(
      Token{system == nullptr ? std::string_view{} : system->string_or(), code->string_or(), system != nullptr});
}

/// Codes are compared byte by byte. FHIR lets a server ignore case, but a restriction must not match more than it says.
bool token_matches(const Token& token, const ConditionValue& wanted) {
  if (wanted.has_bar) {
    if (wanted.system.empty() ? token.has_system : (!token.has_system || token.system != wanted.system)) return false;
    if (wanted.text.empty()) return true;
  }
  return token.code == wanted.text;
}

bool matches_token(const Json& element, const ConditionValue& wanted) {
  return any_token(element, [&](const Token& token) { return token_matches(token, wanted); });
}

// ---------------------------------------------------------------------------------------------- references

bool is_target(const Condition& condition, std::string_view type) {
  return (condition.param->target.empty() || condition.param->target == type) &&
         (condition.target_type.empty() || condition.target_type == type);
}

bool matches_reference(const Json& element, const Condition& condition, const ConditionValue& wanted,
                       std::string_view own_base) {
  if (condition.modifier == Modifier::identifier) {
    const auto* const identifier = element.find("identifier");
    return identifier != nullptr && matches_token(*identifier, wanted);
  }
  // A canonical stands in the element itself; without a version in the search any version will do.
  if (const auto canonical = element.as_string()) {
    return *canonical == wanted.text ||
           (canonical->starts_with(wanted.text) && canonical->substr(wanted.text.size()).starts_with('|'));
  }
  const auto text = element["reference"].as_string();
  if (!text) return false;
  const auto reference = parse_reference(*text, own_base);
  if (reference.kind == ReferenceKind::foreign) return condition.target_type.empty() && *text == wanted.text;
  if (reference.kind != ReferenceKind::local || !is_target(condition, reference.type)) return false;
  if (is_id(wanted.text)) return reference.id == wanted.text;
  const auto asked = parse_reference(wanted.text, own_base);
  return asked.kind == ReferenceKind::local && asked.type == reference.type && asked.id == reference.id &&
         (asked.version.empty() || asked.version == reference.version);
}

// ---------------------------------------------------------------------------------------------- dates

constexpr DateRange kAlways{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};

/// The time that an element covers: a date, a Period, or the spans of a Timing.
std::optional<DateRange> range_of(const Json& element) {
  if (const auto text = element.as_string()) {
    const auto range = parse_date_range(*text);
    return range ? std::optional(*range) : std::nullopt;
  }
  const auto& period = element["repeat"]["boundsPeriod"].is_object() ? element["repeat"]["boundsPeriod"] : element;
  std::optional<DateRange> out;
  const auto widen = [&](const DateRange& part) {
    out = out ? DateRange{std::min(out->from, part.from), std::max(out->to, part.to)} : part;
  };
  for (const auto& event : element["event"].items()) {
    if (const auto range = range_of(event)) widen(*range);
  }
  const auto start = period["start"].as_string();
  const auto end = period["end"].as_string();
  if (start || end) {
    DateRange range = kAlways;
    if (start) {
      const auto parsed = parse_date_range(*start);
      if (!parsed) return std::nullopt;
      range.from = parsed->from;
    }
    if (end) {
      const auto parsed = parse_date_range(*end);
      if (!parsed) return std::nullopt;
      range.to = parsed->to;
    }
    widen(range);
  }
  return out;
}

/// FHIR R4 search §3.1.1.4.5: how the value's interval and the element's stand to each other.
bool compare(Prefix prefix, const DateRange& element, const DateRange& wanted) {
  const bool within = wanted.from <= element.from && element.to <= wanted.to;
  switch (prefix) {
    case Prefix::eq: return within;
    case Prefix::ne: return !within;
    case Prefix::gt: return element.to > wanted.to;
    case Prefix::lt: return element.from < wanted.from;
    case Prefix::ge: return element.to > wanted.to || within;
    case Prefix::le: return element.from < wanted.from || within;
    case Prefix::sa: return element.from >= wanted.to;
    case Prefix::eb: return element.to <= wanted.from;
  }
  return false;
}

bool matches_date(const Json& element, const ConditionValue& wanted) {
  const auto range = range_of(element);
  const auto asked = parse_date_range(wanted.text);
  return range && asked && compare(wanted.prefix, *range, *asked);
}

// ---------------------------------------------------------------------------------------------- strings, numbers, uris

constexpr auto kTextMembers = std::to_array<std::string_view>(
    {"text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country"});

bool matches_string(const Json& element, Modifier modifier, std::string_view wanted) {
  if (const auto text = element.as_string()) {
    if (modifier == Modifier::exact) return *text == wanted;
    const auto value = codec::to_lower(*text);
    const auto lowered = codec::to_lower(codec::trim(wanted));
    return modifier == Modifier::contains ? value.contains(lowered) : value.starts_with(lowered);
  }
  if (element.is_array()) {
    return std::ranges::any_of(element.items(),
                               [&](const Json& item) { return matches_string(item, modifier, wanted); });
  }
  return std::ranges::any_of(kTextMembers, [&](std::string_view member) {
    const auto* const part = element.find(member);
    return part != nullptr && matches_string(*part, modifier, wanted);
  });
}

bool matches_number(const Json& element, const ConditionValue& wanted) {
  const auto asked = Json::number(wanted.text);
  if (!asked) return false;
  const auto& number = element.is_object() ? element["value"] : element;
  const auto value = number.as_double();
  const auto target = asked->as_double();
  if (!value || !target) return false;
  if (wanted.has_bar) {
    const auto code = fmt::format("{}|{}", element["system"].string_or(), element["code"].string_or());
    const auto unit = fmt::format("|{}", element["unit"].string_or());
    const auto bare = wanted.system.starts_with('|') ? fmt::format("|{}", element["code"].string_or()) : code;
    if (wanted.system != code && wanted.system != bare && wanted.system != unit) return false;
  }
  // "5.40" means 5.395 up to 5.405: half a unit of the last digit given. An exponent is taken as exact.
  const std::string_view text = wanted.text;
  const auto dot = text.find('.');
  const auto digits = dot == std::string_view::npos ? 0 : static_cast<int>(text.size() - dot - 1);
  const double half = text.find_first_of("eE") != std::string_view::npos ? 0 : 0.5 * std::pow(10.0, -digits);
  const bool equal = half > 0 ? *value >= *target - half && *value < *target + half : *value == *target;
  switch (wanted.prefix) {
    case Prefix::eq: return equal;
    case Prefix::ne: return !equal;
    case Prefix::gt:
    case Prefix::sa: return *value > *target;
    case Prefix::lt:
    case Prefix::eb: return *value < *target;
    case Prefix::ge: return *value >= *target;
    case Prefix::le: return *value <= *target;
  }
  return false;
}

bool matches_value(const Json& element, const Condition& condition, const ConditionValue& wanted,
                   std::string_view own_base) {
  switch (condition.param->type) {
    case ParamType::token: return matches_token(element, wanted);
    case ParamType::reference: return matches_reference(element, condition, wanted, own_base);
    case ParamType::date: return matches_date(element, wanted);
    case ParamType::string: return matches_string(element, condition.modifier, wanted.text);
    case ParamType::quantity:
    case ParamType::number: return matches_number(element, wanted);
    case ParamType::uri: return element.as_string() == std::string_view(wanted.text);
  }
  return false;
}

}  // namespace

Result<Condition> parse_condition(std::string_view type, std::string_view name, std::string_view value) {
  if (value.size() > limits::kFhirParameterMax) return fail(ErrorCode::too_large, "search value too long");
  if (name.contains('.')) return cannot("chained search parameter not supported");
  const auto colon = name.find(':');
  Condition out;
  out.param = find_param(type, name.substr(0, colon));
  if (out.param == nullptr) return cannot("unknown search parameter");
  if (colon != std::string_view::npos) MITRAL_CHECK(parse_modifier(out, name.substr(colon + 1)));
  const auto alternatives = split_unescaped(value, ',');
  if (alternatives.size() > limits::kFhirOrValuesMax) return fail(ErrorCode::too_large, "too many search values");
  for (const auto alternative : alternatives) {
    MITRAL_TRY(auto parsed, parse_value(*out.param, out.modifier, alternative));
    out.any_of.push_back(std::move(parsed));
  }
  if (out.modifier == Modifier::missing && out.any_of.size() != 1) return cannot("missing takes true or false");
  return out;
}

bool matches(const Json& resource, const Condition& condition, std::string_view own_base) {
  if (condition.param == nullptr || condition.any_of.empty()) return false;
  const auto found = elements(resource, condition.param->paths);
  if (condition.modifier == Modifier::missing) return found.empty() == (condition.any_of.front().text == "true");
  const bool any = std::ranges::any_of(condition.any_of, [&](const ConditionValue& wanted) {
    return std::ranges::any_of(
        found, [&](const Json* element) { return matches_value(*element, condition, wanted, own_base); });
  });
  return condition.modifier == Modifier::not_ ? !any : any;
}

Result<bool> matches(const Json& resource, std::string_view name, std::string_view value, std::string_view own_base) {
  const auto type = resource["resourceType"].as_string();
  if (!type) return cannot("not a resource");
  MITRAL_TRY(const auto condition, parse_condition(*type, name, value));
  return matches(resource, condition, own_base);
}

std::string sort_key(const Json& resource, const SearchParam& param, bool descending) {
  std::optional<std::string> best;
  const auto offer = [&](std::string key) {
    if (!best || (descending ? key > *best : key < *best)) best = std::move(key);
  };
  for (const auto* const element : elements(resource, param.paths)) {
    switch (param.type) {
      case ParamType::date:
        if (const auto range = range_of(*element)) {
          // Shifted so that times before 1970 sort as text too.
          const auto point = static_cast<std::uint64_t>(descending ? range->to : range->from) ^ (1ULL << 63U);
          offer(fmt::format("{:020}", point));
        }
        break;
      case ParamType::token:
        any_token(*element, [&](const Token& token) {
          offer(std::string(token.code));
          return false;
        });
        break;
      case ParamType::quantity:
      case ParamType::number:
        if (const auto value = (element->is_object() ? (*element)["value"] : *element).as_double()) {
          offer(fmt::format("{:030.9f}", *value + 1e15));
        }
        break;
      case ParamType::reference: offer(std::string((*element)["reference"].string_or())); break;
      case ParamType::string:
      case ParamType::uri:
        if (const auto text = element->as_string()) offer(codec::to_lower(*text));
        for (const auto member : kTextMembers) {
          if (const auto text = (*element)[member].as_string()) offer(codec::to_lower(*text));
        }
        break;
    }
  }
  return best.value_or(std::string{});
}

}  // namespace mitral::fhir
