#include "flow/pipeline.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/log.h"
#include "flow/responses.h"
#include "flow/steps/steps.h"

namespace mitral::flow {
namespace {

using E = Endpoint;
constexpr Endpoints kAll{E::token, E::par, E::introspect, E::revoke, E::userinfo, E::revocations, E::launch};
constexpr Endpoints kWithClient{E::token, E::par, E::introspect, E::revoke, E::revocations, E::launch};
constexpr Endpoints kToken{E::token};

// The order is that of oauth-oidc-fapi §21. Above `commit` nothing is spent but the jti of a proven assertion.
// clang-format off
constexpr std::array kBackChannel{
    //   name              endpoints         standard                     plain                waits, when
    Step{"parse",          kAll,             "RFC 6749 3.2, appendix B",  parse_request},
    Step{"grant_type",     kToken,           "RFC 6749 5.2",              check_grant_type},
    Step{"client.bearer",  {E::introspect},  "SMART App Launch 2.2",      nullptr, admit_bearer, presents_bearer},
    Step{"client.present", kWithClient,      "RFC 6749 2.3",              present_client},
    Step{"client.token",   kToken,           "SMART App Launch 2.2",      nullptr, find_client_of_token, needs_client_of_token},
    Step{"throttle",       kWithClient,      "RFC 6819 5.1.4.2.3",        check_throttle},
    Step{"client.keys",    kWithClient,      "RFC 7517, RFC 7591 2",      nullptr, fetch_client_keys, needs_client_keys},
    Step{"client.prove",   kWithClient,      "RFC 6749 2.3, RFC 7523 3",  prove_client},
    Step{"client.claim",   kWithClient,      "RFC 7523 3 (jti)",          nullptr, claim_assertion, claims_assertion_early},
    Step{"sender",         kToken,           "RFC 9700 2.2.1",            bind_sender},
    Step{"grant_allowed",  kToken,           "RFC 6749 5.2",              check_grant_allowed},
    Step{"grant.code",     kToken,           "RFC 6749 4.1.3, RFC 7636",  nullptr, look_at_code, is_code_grant},
    Step{"grant.refresh",  kToken,           "RFC 6749 6",                nullptr, look_at_refresh_token, is_refresh_grant},
    Step{"grant.client",   kToken,           "RFC 6749 4.4",              look_at_client_grant},
    Step{"decide",         kToken,           "RFC 9700 4.14",             nullptr, decide, has_user},
    Step{"scopes",         kToken,           "RFC 6749 3.3, RFC 8707",    approve_scopes},
    Step{"issue",          kToken,           "RFC 9068, OIDC Core 2",     issue},
    Step{"commit",         kToken,           "RFC 9700 4.14.2",           nullptr, commit},
    Step{"push",           {E::par},         "RFC 9126 2",                nullptr, push_request},
    Step{"introspect",     {E::introspect},  "RFC 7662 2",                nullptr, introspect},
    Step{"revoke",         {E::revoke},      "RFC 7009 2",                nullptr, revoke},
    Step{"userinfo",       {E::userinfo},    "OIDC Core 5.3, RFC 6750",   nullptr, userinfo},
    Step{"revocations",    {E::revocations}, "Mitral",                    nullptr, revocations},
};
// clang-format on

static_assert(
    [] {
      for (const Step& step : kBackChannel) {
        if ((step.plain == nullptr) == (step.waits == nullptr)) return false;
      }
      return true;
    }(),
    "a step is plain or waits");

// Errors that say something about security, as opposed to a request that nobody could understand.
bool is_denial(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_client:
    case ErrorCode::invalid_grant:
    case ErrorCode::unauthorized_client:
    case ErrorCode::invalid_scope:
    case ErrorCode::invalid_target:
    case ErrorCode::insufficient_scope:
    case ErrorCode::access_denied: return true;
    default: return false;
  }
}

}  // namespace

std::span<const Step> back_channel() noexcept { return kBackChannel; }

Task<Result<void>> run_steps(Context& context, std::span<const Step> table) {
  for (const Step& step : table) {
    if (!step.endpoints.contains(context.endpoint)) continue;
    if (step.plain != nullptr) {
      MITRAL_CO_CHECK(step.plain(context));
    } else if (step.when == nullptr || step.when(context)) {
      MITRAL_CO_CHECK(co_await step.waits(context));
    }
  }
  co_return Result<void>{};
}

Task<codec::Response> answer_back_channel(Context& context) {
  auto done = co_await run_steps(context, kBackChannel);
  // A proven assertion is used up, whatever becomes of the request; that it was used before outweighs any other
  // refusal.
  if (!done && context.client && claims_assertion_late(context)) {
    if (auto claimed = co_await claim_assertion(context); !claimed) done = std::unexpected(std::move(claimed).error());
  }
  if (!done) co_return co_await refuse(context, std::move(done).error());
  co_return std::move(context.response);
}

Task<codec::Response> refuse(Context& context, Error error) {
  auto& services = context.services;
  services.metrics.errors[static_cast<std::size_t>(error.code)].add();
  if (context.client_failed) {
    services.metrics.client_auth_failed.add();
    services.client_throttle.failed(context.presented.id, context.request.peer_address, context.now);
  }
  log::info("request.refused",
            {{"endpoint", name(context.endpoint)}, {"error", name(error.code)}, {"reason", error.detail}});
  if (is_denial(error.code) && !context.audited) {
    auto event = context.event(model::AuditKind::denial, model::AuditOutcome::denied);
    event.reason = name(error.code);
    event.details.emplace_back("endpoint", name(context.endpoint));
    if (context.grant && context.grant->has_user()) {
      event.user = context.grant->grant().user.value;
      if (context.grant->source() == RedeemedGrant::Source::refresh) event.grant = context.grant->grant().id.text();
    }
    ports::Events events;
    events.push_back(std::move(event));
    if (auto written = co_await services.store.append(std::move(events)); !written) {
      error = std::move(written).error();
      if (http_status(error.code) < 500) error.code = ErrorCode::unavailable;
    }
  }
  co_return error_response(context, error, context.retry_after_s);
}

std::string print_table(std::span<const Step> table) {
  constexpr std::array kColumns{E::token, E::par, E::introspect, E::revoke, E::userinfo, E::revocations, E::launch};
  std::string out;
  auto to = std::back_inserter(out);
  fmt::format_to(to, "{:<16} {:<6}", "step", "waits");
  for (const auto e : kColumns) fmt::format_to(to, " {:<11}", name(e));
  fmt::format_to(to, " standard\n");
  for (const Step& step : table) {
    fmt::format_to(to, "{:<16} {:<6}", step.name, step.waits != nullptr ? (step.when != nullptr ? "if" : "yes") : "");
    for (const auto e : kColumns) fmt::format_to(to, " {:<11}", step.endpoints.contains(e) ? "x" : ".");
    fmt::format_to(to, " {}\n", step.standard);
  }
  return out;
}

}  // namespace mitral::flow
