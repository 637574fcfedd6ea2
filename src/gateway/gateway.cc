#include "gateway/gateway.h"

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "codec/fields.h"
#include "codec/uri.h"
#include "crypto/random.h"
#include "gateway/bulk.h"
#include "gateway/decision_endpoint.h"
#include "gateway/emergency_reviews.h"
#include "gateway/fhir_route.h"
#include "gateway/outcome.h"
#include "gateway/page_sealer.h"
#include "gateway/phantom.h"
#include "gateway/public_documents.h"
#include "gateway/upstream_channel.h"

namespace mitral::gateway {
namespace {

using codec::Method;
using codec::Request;
using codec::Response;

constexpr std::size_t kPageKeySize = 32;
constexpr std::string_view kAllowHeaders =
    "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-None-Exist, DPoP, X-Requested-With";
constexpr std::string_view kExposeHeaders =
    "Location, Content-Location, ETag, Last-Modified, Retry-After, X-Progress, WWW-Authenticate";

std::unexpected<Error> bad_config(std::string why) { return fail(ErrorCode::config_invalid, {}, std::move(why)); }

/// A base URL: http(s), plain path, no query or fragment, no slash at the end.
bool is_base_url(std::string_view text) {
  const auto url = codec::parse_http_url(text);
  return url && !url->has_query && !url->has_fragment && !url->has_userinfo && !text.ends_with('/') &&
         (url->path.empty() || codec::is_plain_path(url->path));
}

Result<void> check(const Config& config) {
  if (!is_base_url(config.public_base))
    return bad_config("public_base must be an http(s) URL without query or trailing slash");
  if (!is_base_url(config.upstream))
    return bad_config("upstream must be an http(s) URL without query or trailing slash");
  if (!codec::parse_http_url(config.issuer)) return bad_config("issuer must be an http(s) URL");
  if (!config.audience.empty() && !codec::is_absolute_uri(config.audience))
    return bad_config("audience must be an absolute URI");
  if (!config.page_key.empty() && config.page_key.reveal().size() != kPageKeySize)
    return bad_config("page_key must have 32 bytes");
  for (const auto& origin : config.origins) {
    if (codec::origin_of(origin) != origin)
      return bad_config("an origin must be scheme://host[:port], as browsers send it");
  }
  if (!config.decide.path.starts_with('/') || config.decide.path.ends_with('/') ||
      !codec::is_plain_path(config.decide.path))
    return bad_config("the path of decisions must be a plain path");
  if (!config.documentation.empty() && !codec::parse_http_url(config.documentation))
    return bad_config("documentation must be an http(s) URL");
  for (const auto& storage : config.bulk_storage) {
    const auto url = codec::parse_http_url(storage);
    if (!url || url->has_query || url->has_fragment || url->has_userinfo || !codec::is_plain_path(url->path))
      return bad_config("bulk_storage must hold http(s) URLs with a path");
  }
  for (const auto& header : config.upstream_headers) {
    if (!codec::is_token(header.name) || !codec::is_safe_header_value(header.value))
      return bad_config("upstream header");
  }
  return {};
}

}  // namespace

struct Gateway::Impl {
  Config config;
  const Clock& clock;
  Metrics metrics;
  IssuerLink issuer;
  UpstreamChannel channel;
  Identity identity;
  TokenVerifier verifier;
  PageSealer pages;
  Bulk bulk;
  EmergencyReviews reviews;
  PublicDocuments documents;
  FhirRoute route;
  DecisionEndpoint decisions;
  std::string base_path;
  std::string metadata_path;  ///< of RFC 9728
  std::vector<std::string> hosts;

  /// Precondition: the configuration was checked, the issuer's URLs included.
  Impl(Config c, Sender& sender, ports::AuditStore& audit, const Clock& the_clock, Random& random,
       const net::Url& upstream)
      : config(std::move(c)),
        clock(the_clock),
        issuer(IssuerLink::create(config, sender, metrics, clock, random).value()),
        channel(sender, upstream, config.upstream_rules, metrics, clock),
        identity(Identity::create(config, metrics, random).value()),
        verifier(config, issuer, metrics, clock),
        pages(config.page_key, config.audience.empty() ? config.public_base : config.audience, random),
        bulk(config.page_key, config.audience.empty() ? config.public_base : config.audience, random),
        reviews({config, upstream, channel, audit, clock, metrics, pages}),
        documents(config, upstream, channel, issuer, clock),
        route({config, upstream, channel, audit, clock, metrics, pages, config.bulk ? &bulk : nullptr, &identity,
               config.review_tasks ? &reviews : nullptr},
              verifier),
        decisions({config, upstream, channel, audit, clock, metrics, pages, nullptr, nullptr,
                   config.review_tasks ? &reviews : nullptr},
                  verifier, identity) {
    const auto url = codec::parse_http_url(config.public_base);
    base_path = url->path;
    hosts = config.hosts;
    hosts.emplace_back(url->authority);
    const auto metadata = resource_metadata_url(config.audience.empty() ? config.public_base : config.audience);
    if (const auto where = codec::parse_http_url(metadata)) metadata_path = where->path;
  }

