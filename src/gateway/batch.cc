#include "gateway/batch.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "gateway/conditional.h"
#include "gateway/fhir_route.h"
#include "gateway/outcome.h"
#include "gateway/transaction.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Method;
using codec::Request;
using codec::Response;
using fhir::InteractionKind;

constexpr std::string_view kFhirBody = "application/fhir+json";
constexpr std::size_t kEntryUrlMax = limits::kFhirPathMax + limits::kFhirParameterMax;

std::string status_line(int status) {
  switch (status) {
    case 200: return "200 OK";
    case 201: return "201 Created";
    case 204: return "204 No Content";
    case 304: return "304 Not Modified";
    case 400: return "400 Bad Request";
    case 403: return "403 Forbidden";
    case 404: return "404 Not Found";
    case 409: return "409 Conflict";
    case 412: return "412 Precondition Failed";
    case 422: return "422 Unprocessable Entity";
    default: return std::to_string(status);
  }
}

Refusal malformed(ClientText text) { return {outcome_response(400, "invalid", text), "malformed", 0}; }

/// The four conditions of an entry as the headers that they stand for.
bool add_conditions(const Json& request, Request& out) {
  for (const auto& [member, header] : {std::pair{"ifMatch", "If-Match"},
                                       {"ifNoneMatch", "If-None-Match"},
                                       {"ifNoneExist", "If-None-Exist"},
                                       {"ifModifiedSince", "If-Modified-Since"}}) {
    const auto* const value = request.find(member);
    if (value == nullptr) continue;
    const auto text = value->as_string();
    if (!text || !codec::is_safe_header_value(*text)) return false;
    out.headers.add(header, *text);
  }
  return true;
}

/// A patch is no resource, or a Parameters: JSON Patch travels in a Binary (http.html 3.1.0.11.1).
bool add_body(const Json& entry, Request& out) {
  const auto* const resource = entry.find("resource");
  const bool carries = out.method == Method::post || out.method == Method::put || out.method == Method::patch;
  if (resource == nullptr) return !carries || out.path.ends_with("/_search");
  if (!carries || !resource->is_object()) return false;
  if (out.method == Method::patch && (*resource)["resourceType"].string_or() == "Binary") {
    const auto type = (*resource)["contentType"].string_or();
    auto bytes = codec::base64_decode((*resource)["data"].string_or());
    if (!bytes || !codec::is_safe_header_value(type)) return false;
    out.headers.add("Content-Type", type);
    out.body = std::move(*bytes);
    return true;
  }
  out.headers.add("Content-Type", kFhirBody);
  out.body = resource->dump();
  return true;
}

/// Below the base, in one spelling. What is odd in the path is left for the classifier to refuse.
bool set_url(std::string_view url, Request& out) {
  const bool plain =
      std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '\\'; });
  if (url.empty() || url.size() > kEntryUrlMax || !plain) return false;
  out.set_target(url.front() == '/' ? std::string(url) : "/" + std::string(url));
  return true;
}

std::optional<Refusal> build(const Json& entry, const Call& outer, Request& out) {
  const auto& request = entry["request"];
  out.method = codec::parse_method(request["method"].string_or());
  out.peer_address = outer.request.peer_address;
  out.received = outer.request.received;
  if (out.method == Method::other || out.method == Method::options || !set_url(request["url"].string_or(), out)) {
    return malformed("An entry needs a method and a relative URL");
  }
  if (!add_conditions(request, out)) return malformed("A condition of an entry can't be read");
  if (!add_body(entry, out)) return malformed("The resource of an entry does not fit its method");
  switch (read_preferences(outer.request.headers).body) {
    case Preferences::Return::minimal: out.headers.add("Prefer", "return=minimal"); break;
    case Preferences::Return::outcome: out.headers.add("Prefer", "return=OperationOutcome"); break;
    case Preferences::Return::representation: break;
  }
  return std::nullopt;
}

bool offered_in_bundle(const fhir::Interaction& what) {
  switch (what.kind) {
    case InteractionKind::unknown:
    case InteractionKind::capabilities:
    case InteractionKind::batch:
    case InteractionKind::transaction:
    case InteractionKind::operation: return false;
    // A Bundle that is stored from within a Bundle would be read by nobody's rules.
    default: return fhir::is_safe(what.kind) || what.type != "Bundle";
  }
}

std::optional<Refusal> decide_entry(const Exchange& exchange, Call& call) {
  auto interaction = classify_request(call.request, call.rest);
  if (!interaction) {
    return Refusal{not_understood(interaction.error()),
                   interaction.error().code == ErrorCode::not_found ? "not_found" : "malformed", 0};
  }
  call.interaction = std::move(*interaction);
  call.classified = true;
  call.path = call.rest;
  if (call.path.ends_with("/_search")) call.path.resize(call.path.size() - std::string_view("/_search").size());
  if (!offered_in_bundle(call.interaction)) {
    return Refusal{outcome_response(403, "forbidden", "This interaction is not offered inside a Bundle"),
                   "interaction_not_offered", 0};
  }
  call.decision = policy::decide(call.token->access, call.interaction);
  if (call.decision.decision.permitted()) return std::nullopt;
  return Refusal{exchange.refusal(call.decision), std::string(policy::name(call.decision.decision.reason)), 0};
}

