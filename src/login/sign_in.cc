#include "login/sign_in.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"

namespace mitral::login {
namespace {

flow::ThrottleRules free_of(std::uint32_t failures) {
  flow::ThrottleRules rules;
  rules.free = failures;
  return rules;
}

constexpr std::int64_t kBusyRetry = 2;

}  // namespace

SignInThrottles::SignInThrottles(Random& random)
    : user_address(flow::ThrottleRules{}, random),
      user(free_of(limits::kThrottleFreePerUser), random),
      address(free_of(limits::kThrottleFreePerAddress), random) {}

Task<Result<Attempt>> try_sign_in(flow::Context& context, SignInThrottles& throttles, std::string username,
                                  Secret password, std::string client, std::optional<model::Session> before) {
  const Instant now = context.now;
  const std::string& address = context.request.peer_address;
  const std::string& issuer = context.issuer.text();
  const std::string name = codec::to_lower(codec::trim(username));
  const std::string issuer_and_name = issuer + '\n' + name;

  Attempt attempt;
  for (const auto wait : {throttles.user_address.wait(issuer_and_name, address, now),
                          throttles.user.wait(issuer, name, now), throttles.address.wait(issuer, address, now)}) {
    attempt.wait_s = std::max(attempt.wait_s, wait.value_or(0));
  }
  if (attempt.wait_s > 0) {
    context.services.metrics.throttled.add();
    attempt.outcome = Attempt::Outcome::wait;
    co_return attempt;
  }

  // Counted before the slow part, so that many attempts at once can't slip through while none has failed yet; a success
  // takes it back.
  throttles.user_address.failed(issuer_and_name, address, now);
  throttles.user.failed(issuer, name, now);
  std::optional<model::User> user;
  const bool plausible = !name.empty() && name.size() <= limits::kUserNameMax && !password.empty() &&
                         password.reveal().size() <= limits::kPasswordMax;
  if (plausible) {
    MITRAL_CO_TRY(user, co_await context.services.store.find_user_by_name(context.issuer.id(), name));
  }
  // Over-long input was cut by the form's limits; what is left costs one hash like any other.
  Secret offered = plausible ? std::move(password) : Secret(std::string("-"));
  auto fits = co_await context.services.passwords.verify(user ? user->password_phc : std::string(), std::move(offered));
  if (!fits && fits.error().code == ErrorCode::unavailable) {
    attempt.outcome = Attempt::Outcome::busy;
    attempt.wait_s = kBusyRetry;
    co_return attempt;
  }

  auto event = context.event(model::AuditKind::sign_in, model::AuditOutcome::failure);
  event.client = std::move(client);
  if (user) event.user = user->id.value;  // never the name as typed: people type passwords there
  if (!fits || !*fits || !user || !user->enabled) {
    throttles.address.failed(issuer, address, now);
    context.services.metrics.sign_ins_failed.add();
    event.reason = !user            ? "unknown_user"
                   : !user->enabled ? "disabled_user"
                   : !fits          ? "unreadable_hash"
                                    : "wrong_password";
    ports::Events events;
    events.push_back(std::move(event));
    MITRAL_CO_CHECK(co_await context.services.store.append(std::move(events)));
    co_return attempt;
  }

  throttles.user_address.succeeded(issuer_and_name, address);
  throttles.user.succeeded(issuer, name);
  event.outcome = model::AuditOutcome::success;
  event.details.emplace_back("method", kAmrPassword);
  ports::Events events;
  events.push_back(std::move(event));
  MITRAL_CO_TRY(attempt.session, co_await start_session(context.services, context.issuer, *user, std::move(before),
                                                        std::move(events), now));
  context.services.metrics.sign_ins_ok.add();
  attempt.user = std::move(user);
  attempt.outcome = Attempt::Outcome::signed_in;
  co_return attempt;
}

}  // namespace mitral::login
