#include "gateway/operations.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "gateway/answer.h"
#include "gateway/bulk.h"
#include "gateway/operation_bodies.h"
#include "gateway/outcome.h"
#include "gateway/reads.h"
#include "policy/fhir_operations.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Method;
using codec::Response;
using policy::Origin;
using policy::Treatment;

std::string target_of(const Call& call) {
  const auto query = serialize(call.decision.plan.forward);
  return query.empty() ? call.path : call.path + "?" + query;
}

Task<Response> missing(const Exchange& exchange, Call& call, std::string_view reason) {
  co_return co_await exchange.released(call, not_found(), {.reason = reason, .shown = {}, .withheld = 1});
}

/// May this token see the instance that the operation is asked of?
Task<Result<bool>> instance_visible(const Exchange& exchange, const Call& call) {
  const auto resource = co_await exchange.fetch(call.interaction.type, call.interaction.id);
  if (!resource && resource.error().code == ErrorCode::not_found) co_return false;
  if (!resource) co_return std::unexpected(resource.error());
  MITRAL_CO_TRY(const auto moment,
                co_await exchange.circumstances(call, fhir::member_patients(*resource, exchange.public_base())));
  const auto seen = [&](Origin origin) {
    return policy::resource_visible(call.token->access, *resource, origin, {}, nullptr, moment).permitted();
  };
  co_return seen(Origin::read) || seen(Origin::match);
}

/// An Encounter that may not be seen is absent, and so is a Patient of whom nothing may be seen: an empty answer would
/// say that there is one (threat S-11).
Task<std::optional<Response>> absent(const Exchange& exchange, Call& call) {
  if (call.interaction.id == call.token->patient && call.interaction.type == "Patient") co_return std::nullopt;
  const auto visible = co_await instance_visible(exchange, call);
  if (!visible) co_return co_await exchange.upstream_failed(call, visible.error());
  if (!*visible) co_return co_await missing(exchange, call, "not_found");
  co_return std::nullopt;
}

Task<Response> serve_searchset(const Exchange& exchange, Call& call) {
  const bool instance = !call.interaction.id.empty();
  const bool first = call.page_target.empty();
  if (first && instance && call.interaction.type != "Patient") {
    if (auto refused = co_await absent(exchange, call)) co_return std::move(*refused);
  }
  const auto upstream = co_await exchange.send({.target = first ? target_of(call) : call.page_target, .call = &call});
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  auto body = exchange.fhir_json(*upstream);
  if (!body) co_return co_await exchange.upstream_rejected(call, body.error().detail);
  const auto query = serialize(call.decision.plan.kept);
  const auto self = exchange.public_base() + call.path + (query.empty() ? "" : "?" + query);
  auto moment = co_await exchange.circumstances(call, patients_of(*body, exchange.public_base()));
  if (!moment) co_return co_await exchange.upstream_failed(call, moment.error());
  const AnswerRules rules{.access = call.token->access,
                          .plan = call.decision.plan,
                          .interaction = call.interaction,
                          .public_base = exchange.public_base(),
                          .upstream_base = exchange.upstream_base(),
                          .self_link = self,
                          .seal_link = [&](std::string_view link) { return seal_link(exchange, call, link); },
                          .circumstances = *moment};
  auto judged = judge_bundle(std::move(*body), rules);
  if (!judged) co_return co_await exchange.upstream_rejected(call, judged.error().detail);
  if (first && instance && judged->shown.empty() && call.interaction.type == "Patient") {
    if (auto refused = co_await absent(exchange, call)) co_return std::move(*refused);
  }
  auto response = Response::with(200, kFhirJson, judged->body.dump());
  co_return co_await exchange.released(call, std::move(response),
                                       {.reason = {}, .shown = std::move(judged->shown), .withheld = judged->withheld});
}

// ---------------------------------------------------------------------------------------------------- document

Task<Response> serve_document(const Exchange& exchange, Call& call) {
  const auto upstream = co_await exchange.send({.target = call.path, .call = &call});
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  auto body = exchange.fhir_json(*upstream);
  if (!body) co_return co_await exchange.upstream_rejected(call, body.error().detail);
  auto moment = co_await exchange.circumstances(call, patients_of(*body, exchange.public_base()));
  if (!moment) co_return co_await exchange.upstream_failed(call, moment.error());
  const auto& first = (*body)["entry"][0]["resource"];
  if ((*body)["resourceType"].string_or() != "Bundle" || (*body)["type"].string_or() != "document" ||
      first["resourceType"].string_or() != "Composition" || first["id"].string_or() != call.interaction.id) {
    co_return co_await exchange.upstream_rejected(call, "not the document that was asked for");
  }
  std::vector<Shown> shown;
  Json entries = Json::array();
  for (const auto& entry : (*body)["entry"].items()) {
    const auto& resource = entry["resource"];
    const auto decision = policy::resource_visible(call.token->access, resource, Origin::read, {}, nullptr, *moment);
    // A document is signed and read as a whole: without a part of it, it would say something else.
    if (!decision.permitted()) co_return co_await missing(exchange, call, policy::name(decision.reason));
    std::string type(resource["resourceType"].string_or());
    std::string id(resource["id"].string_or());
    auto url = exchange.public_base();
    url.append("/").append(type).append("/").append(id);
    entries.push_back(Json::object({{"fullUrl", url}, {"resource", resource}}));
    shown.push_back({std::move(type), std::move(id), fhir::member_patients(resource, exchange.public_base())});
  }
  Json out = Json::object({{"resourceType", "Bundle"}});
  if (const auto id = (*body)["id"].string_or(); fhir::is_id(id)) out.set("id", Json(id));
  const auto& identifier = (*body)["identifier"];
  if (identifier["system"].is_string() && identifier["value"].is_string()) {
    out.set("identifier", Json::object({{"system", identifier["system"]}, {"value", identifier["value"]}}));
  }
  out.set("type", "document");
  if ((*body)["timestamp"].is_string()) out.set("timestamp", (*body)["timestamp"]);
  out.set("entry", std::move(entries));
  auto response = Response::with(200, kFhirJson, out.dump());
  co_return co_await exchange.released(call, std::move(response), {.reason = {}, .shown = std::move(shown)});
}

