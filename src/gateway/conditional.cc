#include "gateway/conditional.h"

#include <algorithm>

#include "base/limits.h"
#include "fhir/r4.h"
#include "gateway/outcome.h"
#include "policy/consent_gate.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Method;
using fhir::InteractionKind;

constexpr std::size_t kTargetMax = 1800;  // longer searches go upstream by POST

std::unexpected<Refusal> refuse(codec::Response response, std::string_view reason) {
  return std::unexpected(Refusal{std::move(response), std::string(reason), 0});
}
std::unexpected<Refusal> several() {
  return refuse(outcome_response(412, "multiple-matches", "The condition does not name one resource"),
                "multiple_matches");
}

UpstreamRequest search_of(const Call& call) {
  auto params = call.decision.plan.forward;
  params.push_back({"_count", std::to_string(limits::kFhirPageMax), false});
  auto query = serialize(params);
  UpstreamRequest out{.target = "/" + call.interaction.type, .call = &call};
  if (query.size() > kTargetMax) {
    out.method = Method::post;
    out.target += "/_search";
    out.content_type = "application/x-www-form-urlencoded";
    out.body = std::move(query);
  } else {
    out.target.append("?").append(query);
  }
  return out;
}

/// Resources of the type that upstream gave as matches.
std::vector<Json*> candidates(Json& bundle, std::string_view type) {
  std::vector<Json*> out;
  auto* const entries = bundle.find("entry");
  if (entries == nullptr) return out;
  for (auto& entry : entries->items()) {
    const auto mode = entry["search"]["mode"].string_or("match");
    auto* const resource = entry.find("resource");
    if (mode == "match" && resource != nullptr && (*resource)["resourceType"].string_or() == type &&
        fhir::is_id((*resource)["id"].string_or())) {
      out.push_back(resource);
    }
  }
  return out;
}

bool has_more(const Json& bundle) {
  return std::ranges::any_of(bundle["link"].items(),
                             [](const Json& link) { return link["relation"].string_or() == "next"; });
}

}  // namespace

bool is_conditional(InteractionKind kind) noexcept {
  return kind == InteractionKind::conditional_create || kind == InteractionKind::conditional_update ||
         kind == InteractionKind::conditional_patch || kind == InteractionKind::conditional_remove;
}

Result<fhir::Interaction> classify_request(const codec::Request& request, std::string_view rest) {
  const auto& headers = request.headers;
  const auto conditions = headers.count("If-None-Exist");
  MITRAL_TRY(auto out, fhir::classify({.method = request.method,
                                       .path = rest,
                                       .query = request.query,
                                       .content_type = headers.get("Content-Type").value_or(""),
                                       .body = request.body,
                                       .if_none_exist = conditions != 0}));
  if (conditions == 0) return out;
  // A condition that is not looked at would be a promise that is not kept.
  if (out.kind != InteractionKind::conditional_create || conditions > 1) {
    return fail(ErrorCode::malformed, "If-None-Exist is for creates, once");
  }
  MITRAL_TRY(auto condition, fhir::parse_query(*headers.get("If-None-Exist")));
  std::ranges::move(condition, std::back_inserter(out.params));
  if (out.params.size() > limits::kFormParametersMax) return fail(ErrorCode::too_large, "too many parameters");
  return out;
}

Task<Outcome<Located>> find_match(const Exchange& exchange, const Call& call) {
  const auto answer = co_await exchange.send(search_of(call));
  if (!answer) co_return std::unexpected(upstream_refusal(answer.error()));
  if (answer->status != 200) co_return std::unexpected(upstream_refusal(exchange, answer->status));
  auto bundle = exchange.fhir_json(*answer);
  if (!bundle || (*bundle)["resourceType"].string_or() != "Bundle" || (*bundle)["type"].string_or() != "searchset") {
    exchange.metrics().upstream_rejected.add();
    co_return refuse(bad_gateway(), "upstream_rejected");
  }
  const auto found = candidates(*bundle, call.interaction.type);
  std::vector<std::string> patients;
  for (const auto* const resource : found) {
    for (auto& id : policy::concerned_patients(*resource, exchange.public_base())) patients.push_back(std::move(id));
  }
  const auto facts = co_await exchange.circumstances(call, std::move(patients));
  if (!facts) co_return refuse(unavailable(), "circumstances_unknown");
  Json* match = nullptr;
  for (auto* const resource : found) {
    const auto decision =
        policy::resource_visible(call.token->access, *resource, policy::Origin::match, {}, nullptr, *facts);
    if (!decision.permitted()) continue;
    if (match != nullptr && (*match)["id"] != (*resource)["id"]) co_return several();
    match = resource;
  }
  // What stands on further pages is not looked at: then it is not known that there is one match, or none.
  if (has_more(*bundle)) co_return several();
  Located out;
  if (match == nullptr) co_return out;
  out.state = Located::State::stored;
  out.id = (*match)["id"].string_or();
  const auto version = (*match)["meta"]["versionId"].string_or();
  if (fhir::is_id(version)) out.version = version;
  out.resource = std::move(*match);
  co_return out;
}

}  // namespace mitral::gateway
