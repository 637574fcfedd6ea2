#include "spec/smart/scopes.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/form.h"
#include "codec/text.h"

namespace mitral::spec::smart {
namespace {

constexpr std::string_view kLetters = "cruds";
constexpr std::string_view kSmartPrefix = "http://smarthealthit.org/fhir/scopes/";
constexpr std::string_view kOpenidPrefix = "http://openid.net/specs/openid-connect-core-1_0#";

// US Core's scope table prints one of its own systems wrongly; apps that copied it mean this one.
constexpr std::string_view kMisprint = "http://terminology.hl7.org//CodeSystem-observation-category|";
constexpr std::string_view kMeant = "http://terminology.hl7.org/CodeSystem/observation-category|";

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::invalid_scope, why); }

std::optional<Perms> parse_v1(std::string_view word) noexcept {
  if (word == "read") return Perms(Perms::kRead | Perms::kSearch);
  if (word == "write") return Perms(Perms::kCreate | Perms::kUpdate | Perms::kDelete);
  if (word == "*") return Perms(Perms::kAll);
  return std::nullopt;
}

/// The version 1 word that means exactly these letters, or empty.
std::string_view v1_word(Perms perms) noexcept {
  for (const std::string_view word : {"read", "write", "*"}) {
    if (parse_v1(word) == perms) return word;
  }
  return {};
}

/// Splits at commas that no backslash escapes; pieces stay escaped.
std::vector<std::string> split_alternatives(std::string_view text) {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      out.emplace_back();
      continue;
    }
    out.back().push_back(text[i]);
    if (text[i] == '\\' && i + 1 < text.size()) out.back().push_back(text[++i]);
  }
  return out;
}

/// Percent-encodes what may not stand in a scope token or would end the value: the rest stays readable.
void encode_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (codec::is_nqchar(c) && c != '&' && c != '%' && c != '#' && c != '+') {
      out.push_back(c);
    } else {
      codec::percent_encode_to(out, std::string_view(&c, 1));
    }
  }
}

void append_resource(std::string& out, const SmartScope& scope, std::string_view perms) {
  out.append(name(scope.context)).append("/").append(scope.type).append(".").append(perms);
  char separator = '?';
  for (const auto& restriction : scope.restrictions) {
    out.append(1, separator).append(restriction.param).append("=");
    encode_value(out, restriction.value());
    separator = '&';
  }
}

/// The text of a scope that was made here, not asked for.
void render(SmartScope& scope) {
  const auto word =
      scope.notation == Notation::v1 && scope.restrictions.empty() ? v1_word(scope.perms) : std::string_view{};
  if (word.empty()) scope.notation = Notation::v2;
  scope.text.clear();
  append_resource(scope.text, scope, word.empty() ? scope.perms.text() : std::string(word));
}

bool subset(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return std::ranges::all_of(part,
                             [&](const std::string& value) { return std::ranges::find(whole, value) != whole.end(); });
}

/// Is `wide` met by everything that meets all of `narrow`? One of them must be on the same parameter with no other
/// values.
bool implied(const ScopeRestriction& wide, const std::vector<ScopeRestriction>& narrow) {
  return std::ranges::any_of(
      narrow, [&](const ScopeRestriction& r) { return r.param == wide.param && subset(r.any_of, wide.any_of); });
}

bool type_within(std::string_view type, std::string_view limit) noexcept { return limit == "*" || type == limit; }

/// Everything but the letters: same context, b's type and restrictions lie within a's.
bool covers_bounds(const SmartScope& a, const SmartScope& b) {
  return a.kind == ScopeKind::resource && b.kind == ScopeKind::resource && a.context == b.context &&
         type_within(b.type, a.type) &&
         std::ranges::all_of(a.restrictions, [&](const ScopeRestriction& r) { return implied(r, b.restrictions); });
}

bool known_type(std::string_view type, const ScopeRules& rules) {
  return std::ranges::binary_search(rules.types, type);
}

bool param_name(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<ScopeRestriction> parse_restriction(std::string_view text, std::string_view type, const ScopeRules& rules) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return bad("scope restriction without a value");
  ScopeRestriction out;
  out.param = text.substr(0, equals);
  // A colon or dot would be a modifier or a chain: experimental in SMART 2.2 and not something we enforce.
  if (!param_name(out.param)) return bad("scope restriction is not a plain search parameter");
  auto value = codec::percent_decode(text.substr(equals + 1));
  if (!value || value->empty()) return bad("scope restriction without a value");
  out.any_of = split_alternatives(*value);
  for (auto& alternative : out.any_of) {
    if (alternative.empty()) return bad("scope restriction with an empty value");
    if (alternative.starts_with(kMisprint)) alternative.replace(0, kMisprint.size(), kMeant);
  }
  if (rules.evaluable == nullptr || !rules.evaluable(type, out.param, out.value())) {
    return bad("scope restriction that cannot be enforced");
  }
  return out;
}

