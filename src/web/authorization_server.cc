#include "web/authorization_server.h"

#include <algorithm>

#include "base/log.h"
#include "codec/fields.h"
#include "flow/context.h"
#include "flow/documents.h"
#include "flow/pipeline.h"
#include "flow/responses.h"
#include "web/routes.h"

namespace mitral::web {
namespace {

using flow::Endpoint;

constexpr flow::Endpoints kRegisteredOrigins{Endpoint::token, Endpoint::revoke, Endpoint::userinfo};
constexpr flow::Endpoints kAnyOrigin{Endpoint::jwks, Endpoint::openid_configuration, Endpoint::oauth_metadata,
                                     Endpoint::smart_configuration, Endpoint::brands};
constexpr std::string_view kAllowHeaders = "Authorization, Content-Type, Accept, DPoP, If-None-Match, X-Requested-With";
constexpr std::string_view kExposeHeaders = "WWW-Authenticate, Retry-After, DPoP-Nonce, ETag";

// Where somebody may be let in, or told that a token lives.
constexpr flow::Endpoints kGated{Endpoint::authorize, Endpoint::interaction, Endpoint::account,
                                 Endpoint::par,       Endpoint::token,       Endpoint::introspect,
                                 Endpoint::launch,    Endpoint::userinfo,    Endpoint::revocations};
constexpr flow::Endpoints kPages{Endpoint::authorize, Endpoint::interaction, Endpoint::account};

codec::Response plain(int status, std::string_view text) {
  codec::Response out = codec::Response::with(status, "text/plain; charset=utf-8", std::string(text));
  out.headers.set("Cache-Control", "no-store");
  out.headers.set("X-Content-Type-Options", "nosniff");
  return out;
}

}  // namespace

AuthorizationServer::AuthorizationServer(flow::Services& services, FrontChannel& front_channel)
    : services_(services), front_(front_channel) {}

bool AuthorizationServer::origin_registered(const flow::Context* context, const flow::IssuerRuntime& issuer,
                                            std::string_view origin) {
  // Once the client is known, only its own origins count.
  if (context != nullptr && context->client)
    return std::ranges::find(context->client->record().origins, origin) != context->client->record().origins.end();
  const auto directory = context != nullptr ? context->directory : services_.store.directory();
  std::shared_ptr<const Origins> index;
  {
    const std::lock_guard lock(mutex_);
    index = origins_;
  }
  if (index == nullptr || index->directory != directory) {
    auto fresh = std::make_shared<Origins>();
    fresh->directory = directory;
    for (const auto& each : services_.issuers) {
      const auto clients = directory->clients(each->id(), ports::Clients::with_origins);
      if (!clients) {
        log::error("cors.clients_unreadable", {{"detail", clients.error().detail}});
        return false;
      }
      for (const auto* client : *clients) {
        if (!client->enabled) continue;
        for (const auto& o : client->origins) fresh->known.insert(each->text() + '\n' + o);
      }
    }
    index = fresh;
    const std::lock_guard lock(mutex_);
    origins_ = index;
  }
  return index->known.contains(issuer.text() + '\n' + std::string(origin));
}

// Answers differ by Origin only where it matters; credentials (cookies) are never allowed across origins.
void AuthorizationServer::add_cors(codec::Response& response, const codec::Request& request,
                                   const flow::Context* context, const flow::IssuerRuntime& issuer, Endpoint endpoint) {
  if (kAnyOrigin.contains(endpoint)) {
    response.headers.set("Access-Control-Allow-Origin", "*");
    response.headers.set("Access-Control-Expose-Headers", kExposeHeaders);
    return;
  }
  if (!kRegisteredOrigins.contains(endpoint)) return;
  response.headers.add("Vary", "Origin");
  const auto origin = request.headers.get("Origin");
  if (!origin || request.headers.count("Origin") != 1 || !codec::is_safe_header_value(*origin)) return;
  if (!origin_registered(context, issuer, *origin)) return;
  response.headers.set("Access-Control-Allow-Origin", *origin);
  response.headers.set("Access-Control-Expose-Headers", kExposeHeaders);
}

codec::Response AuthorizationServer::closed(flow::Context& context, const Error& error) {
  services_.metrics.errors[static_cast<std::size_t>(error.code)].add();
  log::info("request.refused",
            {{"endpoint", flow::name(context.endpoint)}, {"error", name(error.code)}, {"reason", error.detail}});
  if (!kPages.contains(context.endpoint)) return flow::error_response(context, error);
  auto out = front_.error_page(context.issuer, 503, "Something is wrong on our side right now. Please try again soon.");
  out.headers.set("Retry-After", "2");
  flow::add_common_headers(out, context.issuer);
  return out;
}

Task<codec::Response> AuthorizationServer::handle(codec::Request request) {
  const Route route = find_route(services_.issuers, request);
  if (route.kind == Route::Kind::misdirected) co_return plain(421, "This host is not served here.\n");
  if (route.kind == Route::Kind::not_found) {
    if (route.issuer == nullptr) co_return plain(404, "Not found.\n");
    codec::Response out = front_.error_page(*route.issuer, 404, "There is no such page");
    flow::add_common_headers(out, *route.issuer);
    co_return out;
  }
  const flow::IssuerRuntime& issuer = *route.issuer;
  const Endpoint endpoint = route.endpoint;
  if (route.kind == Route::Kind::preflight) {
    codec::Response out;
    out.status = 204;
    add_cors(out, request, nullptr, issuer, endpoint);
    if (out.headers.get("Access-Control-Allow-Origin")) {
      out.headers.set("Access-Control-Allow-Methods", route.allow);
      out.headers.set("Access-Control-Allow-Headers", kAllowHeaders);
      out.headers.set("Access-Control-Max-Age", "600");
    }
    flow::add_common_headers(out, issuer);
    co_return out;
  }
  if (route.kind == Route::Kind::wrong_method) {
    codec::Response out = flow::method_not_allowed(issuer, route.allow);
    add_cors(out, request, nullptr, issuer, endpoint);
    services_.metrics.count(endpoint, out.status);
    co_return out;
  }

  const std::string rest(route.rest);  // the view leads into the request that the context takes over
  flow::Context context(services_, issuer, endpoint, std::move(request));
  codec::Response out;
  bool failed = false;
  if (gate_ && kGated.contains(endpoint)) {
    if (auto open = gate_(); !open) {
      out = closed(context, open.error());
      add_cors(out, context.request, &context, issuer, endpoint);
      services_.metrics.count(endpoint, out.status);
      co_return out;
    }
  }
  try {
    switch (endpoint) {
      case Endpoint::authorize: out = co_await front_.authorize(context); break;
      case Endpoint::interaction: out = co_await front_.interaction(context, rest); break;
      case Endpoint::sign_out: out = co_await front_.sign_out(context); break;
      case Endpoint::account: out = co_await front_.account(context, rest); break;
      case Endpoint::assets: out = front_.asset(issuer, rest); break;
      case Endpoint::jwks: out = flow::jwks_document(context); break;
      case Endpoint::oauth_metadata: out = flow::oauth_metadata_document(context); break;
      case Endpoint::openid_configuration: out = flow::openid_configuration_document(context); break;
      case Endpoint::smart_configuration: out = flow::smart_configuration_document(context); break;
      case Endpoint::brands: out = flow::brands_document(context); break;
      case Endpoint::launch: {
        auto known = co_await flow::run_steps(context, flow::back_channel());
        if (known) {
          out = co_await front_.launch(context);
        } else {
          out = co_await flow::refuse(context, std::move(known).error());
        }
        break;
      }
      case Endpoint::par:
      case Endpoint::token:
      case Endpoint::introspect:
      case Endpoint::revoke:
      case Endpoint::userinfo:
      case Endpoint::revocations: out = co_await flow::answer_back_channel(context); break;
    }
  } catch (const std::exception& e) {
    log::error("request.failed", {{"endpoint", flow::name(endpoint)}, {"reason", e.what()}});
    failed = true;
  }
  if (failed) out = flow::error_response(context, {ErrorCode::server_error, {}, {}});
  flow::add_common_headers(out, issuer);
  add_cors(out, context.request, &context, issuer, endpoint);
  services_.metrics.count(endpoint, out.status);
  co_return out;
}

}  // namespace mitral::web
