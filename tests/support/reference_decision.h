// Reference decision: who may see what, once more, slow and plain, for comparing with policy/fhir_decision.h.
//
// Written from the standards alone (SMART App Launch 2.2 scopes, FHIR R4 Patient compartment, FHIR R4 token search); it
// shares no table, no parser and no predicate with the code under test, only the Json value. No optimisation, no cache,
// no index: every question walks everything. Where the two disagree, one of them is wrong.
//
// Not covered here: labels and directives of patients (they have properties of their own), histories' tombstones.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json.h"

namespace mitral::reference {

struct Scope {
  std::string context;  ///< "patient", "user", "system"
  std::string type;     ///< or "*"
  std::string letters;
  std::vector<std::pair<std::string, std::string>> restrictions;  ///< parameter, value as in a search
};

struct Token {
  std::vector<std::string> scopes;
  std::string client, subject;
  std::string patient;
  std::string fhir_user;  ///< "Type/id" or absolute below base
  std::vector<std::string> proxied;
  std::string base;
};

/// nullopt: not a resource scope that could be read.
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view text);

enum class Way { read, match, included, reverse };

/// May this resource be shown? `seen`: "Type/id" of resources that are visible in the same answer.
[[nodiscard]] bool may_see(const Token& token, const codec::Json& resource, Way way,
                           const std::set<std::string>& seen = {});

/// Could any scope of the token, with its bound, permit this letter on this type at all?
[[nodiscard]] bool may_ask(const Token& token, char letter, std::string_view type);

/// Letters that a request needs (smart-fhir §4.1), by method and path below the base; nullopt: never allowed.
[[nodiscard]] std::optional<std::string> letters_for(std::string_view method, std::string_view path,
                                                     bool if_none_exist);

/// Elements that make a resource of the type a patient's own; empty for types that are nobody's.
[[nodiscard]] const std::map<std::string, std::vector<std::string>, std::less<>>& own_elements();
[[nodiscard]] const std::set<std::string, std::less<>>& shared_types();

}  // namespace mitral::reference
