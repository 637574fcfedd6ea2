#include "gateway/exchange.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "codec/uri.h"
#include "fhir/r4.h"
#include "gateway/access_audit.h"
#include "gateway/outcome.h"
#include "gateway/phantom.h"
#include "policy/consent_gate.h"

namespace mitral::gateway {
namespace {

using codec::Response;
using fhir::Interaction;
using model::AuditOutcome;
using policy::Reason;

AuditOutcome outcome_of(int status) noexcept {
  return status < 400 ? AuditOutcome::success : status < 500 ? AuditOutcome::denied : AuditOutcome::failure;
}

/// A write of a Consent, or a transaction that may hold one. Bodies are the gateway's own text, without escapes.
bool may_change_consents(const UpstreamRequest& request) noexcept {
  if (request.method == codec::Method::get || request.method == codec::Method::head) return false;
  const auto path = std::string_view(request.target).substr(0, request.target.find('?'));
  if (path == "/Consent/_search") return false;
  return path == "/Consent" || path.starts_with("/Consent/") ||
         ((path.empty() || path == "/") && request.body.find("Consent") != std::string::npos);
}

}  // namespace

Response unavailable() {
  auto out = outcome_response(503, "transient", "This can't be checked right now; try again soon");
  out.headers.add("Retry-After", "1");
  return out;
}
Response bad_gateway() { return outcome_response(502, "exception", "The FHIR server gave no usable answer"); }

Response method_not_allowed() {
  auto out = outcome_response(405, "not-supported", "This method is not offered here");
  out.headers.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE");
  return out;
}

std::string serialize(const std::vector<fhir::QueryParam>& params) {
  codec::Form form;
  for (const auto& param : params) form.add(param.name, param.value);
  return form.serialize();
}

std::string resource_metadata_url(std::string_view resource) {
  const auto url = codec::parse_http_url(resource);
  if (!url) return {};
  const auto path = url->path == "/" ? std::string_view{} : url->path;
  return std::string(url->scheme) + "://" + std::string(url->authority) + "/.well-known/oauth-protected-resource" +
         std::string(path);
}

std::string version_tag(const codec::Json& resource) {
  const auto version = resource["meta"]["versionId"].string_or();
  return fhir::is_id(version) ? "W/\"" + std::string(version) + "\"" : std::string();
}

Exchange::Exchange(Parts parts)
    : parts_(std::move(parts)),
      challenge_metadata_(
          resource_metadata_url(parts_.config.audience.empty() ? parts_.config.public_base : parts_.config.audience)),
      consents_(parts_.config.enforce_consent ? std::make_unique<ConsentSource>(parts_.clock) : nullptr) {}

/// Nothing of the client's request is copied: every header here is the gateway's own (threat W-19).
Task<Result<Response>> Exchange::send(UpstreamRequest request) const {
  const bool changes_consents = consents_ != nullptr && may_change_consents(request);
  codec::Request out;
  out.method = request.method;
  if (!request.content_type.empty()) out.headers.add("Content-Type", request.content_type);
  out.body = std::move(request.body);
  out.headers.add("Accept", request.accept);
  out.headers.add("Accept-Encoding", "identity");
  const bool prefers = std::ranges::any_of(
      request.headers, [](const codec::Header& header) { return codec::iequals(header.name, "Prefer"); });
  if (!prefers) out.headers.add("Prefer", "handling=strict");
  for (const auto& header : request.headers) out.headers.add(header.name, header.value);
  for (const auto& header : parts_.config.upstream_headers) out.headers.add(header.name, header.value);
  if (request.call != nullptr && parts_.identity != nullptr && parts_.identity->tells()) {
    MITRAL_CO_TRY(const auto told, parts_.identity->headers_for(*request.call->token, parts_.clock.now()));
    for (const auto& header : told) out.headers.add(header.name, header.value);
  }
  out.set_target(parts_.upstream.target + request.target);
  auto url = parts_.upstream;
  url.target = out.target;
  auto options = parts_.config.upstream_options;
  if (request.max_body != 0) options.max_body = request.max_body;
  parts_.metrics.upstream_requests.add();
  auto answer = request.stream ? co_await parts_.sender.open(std::move(url), std::move(out), std::move(options))
                               : co_await parts_.sender.send(std::move(url), std::move(out), std::move(options));
  if (!answer) {
    parts_.metrics.upstream_failures.add();
    log::warn("gateway.upstream_failed", {{"error", name(answer.error().code)}, {"detail", answer.error().detail}});
  }
  // Also when nobody knows whether it was done (threat S-28).
  if (changes_consents) consents_->forget();
  co_return answer;
}

Task<Result<Response>> Exchange::download(net::Url url, std::string accept) const {
  codec::Request out;
  out.method = codec::Method::get;
  out.headers.add("Accept", accept);
  out.headers.add("Accept-Encoding", "identity");
  out.set_target(url.target);
  auto options = parts_.config.bulk_storage_options;
  options.max_body = limits::kBulkFileMax;
  parts_.metrics.upstream_requests.add();
  auto answer = co_await parts_.sender.open(std::move(url), std::move(out), std::move(options));
  if (!answer) {
    parts_.metrics.upstream_failures.add();
    log::warn("gateway.storage_failed", {{"error", name(answer.error().code)}});
  }
  co_return answer;
}

bool says_fhir_json(const Response& response) {
  const auto type = response.headers.get("Content-Type").value_or("");
  const auto encoding = response.headers.get("Content-Encoding").value_or("identity");
  return codec::iequals(encoding, "identity") && response.headers.count("Content-Type") == 1 &&
         (codec::is_media_type(type, "application/fhir+json") || codec::is_media_type(type, "application/json"));
}

Result<codec::Json> Exchange::fhir_json(const Response& response) const {
  if (!says_fhir_json(response)) {
    return fail(ErrorCode::malformed, {}, "not FHIR JSON");
  }
  return parse_upstream(response.body, upstream_base(), public_base());
}

Task<Result<codec::Json>> Exchange::fetch(std::string_view type, std::string_view id) const {
  std::string target = "/";
  target.append(type).append("/").append(id);
  const auto answer = co_await send({.target = std::move(target)});
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status == 404 || answer->status == 410) co_return fail(ErrorCode::not_found);
  if (answer->status == 429 || answer->status == 503) co_return fail(ErrorCode::unavailable, {}, "upstream is busy");
  if (answer->status != 200) co_return fail(ErrorCode::malformed, {}, "unexpected status of a read");
  auto json = fhir_json(*answer);
  if (json && ((*json)["resourceType"].string_or() != type || (*json)["id"].string_or() != id)) {
    co_return fail(ErrorCode::malformed, {}, "not the resource that was asked for");
  }
  co_return json;
}

