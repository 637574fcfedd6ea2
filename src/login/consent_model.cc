#include "login/consent_model.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "base/limits.h"
#include "fhir/r4.h"

namespace mitral::login {
namespace {

using spec::smart::Perms;
using spec::smart::ScopeKind;
using spec::smart::ScopeSet;
using spec::smart::SmartScope;

constexpr Perms kSee{Perms::kRead | Perms::kSearch};
constexpr Perms kChange{Perms::kCreate | Perms::kUpdate | Perms::kDelete};

bool has_own_line(std::string_view type) {
  const auto types = spec::smart::us_core_types();
  return std::ranges::find(types, type) != types.end();
}

/// What a wildcard stands for when it is spelled out.
std::span<const std::string_view> types_of(spec::smart::ScopeContext context) {
  if (context != spec::smart::ScopeContext::patient) return fhir::resource_types();
  static const std::vector<std::string_view> reachable = [] {
    std::vector<std::string_view> out;
    for (const auto& link : fhir::patient_links()) {
      if (link.access != fhir::PatientAccess::denied) out.push_back(link.type);
    }
    return out;
  }();
  return reachable;
}

/// Adds a piece that was kept whole; reading and changing of one type become one scope again, in the notation in which
/// `asked` came.
void add_whole(std::vector<SmartScope>& kept, const SmartScope& piece, const SmartScope& asked) {
  if (!kept.empty() && kept.back().type == piece.type && kept.back().restrictions == piece.restrictions) {
    if (auto both = with_perms(with_type(asked, piece.type), kept.back().perms | piece.perms)) {
      kept.back() = *std::move(both);
      return;
    }
  }
  kept.push_back(piece);
}

std::string item_prefix(const SmartScope& scope, Access access) {
  std::string prefix(spec::smart::name(scope.context));
  return prefix.append(1, '.').append(name(access)).append(1, '.');
}

std::string item_value(const SmartScope& scope, const spec::smart::ScopeFacts& facts, Access access, bool other) {
  std::string value = item_prefix(scope, access);
  if (other) return value.append("other");
  value.append(scope.type);
  if (!facts.category.empty() && !facts.other_restriction) {
    value.append(1, '.').append(facts.category);
  } else if (!scope.restrictions.empty()) {
    // Restricted in a way that has no words of its own: a line for itself, told apart by its text.
    value.append("?").append(scope.text);
  }
  return value;
}

}  // namespace

std::string_view name(Access access) noexcept { return access == Access::see ? "see" : "change"; }

ConsentForm ConsentForm::make(const ScopeSet& requested) {
  ConsentForm form;
  form.sources_.reserve(requested.size());
  std::set<std::pair<spec::smart::ScopeContext, std::string_view>> named;  // types that the app asks for by name
  for (const auto& scope : requested.items()) {
    form.sources_.push_back(Source{scope, {}});
    if (scope.kind == ScopeKind::resource && scope.type != "*") named.emplace(scope.context, scope.type);
  }
  // Whole types first, so that a restricted scope finds the line that it is a part of.
  for (const bool restricted : {false, true}) {
    for (auto& source : form.sources_) {
      const SmartScope& scope = source.scope;
      if (scope.kind != ScopeKind::resource || scope.restrictions.empty() == restricted) continue;
      // A restricted wildcard ("*.rs?_tag=x") stays one line: spelling it out would not make it clearer.
      if (scope.type != "*" || restricted) {
        form.add_pieces(source, scope, false);
        continue;
      }
      for (const auto type : spec::smart::us_core_types()) form.add_pieces(source, with_type(scope, type), false);
      for (const auto type : types_of(scope.context)) {
        // A type with a line of its own is never hidden in "everything else": what is unticked there must stay out.
        if (!has_own_line(type))
          form.add_pieces(source, with_type(scope, type), !named.contains({scope.context, type}));
      }
    }
  }
  return form;
}

void ConsentForm::add_pieces(Source& source, const SmartScope& scope, bool other) {
  for (const Access access : {Access::see, Access::change}) {
    auto scoped = with_perms(scope, scope.perms & (access == Access::see ? kSee : kChange));
    if (!scoped) continue;
    // with_perms() may respell; the one that was asked for stays as it is when nothing was taken away.
    Piece piece{scoped->perms == scope.perms ? scope : *std::move(scoped), {}, {}, {}, {}};
    if (!other) piece.fine = spec::smart::split_by_category(piece.scope);
    if (piece.fine.size() < 2) piece.fine.clear();  // nothing to choose between
    add_item(piece, access, other);
    source.pieces.push_back(std::move(piece));
  }
}

void ConsentForm::add_item(Piece& piece, Access access, bool other) {
  auto facts = spec::smart::facts(piece.scope);
  piece.item = item_value(piece.scope, facts, access, other);
  if (!piece.scope.restrictions.empty()) {
    // The whole type is asked for as well: this scope is a part of that line, not one that could be kept beside it.
    const auto whole = item_prefix(piece.scope, access) + piece.scope.type;
    const auto line = std::ranges::find(items_, whole, &ConsentItem::value);
    if (line != items_.end()) {
      piece.needs.push_back(whole);
      if (std::ranges::find(line->parts, piece.item, &ConsentPart::value) != line->parts.end()) return;
      // No part of its own: it may hold entries of any kind, so every kind has to be ticked.
      for (const auto& part : line->parts) piece.needs.push_back(part.value);
      piece.item = whole;
      return;
    }
  }
  auto at = std::ranges::find(items_, piece.item, &ConsentItem::value);
  if (at == items_.end()) {
    ConsentItem item;
    item.value = piece.item;
    item.access = access;
    item.context = piece.scope.context;
    item.other_types = other;
    item.fixed_kind = !facts.category.empty();
    item.facts = std::move(facts);
    items_.push_back(std::move(item));
    at = std::prev(items_.end());
  }
  for (const auto& fine : piece.fine) {
    auto fine_facts = spec::smart::facts(fine);
    std::string value = piece.item + "." + fine_facts.category;
    if (std::ranges::find(at->parts, value, &ConsentPart::value) == at->parts.end()) {
      at->parts.push_back({value, std::move(fine_facts)});
    }
    piece.fine_values.push_back(std::move(value));
  }
}

bool ConsentForm::asks_offline() const noexcept {
  return std::ranges::any_of(sources_, [](const Source& s) { return s.scope.kind == ScopeKind::offline_access; });
}

bool ConsentForm::asks_identity() const noexcept {
  return std::ranges::any_of(sources_, [](const Source& s) {
    return s.scope.kind == ScopeKind::openid || s.scope.kind == ScopeKind::fhir_user ||
           s.scope.kind == ScopeKind::profile;
  });
}

std::vector<std::string> ConsentForm::other_scopes() const {
  std::vector<std::string> out;
  for (const auto& source : sources_) {
    if (source.scope.kind == ScopeKind::other) out.push_back(source.scope.text);
  }
  return out;
}

std::vector<std::string> ConsentForm::all_values() const {
  std::vector<std::string> out;
  for (const auto& item : items_) {
    out.push_back(item.value);
    for (const auto& part : item.parts) out.push_back(part.value);
  }
  return out;
}

Result<ScopeSet> ConsentForm::grant(const Choice& choice) const {
  ScopeSet out;
  for (const auto& source : sources_) {
    if (source.scope.kind == ScopeKind::offline_access) {
      if (choice.offline) out.add(source.scope);
      continue;
    }
    if (source.pieces.empty()) {
      if (source.scope.kind != ScopeKind::resource) out.add(source.scope);
      continue;
    }
    std::vector<SmartScope> kept;
    bool whole = true;
    for (const auto& piece : source.pieces) {
      if (!choice.ticked(piece.item) || !std::ranges::all_of(piece.needs, choice.ticked)) {
        whole = false;
        continue;
      }
      const auto fine_kept = std::ranges::count_if(piece.fine_values, [&](const auto& v) { return choice.ticked(v); });
      if (static_cast<std::size_t>(fine_kept) == piece.fine_values.size()) {
        add_whole(kept, piece.scope, source.scope);
        continue;
      }
      whole = false;
      for (std::size_t i = 0; i < piece.fine.size(); ++i) {
        if (choice.ticked(piece.fine_values[i])) kept.push_back(piece.fine[i]);
      }
    }
    if (whole) {
      out.add(source.scope);
    } else {
      for (auto& scope : kept) out.add(std::move(scope));
    }
  }
  if (out.size() > limits::kScopeItemsMax) {
    return fail(ErrorCode::too_large, "The selection is too detailed", "granted scopes over kScopeItemsMax");
  }
  return out;
}

std::vector<std::string> ConsentForm::declined(const ScopeSet& granted) const {
  std::vector<std::string> out;
  for (const auto& source : sources_) {
    const bool unchanged =
        std::ranges::any_of(granted.items(), [&](const SmartScope& g) { return g.text == source.scope.text; });
    if (!unchanged) out.push_back(source.scope.text);
  }
  return out;
}

}  // namespace mitral::login
