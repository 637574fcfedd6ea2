#include "gateway/access_audit.h"

#include <algorithm>
#include <map>

#include "base/limits.h"

namespace mitral::gateway {
namespace {

using model::AuditEvent;

constexpr std::size_t kIdBytesMax = 4096;  // well below kAuditEventMax

AuditEvent base_event(const AccessFacts& facts) {
  AuditEvent out;
  out.issuer = Issuer(facts.issuer);
  out.kind = model::AuditKind::fhir_access;
  out.outcome = facts.outcome;
  out.at = facts.at;
  out.address = facts.address;
  out.reason = facts.reason;
  if (facts.token != nullptr) {
    out.client = facts.token->client;
    if (facts.token->subject != facts.token->client) out.user = facts.token->subject;
    out.patient = facts.token->patient;
    out.grant = facts.token->grant;
    out.token = facts.token->jti;
  }
  if (facts.interaction != nullptr) {
    const auto& interaction = *facts.interaction;
    out.details.emplace_back("interaction", fhir::name(interaction.kind));
    if (!interaction.type.empty()) out.details.emplace_back("resource", interaction.type);
    if (!interaction.id.empty()) out.details.emplace_back("id", interaction.id);
  }
  return out;
}

void add_ids(AuditEvent& event, const std::vector<const Shown*>& shown) {
  std::string ids;
  std::size_t named = 0;
  for (const auto* const item : shown) {
    if (named == limits::kAuditResourceIdsMax || ids.size() > kIdBytesMax) break;
    if (!ids.empty()) ids += ' ';
    ids.append(item->type).append("/").append(item->id);
    ++named;
  }
  event.details.emplace_back("count", std::to_string(shown.size()));
  const auto overridden = std::ranges::count_if(shown, [](const Shown* item) { return item->overridden; });
  if (overridden != 0) event.details.emplace_back("overridden", std::to_string(overridden));
  if (!ids.empty()) event.details.emplace_back("ids", std::move(ids));
}

}  // namespace

std::vector<AuditEvent> access_events(const AccessFacts& facts, const std::vector<Shown>& shown) {
  // Resources of no patient (organisations and the like) stand with the token's own patient, if it has one.
  const std::string home = facts.token != nullptr ? facts.token->patient : std::string();
  std::map<std::string, std::vector<const Shown*>> by_patient;
  for (const auto& item : shown) {
    if (item.patients.empty()) by_patient[home].push_back(&item);
    for (const auto& patient : item.patients) by_patient[patient].push_back(&item);
  }
  if (by_patient.empty()) by_patient[home] = {};
  std::vector<AuditEvent> out;
  for (const auto& [patient, items] : by_patient) {
    if (out.size() == limits::kAuditPatientsMax) {
      out.back().details.emplace_back("patients-not-listed", std::to_string(by_patient.size() - out.size()));
      break;
    }
    out.push_back(base_event(facts));
    out.back().patient = patient;
    if (facts.outcome == model::AuditOutcome::success) add_ids(out.back(), items);
    if (facts.withheld != 0 && out.size() == 1)
      out.back().details.emplace_back("withheld", std::to_string(facts.withheld));
  }
  return out;
}

}  // namespace mitral::gateway