  [[nodiscard]] Task<Response> answer(const Request& request);
  [[nodiscard]] Task<Response> below_base(const Request& request, std::string_view rest, bool& any_origin);
  [[nodiscard]] Response preflight(const Request& request) const;
  [[nodiscard]] bool origin_known(std::string_view origin) const {
    return std::ranges::find(config.origins, origin) != config.origins.end();
  }
  void finish(Response& response, const Request& request, bool any_origin);
};

Gateway::Gateway(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::create(Config config, Sender& sender, ports::AuditStore& audit,
                                                 const Clock& clock, Random& random) {
  MITRAL_CHECK(check(config));
  MITRAL_TRY(auto upstream, net::parse_url(config.upstream));
  if (upstream.target == "/") upstream.target.clear();
  Metrics unused;
  MITRAL_CHECK(IssuerLink::create(config, sender, unused, clock, random));
  MITRAL_TRY(const auto identity, Identity::create(config, unused, random));
  if (config.page_key.empty()) config.page_key = Secret(crypto::random_bytes(random, kPageKeySize));
  return std::unique_ptr<Gateway>(
      new Gateway(std::make_unique<Impl>(std::move(config), sender, audit, clock, random, upstream)));
}

FeedFollower& Gateway::feed() noexcept { return impl_->verifier.feed(); }
EmergencyReviews* Gateway::reviews() noexcept { return impl_->config.review_tasks ? &impl_->reviews : nullptr; }
const Metrics& Gateway::metrics() const noexcept { return impl_->metrics; }
bool Gateway::ready() const noexcept { return impl_->verifier.ready(impl_->clock.now()); }
bool Gateway::follows_feed() const noexcept { return impl_->verifier.follows_feed(); }
std::size_t Gateway::tokens_cached() const { return impl_->verifier.cache().size(); }

Task<Response> Gateway::handle(Request request) {
  Response out;
  try {
    out = co_await impl_->answer(request);
  } catch (const std::exception& e) {
    log::error("gateway.exception", {{"what", e.what()}});
    out = outcome_response(500, "exception", "Something went wrong here");
    impl_->finish(out, request, false);
  } catch (...) {
    log::error("gateway.exception");
    out = outcome_response(500, "exception", "Something went wrong here");
    impl_->finish(out, request, false);
  }
  const auto status_class = static_cast<std::size_t>(out.status / 100);
  impl_->metrics.answers.at(std::min<std::size_t>(status_class, 5)).add();
  co_return out;
}

Task<Response> Gateway::decide(Request request) {
  try {
    co_return co_await impl_->decisions.handle(request);
  } catch (const std::exception& e) {
    log::error("gateway.exception", {{"what", e.what()}});
  } catch (...) {
    log::error("gateway.exception");
  }
  co_return outcome_response(500, "exception", "Something went wrong here");
}

Task<Response> Gateway::Impl::answer(const Request& request) {
  Response out;
  bool any_origin = false;
  const auto host = request.headers.get("Host");
  if (request.headers.count("Host") > 1 || (host && std::ranges::find(hosts, *host) == hosts.end())) {
    out = outcome_response(421, "invalid", "This host is not served here");
  } else if (!codec::is_plain_path(request.path)) {
    // Decided before anything else looks at it: policy and upstream must see the same path (threat W-18).
    out = outcome_response(400, "invalid", "The path is not plain");
  } else if (request.path == metadata_path && (request.method == Method::get || request.method == Method::head)) {
    out = documents.protected_resource();
    any_origin = true;
  } else if (request.path == kGatewayJwksPath && !identity.jwks().empty() &&
             (request.method == Method::get || request.method == Method::head)) {
    out = Response::with(200, "application/jwk-set+json", identity.jwks());
    out.headers.add("Cache-Control", "public, max-age=60");
    any_origin = true;
  } else if (request.path.starts_with(base_path) &&
             (request.path.size() == base_path.size() || request.path[base_path.size()] == '/')) {
    out = co_await below_base(request, request.path.substr(base_path.size()), any_origin);
  } else {
    out = not_found();
  }
  finish(out, request, any_origin);
  co_return out;
}

Task<Response> Gateway::Impl::below_base(const Request& request, std::string_view rest, bool& any_origin) {
  const bool get = request.method == Method::get || request.method == Method::head;
  const bool smart = rest == "/.well-known/smart-configuration";
  const bool metadata = rest == "/metadata";
  any_origin = smart || metadata;
  if (request.method == Method::options) co_return preflight(request);
  if (get && smart) co_return co_await documents.smart_configuration();
  if (get && metadata) co_return co_await documents.metadata(request);
  any_origin = false;
  co_return co_await route.handle(request, rest);
}

/// Without authentication, as browsers send none (smart-fhir §1.3). Says nothing about whether the path exists.
Response Gateway::Impl::preflight(const Request& request) const {
  Response out;
  out.status = 204;
  out.headers.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (request.headers.count("Origin") == 1 && request.headers.count("Access-Control-Request-Method") == 1) {
    out.headers.add("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    out.headers.add("Access-Control-Allow-Headers", kAllowHeaders);
    out.headers.add("Access-Control-Max-Age", "600");
  }
  return out;
}

void Gateway::Impl::finish(Response& response, const Request& request, bool any_origin) {
  auto& headers = response.headers;
  // Health data is never cached, by nobody, whatever the path looks like (threat W-29).
  if (headers.count("Cache-Control") == 0) headers.add("Cache-Control", "no-store, private");
  headers.add("Vary", "Authorization, Origin, Accept");
  headers.add("X-Content-Type-Options", "nosniff");
  if (config.public_base.starts_with("https:")) headers.add("Strict-Transport-Security", "max-age=31536000");
  const auto origin = request.headers.get("Origin");
  if (!origin || request.headers.count("Origin") != 1) return;
  if (any_origin) {
    headers.add("Access-Control-Allow-Origin", "*");
  } else if (origin_known(*origin)) {
    headers.add("Access-Control-Allow-Origin", *origin);
  } else {
    return;
  }
  headers.add("Access-Control-Expose-Headers", kExposeHeaders);
}

}  // namespace mitral::gateway
