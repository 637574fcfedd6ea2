#include "gateway/answer.h"

#include <algorithm>
#include <unordered_set>

#include "base/limits.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "gateway/outcome.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using fhir::InteractionKind;
using policy::Origin;

std::unexpected<Error> unusable(std::string_view why) { return fail(ErrorCode::malformed, {}, std::string(why)); }

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

void move_references(Json& value, std::string_view from, std::string_view to) {
  if (const auto text = value.as_string()) {
    if (auto other = moved(*text, from, to)) value = Json(*other);
    return;
  }
  for (auto& item : value.items()) move_references(item, from, to);
  for (auto& member : value.members_mut()) move_references(member.value, from, to);
}

Shown shown_of(const Json& resource, std::string_view base) {
  return {std::string(resource["resourceType"].string_or()), std::string(resource["id"].string_or()),
          fhir::member_patients(resource, base)};
}

std::string key_of(std::string_view type, std::string_view id) { return std::string(type).append("/").append(id); }

bool is_history(InteractionKind kind) noexcept {
  return kind == InteractionKind::history_instance || kind == InteractionKind::history_type;
}

/// One entry on its way through. Only entries with a verdict of true are rebuilt.
struct Candidate {
  Json* entry = nullptr;
  Json* resource = nullptr;  ///< nullptr: a tombstone of a history
  Origin origin = Origin::match;
  bool visible = false;
};

class BundleJudge {
 public:
  BundleJudge(Json& bundle, const AnswerRules& rules) : bundle_(bundle), rules_(rules), kind_(rules.interaction.kind) {}

  Result<Judged> run() {
    const auto wanted = is_history(kind_) ? "history" : "searchset";
    if (bundle_["resourceType"].string_or() != "Bundle" || bundle_["type"].string_or() != wanted) {
      return unusable("not the Bundle that was asked for");
    }
    auto* const entries = bundle_.find("entry");
    if (entries != nullptr && !entries->is_array()) return unusable("Bundle.entry is not an array");
    if (entries != nullptr) {
      for (auto& entry : entries->items()) collect(entry);
    }
    judge();
    return rebuild();
  }

 private:
  void collect(Json& entry) {
    auto* const resource = entry.find("resource");
    if (resource == nullptr) {
      if (is_history(kind_)) candidates_.push_back({&entry, nullptr, history_origin(), false});
      return;
    }
    const auto mode = entry["search"]["mode"].string_or();
    // What upstream has to say about a search may quote what it found (S-13); the gateway speaks for itself.
    if (mode == "outcome") return;
    const bool primary = (*resource)["resourceType"].string_or() == rules_.plan.search_type;
    const bool included = mode == "include" || (mode.empty() && !primary && !is_history(kind_));
    ++candidates_total_;
    if (!included && (!primary || !same_instance(*resource))) return;
    const auto origin = is_history(kind_) ? history_origin()
                        : !included       ? Origin::match
                                          : (rules_.plan.by_include ? Origin::included : Origin::reverse);
    if (is_history(kind_) && included) return;
    candidates_.push_back({&entry, resource, origin, false});
  }

  [[nodiscard]] Origin history_origin() const noexcept {
    return kind_ == InteractionKind::history_instance ? Origin::read : Origin::match;
  }
  [[nodiscard]] bool same_instance(const Json& resource) const {
    return kind_ != InteractionKind::history_instance || resource["id"].string_or() == rules_.interaction.id;
  }

  /// Provenance about others' data is justified by targets in the same answer, so it comes second.
  void judge() {
    std::unordered_set<std::string> seen;
    const auto is_seen = [&](std::string_view type, std::string_view id) { return seen.contains(key_of(type, id)); };
    bool provenance = false;
    const auto is_provenance = [](const Json& resource) {
      return resource["resourceType"].string_or() == "Provenance";
    };
    for (const auto& candidate : candidates_) {
      provenance = provenance || (candidate.resource != nullptr && is_provenance(*candidate.resource));
    }
    for (const bool second : {false, true}) {
      if (second && !provenance) return;
      for (auto& candidate : candidates_) {
        if (candidate.resource == nullptr) {
          if (!second) candidate.visible = tombstone(candidate);
          continue;
        }
        if (is_provenance(*candidate.resource) != second) continue;
        candidate.visible =
            policy::resource_visible(rules_.access, *candidate.resource, candidate.origin, is_seen).permitted();
        if (candidate.visible && provenance && !second) {
          seen.insert(
              key_of((*candidate.resource)["resourceType"].string_or(), (*candidate.resource)["id"].string_or()));
        }
      }
    }
  }