Result<void> parse_restrictions(SmartScope& out, std::string_view text, const ScopeRules& rules) {
  if (out.notation == Notation::v1) return bad("version 1 scopes have no restrictions");
  for (const auto part : codec::split(text, '&')) {
    if (out.restrictions.size() == limits::kScopeRestrictionsMax) return bad("too many scope restrictions");
    MITRAL_TRY(auto restriction, parse_restriction(part, out.type, rules));
    if (std::ranges::find(out.restrictions, restriction) == out.restrictions.end()) {
      out.restrictions.push_back(std::move(restriction));
    }
  }
  return {};
}

/// What follows "patient/", "user/" or "system/".
Result<void> parse_resource(SmartScope& out, ScopeContext context, std::string_view text, const ScopeRules& rules) {
  out.kind = ScopeKind::resource;
  out.context = context;
  const auto question = text.find('?');
  const auto head = text.substr(0, question);
  const auto dot = head.find('.');
  if (dot == std::string_view::npos) return bad("resource scope without permissions");
  out.type = head.substr(0, dot);
  if (out.type != "*" && !known_type(out.type, rules)) return bad("unknown resource type in scope");
  const auto word = head.substr(dot + 1);
  if (const auto v1 = parse_v1(word)) {
    out.notation = Notation::v1;
    out.perms = *v1;
  } else if (const auto v2 = Perms::parse(word)) {
    out.perms = *v2;
  } else {
    return bad("unknown permissions in scope");
  }
  return question == std::string_view::npos ? Result<void>{}
                                            : parse_restrictions(out, text.substr(question + 1), rules);
}

/// Is `lower` the type's name in small letters?
bool is_lower_of(std::string_view lower, std::string_view type) noexcept {
  return std::ranges::equal(lower, type,
                            [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b); });
}

/// What follows "launch/".
Result<void> parse_launch(SmartScope& out, std::string_view text, const ScopeRules& rules) {
  out.kind = ScopeKind::launch_context;
  const auto question = text.find('?');
  out.launch_type = text.substr(0, question);
  const bool known =
      std::ranges::any_of(rules.types, [&](std::string_view type) { return is_lower_of(out.launch_type, type); });
  if (!known) return bad("unknown type in launch scope");
  if (question == std::string_view::npos) return {};
  constexpr std::string_view kRole = "role=";
  const auto rest = text.substr(question + 1);
  const auto role = rest.starts_with(kRole) ? codec::percent_decode(rest.substr(kRole.size())) : std::nullopt;
  if (!role || role->empty() || rest.contains('&')) return bad("launch scope with an unknown parameter");
  out.role = *role;
  return {};
}

ScopeKind plain_kind(std::string_view text) noexcept {
  if (text == "openid") return ScopeKind::openid;
  if (text == "fhirUser") return ScopeKind::fhir_user;
  if (text == "profile") return ScopeKind::profile;
  if (text == "offline_access") return ScopeKind::offline_access;
  if (text == "online_access") return ScopeKind::online_access;
  if (text == "launch") return ScopeKind::launch;
  return ScopeKind::other;
}

std::string_view short_form(std::string_view text) noexcept {
  for (const auto prefix : {kSmartPrefix, kOpenidPrefix}) {
    if (text.starts_with(prefix)) return text.substr(prefix.size());
  }
  return text;
}

}  // namespace

// ------------------------------------------------------------------------------------------------ letters

std::string_view name(ScopeContext context) noexcept {
  switch (context) {
    case ScopeContext::patient: return "patient";
    case ScopeContext::user: return "user";
    case ScopeContext::system: break;
  }
  return "system";
}

Perms Perms::letter(char c) noexcept {
  const auto at = kLetters.find(c);
  return at == std::string_view::npos ? Perms() : Perms(static_cast<std::uint8_t>(1U << at));
}

