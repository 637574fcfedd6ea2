#include "gateway/fhir_route.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/limits.h"
#include "base/log.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "gateway/access_audit.h"
#include "gateway/batch.h"
#include "gateway/binary.h"
#include "gateway/bulk.h"
#include "gateway/conditional.h"
#include "gateway/emergency_reviews.h"
#include "gateway/operations.h"
#include "gateway/outcome.h"
#include "gateway/reads.h"
#include "gateway/writes.h"

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
    {InteractionKind::create, serve_write},
    {InteractionKind::conditional_create, serve_write},
    {InteractionKind::update, serve_write},
    {InteractionKind::conditional_update, serve_write},
    {InteractionKind::patch, serve_write},
    {InteractionKind::conditional_patch, serve_write},
    {InteractionKind::remove, serve_write},
    {InteractionKind::conditional_remove, serve_write},
    {InteractionKind::batch, serve_batch},
    {InteractionKind::history_system, serve_read},
    {InteractionKind::search_system, serve_read},
    {InteractionKind::operation, serve_operation},
});

/// An answer that takes minutes must not outlive its token's revocation by more than a piece (threat S-12, S-22).
class RevocableBody final : public codec::BodySource {
 public:
  RevocableBody(std::shared_ptr<codec::BodySource> body, TokenPtr token, const TokenVerifier& verifier)
      : body_(std::move(body)), token_(std::move(token)), verifier_(verifier) {}
  Task<Result<std::string>> next() override {
    auto piece = co_await body_->next();
    if (!verifier_.still_good(*token_)) co_return fail(ErrorCode::invalid_token, {}, "revoked under way");
    co_return piece;
  }

 private:
  std::shared_ptr<codec::BodySource> body_;
  TokenPtr token_;
  const TokenVerifier& verifier_;
};

/// Bytes of any media type: the handler itself looks at what is accepted.
bool reads_binary(const fhir::Interaction& interaction) {
  return interaction.kind == InteractionKind::read && interaction.type == "Binary";
}

/// RFC 6750 §2.2, §2.3: a token in body or query would be a second way in, and ends up in logs.
bool carries_token(std::string_view form) {
  if (form.find("access_token") == std::string_view::npos && form.find('%') == std::string_view::npos) return false;
  const auto parsed = codec::Form::parse(form);
  return parsed && parsed->has("access_token");
}

}  // namespace

bool is_served(InteractionKind kind) noexcept {
  return kind == InteractionKind::transaction ? is_served(InteractionKind::batch)
                                              : std::ranges::find(kHandlers, kind, &Row::kind) != kHandlers.end();
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
    token = co_await verifier_.verify((*authorization)->credentials, request.peer_address);
  }
  if (!token) co_return co_await refused_token(request, token.error());
  if (parts_.reviews != nullptr && EmergencyReviews::concerns(**token) &&
      !co_await parts_.reviews->note(*token, request.peer_address)) {
    co_return unavailable();
  }
  Call call{request, rest, std::move(*token), parts_.clock.now(), {}, false, {}, {}, {}};
  auto response = co_await guarded(call);
  if (response.stream) {
    response.stream = std::make_shared<RevocableBody>(std::move(response.stream), std::move(call.token), verifier_);
  }
  co_return response;
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
  auto interaction = classify_request(call.request, call.rest);
  if (!interaction) return not_understood(interaction.error());
  call.interaction = std::move(*interaction);
  call.classified = true;
  call.path = call.rest;
  if (call.path.ends_with("/_search")) call.path.resize(call.path.size() - std::string_view("/_search").size());
  return open_page(exchange_, call);
}

Task<Response> FhirRoute::guarded(Call& call) {
  if (is_bulk_path(call.rest)) co_return co_await serve_bulk(exchange_, call);
  if (auto refused = classify(call)) {
    const auto reason = refused->status == 404 ? "not_found" : "malformed";
    co_return co_await exchange_.released(call, std::move(*refused), {.reason = reason});
  }
  co_return co_await serve_classified(exchange_, call);
}

Task<Response> serve_classified(const Exchange& exchange, Call& call) {
  const auto type = call.request.headers.get("Content-Type").value_or("");
  if (const auto read = read_parameters(call.interaction, call.request.body, type); !read) {
    co_return co_await exchange.released(call, not_understood(read.error()), {.reason = "malformed"});
  }
  call.decision = policy::decide(call.token->access, call.interaction);
  const auto& decision = call.decision.decision;
  if (!decision.permitted()) {
    co_return co_await exchange.released(call, exchange.refusal(call.decision),
                                         {.reason = policy::name(decision.reason)});
  }
  const bool binary = reads_binary(call.interaction);
  const auto accept = call.request.headers.get("Accept").value_or("");
  const auto formats = call.interaction.values("_format");
  if (!(binary && formats.empty()) && !wants_fhir_json(accept, formats)) {
    co_return co_await exchange.released(call, outcome_response(406, "not-supported", "Only FHIR JSON is served here"),
                                         {.reason = "not_acceptable"});
  }
  if (binary) co_return co_await serve_binary(exchange, call);
  const auto* const row = std::ranges::find(kHandlers, call.interaction.kind, &Row::kind);
  if (row == kHandlers.end()) {
    call.decision.decision = policy::deny(policy::Reason::interaction_not_offered);
    co_return co_await exchange.released(call, exchange.refusal(call.decision),
                                         {.reason = policy::name(call.decision.decision.reason)});
  }
  co_return co_await row->serve(exchange, call);
}

}  // namespace mitral::gateway
