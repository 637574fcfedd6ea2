#include "web/browser_front.h"

#include "codec/fields.h"
#include "flow/authorize/launch_ticket.h"
#include "flow/responses.h"
#include "login/browser.h"
#include "web/journey.h"
#include "web/pages/pages.h"
#include "web/pages/style.h"
#include "web/security_headers.h"

namespace mitral::web {
namespace {

codec::Response immutable(std::string_view type, std::string_view body) {
  auto response = codec::Response::with(200, type, std::string(body));
  response.headers.set("Cache-Control", "public, max-age=31536000, immutable");
  response.headers.set("X-Content-Type-Options", "nosniff");
  return response;
}

std::string style_url(const flow::IssuerRuntime& issuer) { return issuer.text() + "/assets/" + smart_style_name(); }

FormTarget sign_out_target(const flow::IssuerRuntime& issuer, const std::string& cookie,
                           const model::Session& session) {
  return {
      issuer.urls().sign_out,
      login::csrf_token(issuer, {.browser = cookie, .session = session.id_hash, .purpose = "sign-out", .subject = {}})};
}

}  // namespace

codec::Response BrowserFront::asset(const flow::IssuerRuntime& issuer, std::string_view rest) {
  if (rest.empty()) return home_page(issuer);
  if (rest == stylesheet_name()) return immutable("text/css; charset=utf-8", stylesheet());
  if (rest == smart_style_name()) {
    // Apps read it from their own origin (SMART App Launch 2.2, smart_style_url).
    auto response = immutable("application/json", smart_style());
    response.headers.set("Access-Control-Allow-Origin", "*");
    return response;
  }
  return error_page(issuer, 404, "There is no such page.");
}

codec::Response BrowserFront::error_page(const flow::IssuerRuntime& issuer, int status, ClientText text) {
  return web::error_page(issuer, {.status = status, .text = text});
}

Task<codec::Response> BrowserFront::launch(flow::Context& context) {
  auto made = co_await flow::make_launch(context, style_url(context.issuer));
  if (!made) co_return flow::error_response(context, made.error());
  const auto json =
      codec::Json::object({{"launch", made->handle}, {"launch_url", made->url}, {"expires_in", made->expires_in}});
  co_return flow::json_response(context.issuer, 201, json.dump());
}

Task<codec::Response> BrowserFront::sign_out(flow::Context& context) {
  const auto& issuer = context.issuer;
  auto& store = context.services.store;
  if (!login::is_top_level(context.request))
    co_return error_page(issuer, 400, "Signing out does not work inside another page.");
  auto session = co_await login::current_session(context.services, issuer, context.request, context.now);
  if (!session) co_return failure_page(issuer, session.error());
  const auto cookie = login::read_cookie(issuer, context.request, login::CookieKind::session).value_or("");
  if (context.request.method != codec::Method::post) {
    if (!*session) co_return sign_out_page(issuer, "", {});
    auto user = co_await store.find_user(issuer.id(), (*session)->user);
    if (!user) co_return failure_page(issuer, user.error());
    const std::string name = !*user ? "?" : (*user)->display_name.empty() ? (*user)->username : (*user)->display_name;
    co_return sign_out_page(issuer, name, sign_out_target(issuer, cookie, **session));
  }

  if (!*session) co_return signed_out_page(issuer);
  auto form = codec::Form::parse(context.request.body);
  const auto token = form && form->count("csrf") == 1 ? form->get("csrf") : std::nullopt;
  const bool fits =
      token && login::from_own_pages(issuer, context.request) &&
      login::csrf_token_fits(
          issuer, {.browser = cookie, .session = (*session)->id_hash, .purpose = "sign-out", .subject = {}}, *token);
  if (!fits) co_return error_page(issuer, 403, "This form was out of date. Go back, reload the page and try again.");
  auto event = context.event(model::AuditKind::sign_out, model::AuditOutcome::success);
  event.user = (*session)->user.value;
  ports::Events events;
  events.push_back(std::move(event));
  auto ended = co_await store.end_session(issuer.id(), (*session)->id_hash, std::move(events), context.now);
  if (!ended) co_return failure_page(issuer, ended.error());
  auto response = signed_out_page(issuer);
  login::clear_cookie(response, issuer, login::CookieKind::session);
  login::clear_cookie(response, issuer, login::CookieKind::browser);
  co_return response;
}

}  // namespace mitral::web
