#include "gateway/decision_endpoint.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "codec/fields.h"
#include "codec/uri.h"
#include "gateway/emergency_reviews.h"
#include "gateway/outcome.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {
namespace {

using codec::Method;
using codec::Request;
using codec::Response;
using fhir::InteractionKind;

constexpr std::string_view kEnvoy = "/envoy";
/// Some FHIR servers obey these, and would then do something else than what was decided.
constexpr auto kOverrides =
    std::to_array<std::string_view>({"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"});

/// The interactions of which the answer holds nothing but resources of the type asked for.
bool plain_read(InteractionKind kind) noexcept {
  return kind == InteractionKind::read || kind == InteractionKind::vread || kind == InteractionKind::history_instance ||
         kind == InteractionKind::history_type || kind == InteractionKind::search_type;
}

/// What can't be decided by a request's head.
bool hidden_in_body(InteractionKind kind, Method method) noexcept {
  const bool search = kind == InteractionKind::search_type || kind == InteractionKind::search_system ||
                      kind == InteractionKind::search_compartment;
  return kind == InteractionKind::batch || kind == InteractionKind::transaction || kind == InteractionKind::unknown ||
         (search && method == Method::post) || (kind == InteractionKind::operation && method != Method::get);
}

/// Parameters whose answer speaks of other resources than those of the type asked for.
bool asks_of_others(std::string_view parameter) {
  constexpr auto kOthers = std::to_array<std::string_view>(
      {"_contained", "_content", "_filter", "_has", "_include", "_list", "_query", "_revinclude", "_text", "_type"});
  return parameter.find('.') != std::string_view::npos ||
         std::ranges::any_of(kOthers, [&](std::string_view name) { return parameter.starts_with(name); });
}

}  // namespace

/// One request that a proxy asks about.
struct DecisionEndpoint::Asked {
  Request request;  ///< of the client: method, target, headers; no body
  std::string_view rest;
  bool envoy = false;
};

DecisionEndpoint::DecisionEndpoint(Exchange::Parts parts, TokenVerifier& verifier, const Identity& teller)
    : parts_(parts), exchange_(std::move(parts)), verifier_(verifier), teller_(teller) {
  if (const auto base = codec::parse_http_url(parts_.config.public_base)) base_path_ = base->path;
}

/// Who asks, and about what. A response: there is nothing to decide.
std::optional<Response> DecisionEndpoint::understand(const Request& request, Asked& asked) const {
  const auto& rules = parts_.config.decide;
  const auto secret = request.headers.get("X-Decide-Secret").value_or("");
  if (!rules.secret.empty() &&
      (request.headers.count("X-Decide-Secret") != 1 || !constant_time_equal(secret, rules.secret.reveal()))) {
    return outcome_response(403, "forbidden", "Only the proxy may ask this");
  }
  const std::string prefix = rules.path + std::string(kEnvoy);
  asked.request = request;
  asked.request.body.clear();
  if (request.path == rules.path) {
    if (request.headers.count("X-Original-Method") != 1 || request.headers.count("X-Original-URI") != 1) {
      return outcome_response(403, "invalid", "Send X-Original-Method and X-Original-URI");
    }
    asked.request.method = codec::parse_method(*request.headers.get("X-Original-Method"));
    asked.request.set_target(std::string(*request.headers.get("X-Original-URI")));
  } else if (request.path.starts_with(prefix + "/")) {
    asked.envoy = true;
    asked.request.set_target(request.target.substr(prefix.size()));
  } else {
    return not_found();
  }
  const auto path = asked.request.path;
  if (!codec::is_plain_path(path) || !path.starts_with(base_path_) ||
      (path.size() != base_path_.size() && path[base_path_.size()] != '/')) {
    return outcome_response(403, "forbidden", "The path is not plain, or not below the FHIR base");
  }
  // Where a query ends and how it is split must not depend on who reads it: some split at ';', some stop at '#'.
  if (asked.request.query.find_first_of("#;") != std::string_view::npos)
    return outcome_response(403, "forbidden", "The query is not plain");
  asked.rest = path.substr(base_path_.size());
  for (const auto name : kOverrides) {
    if (request.headers.count(name) != 0)
      return outcome_response(403, "forbidden", "Method override headers are not accepted");
  }
  return std::nullopt;
}