// --------------------------------------------------------------------------------------------------- stateless

Task<Response> serve_stateless(const Exchange& exchange, Call& call) {
  UpstreamRequest request{.target = call.path, .call = &call};
  if (call.interaction.method == Method::post) {
    const auto body = stateless_body(call.interaction, call.request.body);
    if (!body) {
      co_return co_await exchange.released(call, outcome_response(400, "invalid", "The body is not of this operation"),
                                           {.reason = "malformed"});
    }
    request.method = Method::post;
    request.content_type = "application/fhir+json";
    request.body = body->dump();
    std::vector<fhir::QueryParam> in_query;
    for (const auto& param : call.decision.plan.forward) {
      if (!param.from_body) in_query.push_back(param);
    }
    if (!in_query.empty()) request.target.append("?").append(serialize(in_query));
  } else {
    request.target = target_of(call);
  }
  const auto upstream = co_await exchange.send(std::move(request));
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  // A finding of $validate comes with 412 or 422 from some servers; it is an answer all the same.
  const bool finding = call.interaction.operation == "validate" && (upstream->status == 412 || upstream->status == 422);
  if (upstream->status != 200 && !finding) co_return co_await exchange.upstream_status(call, upstream->status);
  const auto body = exchange.fhir_json(*upstream);
  if (!body) co_return co_await exchange.upstream_rejected(call, body.error().detail);
  const auto answer = stateless_answer(*body, *call.decision.plan.operation);
  if (!answer) co_return co_await exchange.upstream_rejected(call, "not the kind of answer of this operation");
  auto response = Response::with(200, kFhirJson, answer->dump());
  co_return co_await exchange.released(call, std::move(response), {});
}

}  // namespace

Result<void> read_parameters(fhir::Interaction& interaction, std::string_view body, std::string_view content_type) {
  if (interaction.kind != fhir::InteractionKind::operation || interaction.method != Method::post) return {};
  const auto* const rule = policy::find_operation(interaction);
  if (rule == nullptr || codec::trim(body).empty()) return {};
  if (body.size() > limits::kOperationBodyMax) return fail(ErrorCode::too_large, "body of an operation");
  if (!codec::is_media_type(content_type, "application/fhir+json") &&
      !codec::is_media_type(content_type, "application/json")) {
    return fail(ErrorCode::unsupported_media_type, "an operation takes FHIR JSON");
  }
  MITRAL_TRY(const auto json, Json::parse_object(body, {.max_bytes = limits::kOperationBodyMax}));
  const bool stateless = rule->treatment == Treatment::stateless;
  if (json["resourceType"].string_or() != "Parameters") {
    // $validate and $expand may be given the resource itself; it is looked at before it is forwarded.
    if (stateless) return {};
    return fail(ErrorCode::malformed, "an operation takes Parameters");
  }
  for (const auto& item : json["parameter"].items()) {
    const auto name = item["name"].as_string();
    if (!name || name->empty()) return fail(ErrorCode::malformed, "a parameter without a name");
    auto value = simple_value(item);
    if (!value && stateless) continue;
    if (!value) return fail(ErrorCode::malformed, "a parameter of an operation is not a simple value");
    if (value->size() > limits::kFhirParameterMax || interaction.params.size() >= limits::kFormParametersMax) {
      return fail(ErrorCode::too_large, "parameters of an operation");
    }
    interaction.params.push_back({std::string(*name), std::move(*value), true});
  }
  return {};
}

Task<Response> serve_operation(const Exchange& exchange, Call& call) {
  const auto* const rule = call.decision.plan.operation;
  if (rule != nullptr) {
    switch (rule->treatment) {
      case Treatment::everything:
      case Treatment::search_like: co_return co_await serve_searchset(exchange, call);
      case Treatment::document: co_return co_await serve_document(exchange, call);
      case Treatment::export_data: co_return co_await start_export(exchange, call);
      case Treatment::stateless: co_return co_await serve_stateless(exchange, call);
    }
  }
  call.decision.decision = policy::deny(policy::Reason::interaction_not_offered);
  co_return co_await exchange.released(call, exchange.refusal(call.decision, call.interaction),
                                       {.reason = policy::name(call.decision.decision.reason)});
}

}  // namespace mitral::gateway
