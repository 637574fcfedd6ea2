#include "login/session.h"

#include "base/limits.h"
#include "flow/handles.h"
#include "login/browser.h"

namespace mitral::login {

namespace {

bool idle_for_too_long(const model::Session& session, Instant now) noexcept {
  return session.expires <= now || session.last_seen + limits::kSessionIdle <= now;
}

Task<Result<void>> note_use(flow::Services& services, const Issuer& issuer, model::Session& session, Instant now) {
  if (session.last_seen + limits::kSessionTouchMin > now) co_return Result<void>{};
  session.last_seen = now;
  co_return co_await services.store.touch_session(issuer, session.id_hash, now);
}

}  // namespace

Task<Result<std::optional<model::Session>>> current_session(flow::Services& services, const flow::IssuerRuntime& issuer,
                                                            const codec::Request& request, Instant now) {
  std::optional<model::Session> none;
  const auto cookie = read_cookie(issuer, request, CookieKind::session);
  if (!cookie) co_return none;
  MITRAL_CO_TRY(auto session, co_await services.store.find_session(issuer.id(), flow::hash_of(*cookie), now));
  if (!session || idle_for_too_long(*session, now)) co_return none;
  MITRAL_CO_CHECK(co_await note_use(services, issuer.id(), *session, now));
  co_return session;
}

Task<Result<std::optional<ports::UserStore::SignedIn>>> current_sign_in(flow::Services& services,
                                                                        const flow::IssuerRuntime& issuer,
                                                                        const codec::Request& request,
                                                                        std::optional<ClientId> client, Instant now) {
  std::optional<ports::UserStore::SignedIn> none;
  const auto cookie = read_cookie(issuer, request, CookieKind::session);
  if (!cookie) co_return none;
  MITRAL_CO_TRY(auto found,
                co_await services.store.find_signed_in(issuer.id(), flow::hash_of(*cookie), std::move(client), now));
  if (!found || idle_for_too_long(found->session, now)) co_return none;
  MITRAL_CO_CHECK(co_await note_use(services, issuer.id(), found->session, now));
  co_return found;
}

Task<Result<NewSession>> start_session(flow::Services& services, const flow::IssuerRuntime& issuer,
                                       const model::User& user, std::optional<model::Session> before,
                                       ports::Events events, Instant now) {
  NewSession made;
  made.cookie = make_cookie_value(services.random);
  model::Session& session = made.session;
  session.id_hash = flow::hash_of(made.cookie);
  session.issuer = issuer.id();
  session.user = user.id;
  const bool same_user = before && before->user == user.id;
  session.sid = same_user ? before->sid : Id128::random(services.random);
  session.auth_time = now;
  session.acr = kAcrPassword;
  session.amr = {std::string(kAmrPassword)};
  session.created = now;
  session.last_seen = now;
  session.expires = now + limits::kSessionAbsolute;
  std::optional<Hash256> replaces;
  if (same_user) replaces = before->id_hash;
  MITRAL_CO_CHECK(co_await services.store.put_session(session, replaces, std::move(events)));
  if (before && !same_user) {
    model::AuditEvent out;
    out.issuer = issuer.id();
    out.kind = model::AuditKind::sign_out;
    out.at = now;
    out.user = before->user.value;
    out.reason = "other_user_signed_in";
    ports::Events ended;
    ended.push_back(std::move(out));
    MITRAL_CO_CHECK(co_await services.store.end_session(issuer.id(), before->id_hash, std::move(ended), now));
  }
  co_return made;
}

}  // namespace mitral::login
