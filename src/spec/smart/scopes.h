// SMART scopes: the grammar and algebra of SMART App Launch 2.2 (scopes and launch context), versions 1 and 2.
//
// A scope keeps the text as it was asked for and is printed back unchanged when it is granted unchanged.
// Grammar: ("patient"|"user"|"system") "/" (type|"*") "." ("read"|"write"|"*" | ordered letters of cruds) ["?" n=v
// *("&" n=v)], "openid", "fhirUser", "profile", "offline_access", "online_access", "launch",
// "launch/<type>[?role=uri]", and the URI forms of all these. Other scope tokens (RFC 6749 §3.3) are ScopeKind::other
// and mean nothing here. Refused rather than guessed (a guess could widen): unknown or unordered letters, unknown
// types, modifiers, chains, _filter, restrictions on version 1 scopes, parameters that the caller cannot evaluate.
// Algebra: covers(a, b) says that whoever holds a may be given b. It is reflexive and transitive, and textual about
// restrictions: values of one restriction are alternatives (comma), restrictions of one scope are all required (&),
// several scopes add up.
// Limits: kScopeMax bytes, kScopeItemsMax items, kScopeRestrictionsMax restrictions per scope.
// Errors: invalid_scope.
// Thread rules: pure; values. This file knows no FHIR tables: the caller hands in ScopeRules.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mitral::spec::smart {

enum class ScopeContext : std::uint8_t { patient, user, system };
[[nodiscard]] std::string_view name(ScopeContext context) noexcept;

/// The letters of version 2, as a set.
class Perms {
 public:
  static constexpr std::uint8_t kCreate = 1, kRead = 2, kUpdate = 4, kDelete = 8, kSearch = 16, kAll = 31;
  constexpr Perms() noexcept = default;
  constexpr explicit Perms(std::uint8_t bits) noexcept : bits_(bits & kAll) {}
  /// One letter of "cruds"; another character gives the empty set.
  [[nodiscard]] static Perms letter(char c) noexcept;
  /// Non-empty ordered subset of "cruds", or nullopt.
  [[nodiscard]] static std::optional<Perms> parse(std::string_view letters) noexcept;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] constexpr std::uint8_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr bool contains(Perms other) const noexcept { return (other.bits_ & ~bits_) == 0; }
  [[nodiscard]] constexpr Perms operator&(Perms o) const noexcept { return Perms(bits_ & o.bits_); }
  [[nodiscard]] constexpr Perms operator|(Perms o) const noexcept { return Perms(bits_ | o.bits_); }
  constexpr bool operator==(const Perms&) const noexcept = default;

 private:
  std::uint8_t bits_ = 0;
};

enum class ScopeKind : std::uint8_t {
  resource,
  openid,
  fhir_user,
  profile,  ///< version 1 alias of fhirUser; also OpenID Connect's own profile scope
  offline_access,
  online_access,
  launch,          ///< EHR launch
  launch_context,  ///< launch/patient, launch/encounter, launch/imagingstudy?role=...
  other,           ///< any other scope token; compared by its text only
};
enum class Notation : std::uint8_t { v1, v2 };

/// One restriction of a granular scope: the parameter and its alternatives, percent-decoded and split at unescaped
/// commas.
struct ScopeRestriction {
  std::string param;
  std::vector<std::string> any_of;          ///< still FHIR-escaped (\, \| \$), as a search would carry them
  [[nodiscard]] std::string value() const;  ///< joined by commas: what fhir::parse_condition() takes
  bool operator==(const ScopeRestriction&) const = default;
};

/// What the caller knows about FHIR. Both are required for resource scopes; an empty type list knows no type.
struct ScopeRules {
  std::span<const std::string_view> types;  ///< resource type names, sorted
  /// Can a granular scope on this type ("*" included) be enforced with this parameter and value?
  bool (*evaluable)(std::string_view type, std::string_view param, std::string_view value) = nullptr;
};

struct SmartScope {
  std::string text;  ///< exactly as asked for
  ScopeKind kind = ScopeKind::other;
  // resource
  ScopeContext context = ScopeContext::patient;
  std::string type;  ///< resource type, or "*"
  Perms perms;
  Notation notation = Notation::v2;
  std::vector<ScopeRestriction> restrictions;
  // launch_context
  std::string launch_type;  ///< lower case, as in launch/<type>
  std::string role;

