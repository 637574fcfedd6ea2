#include "gateway/answer.h"

#include <algorithm>

#include "base/limits.h"
#include "gateway/answer_entry.h"
#include "gateway/answer_project.h"
#include "policy/consent_gate.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using fhir::InteractionKind;
using policy::Origin;

std::unexpected<Error> unusable(std::string_view why) { return fail(ErrorCode::malformed, {}, std::string(why)); }

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

Result<Json> view_upstream(codec::JsonReader& reader, std::string_view body, std::string_view upstream_base,
                           std::string_view public_base, bool& moved) {
  constexpr std::string_view kSpace = " \n\r\t";
  const auto start = std::min(body.find_first_not_of(kSpace), body.size());
  if (body.size() > limits::kUpstreamBodyMax) return unusable("upstream body is too large");
  Json out;
  std::size_t used = 0;
  if (reader.read(body.substr(start), out, used) != codec::Front::value || !out.is_object() ||
      body.find_first_not_of(kSpace, start + used) != std::string_view::npos) {
    return unusable("upstream body is not one JSON object");
  }
  moved = upstream_base != public_base && may_mention(body, upstream_base, reader.escapes()) &&
          move_references(out, upstream_base, public_base);
  return out;
}

std::vector<std::string> patients_of(const Json& answer, std::string_view public_base) {
  auto out = policy::concerned_patients(answer, public_base);
  if (answer["resourceType"].string_or() == "Bundle") {
    for (const auto& entry : answer["entry"].items()) {
      for (auto& id : patients_of(entry["resource"], public_base)) out.push_back(std::move(id));
    }
    std::ranges::sort(out);
    out.erase(std::ranges::unique(out).begin(), out.end());
  }
  return out;
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
  const auto decision =
      policy::resource_visible(rules.access, resource, Origin::read, {}, nullptr, rules.circumstances);
  if (!decision.permitted()) return fail(ErrorCode::not_found, {}, std::string(policy::name(decision.reason)));
  Judged out;
  out.shown.push_back(shown_of(resource, rules.public_base));
  out.shown.back().overridden = decision.overridden;
  project(resource, rules.plan);
  out.body = std::move(resource);
  return out;
}

Result<Judged> judge_bundle(Json bundle, const AnswerRules& rules) {
  if (!is_wanted_bundle(bundle, rules)) return unusable("not the Bundle that was asked for");
  auto* const all = bundle.find("entry");
  if (all != nullptr && !all->is_array()) return unusable("Bundle.entry is not an array");
  EntryJudge judge(rules);
  std::vector<EntryJudge::Candidate> candidates;
  if (all != nullptr) {
    for (auto& entry : all->items()) {
      if (!entry.is_object()) return unusable("Bundle.entry holds something else than objects");
      if (const auto candidate = judge.consider(entry)) candidates.push_back(*candidate);
    }
  }
  std::vector<EntryJudge::Candidate*> waiting;
  for (auto& candidate : candidates) {
    if (judge.judge(candidate, rules.circumstances, false) == EntryJudge::Verdict::waits) waiting.push_back(&candidate);
  }
  for (auto* const candidate : waiting) (void)judge.judge(*candidate, rules.circumstances, true);
  if (rules.interaction.kind == InteractionKind::history_instance && judge.shown() == 0) {
    return fail(ErrorCode::not_found);
  }
  Judged out;
  out.withheld = judge.withheld();
  out.body = bundle_frame(bundle, rules, judge.matches());
  if (rules.plan.summary == policy::Summary::count) return out;  // no entries, and nothing to name in the audit
  Json entries = Json::array();
  for (auto& candidate : candidates) {
    if (!candidate.visible) continue;
    if (candidate.resource != nullptr) {
      out.shown.push_back(shown_of(*candidate.resource, rules.public_base));
      out.shown.back().overridden = candidate.overridden;
    }
    entries.push_back(judge.entry_of(candidate));
  }
  for (auto& entry : left_out_entries(rules)) entries.push_back(std::move(entry));
  if (!entries.empty()) out.body.set("entry", std::move(entries));
  return out;
}

}  // namespace mitral::gateway
