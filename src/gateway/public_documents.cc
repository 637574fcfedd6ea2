#include "gateway/public_documents.h"

#include "base/log.h"
#include "codec/fields.h"
#include "codec/uri.h"
#include "gateway/answer.h"
#include "gateway/capability.h"
#include "gateway/fhir_route.h"
#include "gateway/outcome.h"
#include "gateway/phantom.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Response;

constexpr auto kStale = 60 * limits::kDiscoveryLifetime;  // an hour old is better than none: nothing is decided by it

Response failed(const Error& error) {
  log::warn("gateway.document_failed", {{"error", name(error.code)}, {"detail", error.detail}});
  auto out = outcome_response(error.code == ErrorCode::malformed ? 502 : 503, "transient",
                              "This document can't be given right now; try again soon");
  out.headers.add("Retry-After", "1");
  return out;
}

}  // namespace

PublicDocuments::PublicDocuments(const Config& config, net::Url upstream, Sender& sender, const IssuerLink& issuer,
                                 const Clock& clock)
    : config_(config),
      upstream_(std::move(upstream)),
      sender_(sender),
      issuer_(issuer),
      clock_(clock),
      smart_(clock, limits::kDiscoveryLifetime, limits::kFeedRetry, kStale),
      metadata_(clock, limits::kDiscoveryLifetime, limits::kFeedRetry, kStale) {}

Task<Result<Json>> PublicDocuments::fetch_smart() {
  MITRAL_CO_TRY(auto json, co_await issuer_.fetch_smart_configuration());
  // Clients find the authorization server by this document: it must speak of ours.
  if (json.contains("issuer") && json["issuer"].string_or() != config_.issuer) {
    co_return fail(ErrorCode::malformed, {}, "SMART configuration of another issuer");
  }
  if (!json["token_endpoint"].is_string() || !json["capabilities"].is_array()) {
    co_return fail(ErrorCode::malformed, {}, "SMART configuration is incomplete");
  }
  co_return json;
}

Task<Result<std::string>> PublicDocuments::fetch_metadata() {
  MITRAL_CO_TRY(const auto smart, co_await smart_.get([this] { return fetch_smart(); }));
  auto url = upstream_;
  url.target += "/metadata";
  codec::Request request;
  request.method = codec::Method::get;
  request.headers.add("Accept", "application/fhir+json");
  request.headers.add("Accept-Encoding", "identity");
  for (const auto& header : config_.upstream_headers) request.headers.add(header.name, header.value);
  auto options = config_.upstream_options;
  options.max_body = limits::kFhirBodyMax;
  MITRAL_CO_TRY(const auto response, co_await sender_.send(std::move(url), std::move(request), std::move(options)));
  if (response.status != 200)
    co_return fail(ErrorCode::unavailable, {}, "upstream metadata: " + std::to_string(response.status));
  MITRAL_CO_TRY(const auto json, parse_upstream(response.body, config_.upstream, config_.public_base));
  MITRAL_CO_TRY(const auto out, public_capabilities(json, *smart, config_.public_base, !config_.origins.empty(),
                                                    config_.bulk, clock_.now()));
  co_return out.dump();
}

Task<Response> PublicDocuments::metadata(const codec::Request& request) {
  const auto params = fhir::parse_query(request.query);
  if (!params) co_return outcome_response(400, "invalid", "The request is not well-formed");
  std::vector<std::string_view> formats;
  for (const auto& param : *params) {
    if (param.name == "_format") formats.emplace_back(param.value);
    // FHIR R4 http.html#capabilities: normative parts are in the full statement as well.
    if (param.name == "mode" && param.value != "full" && param.value != "normative") {
      co_return outcome_response(400, "not-supported", "Only the modes full and normative are served here");
    }
  }
  if (!wants_fhir_json(request.headers.get("Accept").value_or(""), formats)) {
    co_return outcome_response(406, "not-supported", "Only FHIR JSON is served here");
  }
  const auto text = co_await metadata_.get([this] { return fetch_metadata(); });
  if (!text) co_return failed(text.error());
  auto out = Response::with(200, kFhirJson, **text);
  out.headers.add("Cache-Control", "public, max-age=60");
  co_return out;
}

Task<Response> PublicDocuments::smart_configuration() {
  const auto json = co_await smart_.get([this] { return fetch_smart(); });
  if (!json) co_return failed(json.error());
  auto out = Response::with(200, "application/json", (*json)->dump());
  out.headers.add("Cache-Control", "public, max-age=60");
  co_return out;
}

Json protected_resource_metadata(const Config& config) {
  // RFC 9728 §2: the identifier is exactly the audience that tokens carry.
  Json json = Json::object({{"resource", config.audience.empty() ? config.public_base : config.audience}});
  json.set("authorization_servers", Json::array({Json(config.issuer)}));
  if (!config.scopes_supported.empty()) json.set("scopes_supported", Json::array_of(config.scopes_supported));
  json.set("bearer_methods_supported", Json::array({Json("header")}));
  json.set("resource_name", Json(config.name));
  if (!config.documentation.empty()) json.set("resource_documentation", Json(config.documentation));
  // RFC 9728 §2: keys of the resource server itself; what it signs are the tokens that tell its upstream who asks.
  if (config.identity.phantom) {
    const auto base = codec::parse_http_url(config.public_base);
    json.set("jwks_uri",
             std::string(base->scheme) + "://" + std::string(base->authority) + std::string(kGatewayJwksPath));
  }
  return json;
}

Response PublicDocuments::protected_resource() const {
  auto out = Response::with(200, "application/json", protected_resource_metadata(config_).dump());
  out.headers.add("Cache-Control", "public, max-age=60");
  return out;
}

}  // namespace mitral::gateway