Task<Response> serve_entry(const Exchange& exchange, EntryCall& entry) {
  if (entry.refusal) {
    const std::string reason = entry.refusal->reason;
    co_return co_await exchange.released(*entry.call, entry.refusal->response, {.reason = reason});
  }
  auto response = co_await whole(co_await serve_classified(exchange, *entry.call));
  co_return response ? std::move(*response) : bad_gateway();
}

Task<Response> serve_entries(const Exchange& exchange, const std::vector<std::unique_ptr<EntryCall>>& entries) {
  Json answers = Json::array();
  std::size_t bytes = 0;
  for (const auto& entry : entries) {
    // What the client could not be told anymore is not done either.
    auto response = bytes > limits::kUpstreamBodyMax
                        ? outcome_response(413, "too-costly", "The answer to this Bundle became too large")
                        : co_await serve_entry(exchange, *entry);
    bytes += response.body.size();
    answers.push_back(response_entry(response, entry->request.method));
  }
  Json out = Json::object({{"resourceType", "Bundle"}, {"type", "batch-response"}});
  if (!answers.empty()) out.set("entry", std::move(answers));
  co_return Response::with(200, kFhirJson, out.dump());
}

/// The Bundle of a request, or why it is none.
Outcome<Json> read_bundle(const Exchange& exchange, const Call& call) {
  const auto refuse = [](Response response, std::string_view reason) {
    return std::unexpected(Refusal{std::move(response), std::string(reason), 0});
  };
  if (read_preferences(call.request.headers).async) {
    return refuse(outcome_response(400, "not-supported", "Bundles are answered at once"), "respond_async");
  }
  for (const auto& param : call.interaction.params) {
    if (param.name != "_format" && param.name != "_pretty") {
      return refuse(outcome_response(400, "not-supported", "A Bundle takes no parameters"), "parameter_denied");
    }
  }
  auto draft = read_draft(call.request, false, {exchange.public_base(), exchange.upstream_base()});
  if (!draft) return refuse(content_refused(draft.error()), "content");
  auto& bundle = draft->body;
  const auto type = bundle["type"].string_or();
  const auto* const entries = bundle.find("entry");
  if (bundle["resourceType"].string_or() != "Bundle" || (type != "batch" && type != "transaction") ||
      (entries != nullptr && !entries->is_array())) {
    return refuse(outcome_response(400, "invalid", "Send a Bundle of type batch or transaction"), "malformed");
  }
  if (bundle["entry"].size() > limits::kFhirBatchEntriesMax) {
    return refuse(outcome_response(413, "too-costly", "The Bundle has too many entries"), "too_many_entries");
  }
  return std::move(bundle);
}

}  // namespace

std::unique_ptr<EntryCall> entry_call(const Exchange& exchange, const Call& outer, const Json& entry) {
  auto out = std::make_unique<EntryCall>();
  out->refusal = build(entry, outer, out->request);
  out->full_url = entry["fullUrl"].string_or();
  out->call.emplace(Call{out->request, out->request.path, outer.token, outer.now, {}, false, {}, {}, {}});
  if (!out->refusal) out->refusal = decide_entry(exchange, *out->call);
  return out;
}

Json response_entry(const Response& response, Method method) {
  Json told = Json::object({{"status", status_line(response.status)}});
  if (const auto location = response.headers.get("Location")) told.set("location", *location);
  if (const auto tag = response.headers.get("ETag")) told.set("etag", *tag);
  Json out = Json::object();
  if (!response.body.empty() && method != Method::head) {
    if (auto body = Json::parse(response.body, {.max_bytes = limits::kUpstreamBodyMax})) {
      if (const auto at = (*body)["meta"]["lastUpdated"].as_string()) told.set("lastModified", *at);
      const bool failed = response.status >= 400 || (*body)["resourceType"].string_or() == "OperationOutcome";
      if (failed) {
        told.set("outcome", std::move(*body));
      } else {
        out.set("resource", std::move(*body));
      }
    }
  }
  out.set("response", std::move(told));
  return out;
}

Task<std::optional<Response>> whole(Response response) {
  if (response.stream == nullptr) co_return response;
  while (true) {
    auto piece = co_await response.stream->next();
    if (!piece) co_return std::nullopt;
    if (piece->empty()) break;
    if (response.body.size() + piece->size() > limits::kUpstreamBodyMax) co_return std::nullopt;
    response.body += *piece;
  }
  response.stream.reset();
  co_return response;
}

Task<Response> serve_batch(const Exchange& exchange, Call& call) {
  auto bundle = read_bundle(exchange, call);
  if (!bundle) {
    const std::string reason = bundle.error().reason;
    co_return co_await exchange.released(call, std::move(bundle.error().response), {.reason = reason});
  }
  std::vector<std::unique_ptr<EntryCall>> entries;
  for (const auto& entry : (*bundle)["entry"].items()) entries.push_back(entry_call(exchange, call, entry));
  if ((*bundle)["type"].string_or() == "transaction") {
    call.interaction.kind = InteractionKind::transaction;
    co_return co_await serve_transaction(exchange, call, std::move(entries));
  }
  co_return co_await serve_entries(exchange, entries);
}

}  // namespace mitral::gateway
