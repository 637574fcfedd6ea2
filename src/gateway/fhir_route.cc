#include "gateway/fhir_route.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "fhir/r4.h"
#include "gateway/access_audit.h"
#include "gateway/outcome.h"

namespace mitral::gateway {
namespace {

using codec::Method;
using codec::Request;
using codec::Response;
using fhir::Interaction;
using fhir::InteractionKind;
using model::AuditOutcome;
using policy::Reason;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kPageParameter = "_page";
constexpr std::size_t kTargetMax = 1800;  // longer searches go upstream by POST

bool is_search(InteractionKind kind) noexcept {
  return kind == InteractionKind::search_type || kind == InteractionKind::search_compartment;
}
bool is_history(InteractionKind kind) noexcept {
  return kind == InteractionKind::history_instance || kind == InteractionKind::history_type;
}

/// RFC 6750 §2.2, §2.3: a token in body or query would be a second way in, and ends up in logs.
bool carries_token(std::string_view form) {
  if (form.find("access_token") == std::string_view::npos && form.find('%') == std::string_view::npos) return false;
  const auto parsed = codec::Form::parse(form);
  return parsed && parsed->has("access_token");
}

std::string serialize(const std::vector<fhir::QueryParam>& params) {
  codec::Form form;
  for (const auto& param : params) form.add(param.name, param.value);
  return form.serialize();
}

std::string version_tag(const codec::Json& resource) {
  const auto version = resource["meta"]["versionId"].string_or();
  return fhir::is_id(version) ? "W/\"" + std::string(version) + "\"" : std::string();
}

bool tag_listed(std::string_view list, std::string_view tag) {
  return !tag.empty() && std::ranges::any_of(codec::split(list, ','), [&](std::string_view item) {
    item = codec::trim(item);
    return item == tag || item == tag.substr(2);
  });
}

bool looks_like_http_date(std::string_view text) {
  return text.size() >= 20 && text.size() <= 40 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' || c == ',' ||
                  c == ':';
         });
}

Response unavailable() {
  auto out = outcome_response(503, "transient", "This can't be checked right now; try again soon");
  out.headers.add("Retry-After", "1");
  return out;
}
Response bad_gateway() { return outcome_response(502, "exception", "The FHIR server gave no usable answer"); }

