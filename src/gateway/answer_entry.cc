#include "gateway/answer_entry.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/limits.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "gateway/answer_project.h"
#include "gateway/outcome.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mitral::gateway {
namespace {

using codec::Json;
using fhir::InteractionKind;
using policy::Origin;

std::string key_of(std::string_view type, std::string_view id) { return std::string(type).append("/").append(id); }

constexpr std::array<std::string_view, 4> kWritingMethods{"POST", "PUT", "PATCH", "DELETE"};

bool is_one_of(std::string_view text, std::span<const std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_status(std::string_view text) { return text.size() == 3 && std::ranges::all_of(text, is_digit); }

/// W/"version", with a version as FHIR has them.
bool is_weak_tag(std::string_view text) {
  return text.size() > 4 && text.starts_with("W/\"") && text.ends_with('"') &&
         fhir::is_id(text.substr(3, text.size() - 4));
}

/// The characters of an instant: too few to say anything else with.
bool is_instant(std::string_view text) {
  return !text.empty() && text.size() <= 40 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || std::string_view("-:.+TZ").contains(c); });
}

/// "Type/id" of an entry of a history, also of one that has only its deletion; empty when it does not say.
std::string place_of(const EntryJudge::Candidate& candidate) {
  if (candidate.resource != nullptr) {
    return key_of((*candidate.resource)["resourceType"].string_or(), (*candidate.resource)["id"].string_or());
  }
  const auto place = fhir::parse_reference((*candidate.entry)["request"]["url"].string_or(), {});
  return place.kind == fhir::ReferenceKind::local ? key_of(place.type, place.id) : std::string();
}

/// The base ends here: "http://fhir/r4" must not be found in "http://fhir/r4b".
bool base_ends(std::string_view text, std::size_t end) {
  if (end == text.size()) return true;
  const char c = text[end];
  return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '%' || c == '~' || c == ':' || c == '@');
}

std::optional<std::string> moved(std::string_view text, std::string_view from, std::string_view to) {
  std::optional<std::string> out;
  std::size_t done = 0;
  for (auto at = text.find(from); at != std::string_view::npos; at = text.find(from, at + from.size())) {
    if (!base_ends(text, at + from.size())) continue;
    if (!out) out.emplace();
    out->append(text.substr(done, at - done)).append(to);
    done = at + from.size();
  }
  if (out) out->append(text.substr(done));
  return out;
}

/// memmem() for texts that almost never hold the needle: first and last byte of it are looked for together.
bool holds(std::string_view text, std::string_view needle) noexcept {
#if defined(__SSE2__)
  constexpr std::size_t kWidth = 16;
  if (needle.size() < 2 || text.size() < needle.size() + kWidth) return text.find(needle) != std::string_view::npos;
  const auto first = _mm_set1_epi8(needle.front());
  const auto last = _mm_set1_epi8(needle.back());
  const std::size_t steps = text.size() - needle.size() - kWidth + 1;
  std::size_t at = 0;
  for (; at < steps; at += kWidth) {
    const auto* const here = text.data() + at;
    const auto a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(here));                      // NOLINT
    const auto b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(here + needle.size() - 1));  // NOLINT
    auto hits =
        static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last))));
    for (; hits != 0; hits &= hits - 1) {
      const auto start = at + static_cast<std::size_t>(__builtin_ctz(hits));
      if (text.substr(start, needle.size()) == needle) return true;
    }
  }
  return text.substr(at).find(needle) != std::string_view::npos;
#else
  return text.find(needle) != std::string_view::npos;
#endif
}

bool may_show_provenance(const policy::Access& access) noexcept {
  return std::ranges::any_of(access.rules(), [](const policy::AccessRule& rule) {
    return rule.covers('r', "Provenance") || rule.covers('s', "Provenance");
  });
}

}  // namespace

bool is_history(InteractionKind kind) noexcept {
  return kind == InteractionKind::history_instance || kind == InteractionKind::history_type ||
         kind == InteractionKind::history_system;
}

Shown shown_of(const Json& resource, std::string_view base) {
  return {std::string(resource["resourceType"].string_or()), std::string(resource["id"].string_or()),
          fhir::member_patients(resource, base)};
}

bool may_mention(std::string_view text, std::string_view base, bool escapes) noexcept {
  return !base.empty() && (escapes || holds(text, base));
}