Task<Result<policy::Circumstances>> Exchange::circumstances(const Call& call, std::vector<std::string> patients) const {
  policy::Circumstances out{.now = call.now, .consents = nullptr};
  if (!consents_) co_return out;
  const auto& access = call.token->access;
  const auto wanted = policy::patients_to_ask(access, std::move(patients));
  const auto book = std::make_shared<const policy::ConsentBook>(co_await consents_->read(*this, wanted));
  const bool all = std::ranges::all_of(wanted, [&](const std::string& id) { return book->find(id) != nullptr; });
  if (!all && !access.requester().emergency()) {
    co_return fail(ErrorCode::unavailable, {}, "directives of a patient can't be read");
  }
  out.consents = book;
  co_return out;
}

std::string Exchange::challenge_for(std::string_view error, ClientText text, std::string_view scope) const {
  return challenge(challenge_metadata_, error, text, scope);
}

Response Exchange::unauthorized(std::string_view error, ClientText description) const {
  auto out = outcome_response(401, "login", description);
  out.headers.add("WWW-Authenticate", challenge_for(error, error.empty() ? ClientText{} : description));
  return out;
}

Response Exchange::refusal(const policy::RequestDecision& decision) const {
  const auto forbidden = [&](ClientText text, std::string_view scope = {}) {
    auto out = outcome_response(403, "forbidden", text, decision.parameter);
    if (!scope.empty()) out.headers.add("WWW-Authenticate", challenge_for("insufficient_scope", text, scope));
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
    case Reason::interaction_not_offered: return forbidden("This interaction is not offered here");
    case Reason::link_changed: return forbidden("A resource keeps its type, id and patients");
    case Reason::label_changed: return forbidden("Security labels can't be changed here");
    case Reason::reference_denied: return forbidden("A reference in this resource may not be made");
    case Reason::write_denied: return forbidden("Such content is not written through here");
    default: break;
  }
  return forbidden("This request is not allowed");
}

Task<Response> Exchange::upstream_failed(Call& call, const Error& error) const {
  const bool busy = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
  co_return co_await released(call, busy ? unavailable() : bad_gateway(), {.reason = "upstream_unavailable"});
}

/// Error bodies are answers too, and may quote what was found: none of them passes.
Task<Response> Exchange::upstream_status(Call& call, int status) const {
  if (status == 404 || status == 410) co_return co_await released(call, not_found(), {.reason = "not_found"});
  if (status == 429 || status == 503) co_return co_await released(call, unavailable(), {.reason = "upstream_busy"});
  if (status == 400 || status == 422) {
    co_return co_await released(call, outcome_response(400, "invalid", "The FHIR server did not accept this request"),
                                {.reason = "upstream_refused"});
  }
  if (status == 409 || status == 412) {
    co_return co_await released(call, outcome_response(status, "conflict", "The resource has changed meanwhile"),
                                {.reason = "conflict"});
  }
  parts_.metrics.upstream_rejected.add();
  log::warn("gateway.upstream_status", {{"status", status}});
  co_return co_await released(call, bad_gateway(), {.reason = "upstream_status"});
}

Task<Response> Exchange::upstream_rejected(Call& call, std::string_view why) const {
  parts_.metrics.upstream_rejected.add();
  log::warn("gateway.upstream_rejected", {{"detail", why}});
  co_return co_await released(call, bad_gateway(), {.reason = "upstream_rejected"});
}

Task<Result<void>> Exchange::write_down(const Call& call, int status, const Release& what) const {
  const AccessFacts facts{.issuer = parts_.config.issuer,
                          .address = call.request.peer_address,
                          .token = call.token.get(),
                          .interaction = call.classified ? &call.interaction : nullptr,
                          .outcome = outcome_of(status),
                          .reason = what.reason,
                          .withheld = what.withheld,
                          .at = call.now};
  auto events = access_events(facts, what.shown);
  const auto count = events.size();
  const auto written = co_await parts_.audit.append(std::move(events));
  if (!written) {
    parts_.metrics.audit_failures.add();
    log::error("gateway.audit_failed", {{"detail", written.error().detail}});
    co_return std::unexpected(written.error());
  }
  parts_.metrics.audit_events.add(count);
  if (facts.outcome == AuditOutcome::denied) parts_.metrics.denied.add();
  parts_.metrics.resources_shown.add(what.shown.size());
  parts_.metrics.resources_withheld.add(what.withheld);
  co_return Result<void>{};
}

Task<Response> Exchange::released(Call& call, Response response, Release what) const {
  if (!co_await write_down(call, response.status, what)) co_return unavailable();
  co_return response;
}

}  // namespace mitral::gateway