Task<Response> DecisionEndpoint::handle(const Request& request) const {
  Asked asked;
  if (auto refused = understand(request, asked)) {
    parts_.metrics.decided_deny.add();
    co_return std::move(*refused);
  }
  auto out = co_await decided(asked);
  const bool permitted = out.status == 200 || out.status == 204;
  (permitted ? parts_.metrics.decided_permit : parts_.metrics.decided_deny).add();
  // nginx takes 401 and 403 for a refusal, and everything else for a failure of its own.
  if (!asked.envoy && !permitted && out.status != 401 && out.status < 500) out.status = 403;
  out.headers.set("Cache-Control", "no-store");
  co_return out;
}

bool DecisionEndpoint::safe_unjudged(const Call& call) const {
  const auto& plan = call.decision.plan;
  const bool others =
      std::ranges::any_of(call.interaction.params, [](const auto& param) { return asks_of_others(param.name); });
  const bool guarded_data = parts_.config.enforce_consent || !parts_.config.hidden_labels.empty();
  return plain_read(call.interaction.kind) && plan.unlimited && plan.left_out.empty() && !plan.by_include && !others &&
         !guarded_data;
}

Task<Response> DecisionEndpoint::decided(Asked& asked) const {
  const auto authorization = codec::authorization_of(asked.request.headers);
  if (!authorization || !*authorization || (*authorization)->scheme != codec::AuthScheme::bearer) {
    parts_.metrics.no_token.add();
    co_return exchange_.unauthorized({}, "An access token is needed: Authorization: Bearer");
  }
  // The proxy's address is everybody's: X-Forwarded-For is not believed, so all share one bound per proxy.
  auto token = co_await verifier_.verify((*authorization)->credentials, asked.request.peer_address);
  if (!token && token.error().code != ErrorCode::invalid_token) {
    log::warn("gateway.token_unchecked", {{"error", name(token.error().code)}, {"detail", token.error().detail}});
    co_return unavailable();
  }
  if (!token) {
    parts_.metrics.bad_token.add();
    co_return exchange_.unauthorized("invalid_token", "The access token is not valid here");
  }
  if (parts_.reviews != nullptr && EmergencyReviews::concerns(**token) &&
      !co_await parts_.reviews->note(*token, asked.request.peer_address)) {
    co_return unavailable();
  }
  Call call{asked.request, asked.rest, std::move(*token), parts_.clock.now(), {}, false, {}, {}, {}};
  auto interaction = fhir::classify({.method = asked.request.method,
                                     .path = asked.rest,
                                     .query = asked.request.query,
                                     .content_type = asked.request.headers.get("Content-Type").value_or(""),
                                     .body = {},
                                     .if_none_exist = asked.request.headers.count("If-None-Exist") != 0});
  const auto refuse = [&](policy::Reason reason) { call.decision.decision = policy::deny(reason); };
  if (interaction) {
    call.interaction = std::move(*interaction);
    call.classified = true;
    call.decision = policy::decide(call.token->access, call.interaction);
    if (call.decision.decision.permitted()) {
      if (hidden_in_body(call.interaction.kind, asked.request.method) ||
          (!parts_.config.decide.request_only && !safe_unjudged(call))) {
        refuse(policy::Reason::interaction_not_offered);
      }
    }
  } else {
    refuse(policy::Reason::interaction_unknown);
  }
  const auto& decision = call.decision.decision;
  if (!decision.permitted()) {
    co_return co_await exchange_.released(call, exchange_.refusal(call.decision),
                                          {.reason = policy::name(decision.reason)});
  }
  const auto told = teller_.headers_for(*call.token, call.now);
  if (!told) co_return unavailable();
  Response out;
  out.status = asked.envoy ? 200 : 204;
  for (const auto& header : *told) out.headers.add(header.name, header.value);
  co_return co_await exchange_.released(call, std::move(out), {});
}

}  // namespace mitral::gateway