bool move_references(Json& value, std::string_view from, std::string_view to) {
  if (const auto text = value.as_string()) {
    auto other = text->size() < from.size() ? std::nullopt : moved(*text, from, to);
    if (other) value = Json(*other);
    return other.has_value();
  }
  bool any = false;
  for (auto& item : value.items()) any = move_references(item, from, to) || any;
  for (auto& member : value.members_mut()) any = move_references(member.value, from, to) || any;
  return any;
}

// ---- one entry

EntryJudge::EntryJudge(const AnswerRules& rules)
    : rules_(rules), kind_(rules.interaction.kind), remembers_(may_show_provenance(rules.access)) {}

bool EntryJudge::wanted_type(std::string_view type) const {
  const auto& plan = rules_.plan;
  return plan.types.empty() ? type == plan.search_type : std::ranges::find(plan.types, type) != plan.types.end();
}

Origin EntryJudge::history_origin() const noexcept {
  return kind_ == InteractionKind::history_instance ? Origin::read : Origin::match;
}

std::optional<EntryJudge::Candidate> EntryJudge::consider(Json& entry) {
  auto* const resource = entry.find("resource");
  if (resource == nullptr) {
    if (!is_history(kind_)) return std::nullopt;
    return Candidate{.entry = &entry, .resource = nullptr, .origin = history_origin()};
  }
  const auto mode = entry["search"]["mode"].string_or();
  if (mode == "outcome") return std::nullopt;
  const bool history = is_history(kind_);
  const bool primary = wanted_type((*resource)["resourceType"].string_or());
  // An operation has matches only, whatever upstream calls them.
  const bool included =
      kind_ != InteractionKind::operation && (mode == "include" || (mode.empty() && !primary && !history));
  const bool same_instance =
      kind_ != InteractionKind::history_instance || (*resource)["id"].string_or() == rules_.interaction.id;
  const bool asked = included ? !history && (rules_.plan.types.empty() || primary) : primary && same_instance;
  if (!asked) {
    ++withheld_;
    return std::nullopt;
  }
  const auto origin = history     ? history_origin()
                      : !included ? Origin::match
                                  : (rules_.plan.by_include ? Origin::included : Origin::reverse);
  return Candidate{.entry = &entry, .resource = resource, .origin = origin};
}

bool EntryJudge::tombstone_visible(const Candidate& candidate) const {
  const auto& request = (*candidate.entry)["request"];
  const auto url = request["url"].string_or();
  const auto type = url.substr(0, url.find('/'));
  bool here = type.size() < url.size() && wanted_type(type);
  if (kind_ == InteractionKind::history_instance) {
    const auto wanted = key_of(rules_.interaction.type, rules_.interaction.id);
    here = url == wanted || url.starts_with(wanted + "/");
  }
  return here && request["method"].string_or() == "DELETE" &&
         policy::tombstone_visible(rules_.access, type, candidate.origin);
}

EntryJudge::Verdict EntryJudge::judge(Candidate& candidate, const policy::Circumstances& circumstances, bool last) {
  if (candidate.resource == nullptr) {
    candidate.visible = tombstone_visible(candidate);
  } else {
    const auto& resource = *candidate.resource;
    const auto is_seen = [this](std::string_view type, std::string_view id) {
      return seen_.contains(std::pmr::string(key_of(type, id)));
    };
    const auto decision =
        policy::resource_visible(rules_.access, resource, candidate.origin, is_seen, nullptr, circumstances);
    candidate.visible = decision.permitted();
    candidate.overridden = decision.overridden;
    const bool provenance = resource["resourceType"].string_or() == "Provenance";
    if (!candidate.visible && provenance && !last) return Verdict::waits;
    if (candidate.visible && !provenance && remembers_ && seen_bytes_ < limits::kStreamHeldMax) {
      std::pmr::string key(&seen_memory_);
      const auto type = resource["resourceType"].string_or();
      const auto id = resource["id"].string_or();
      key.reserve(type.size() + 1 + id.size());
      key.append(type).append("/").append(id);
      seen_bytes_ += key.size() + 128;  // with its place in the set
      seen_.insert(std::move(key));
    }
  }
  if (!candidate.visible) {
    ++withheld_;
    return Verdict::withheld;
  }
  ++shown_;
  if (candidate.origin == Origin::match || is_history(kind_)) ++matches_;
  return Verdict::shown;
}