Response method_not_allowed() {
  auto out = outcome_response(405, "not-supported", "This method is not offered here");
  out.headers.add("Allow", "GET, HEAD, POST");
  return out;
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

/// One request with a proven token, on its way.
struct FhirRoute::Call {
  const Request& request;
  std::string_view rest;
  TokenPtr token;
  Interaction interaction;
  bool classified = false;
  policy::RequestDecision decision;
  std::string path;         ///< of the interaction below the base, as paging links name it
  std::string page_target;  ///< upstream target of a page; empty: the first request
  Instant now;
};

std::string resource_metadata_url(std::string_view resource) {
  const auto url = codec::parse_http_url(resource);
  if (!url) return {};
  const auto path = url->path == "/" ? std::string_view{} : url->path;
  return std::string(url->scheme) + "://" + std::string(url->authority) + "/.well-known/oauth-protected-resource" +
         std::string(path);
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

FhirRoute::FhirRoute(Parts parts)
    : parts_(std::move(parts)),
      upstream_base_(parts_.config.upstream),
      challenge_metadata_(
          resource_metadata_url(parts_.config.audience.empty() ? parts_.config.public_base : parts_.config.audience)) {}

Response FhirRoute::unauthorized(std::string_view error, ClientText description) const {
  auto out = outcome_response(401, "login", description);
  out.headers.add("WWW-Authenticate",
                  challenge(challenge_metadata_, error, error.empty() ? ClientText{} : description));
  return out;
}

std::optional<Response> FhirRoute::refuse_token_elsewhere(const Request& request) const {
  const bool form =
      request.method == Method::post && codec::is_media_type(request.headers.get("Content-Type").value_or(""), kForm);
  if (!carries_token(request.query) && !(form && carries_token(request.body))) return std::nullopt;
  auto out = outcome_response(400, "security", "Send the access token in the Authorization header only");
  out.headers.add("WWW-Authenticate", challenge(challenge_metadata_, "invalid_request",
                                                "Send the access token in the Authorization header only"));
  return out;
}

Task<Response> FhirRoute::handle(const Request& request, std::string_view rest) {
  if (request.method == Method::other) co_return method_not_allowed();
  if (auto refused = refuse_token_elsewhere(request)) co_return std::move(*refused);
  const auto authorization = codec::authorization_of(request.headers);
  if (!authorization) {
    auto out = outcome_response(400, "security", "Send exactly one well-formed Authorization header");
    out.headers.add("WWW-Authenticate", challenge(challenge_metadata_, "invalid_request",
                                                  "Send exactly one well-formed Authorization header"));
    co_return out;
  }
  if (!*authorization ||
      ((*authorization)->scheme != codec::AuthScheme::bearer && (*authorization)->scheme != codec::AuthScheme::dpop)) {
    parts_.metrics.no_token.add();
    co_return unauthorized({}, "An access token is needed: Authorization: Bearer");
  }
  Result<TokenPtr> token = fail(ErrorCode::invalid_token, "Only bearer tokens are accepted here");
  if ((*authorization)->scheme == codec::AuthScheme::bearer) {
    token = co_await parts_.verifier.verify((*authorization)->credentials);
  }
  if (!token) co_return co_await refused_token(request, token.error());
  Call call{request, rest, std::move(*token), {}, false, {}, {}, {}, parts_.clock.now()};
  co_return co_await guarded(call);
}

Task<Response> FhirRoute::refused_token(const Request& request, const Error& error) {
  if (error.code != ErrorCode::invalid_token) {
    log::warn("gateway.token_unchecked", {{"error", name(error.code)}, {"detail", error.detail}});
    co_return unavailable();
  }
  parts_.metrics.bad_token.add();
  auto out = unauthorized("invalid_token",
                          error.client.empty() ? ClientText("The access token is not valid here") : error.client);
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

Task<Response> FhirRoute::released(Call& call, Response response, std::string_view reason,
                                   const std::vector<Shown>& shown, std::size_t withheld) {
  const AccessFacts facts{.issuer = parts_.config.issuer,
                          .address = call.request.peer_address,
                          .token = call.token.get(),
                          .interaction = call.classified ? &call.interaction : nullptr,
                          .outcome = response.status < 400   ? AuditOutcome::success
                                     : response.status < 500 ? AuditOutcome::denied
                                                             : AuditOutcome::failure,
                          .reason = reason,
                          .withheld = withheld,
                          .at = call.now};
  auto events = access_events(facts, shown);
  const auto count = events.size();
  const auto written = co_await parts_.audit.append(std::move(events));
  if (!written) {
    parts_.metrics.audit_failures.add();
    log::error("gateway.audit_failed", {{"detail", written.error().detail}});
    co_return unavailable();
  }
  parts_.metrics.audit_events.add(count);
  if (facts.outcome == AuditOutcome::denied) parts_.metrics.denied.add();
  parts_.metrics.resources_shown.add(shown.size());
  parts_.metrics.resources_withheld.add(withheld);
  co_return response;
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
  const auto& params = call.interaction.params;
  const bool page = params.size() == 1 && params.front().name == kPageParameter && !params.front().from_body;
  if (page && (is_search(call.interaction.kind) || is_history(call.interaction.kind))) return unseal(call);
  return std::nullopt;
}

/// A sealed link becomes the request that it continues, to be decided with the token that is here now.
std::optional<Response> FhirRoute::unseal(Call& call) const {
  const auto page = parts_.pages.open(call.interaction.params.front().value, *call.token, call.now);
  if (!page || page->path != call.path) return not_found();
  auto interaction = fhir::classify({.method = Method::get,
                                     .path = page->path,
                                     .query = page->query,
                                     .content_type = {},
                                     .body = {},
                                     .if_none_exist = false});
  if (!interaction) return not_found();
  call.interaction = std::move(*interaction);
  call.page_target = page->target;
  return std::nullopt;
}

Response FhirRoute::refusal(const policy::RequestDecision& decision, const Interaction& interaction) const {
  const auto forbidden = [&](ClientText text, std::string_view scope = {}) {
    auto out = outcome_response(403, "forbidden", text, decision.parameter);
    if (!scope.empty())
      out.headers.add("WWW-Authenticate", challenge(challenge_metadata_, "insufficient_scope", text, scope));
    return out;
  };
  switch (decision.decision.reason) {
    case Reason::insufficient_scope: return forbidden("No granted scope allows this", decision.scope_hint);
    case Reason::missing_context:
      return forbidden("A granted scope needs a launch context that this token does not have", decision.scope_hint);
    case Reason::scope_not_evaluable: return forbidden("A granted scope can't be evaluated here", decision.scope_hint);
    case Reason::foreign_patient: return forbidden("The request names a patient whom this token does not cover");
    case Reason::parameter_denied: return forbidden("A parameter of this request is not allowed here");
    case Reason::parameter_unknown:
      return outcome_response(400, "not-supported", "Unknown search parameter for this type", decision.parameter);
    case Reason::parameter_unsupported:
      return outcome_response(400, "not-supported", "This parameter or value is not supported here",
                              decision.parameter);
    case Reason::parameter_malformed:
      return outcome_response(400, "invalid", "A parameter can't be read", decision.parameter);
    case Reason::interaction_not_offered:
      return fhir::letters_needed(interaction.kind).find_first_of("cud") == std::string_view::npos
                 ? forbidden("This interaction is not offered here")
                 : method_not_allowed();
    default: break;
  }
  return forbidden("This request is not allowed");
}

Task<Response> FhirRoute::guarded(Call& call) {
  if (auto refused = classify(call)) {
    const auto reason = refused->status == 404 ? "not_found" : "malformed";
    co_return co_await released(call, std::move(*refused), reason);
  }
  call.decision = policy::decide(call.token->access, call.interaction);
  const auto& decision = call.decision.decision;
  if (!decision.permitted()) {
    co_return co_await released(call, refusal(call.decision, call.interaction), policy::name(decision.reason));
  }
  if (!wants_fhir_json(call.request.headers.get("Accept").value_or(""), call.interaction.values("_format"))) {
    co_return co_await released(call, outcome_response(406, "not-supported", "Only FHIR JSON is served here"),
                                "not_acceptable");
  }
  co_return co_await forward(call);
}

std::string FhirRoute::upstream_target(const Call& call) const {
  const auto& interaction = call.interaction;
  std::string out = parts_.upstream.target;
  if (!call.page_target.empty()) return out + call.page_target;
  out.append("/").append(interaction.type);
  if (!interaction.id.empty()) out.append("/").append(interaction.id);
  if (is_history(interaction.kind) || interaction.kind == InteractionKind::vread) out.append("/_history");
  if (!interaction.version.empty()) out.append("/").append(interaction.version);
  return out;
}

/// Nothing of the client's request is copied: every header here is the gateway's own (threat W-19).
Request FhirRoute::upstream_request(const Call& call) const {
  Request out;
  out.method = Method::get;
  auto target = upstream_target(call);
  const auto query = call.page_target.empty() ? serialize(call.decision.plan.forward) : std::string();
  const bool by_post = call.page_target.empty() && is_search(call.interaction.kind) &&
                       (call.request.method == Method::post || target.size() + query.size() > kTargetMax);
  if (by_post) {
    out.method = Method::post;
    target += "/_search";
    out.headers.add("Content-Type", kForm);
    out.body = query;
  } else if (!query.empty()) {
    target.append("?").append(query);
  }
  out.headers.add("Accept", "application/fhir+json");
  out.headers.add("Accept-Encoding", "identity");
  out.headers.add("Prefer", "handling=strict");
  for (const auto& header : parts_.config.upstream_headers) out.headers.add(header.name, header.value);
  out.set_target(std::move(target));
  return out;
}

Task<Response> FhirRoute::forward(Call& call) {
  parts_.metrics.upstream_requests.add();
  auto request = upstream_request(call);
  auto url = parts_.upstream;
  url.target = request.target;
  auto upstream = co_await parts_.sender.send(std::move(url), std::move(request), parts_.config.upstream_options);
  if (!upstream) {
    parts_.metrics.upstream_failures.add();
    log::warn("gateway.upstream_failed", {{"error", name(upstream.error().code)}, {"detail", upstream.error().detail}});
    const bool busy = upstream.error().code == ErrorCode::unavailable || upstream.error().code == ErrorCode::timeout;
    co_return co_await released(call, busy ? unavailable() : bad_gateway(), "upstream_unavailable");
  }
  const int status = upstream->status;
  if (status == 200) co_return co_await judge(call, *upstream);
  // Error bodies are answers too, and may quote what was found: none of them passes.
  if (status == 404 || status == 410) co_return co_await released(call, not_found(), "not_found");
  if (status == 429 || status == 503) co_return co_await released(call, unavailable(), "upstream_busy");
  if (is_search(call.interaction.kind) && (status == 400 || status == 422)) {
    co_return co_await released(call, outcome_response(400, "invalid", "The FHIR server did not accept this search"),
                                "upstream_refused");
  }
  parts_.metrics.upstream_rejected.add();
  log::warn("gateway.upstream_status", {{"status", status}});
  co_return co_await released(call, bad_gateway(), "upstream_status");
}

Task<Response> FhirRoute::judge(Call& call, const Response& upstream) {
  const auto reject = [&](std::string_view why) {
    parts_.metrics.upstream_rejected.add();
    log::warn("gateway.upstream_rejected", {{"detail", why}});
    return bad_gateway();
  };
  const auto type = upstream.headers.get("Content-Type").value_or("");
  const auto encoding = upstream.headers.get("Content-Encoding").value_or("identity");
  if (!codec::iequals(encoding, "identity") || upstream.headers.count("Content-Type") != 1 ||
      (!codec::is_media_type(type, "application/fhir+json") && !codec::is_media_type(type, "application/json"))) {
    co_return co_await released(call, reject("not FHIR JSON"), "upstream_rejected");
  }
  auto body = parse_upstream(upstream.body, upstream_base_, parts_.config.public_base);
  if (!body) co_return co_await released(call, reject(body.error().detail), "upstream_rejected");
  const auto query = serialize(call.decision.plan.kept);
  const auto self = parts_.config.public_base + call.path + (query.empty() ? "" : "?" + query);
  const AnswerRules rules{.access = call.token->access,
                          .plan = call.decision.plan,
                          .interaction = call.interaction,
                          .public_base = parts_.config.public_base,
                          .upstream_base = upstream_base_,
                          .self_link = self,
                          .seal_link = [&](std::string_view link) { return seal_link(call, link); }};
  const bool bundle = is_search(call.interaction.kind) || is_history(call.interaction.kind);
  auto judged = bundle ? judge_bundle(std::move(*body), rules) : judge_resource(std::move(*body), rules);
  if (!judged && judged.error().code == ErrorCode::not_found) {
    co_return co_await released(call, not_found(), judged.error().detail.empty() ? "not_found" : judged.error().detail,
                                {}, 1);
  }
  if (!judged) co_return co_await released(call, reject(judged.error().detail), "upstream_rejected");
  auto response = render(call, *judged, upstream);
  co_return co_await released(call, std::move(response), {}, judged->shown, judged->withheld);
}

Response FhirRoute::render(const Call& call, const Judged& judged, const Response& upstream) const {
  const bool single = call.interaction.kind == InteractionKind::read || call.interaction.kind == InteractionKind::vread;
  const auto tag = single ? version_tag(judged.body) : std::string();
  Response out;
  // Only after it was found visible may a condition be answered (threat S-11).
  if (tag_listed(call.request.headers.get("If-None-Match").value_or(""), tag)) {
    out.status = 304;
  } else {
    out = Response::with(200, kFhirJson, judged.body.dump());
  }
  if (!tag.empty()) out.headers.add("ETag", tag);
  const auto modified = upstream.headers.get("Last-Modified").value_or("");
  if (single && looks_like_http_date(modified)) out.headers.add("Last-Modified", modified);
  return out;
}

/// Only what lies below the upstream's base is ever asked for again, whatever host the link names.
std::optional<std::string> FhirRoute::seal_link(const Call& call, std::string_view upstream_link) const {
  std::string_view below = upstream_link;
  if (const auto url = codec::parse_http_url(upstream_link)) {
    if (url->has_fragment || url->has_userinfo) return std::nullopt;
    const auto start = static_cast<std::size_t>(url->path.data() - upstream_link.data());
    below = upstream_link.substr(start);
    const auto public_path = codec::parse_http_url(parts_.config.public_base)->path;
    const std::string_view base =
        below.starts_with(parts_.upstream.target) ? std::string_view(parts_.upstream.target) : public_path;
    if (!below.starts_with(base)) return std::nullopt;
    below.remove_prefix(base.size());
  }
  const auto path = below.substr(0, below.find('?'));
  if (below.empty() || (below.front() != '/' && below.front() != '?') ||
      (!path.empty() && !codec::is_plain_path(path)) ||
      !std::ranges::all_of(below, [](char c) { return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '\\'; })) {
    return std::nullopt;
  }
  const auto sealed =
      parts_.pages.seal({call.path, serialize(call.decision.plan.kept), std::string(below)}, *call.token, call.now);
  if (!sealed) return std::nullopt;
  return parts_.config.public_base + call.path + "?" + std::string(kPageParameter) + "=" + *sealed;
}

}  // namespace mitral::gateway