  [[nodiscard]] bool tombstone(const Candidate& candidate) const {
    ++candidates_total_;
    const auto url = (*candidate.entry)["request"]["url"].string_or();
    const auto wanted = key_of(rules_.interaction.type, rules_.interaction.id);
    const bool here = kind_ == InteractionKind::history_instance ? url == wanted || url.starts_with(wanted + "/")
                                                                 : url.starts_with(rules_.interaction.type + "/");
    return here && (*candidate.entry)["request"]["method"].string_or() == "DELETE" &&
           policy::tombstone_visible(rules_.access, rules_.interaction.type, candidate.origin);
  }

  Result<Judged> rebuild() {
    Judged out;
    Json entries = Json::array();
    std::size_t matches = 0;
    for (auto& candidate : candidates_) {
      if (!candidate.visible) continue;
      if (candidate.resource != nullptr) out.shown.push_back(shown_of(*candidate.resource, rules_.public_base));
      if (candidate.origin == Origin::match || is_history(kind_)) ++matches;
      entries.push_back(entry_of(candidate));
    }
    out.withheld = candidates_total_ - entries.size();
    if (kind_ == InteractionKind::history_instance && entries.empty()) return fail(ErrorCode::not_found);
    out.body = Json::object({{"resourceType", "Bundle"}});
    if (const auto id = bundle_["id"].string_or(); fhir::is_id(id)) out.body.set("id", Json(id));
    if (bundle_["meta"]["lastUpdated"].is_string()) {
      out.body.set("meta", Json::object({{"lastUpdated", bundle_["meta"]["lastUpdated"]}}));
    }
    out.body.set("type", Json(is_history(kind_) ? "history" : "searchset"));
    Json links = links_of();
    set_total(out.body, links, matches);
    out.body.set("link", std::move(links));
    for (std::size_t i = 0; i < rules_.plan.left_out.size(); ++i) {
      entries.push_back(Json::object(
          {{"resource", outcome("warning", "forbidden", "An include was left out: no granted scope covers its type")},
           {"search", Json::object({{"mode", "outcome"}})}}));
    }
    if (!entries.empty()) out.body.set("entry", std::move(entries));
    return out;
  }

  /// A total is given when all matches are on this page, or when nothing of the type is hidden from this token.
  void set_total(Json& body, const Json& links, std::size_t matches) const {
    const auto paged =
        std::ranges::any_of(links.items(), [](const Json& link) { return link["relation"].string_or() != "self"; }) ||
        upstream_pages_;
    if (!paged) {
      body.set("total", Json(matches));
    } else if (const auto total = bundle_["total"].as_int64(); total && *total >= 0 && rules_.plan.unlimited) {
      body.set("total", Json(*total));
    }
  }

  Json links_of() {
    Json out = Json::array();
    out.push_back(Json::object({{"relation", "self"}, {"url", rules_.self_link}}));
    for (const auto& link : bundle_["link"].items()) {
      const auto relation = link["relation"].string_or();
      if (relation != "next" && relation != "previous" && relation != "prev" && relation != "first" &&
          relation != "last")
        continue;
      upstream_pages_ = upstream_pages_ || relation == "next" || relation == "previous" || relation == "prev";
      const auto url = rules_.seal_link ? rules_.seal_link(link["url"].string_or()) : std::nullopt;
      if (url) out.push_back(Json::object({{"relation", relation}, {"url", *url}}));
    }
    return out;
  }

