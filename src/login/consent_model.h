// Consent model: what was asked for, as the items that a person may untick, and back: what she left, as granted scopes.
//
// A requested resource scope is taken apart into pieces: reading and changing; a wildcard into resource types;
// Condition, Observation and the like into categories (SMART App Launch 2.2, ONC 170.315(g)(10)). Pieces of all scopes
// that mean the same to a person share one item. If every piece of a scope is kept, the scope is granted in the
// client's own words; else the largest pieces that are kept whole take its place. launch, openid, fhirUser and the like
// are kept as asked; offline_access has a switch of its own.
//
// Always: granted ⊆ requested (tests/property/consent_model.cc). What a browser sends can only pick among the items
// that the server made from the request; it never names a scope. Limits: kScopeItemsMax pieces of the answer at most; a
// selection that would need more is refused by too_large. Thread rules: pure functions; values.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec/smart/scopes.h"
#include "spec/smart/words.h"

namespace mitral::login {

enum class Access : std::uint8_t { see, change };
[[nodiscard]] std::string_view name(Access access) noexcept;

/// One kind of data inside an item that can be chosen for itself, e.g. "Lab results" of "Observations".
struct ConsentPart {
  std::string value;  ///< stable name in the form: "patient.see.Observation.laboratory"
  spec::smart::ScopeFacts facts;
};

/// One line with a checkbox.
struct ConsentItem {
  std::string value;  ///< stable name in the form: "patient.see.Condition"; "other" types: "patient.see.other"
  Access access = Access::see;
  spec::smart::ScopeContext context = spec::smart::ScopeContext::patient;
  spec::smart::ScopeFacts facts;   ///< of its first piece; for "other" of the wildcard
  bool other_types = false;        ///< everything a wildcard covers besides the types that have lines of their own
  bool fixed_kind = false;         ///< the app itself asked for one category only
  std::vector<ConsentPart> parts;  ///< empty, or the categories to choose from
};

class ConsentForm {
 public:
  /// A wildcard that has to be spelled out stands for every type that a patient/ scope can reach, or for all R4 types
  /// (user/); those of US Core get lines of their own.
  [[nodiscard]] static ConsentForm make(const spec::smart::ScopeSet& requested);

  [[nodiscard]] const std::vector<ConsentItem>& items() const noexcept { return items_; }
  [[nodiscard]] bool has_data() const noexcept { return !items_.empty(); }
  [[nodiscard]] bool asks_offline() const noexcept;
  [[nodiscard]] bool asks_identity() const noexcept;  ///< openid, fhirUser or profile
  /// Scope tokens that are no SMART scopes (their text is shown).
  [[nodiscard]] std::vector<std::string> other_scopes() const;

  /// Names of every item and part: the form as it is first shown.
  [[nodiscard]] std::vector<std::string> all_values() const;

  struct Choice {
    /// Is this item or part ticked? A part counts only if its item is ticked too.
    std::function<bool(std::string_view)> ticked;
    bool offline = false;
  };
  [[nodiscard]] Result<spec::smart::ScopeSet> grant(const Choice& choice) const;
  /// Requested texts that are not in the granted set as they were asked.
  [[nodiscard]] std::vector<std::string> declined(const spec::smart::ScopeSet& granted) const;

 private:
  struct Piece {
    spec::smart::SmartScope scope;
    std::string item;                           ///< value of its item
    std::vector<std::string> needs;             ///< others that have to be ticked too
    std::vector<spec::smart::SmartScope> fine;  ///< by category, or empty
    std::vector<std::string> fine_values;       ///< same order
  };
  struct Source {
    spec::smart::SmartScope scope;
    std::vector<Piece> pieces;  ///< empty: not data, kept as asked
  };
  void add_pieces(Source& source, const spec::smart::SmartScope& scope, bool other);
  void add_item(Piece& piece, Access access, bool other);

  std::vector<Source> sources_;
  std::vector<ConsentItem> items_;
};

}  // namespace mitral::login