std::optional<Perms> Perms::parse(std::string_view letters) noexcept {
  Perms out;
  std::size_t next = 0;
  for (const char c : letters) {
    const auto at = kLetters.find(c);
    // Out of order, repeated and unknown letters alike: rejected, never guessed (SMART App Launch 2.2).
    if (at == std::string_view::npos || at < next) return std::nullopt;
    next = at + 1;
    out = out | letter(c);
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

std::string Perms::text() const {
  std::string out;
  for (const char c : kLetters) {
    if (contains(letter(c))) out.push_back(c);
  }
  return out;
}

// ------------------------------------------------------------------------------------------------ one scope

std::string ScopeRestriction::value() const {
  std::string out;
  for (const auto& alternative : any_of) {
    if (!out.empty()) out.push_back(',');
    out.append(alternative);
  }
  return out;
}

bool SmartScope::allows(char letter, std::string_view resource_type) const noexcept {
  const auto wanted = Perms::letter(letter);
  return kind == ScopeKind::resource && !wanted.empty() && perms.contains(wanted) && type_within(resource_type, type);
}

std::string SmartScope::canonical() const {
  if (kind == ScopeKind::other) return text;
  if (kind != ScopeKind::resource) return std::string(short_form(text));
  auto sorted = *this;
  for (auto& restriction : sorted.restrictions) {
    std::ranges::sort(restriction.any_of);
    const auto [first, last] = std::ranges::unique(restriction.any_of);
    restriction.any_of.erase(first, last);
  }
  std::ranges::sort(sorted.restrictions, {}, [](const ScopeRestriction& r) { return r.param + '=' + r.value(); });
  std::string out;
  append_resource(out, sorted, perms.text());
  return out;
}

Result<SmartScope> parse_scope(std::string_view text, const ScopeRules& rules) {
  if (text.size() > limits::kScopeMax) return bad("scope too long");
  if (!codec::is_scope_token(text)) return bad("character not allowed in scope");
  SmartScope out;
  out.text = text;
  const auto plain = short_form(text);
  out.kind = plain_kind(plain);
  if (out.kind != ScopeKind::other) return out;
  for (const auto context : {ScopeContext::patient, ScopeContext::user, ScopeContext::system}) {
    const auto prefix = name(context);
    if (plain.size() > prefix.size() && plain.starts_with(prefix) && plain[prefix.size()] == '/') {
      MITRAL_CHECK(parse_resource(out, context, plain.substr(prefix.size() + 1), rules));
      return out;
    }
  }
  constexpr std::string_view kLaunch = "launch/";
  if (plain.starts_with(kLaunch)) MITRAL_CHECK(parse_launch(out, plain.substr(kLaunch.size()), rules));
  return out;
}

bool covers(const SmartScope& a, const SmartScope& b) {
  if (a.kind != ScopeKind::resource || b.kind != ScopeKind::resource)
    return a.kind == b.kind && (a.text == b.text || a.canonical() == b.canonical());
  return covers_bounds(a, b) && a.perms.contains(b.perms);
}

std::optional<SmartScope> meet(const SmartScope& asked, const SmartScope& limit) {
  if (covers(limit, asked)) return asked;
  if (asked.kind != ScopeKind::resource || limit.kind != ScopeKind::resource || asked.context != limit.context)
    return std::nullopt;
  SmartScope out = asked;
  if (asked.type == "*") {
    out.type = limit.type;
  } else if (!type_within(asked.type, limit.type)) {
    return std::nullopt;
  }
  out.perms = asked.perms & limit.perms;
  if (out.perms.empty()) return std::nullopt;
  for (const auto& restriction : limit.restrictions) {
    if (implied(restriction, out.restrictions)) continue;
    const auto same = [&](const ScopeRestriction& r) { return r.param == restriction.param; };
    const auto mine = std::ranges::find_if(out.restrictions, same);
    if (mine == out.restrictions.end()) {
      out.restrictions.push_back(restriction);
      continue;
    }
    // Alternatives that both name. A resource with several values could meet both restrictions by different ones;
    // leaving that out grants less, never more.
    std::erase_if(mine->any_of, [&](const std::string& v) { return !subset({v}, restriction.any_of); });
    if (mine->any_of.empty()) return std::nullopt;
  }
  if (out.restrictions.size() > limits::kScopeRestrictionsMax) return std::nullopt;
  render(out);
  return out;
}

std::optional<SmartScope> with_perms(const SmartScope& scope, Perms perms) {
  const auto left = scope.perms & perms;
  if (scope.kind != ScopeKind::resource || left.empty()) return std::nullopt;
  if (left == scope.perms) return scope;
  SmartScope out = scope;
  out.perms = left;
  render(out);
  return out;
}

SmartScope with_type(const SmartScope& scope, std::string_view type) {
  SmartScope out = scope;
  if (scope.kind != ScopeKind::resource || scope.type == type) return out;
  out.type = type;
  render(out);
  return out;
}

SmartScope with_restriction(const SmartScope& scope, std::string_view param, std::string_view value) {
  SmartScope out = scope;
  if (scope.kind != ScopeKind::resource) return out;
  out.notation = Notation::v2;
  out.restrictions.push_back({std::string(param), split_alternatives(value)});
  render(out);
  return out;
}

std::vector<SmartScope> expand_wildcard(const SmartScope& scope, std::span<const std::string_view> types) {
  if (scope.kind != ScopeKind::resource || scope.type != "*") return {scope};
  std::vector<SmartScope> out;
  out.reserve(types.size());
  for (const auto type : types) out.push_back(with_type(scope, type));
  return out;
}

// ------------------------------------------------------------------------------------------------ sets

namespace {

template <class OnItem>
Result<ScopeSet> parse_set(std::string_view text, const OnItem& on_item) {
  if (text.size() > limits::kScopeMax) return bad("scope too long");
  ScopeSet out;
  if (text.empty()) return out;
  const auto items = codec::split_scope(text);
  if (!items) return bad("scope does not consist of tokens and single spaces");
  if (items->size() > limits::kScopeItemsMax) return bad("too many scopes");
  out.reserve(items->size());
  for (const auto item : *items) MITRAL_CHECK(on_item(out, item));
  return out;
}

/// Puts the letters of scopes that differ in nothing else together.
void add_merged(std::vector<SmartScope>& pieces, SmartScope piece) {
  for (auto& present : pieces) {
    if (!covers_bounds(present, piece) || !covers_bounds(piece, present)) continue;
    const auto perms = present.perms | piece.perms;
    if (perms != present.perms) {
      present.perms = perms;
      render(present);
    }
    return;
  }
  pieces.push_back(std::move(piece));
}

}  // namespace

Result<ScopeSet> ScopeSet::parse(std::string_view text, const ScopeRules& rules) {
  return parse_set(text, [&](ScopeSet& out, std::string_view item) -> Result<void> {
    MITRAL_TRY(auto scope, parse_scope(item, rules));
    out.add(std::move(scope));
    return {};
  });
}

Result<ScopeSet> ScopeSet::parse_known(std::string_view text, const ScopeRules& rules, std::size_t* dropped) {
  if (dropped != nullptr) *dropped = 0;
  return parse_set(text, [&](ScopeSet& out, std::string_view item) -> Result<void> {
    auto scope = parse_scope(item, rules);
    if (scope) {
      out.add(std::move(*scope));
    } else if (dropped != nullptr) {
      ++*dropped;
    }
    return {};
  });
}

void ScopeSet::add(SmartScope scope) {
  if (std::ranges::find(items_, scope.text, &SmartScope::text) == items_.end()) items_.push_back(std::move(scope));
}

std::string ScopeSet::text() const {
  std::string out;
  for (const auto& scope : items_) {
    if (!out.empty()) out.push_back(' ');
    out.append(scope.text);
  }
  return out;
}

bool ScopeSet::has(ScopeKind kind) const noexcept {
  return std::ranges::any_of(items_, [&](const SmartScope& s) { return s.kind == kind; });
}

bool ScopeSet::has_launch(std::string_view launch_type) const noexcept {
  return std::ranges::any_of(
      items_, [&](const SmartScope& s) { return s.kind == ScopeKind::launch_context && s.launch_type == launch_type; });
}

bool ScopeSet::has_context(ScopeContext context) const noexcept {
  return std::ranges::any_of(
      items_, [&](const SmartScope& s) { return s.kind == ScopeKind::resource && s.context == context; });
}

bool ScopeSet::allows(ScopeContext context, char letter, std::string_view type) const noexcept {
  return std::ranges::any_of(items_,
                             [&](const SmartScope& s) { return s.context == context && s.allows(letter, type); });
}

bool ScopeSet::covers(const SmartScope& b) const {
  if (b.kind != ScopeKind::resource) {
    return std::ranges::any_of(items_, [&](const SmartScope& a) { return smart::covers(a, b); });
  }
  Perms held;
  for (const auto& a : items_) {
    if (covers_bounds(a, b)) held = held | a.perms;
  }
  return held.contains(b.perms);
}

bool ScopeSet::covers(const ScopeSet& b) const {
  return std::ranges::all_of(b.items_, [&](const SmartScope& scope) { return covers(scope); });
}

ScopeSet ScopeSet::narrow(ScopeSet asked, const ScopeSet& limit) {
  if (limit.covers(asked)) return asked;
  ScopeSet out;
  out.reserve(asked.size());
  for (auto& scope : asked.items_) {
    if (limit.covers(scope)) {
      out.add(std::move(scope));
      continue;
    }
    std::vector<SmartScope> pieces;
    for (const auto& other : limit.items_) {
      if (auto piece = meet(scope, other)) add_merged(pieces, std::move(*piece));
    }
    for (auto& piece : pieces) out.add(std::move(piece));
  }
  return out;
}

ScopeSet ScopeSet::unite(const ScopeSet& a, const ScopeSet& b) {
  ScopeSet out = a;
  for (const auto& scope : b.items_) out.add(scope);
  return out;
}

ScopeSet ScopeSet::simplified() const {
  ScopeSet out;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    bool needed = true;
    for (std::size_t j = 0; j < items_.size() && needed; ++j) {
      if (i == j || !smart::covers(items_[j], items_[i])) continue;
      // Of two that mean the same the first stays.
      needed = i < j && smart::covers(items_[i], items_[j]);
    }
    if (needed) out.add(items_[i]);
  }
  return out;
}

}  // namespace mitral::spec::smart
