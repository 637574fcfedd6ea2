#include "gateway/operations.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "gateway/bulk.h"
#include "gateway/document_stream.h"
#include "gateway/kept_call.h"
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
Task<Result<void>> there(const Exchange& exchange, std::shared_ptr<const KeptCall> kept) {
  MITRAL_CO_TRY(const bool visible, co_await instance_visible(exchange, kept->call));
  if (!visible) co_return fail(ErrorCode::not_found);
  co_return Result<void>{};
}

Task<Response> serve_searchset(const Exchange& exchange, Call& call) {
  const bool first = call.page_target.empty();
  const bool known = call.interaction.id == call.token->patient && call.interaction.type == "Patient";
  WhenNothing when_nothing;
  if (first && !call.interaction.id.empty() && !known) {
    const auto kept = std::make_shared<const KeptCall>(call);
    if (call.interaction.type == "Patient") {
      when_nothing = [&exchange, kept] { return there(exchange, kept); };
    } else if (const auto visible = co_await there(exchange, kept); !visible) {
      co_return co_await refused_answer(exchange, call, visible.error());
    }
  }
  auto upstream =
      co_await exchange.send({.target = first ? target_of(call) : call.page_target, .stream = true, .call = &call});
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  co_return co_await answer_bundle(exchange, call, std::move(*upstream), std::move(when_nothing));
}

// ---------------------------------------------------------------------------------------------------- document

/// A document is signed and read as a whole: without a part of it, it would say something else. So all of it is judged
/// before the first byte leaves. A large one isn't held meanwhile but asked for a second time, and judged again while
/// it passes: an answer that has changed in between is cut (docs/adr/0011-streams.md).
Task<Response> serve_document(const Exchange& exchange, Call& call) {
  const auto ask = [&exchange, &call] { return exchange.send({.target = call.path, .stream = true, .call = &call}); };
  auto upstream = co_await ask();
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  if (!says_fhir_json(*upstream)) co_return co_await exchange.upstream_rejected(call, "not FHIR JSON");
  if (const auto begun = co_await read_beginning(*upstream); !begun) {
    co_return co_await exchange.upstream_failed(call, begun.error());
  }
  const bool large = is_large(*upstream);
  const auto kept = std::make_shared<const KeptCall>(call);
  const DocumentRules rules{
      .access = std::shared_ptr<const policy::Access>(kept->call.token, &kept->call.token->access),
      .id = call.interaction.id,
      .public_base = exchange.public_base(),
      .upstream_base = exchange.upstream_base()};
  auto judged = co_await judge_document(body_of(std::move(*upstream)), rules, hooks_of(exchange, kept), !large);
  if (!judged) co_return co_await refused_answer(exchange, call, judged.error());
  if (!large) {
    auto response = Response::with(200, kFhirJson, std::move(judged->text));
    co_return co_await exchange.released(call, std::move(response), {.reason = {}, .shown = std::move(judged->shown)});
  }
  upstream = co_await ask();
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  if (!says_fhir_json(*upstream)) co_return co_await exchange.upstream_rejected(call, "not FHIR JSON");
  auto stream = co_await pass_document(body_of(std::move(*upstream)), rules, hooks_of(exchange, kept));
  if (!stream) co_return co_await refused_answer(exchange, call, stream.error());
  auto response = Response::with(200, kFhirJson, {});
  response.stream = std::move(*stream);
  co_return response;
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
  co_return co_await exchange.released(call, exchange.refusal(call.decision),
                                       {.reason = policy::name(call.decision.decision.reason)});
}

}  // namespace mitral::gateway
