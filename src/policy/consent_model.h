// Consent model: one Consent as parsed, for consent_parse.cc and consent_match.cc only.
//
// Thread rules: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/reference.h"
#include "fhir/search_params.h"
#include "policy/consent.h"

namespace mitral::policy {

/// What is known about whether something applies.
enum class Match : std::uint8_t { no, unknown, yes };

enum class Effect : std::uint8_t { permit, deny };

/// Codes that are alternatives; none: text alone.
struct Concept {
  std::vector<Label> codings;
};

struct Pointer {
  fhir::ReferenceKind kind = fhir::ReferenceKind::other;
  std::string type, id;
  std::string identifier_system, identifier_value;
};

struct Actor {
  Concept role;
  Pointer who;
};

enum class Meaning : std::uint8_t { instance, related, dependents, authored_by };
struct DataItem {
  Meaning meaning = Meaning::instance;
  Pointer what;
};

/// Microseconds, half open; open ends are the extremes.
struct Span {
  std::int64_t from = INT64_MIN;
  std::int64_t to = INT64_MAX;
};

struct Provision {
  Effect effect = Effect::deny;
  std::optional<Span> period;
  std::vector<Actor> actors;
  std::vector<Concept> actions;
  std::vector<Label> labels;
  std::vector<Label> purposes;
  std::vector<Label> classes;
  std::vector<Concept> codes;
  std::optional<Span> data_period;
  std::vector<DataItem> data;
  std::vector<Provision> exceptions;
};

struct Directive {
  bool unreadable = false;  ///< then it denies, whatever else is here
  Effect base = Effect::permit;
  std::optional<Provision> root;
};

/// nullopt: a Consent without effect on access (not active, another scope), or of another patient.
[[nodiscard]] std::optional<Directive> parse_directive(const codec::Json& consent, std::string_view patient,
                                                       std::string_view own_base);

/// Does everything that a provision asks of requester, time and resource hold? Exceptions are not looked at.
[[nodiscard]] Match matches(const Provision& provision, const ConsentQuestion& question);

}  // namespace mitral::policy
