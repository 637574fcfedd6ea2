// The decision: any request, any state before and after a write, for tokens of each kind. First byte: the method;
// second: the token; then path, query, If-None-Exist, the state before and the state after, separated by newlines.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "fhir/compartment.h"
#include "fhir/interaction.h"
#include "policy/fhir_decision.h"
#include "policy/fhir_operations.h"

using namespace mitral;

namespace {

constexpr std::string_view kBase = "https://gw.example/fhir";

void require(bool holds) {
  if (!holds) std::abort();
}

policy::Access access_of(std::string_view scopes, std::string_view user, std::string_view patient) {
  policy::TokenFacts facts;
  facts.scopes = spec::smart::ScopeSet::parse_known(scopes, policy::scope_rules()).value();
  facts.client = "app";
  facts.subject = user.empty() ? "app" : "u";
  facts.fhir_user = user;
  facts.patient = patient;
  facts.own_base = kBase;
  return policy::Access::compile(facts);
}

struct Holder {
  policy::Access access;
  bool bound;  ///< to Patient/p1
};

const std::array<Holder, 5>& holders() {
  static const std::array<Holder, 5> kHolders{{
      {access_of("patient/*.cruds", "Practitioner/d1", "p1"), true},
      {access_of("user/*.cruds", "Patient/p1", ""), true},
      {access_of("user/*.cruds", "Practitioner/d1", ""), false},
      {access_of("system/*.cruds", "", ""), false},
      {access_of("patient/Observation.cruds?category=lab patient/Patient.rs", "Patient/p1", "p1"), true},
  }};
  return kHolders;
}

const policy::Access& nobody() {
  static const auto kNobody = access_of("openid", "Patient/p1", "p1");
  return kNobody;
}

/// What a permitted plan of a bound token sends upstream names no patient but hers.
void check_bound(const policy::Plan& plan, std::string_view type) {
  for (const auto& param : plan.forward) {
    const bool names_patient =
        param.name == "patient" || param.name == "subject" || (param.name == "_id" && type == "Patient");
    if (!names_patient) continue;
    require(param.value == "Patient/p1" || param.value == "p1" || param.value.find(',') != std::string::npos);
    require(param.value.find("p2") == std::string::npos);
  }
}

void check_request(const Holder& holder, const fhir::Interaction& interaction) {
  using fhir::InteractionKind;
  policy::Explanation lines;
  const auto decided = policy::decide(holder.access, interaction, &lines);
  const auto again = policy::decide(holder.access, interaction);
  require(decided.decision.verdict == again.decision.verdict && decided.decision.reason == again.decision.reason);
  require(!lines.empty());
  if (!decided.decision.permitted()) {
    require(decided.plan.forward.empty() && decided.plan.types.empty());
  } else {
    if (holder.bound) check_bound(decided.plan, interaction.type);
    if (holder.bound) require(!decided.plan.unlimited);
    if (interaction.kind == InteractionKind::operation) require(decided.plan.operation != nullptr);
    for (const auto& param : decided.plan.forward) {
      require(param.name != "_filter" && param.name != "_summary" && !param.name.starts_with("_list"));
    }
  }
  const auto kind = interaction.kind;
  const bool letterless =
      kind == InteractionKind::batch || kind == InteractionKind::transaction || kind == InteractionKind::capabilities;
  require(letterless || !policy::decide(nobody(), interaction).decision.permitted());
}

void check_state(const codec::Json& state) {
  const auto type = state["resourceType"].string_or();
  require(!fhir::member_patients(state, kBase).empty());
  for (const auto& id : fhir::member_patients(state, kBase)) require(id == "p1");
  require(!fhir::has_contained_patient(state));
  require(type != "Group" && type != "Bundle" && type != "Practitioner" && type != "Binary");
}

void check_write(const Holder& holder, char letter, const codec::Json* before, const codec::Json* after) {
  require(!policy::write_allowed(nobody(), letter, before, after).permitted());
  if (!policy::write_allowed(holder.access, letter, before, after).permitted()) return;
  for (const auto* const state : {before, after}) {
    if (state == nullptr) continue;
    require((*state)["resourceType"].string_or() != "Subscription");
    if (holder.bound) check_state(*state);
  }
  if (before == nullptr || after == nullptr) return;
  require((*before)["id"] == (*after)["id"] && (*before)["resourceType"] == (*after)["resourceType"]);
  require(fhir::member_patients(*before, kBase).size() == fhir::member_patients(*after, kBase).size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::array<std::string_view, 5> part;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto line = i + 1 < part.size() ? rest.find('\n') : std::string_view::npos;
    part[i] = rest.substr(0, line);
    rest = line == std::string_view::npos ? std::string_view{} : rest.substr(line + 1);
  }
  const auto& holder = holders()[data[1] % holders().size()];
  auto interaction = fhir::classify({.method = static_cast<codec::Method>(data[0] % 8),
                                     .path = part[0],
                                     .query = part[1],
                                     .content_type = {},
                                     .body = {},
                                     .if_none_exist = !part[2].empty()});
  if (interaction) {
    if (const auto condition = fhir::parse_query(part[2])) {
      for (const auto& param : *condition) interaction->params.push_back(param);
    }
    check_request(holder, *interaction);
  }
  const auto before = codec::Json::parse(part[3]);
  const auto after = codec::Json::parse(part[4]);
  if (before) {
    check_write(holder, 'd', &*before, nullptr);
    (void)policy::resource_visible(holder.access, *before, policy::Origin::read);
  }
  if (after) {
    check_write(holder, 'c', nullptr, &*after);
    check_write(holder, 'u', nullptr, &*after);
  }
  if (before && after) check_write(holder, 'u', &*before, &*after);
  return 0;
}