bool EntryJudge::untouched(const Candidate& candidate) const noexcept {
  return candidate.origin != Origin::match || !asks_for_parts(rules_.plan);
}

Json EntryJudge::frame_of(const Candidate& candidate) const {
  Json out = Json::object();
  const Json& entry = *candidate.entry;
  if (candidate.resource != nullptr) {
    const auto key = key_of((*candidate.resource)["resourceType"].string_or(), (*candidate.resource)["id"].string_or());
    out.set("fullUrl", Json(std::string(rules_.public_base) + "/" + key));
  }
  if (!is_history(kind_)) {
    out.set("search", Json::object({{"mode", candidate.origin == Origin::match ? "match" : "include"}}));
    return out;
  }
  // bdl-4 of FHIR R4: entries of a history carry request and response. Who wrote the version may have done so by a
  // condition that names other people: of the request only method and place remain, of the response what has one shape.
  const auto method = entry["request"]["method"].string_or();
  if (const auto place = place_of(candidate); !place.empty() && is_one_of(method, kWritingMethods)) {
    const bool created = method == "POST";
    out.set("request", Json::object({{"method", method},
                                     {"url", created ? place.substr(0, place.find('/')) : std::string_view(place)}}));
  }
  Json response = Json::object();
  const auto& told = entry["response"];
  if (const auto status = told["status"].string_or().substr(0, 3); is_status(status))
    response.set("status", Json(status));
  if (const auto tag = told["etag"].string_or(); is_weak_tag(tag)) response.set("etag", Json(tag));
  if (const auto at = told["lastModified"].string_or(); is_instant(at)) response.set("lastModified", Json(at));
  if (!response.empty()) out.set("response", std::move(response));
  return out;
}

Json EntryJudge::entry_of(Candidate& candidate) const {
  Json frame = frame_of(candidate);
  if (candidate.resource == nullptr) return frame;
  if (!untouched(candidate)) project(*candidate.resource, rules_.plan);
  Json out = Json::object({{"fullUrl", frame["fullUrl"]}, {"resource", std::move(*candidate.resource)}});
  for (auto& [name, value] : frame.members_mut()) out.set(name, std::move(value));
  return out;
}

// ---- the Bundle around the entries

bool is_wanted_bundle(const Json& upstream, const AnswerRules& rules) {
  const auto* const wanted = is_history(rules.interaction.kind) ? "history" : "searchset";
  return upstream["resourceType"].string_or() == "Bundle" && upstream["type"].string_or() == wanted;
}

Json bundle_frame(const Json& upstream, const AnswerRules& rules, std::size_t matches) {
  Json out = Json::object({{"resourceType", "Bundle"}});
  if (const auto id = upstream["id"].string_or(); fhir::is_id(id)) out.set("id", Json(id));
  if (upstream["meta"]["lastUpdated"].is_string()) {
    out.set("meta", Json::object({{"lastUpdated", upstream["meta"]["lastUpdated"]}}));
  }
  out.set("type", Json(is_history(rules.interaction.kind) ? "history" : "searchset"));
  Json links = Json::array();
  links.push_back(Json::object({{"relation", "self"}, {"url", rules.self_link}}));
  bool paged = false;
  for (const auto& link : upstream["link"].items()) {
    const auto relation = link["relation"].string_or();
    const bool step = relation == "next" || relation == "previous" || relation == "prev";
    if (!step && relation != "first" && relation != "last") continue;
    paged = paged || step;
    const auto url = rules.seal_link ? rules.seal_link(link["url"].string_or()) : std::nullopt;
    if (!url) continue;
    paged = true;
    links.push_back(Json::object({{"relation", relation}, {"url", *url}}));
  }
  // A total is given when all matches are on this page, or when nothing of the type is hidden from this token.
  if (!paged) {
    out.set("total", Json(matches));
  } else if (const auto total = upstream["total"].as_int64(); total && *total >= 0 && rules.plan.unlimited) {
    out.set("total", Json(*total));
  }
  out.set("link", std::move(links));
  return out;
}

std::vector<Json> left_out_entries(const AnswerRules& rules) {
  std::vector<Json> out;
  for (std::size_t i = 0; i < rules.plan.left_out.size(); ++i) {
    out.push_back(Json::object(
        {{"resource", outcome("warning", "forbidden", "An include was left out: no granted scope covers its type")},
         {"search", Json::object({{"mode", "outcome"}})}}));
  }
  return out;
}

}  // namespace mitral::gateway