  Json entry_of(Candidate& candidate) const {
    Json out = Json::object();
    const Json& entry = *candidate.entry;
    if (candidate.resource != nullptr) {
      const auto key =
          key_of((*candidate.resource)["resourceType"].string_or(), (*candidate.resource)["id"].string_or());
      out.set("fullUrl", Json(std::string(rules_.public_base) + "/" + key));
      if (!rules_.plan.elements.empty() && candidate.origin == Origin::match)
        project(*candidate.resource, rules_.plan.elements);
      out.set("resource", std::move(*candidate.resource));
    }
    if (!is_history(kind_)) {
      out.set("search", Json::object({{"mode", candidate.origin == Origin::match ? "match" : "include"}}));
      return out;
    }
    // bdl-4 of FHIR R4: entries of a history carry request and response.
    for (const auto& [part, names] :
         {std::pair<const char*, std::array<const char*, 3>>{"request", {"method", "url", ""}},
          {"response", {"status", "etag", "lastModified"}}}) {
      Json kept = Json::object();
      for (const auto* const name : names) {
        if (entry[part][name].is_string()) kept.set(name, entry[part][name]);
      }
      if (!kept.empty()) out.set(part, std::move(kept));
    }
    return out;
  }

  Json& bundle_;
  const AnswerRules& rules_;
  const InteractionKind kind_;
  std::vector<Candidate> candidates_;
  mutable std::size_t candidates_total_ = 0;
  bool upstream_pages_ = false;
};

}  // namespace

Result<Json> parse_upstream(std::string_view body, std::string_view upstream_base, std::string_view public_base) {
  auto json = Json::parse_object(body, {.max_bytes = limits::kUpstreamBodyMax});
  if (!json) return unusable("upstream body: " + json.error().detail);
  // The base could be written with escapes; then it does not stand in the raw text.
  if (!upstream_base.empty() && upstream_base != public_base &&
      (body.find(upstream_base) != std::string_view::npos || body.find("\\/") != std::string_view::npos ||
       body.find("\\u") != std::string_view::npos)) {
    move_references(*json, upstream_base, public_base);
  }
  return json;
}

Result<Judged> judge_resource(Json resource, const AnswerRules& rules) {
  const auto& interaction = rules.interaction;
  if (resource["resourceType"].string_or() != interaction.type || resource["id"].string_or() != interaction.id) {
    return unusable("not the resource that was asked for");
  }
  if (!interaction.version.empty()) {
    const auto version = resource["meta"]["versionId"].as_string();
    if (version && *version != interaction.version) return unusable("not the version that was asked for");
  }
  const auto decision = policy::resource_visible(rules.access, resource, Origin::read);
  if (!decision.permitted()) return fail(ErrorCode::not_found, {}, std::string(policy::name(decision.reason)));
  Judged out;
  out.shown.push_back(shown_of(resource, rules.public_base));
  if (!rules.plan.elements.empty()) project(resource, rules.plan.elements);
  out.body = std::move(resource);
  return out;
}

Result<Judged> judge_bundle(Json bundle, const AnswerRules& rules) { return BundleJudge(bundle, rules).run(); }

void project(Json& resource, const std::vector<std::string>& elements) {
  Json out = Json::object();
  for (auto& [key, value] : resource.members_mut()) {
    // A primitive's extensions stand beside it under the name with an underscore.
    const auto name = key.starts_with('_') ? std::string_view(key).substr(1) : std::string_view(key);
    const bool always =
        key == "resourceType" || key == "id" || key == "meta" || key == "implicitRules" || key == "modifierExtension";
    const auto named = [&](const std::string& element) {
      // value[x] is asked for as "value".
      return name == element || (name.starts_with(element) && name.size() > element.size() &&
                                 name[element.size()] >= 'A' && name[element.size()] <= 'Z');
    };
    if (always || std::ranges::any_of(elements, named)) out.set(key, std::move(value));
  }
  auto* meta = out.find("meta");
  Json marked = meta != nullptr ? std::move(*meta) : Json::object();
  Json tags = marked["tag"].is_array() ? marked["tag"] : Json::array();
  tags.push_back(
      Json::object({{"system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"}, {"code", "SUBSETTED"}}));
  marked.set("tag", std::move(tags));
  out.set("meta", std::move(marked));
  resource = std::move(out);
}

}  // namespace mitral::gateway