  /// Resource scope that allows the letter ('c' 'r' 'u' 'd' 's') on the type. Restrictions are for the caller to
  /// evaluate.
  [[nodiscard]] bool allows(char letter, std::string_view resource_type) const noexcept;
  /// The scope's meaning in version 2 notation (other kinds: their short form). Two scopes mean the same if these are
  /// equal.
  [[nodiscard]] std::string canonical() const;
  bool operator==(const SmartScope&) const = default;
};

[[nodiscard]] Result<SmartScope> parse_scope(std::string_view text, const ScopeRules& rules);

/// May b be given to one who holds a? Other kinds than resource: equal meaning.
[[nodiscard]] bool covers(const SmartScope& a, const SmartScope& b);

/// What both allow, in the notation of `asked` where that can say it; nullopt when nothing. If `limit` covers `asked`,
/// `asked` comes back unchanged.
[[nodiscard]] std::optional<SmartScope> meet(const SmartScope& asked, const SmartScope& limit);

/// Same scope with other letters (a consent page that turns off writing), or nullopt when none are left.
[[nodiscard]] std::optional<SmartScope> with_perms(const SmartScope& scope, Perms perms);
/// Same scope on one type.
[[nodiscard]] SmartScope with_type(const SmartScope& scope, std::string_view type);
/// Same scope with one more restriction; version 2 notation, for version 1 cannot say it.
[[nodiscard]] SmartScope with_restriction(const SmartScope& scope, std::string_view param, std::string_view value);
/// patient/*.rs as one scope per type.
[[nodiscard]] std::vector<SmartScope> expand_wildcard(const SmartScope& scope, std::span<const std::string_view> types);

/// An ordered set of scopes: no two with the same text.
class ScopeSet {
 public:
  ScopeSet() = default;
  /// Items separated by single spaces (RFC 6749 §3.3). Any item that does not parse is an error; empty text is an empty
  /// set.
  [[nodiscard]] static Result<ScopeSet> parse(std::string_view text, const ScopeRules& rules);
  /// Keeps what parses and drops the rest (an authorization request may ask for what we do not know; it is not
  /// granted). Charset and limits are still errors. `dropped`, if given, receives the number of items left out.
  [[nodiscard]] static Result<ScopeSet> parse_known(std::string_view text, const ScopeRules& rules,
                                                    std::size_t* dropped = nullptr);

  /// Adds a scope unless its text is there already.
  void add(SmartScope scope);
  void reserve(std::size_t count) { items_.reserve(count); }
  /// Drops the items that the predicate holds for.
  template <class Predicate>
  void drop_if(Predicate predicate) {
    std::erase_if(items_, predicate);
  }
  [[nodiscard]] const std::vector<SmartScope>& items() const noexcept { return items_; }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  /// Texts joined by spaces, in order.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool has(ScopeKind kind) const noexcept;
  /// launch/<type> of this type is there ("patient", "encounter" ...).
  [[nodiscard]] bool has_launch(std::string_view launch_type) const noexcept;
  /// A resource scope of this context is there.
  [[nodiscard]] bool has_context(ScopeContext context) const noexcept;
  /// Any resource scope allows the letter on the type, in this context.
  [[nodiscard]] bool allows(ScopeContext context, char letter, std::string_view type) const noexcept;
  /// Whoever holds this set may be given b: every letter of b is covered by some item.
  [[nodiscard]] bool covers(const SmartScope& b) const;
  [[nodiscard]] bool covers(const ScopeSet& b) const;
  /// Same meaning, whatever the order.
  [[nodiscard]] bool same_as(const ScopeSet& b) const { return covers(b) && b.covers(*this); }

  /// asked ∩ limit, item by item: an item that the limit covers stays as it was asked; else its meets with the limit's
  /// items take its place; nothing in common: it is left out. The result is covered by both.
  [[nodiscard]] static ScopeSet narrow(ScopeSet asked, const ScopeSet& limit);
  /// a ∪ b, texts of a first.
  [[nodiscard]] static ScopeSet unite(const ScopeSet& a, const ScopeSet& b);
  /// Without the items that another item covers already.
  [[nodiscard]] ScopeSet simplified() const;

 private:
  std::vector<SmartScope> items_;
};

}  // namespace mitral::spec::smart
