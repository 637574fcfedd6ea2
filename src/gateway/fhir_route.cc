#include "gateway/fhir_route.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/log.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "gateway/access_audit.h"
#include "gateway/outcome.h"
#include "gateway/reads.h"

namespace mitral::gateway {
namespace {

using codec::Method;
using codec::Request;
using codec::Response;
using fhir::InteractionKind;
using model::AuditOutcome;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";

/// Who serves a permitted interaction. What is not here is not offered, whatever the decision said.
struct Row {
  InteractionKind kind;
  Task<Response> (*serve)(const Exchange&, Call&);
};
constexpr auto kHandlers = std::to_array<Row>({
    {InteractionKind::read, serve_read},
    {InteractionKind::vread, serve_read},
    {InteractionKind::history_instance, serve_read},
    {InteractionKind::history_type, serve_read},
    {InteractionKind::search_type, serve_read},
    {InteractionKind::search_compartment, serve_read},
});

/// RFC 6750 §2.2, §2.3: a token in body or query would be a second way in, and ends up in logs.
bool carries_token(std::string_view form) {
  if (form.find("access_token") == std::string_view::npos && form.find('%') == std::string_view::npos) return false;
  const auto parsed = codec::Form::parse(form);
  return parsed && parsed->has("access_token");
}

Response not_understood(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found: return not_found();
    case ErrorCode::method_not_allowed: return method_not_allowed();
    case ErrorCode::unsupported_media_type: return outcome_response(415, "not-supported", "A search by POST is a form");
    case ErrorCode::too_large: return outcome_response(400, "too-costly", "The request is over a limit of this server");
    default: return outcome_response(400, "invalid", "The request is not well-formed");
  }
}

}  // namespace

bool wants_fhir_json(std::string_view accept, const std::vector<std::string_view>& formats) {
  if (!formats.empty()) {
    // '+' in a query is a space: "application/fhir json" is what many clients send without knowing.
    return std::ranges::all_of(formats, [](std::string_view format) {
      return format == "json" || format == "application/json" || format == "text/json" ||
             format.starts_with("application/fhir+json") || format.starts_with("application/fhir json");
    });
  }
  return codec::accept_weight(accept, "application/fhir+json") > 0 ||
         codec::accept_weight(accept, "application/json") > 0;
}

std::optional<Response> FhirRoute::refuse_token_elsewhere(const Request& request) const {
  const bool form =
      request.method == Method::post && codec::is_media_type(request.headers.get("Content-Type").value_or(""), kForm);
  if (!carries_token(request.query) && !(form && carries_token(request.body))) return std::nullopt;
  auto out = outcome_response(400, "security", "Send the access token in the Authorization header only");
  out.headers.add("WWW-Authenticate",
                  exchange_.challenge_for("invalid_request", "Send the access token in the Authorization header only"));
  return out;
}

Task<Response> FhirRoute::handle(const Request& request, std::string_view rest) {
  if (request.method == Method::other) co_return method_not_allowed();
  if (auto refused = refuse_token_elsewhere(request)) co_return std::move(*refused);
  const auto authorization = codec::authorization_of(request.headers);
  if (!authorization) {
    auto out = outcome_response(400, "security", "Send exactly one well-formed Authorization header");
    out.headers.add("WWW-Authenticate",
                    exchange_.challenge_for("invalid_request", "Send exactly one well-formed Authorization header"));
    co_return out;
  }
  if (!*authorization ||
      ((*authorization)->scheme != codec::AuthScheme::bearer && (*authorization)->scheme != codec::AuthScheme::dpop)) {
    parts_.metrics.no_token.add();
    co_return exchange_.unauthorized({}, "An access token is needed: Authorization: Bearer");
  }
  Result<TokenPtr> token = fail(ErrorCode::invalid_token, "Only bearer tokens are accepted here");
  if ((*authorization)->scheme == codec::AuthScheme::bearer) {
    token = co_await verifier_.verify((*authorization)->credentials);
  }
  if (!token) co_return co_await refused_token(request, token.error());
  Call call{request, rest, std::move(*token), parts_.clock.now(), {}, false, {}, {}, {}};
  co_return co_await guarded(call);
}

Task<Response> FhirRoute::refused_token(const Request& request, const Error& error) {
  if (error.code != ErrorCode::invalid_token) {
    log::warn("gateway.token_unchecked", {{"error", name(error.code)}, {"detail", error.detail}});
    co_return unavailable();
  }
  parts_.metrics.bad_token.add();
  auto out = exchange_.unauthorized(
      "invalid_token", error.client.empty() ? ClientText("The access token is not valid here") : error.client);
  // Anyone can send garbage: what is written down about unproven callers is bounded, the rest is counted.
  const auto now = parts_.clock.now();
  if (unproven_second_.exchange(to_seconds(now), std::memory_order_relaxed) != to_seconds(now))
    unproven_count_.store(0);
  if (unproven_count_.fetch_add(1, std::memory_order_relaxed) >= limits::kAuditDeniedPerSecond) {
    parts_.metrics.audit_skipped.add();
    co_return out;
  }
  AccessFacts facts{.issuer = parts_.config.issuer,
                    .address = request.peer_address,
                    .outcome = AuditOutcome::denied,
                    .reason = name(error.code),
                    .at = now};
  if (!co_await parts_.audit.append(access_events(facts, {}))) {
    parts_.metrics.audit_failures.add();
    co_return unavailable();
  }
  parts_.metrics.audit_events.add();
  co_return out;
}

std::optional<Response> FhirRoute::classify(Call& call) const {
  const auto& headers = call.request.headers;
  auto interaction = fhir::classify({.method = call.request.method,
                                     .path = call.rest,
                                     .query = call.request.query,
                                     .content_type = headers.get("Content-Type").value_or(""),
                                     .body = call.request.body,
                                     .if_none_exist = headers.count("If-None-Exist") != 0});
  if (!interaction) return not_understood(interaction.error());
  call.interaction = std::move(*interaction);
  call.classified = true;
  call.path = call.rest;
  if (call.path.ends_with("/_search")) call.path.resize(call.path.size() - std::string_view("/_search").size());
  return open_page(exchange_, call);
}

Task<Response> FhirRoute::guarded(Call& call) {
  if (auto refused = classify(call)) {
    const auto reason = refused->status == 404 ? "not_found" : "malformed";
    co_return co_await exchange_.released(call, std::move(*refused), {.reason = reason});
  }
  call.decision = policy::decide(call.token->access, call.interaction);
  const auto& decision = call.decision.decision;
  if (!decision.permitted()) {
    co_return co_await exchange_.released(call, exchange_.refusal(call.decision, call.interaction),
                                          {.reason = policy::name(decision.reason)});
  }
  if (!wants_fhir_json(call.request.headers.get("Accept").value_or(""), call.interaction.values("_format"))) {
    co_return co_await exchange_.released(call, outcome_response(406, "not-supported", "Only FHIR JSON is served here"),
                                          {.reason = "not_acceptable"});
  }
  const auto* const row = std::ranges::find(kHandlers, call.interaction.kind, &Row::kind);
  if (row == kHandlers.end()) {
    call.decision.decision = policy::deny(policy::Reason::interaction_not_offered);
    co_return co_await exchange_.released(call, exchange_.refusal(call.decision, call.interaction),
                                          {.reason = policy::name(call.decision.decision.reason)});
  }
  co_return co_await row->serve(exchange_, call);
}

}  // namespace mitral::gateway
