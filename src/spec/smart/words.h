// Words: what a SMART scope means in everyday language, for consent pages that speak to patients, and the categories by
// which a broad scope can be narrowed (SMART App Launch 2.2; US Core scopes page: Condition, Observation and
// DocumentReference categories).
//
// English only, plain literals; a page in another language keys its own texts by `key`.
// Limits: none. Errors: none; a type without words of its own gets general ones.
// Thread rules: constant tables and pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/smart/scopes.h"

namespace mitral::spec::smart {

/// What a consent page shows about one scope. All texts but `type` and `restriction` are literals of this program.
struct ScopeFacts {
  ScopeContext context = ScopeContext::patient;
  std::string type;                ///< resource type, or "*"
  std::string category;            ///< code of the category restriction, if there is exactly one; else empty
  std::string_view key;            ///< stable id of the words: "Observation/laboratory", "Condition", "*", "openid" ...
  std::string_view title;          ///< "Lab results"
  std::string_view detail;         ///< one sentence
  bool reads = false;              ///< r or s
  bool writes = false;             ///< c, u or d
  bool other_restriction = false;  ///< restricted by something besides a known category
  bool sensitive = false;          ///< notes, behavioural health surveys and the like: point it out
};

[[nodiscard]] ScopeFacts facts(const SmartScope& scope);

struct Category {
  std::string_view type;
  std::string_view system;
  std::string_view code;
  std::string_view title;
};
/// US Core's granular categories of a type; empty for types that have none.
[[nodiscard]] std::span<const Category> categories_of(std::string_view type) noexcept;

/// A type-level Condition or Observation scope as one scope per category (SMART 2.2: a patient may choose among them).
/// Empty when the type has no categories or the scope is already restricted.
[[nodiscard]] std::vector<SmartScope> split_by_category(const SmartScope& scope);

/// The texts of all granular scopes that US Core demands, for scopes_supported ("patient/Condition.rs?category=...").
[[nodiscard]] std::vector<std::string> us_core_granular_scopes(ScopeContext context);
/// The types that US Core demands at type level (".rs").
[[nodiscard]] std::span<const std::string_view> us_core_types() noexcept;

}  // namespace mitral::spec::smart
