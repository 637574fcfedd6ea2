#include "gateway/writes.h"

#include <algorithm>

#include "base/log.h"
#include "fhir/r4.h"
#include "gateway/conditional.h"
#include "gateway/outcome.h"
#include "policy/consent_gate.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Method;
using codec::Response;
using fhir::InteractionKind;
using policy::Reason;
using State = Located::State;

Refusal refusal(Response response, std::string_view reason, std::size_t withheld = 0) {
  return {std::move(response), std::string(reason), withheld};
}
std::unexpected<Refusal> refuse(Response response, std::string_view reason, std::size_t withheld = 0) {
  return std::unexpected(refusal(std::move(response), reason, withheld));
}
std::unexpected<Refusal> refuse_content(const Error& error) { return refuse(content_refused(error), "content"); }
std::unexpected<Refusal> refuse_upstream(const Exchange& exchange, std::string_view why) {
  exchange.metrics().upstream_rejected.add();
  log::warn("gateway.upstream_rejected", {{"detail", why}});
  return refuse(bad_gateway(), "upstream_rejected");
}

constexpr std::string_view kUnborn = "0.unborn";

/// The request's own letter: what it does, not how it finds what it does it to.
char letter_of(InteractionKind kind) noexcept { return fhir::letters_needed(kind).front(); }

bool is_patch(InteractionKind kind) noexcept {
  return kind == InteractionKind::patch || kind == InteractionKind::conditional_patch;
}
bool is_removal(InteractionKind kind) noexcept {
  return kind == InteractionKind::remove || kind == InteractionKind::conditional_remove;
}

bool covers(const policy::Access& access, char letter, std::string_view type, bool without_bound = false) {
  return std::ranges::any_of(access.rules(), [&](const policy::AccessRule& rule) {
    return rule.covers(letter, type) && (!without_bound || rule.bound == policy::AccessRule::Bound::none);
  });
}

std::unexpected<Refusal> refuse_by(const Exchange& exchange, const Call& call, const policy::Decision& decision) {
  policy::RequestDecision out;
  out.decision = decision;
  if (decision.reason == Reason::insufficient_scope) {
    out.scope_hint = call.token->access.scope_hint(fhir::letters_needed(call.interaction.kind), call.interaction.type);
  }
  return refuse(exchange.refusal(out), policy::name(decision.reason));
}

Bases bases_of(const Exchange& exchange) { return {exchange.public_base(), exchange.upstream_base()}; }

void add_concerned(std::vector<std::string>& out, const Json& resource, std::string_view base) {
  for (auto& id : policy::concerned_patients(resource, base)) {
    if (std::ranges::find(out, id) == out.end()) out.push_back(std::move(id));
  }
}

/// What is stored under an id, whoever it belongs to.
Task<Outcome<Located>> stored_state(const Exchange& exchange, const Call& call, std::string_view id) {
  const std::string_view type = call.interaction.type;
  const auto answer =
      co_await exchange.send({.target = "/" + std::string(type) + "/" + std::string(id), .call = &call});
  if (!answer) co_return std::unexpected(upstream_refusal(answer.error()));
  Located out;
  out.id = id;
  out.state = State::absent;
  out.deleted = answer->status == 410;
  if (answer->status == 404 || answer->status == 410) co_return out;
  if (answer->status != 200) co_return std::unexpected(upstream_refusal(exchange, answer->status));
  auto resource = exchange.fhir_json(*answer);
  if (!resource || (*resource)["resourceType"].string_or() != type || (*resource)["id"].string_or() != id) {
    co_return refuse_upstream(exchange, "not the resource that was asked for");
  }
  out.state = State::stored;
  const auto named = (*resource)["meta"]["versionId"].string_or();
  const auto tagged = version_in_tag(answer->headers.get("ETag").value_or(""));
  // Two versions for one state: then none of them says what was judged.
  if (named.empty() || tagged.empty() || named == tagged) {
    const auto version = named.empty() ? tagged : named;
    if (fhir::is_id(version)) out.version = version;
  }
  out.resource = std::move(*resource);
  co_return out;
}

/// The id that a conditional update wishes for; empty: none.
std::string_view wished_id(const Draft& draft) { return draft.body["id"].string_or(); }

/// One write on its way to a judgement.
class Judge {
 public:
  Judge(const Exchange& exchange, const Call& call, const Draft& draft, Located& located, const Resolve& resolve)
      : exchange_(exchange),
        call_(call),
        kind_(call.interaction.kind),
        access_(call.token->access),
        draft_(draft),
        located_(located),
        resolve_(resolve) {}

  Task<Outcome<JudgedWrite>> run() {
    const auto& type = call_.interaction.type;
    const bool stored = located_.state == State::stored;
    if (stored) add_concerned(patients_, located_.resource, exchange_.public_base());
    auto facts = co_await exchange_.circumstances(call_, patients_);
    if (!facts) co_return refuse(unavailable(), "circumstances_unknown");
    if (auto refused = stored ? check_stored(*facts) : check_absent()) co_return std::unexpected(std::move(*refused));
    JudgedWrite out{.type = type, .id = located_.id, .version = located_.version};
    if (stored && kind_ == InteractionKind::conditional_create) {
      out.found = true;
      out.patients = patients_;
      out.body = std::move(located_.resource);
      co_return out;
    }
    Json after;
    if (!is_removal(kind_)) {
      auto content = new_content();
      if (!content) co_return refuse_content(content.error());
      after = std::move(*content);
      const auto known = patients_.size();
      add_concerned(patients_, after, exchange_.public_base());
      if (patients_.size() != known) facts = co_await exchange_.circumstances(call_, patients_);
      if (!facts) co_return refuse(unavailable(), "circumstances_unknown");
    }
    // An update is judged with an id: where upstream is to choose one, by an id that nobody has.
    const bool unborn = kind_ == InteractionKind::conditional_update && located_.id.empty();
    if (unborn) after.set("id", kUnborn);
    const auto decision = policy::write_allowed(access_, letter_of(kind_), stored ? &located_.resource : nullptr,
                                                is_removal(kind_) ? nullptr : &after, nullptr, *facts);
    if (unborn) after.erase("id");
    if (!decision.permitted()) co_return refuse_by(exchange_, call_, decision);
    out.method = is_removal(kind_) ? Method::del : located_.id.empty() ? Method::post : Method::put;
    out.patients = patients_;
    out.overridden = decision.overridden;
    out.body = std::move(after);
    co_return out;
  }

 private:
  /// Is the stored state within reach? Only then may anything be said about it.
  std::optional<Refusal> check_stored(const policy::Circumstances& facts) {
    const auto& before = located_.resource;
    may_read_ = policy::resource_visible(access_, before, policy::Origin::read, {}, nullptr, facts).permitted();
    if (kind_ == InteractionKind::conditional_create) return std::nullopt;  // found because it is visible
    const char letter = letter_of(kind_);
    const auto reach =
        policy::write_allowed(access_, letter, &before, letter == 'd' ? nullptr : &before, nullptr, facts);
    if (!reach.permitted()) {
      if (may_read_) return refuse_by(exchange_, call_, reach).error();
      return refusal(not_found(), policy::name(reach.reason), 1);
    }
    const auto& headers = call_.request.headers;
    if (located_.must_be_new || headers.get("If-None-Match")) {
      return refusal(outcome_response(412, "conflict", "The resource exists already"), "conflict");
    }
    if (!match_agrees(headers, located_.version)) {
      return refusal(outcome_response(412, "conflict", "The resource has another version now"), "conflict");
    }
    if (located_.version.empty()) {
      // Without a version, what was judged and what is overwritten could be two things.
      return refusal(outcome_response(409, "conflict", "The FHIR server tells no version of this resource"),
                     "no_version");
    }
    return std::nullopt;
  }

  /// A client that may not create gets the answer of a hidden resource, and so does one who names a version.
  std::optional<Refusal> check_absent() {
    if (located_.state == State::fresh && !is_patch(kind_) && !is_removal(kind_)) return std::nullopt;
    const auto& type = call_.interaction.type;
    const bool update = kind_ == InteractionKind::update || kind_ == InteractionKind::conditional_update;
    // Under the id of something deleted all that refers to it would find the new resource.
    const bool revives = located_.deleted && !covers(access_, 'c', type, true);
    if (!update || revives || !covers(access_, 'c', type) || call_.request.headers.get("If-Match")) {
      return refusal(not_found(), "not_found");
    }
    return std::nullopt;
  }

  Result<Json> new_content() {
    const bool stored = located_.state == State::stored;
    Json after;
    if (is_patch(kind_)) {
      MITRAL_TRY(after, apply_patch(located_.resource, draft_, may_read_, bases_of(exchange_)));
    } else {
      after = draft_.body;
      if (kind_ == InteractionKind::conditional_update && !located_.id.empty() && wished_id(draft_).empty()) {
        after.set("id", located_.id);
      }
    }
    MITRAL_CHECK(settle_content(after, {.type = call_.interaction.type,
                                        .id = located_.id,
                                        .own_base = exchange_.public_base(),
                                        .before = stored ? &located_.resource : nullptr,
                                        .resolve = resolve_}));
    return after;
  }

  const Exchange& exchange_;
  const Call& call_;
  const InteractionKind kind_;
  const policy::Access& access_;
  const Draft& draft_;
  Located& located_;
  const Resolve& resolve_;
  std::vector<std::string> patients_;
  bool may_read_ = false;
};

bool plain_http_date(std::string_view text) {
  return text.size() >= 20 && text.size() <= 40 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' || c == ',' ||
                  c == ':';
         });
}

Done read_done(const Exchange& exchange, const Response& response, const JudgedWrite& write) {
  Done out;
  out.id = write.id;
  for (const auto* const name : {"Location", "Content-Location"}) {
    const auto place = read_location(response.headers.get(name).value_or(""), write.type);
    if (!place || (!out.id.empty() && place->id != out.id)) continue;
    out.id = place->id;
    out.version = place->version;
    break;
  }
  if (const auto tag = version_in_tag(response.headers.get("ETag").value_or("")); !tag.empty()) out.version = tag;
  if (const auto date = response.headers.get("Last-Modified").value_or(""); plain_http_date(date)) {
    out.last_modified = date;
  }
  if (write.method == Method::del || response.body.empty()) return out;
  if (auto body = exchange.fhir_json(response)) {
    if (out.id.empty() && (*body)["resourceType"].string_or() == write.type) out.id = (*body)["id"].string_or();
    out.body = std::move(*body);
  }
  return out;
}

Task<Response> release_refusal(const Exchange& exchange, Call& call, Refusal refused) {
  const std::string reason = std::move(refused.reason);
  co_return co_await exchange.released(call, std::move(refused.response),
                                       {.reason = reason, .shown = {}, .withheld = refused.withheld});
}

}  // namespace

Refusal upstream_refusal(const Error& error) {
  const bool busy = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
  return refusal(busy ? unavailable() : bad_gateway(), "upstream_unavailable");
}

Refusal upstream_refusal(const Exchange& exchange, int status) {
  if (status == 404 || status == 410) return refusal(not_found(), "not_found");
  if (status == 429 || status == 503) return refusal(unavailable(), "upstream_busy");
  if (status == 400 || status == 422) {
    return refusal(outcome_response(400, "invalid", "The FHIR server did not accept this request"), "upstream_refused");
  }
  exchange.metrics().upstream_rejected.add();
  log::warn("gateway.upstream_status", {{"status", status}});
  return refusal(bad_gateway(), "upstream_status");
}

Outcome<Draft> draft_of(const Exchange& exchange, const Call& call) {
  const auto& headers = call.request.headers;
  const auto kind = call.interaction.kind;
  if (read_preferences(headers).async) {
    return refuse(outcome_response(400, "not-supported", "Writes are answered at once"), "respond_async");
  }
  // Deleting what refers to a resource, or every version of it, is a decision about other resources.
  if (headers.get("X-Cascade")) {
    return refuse(outcome_response(403, "forbidden", "Cascading deletes are not allowed here"), "cascade");
  }
  if (headers.get("If-None-Match") &&
      (headers.count("If-None-Match") > 1 || *headers.get("If-None-Match") != "*" || kind != InteractionKind::update)) {
    return refuse(outcome_response(400, "invalid", "If-None-Match: * is for updates only"), "malformed");
  }
  if (is_removal(kind)) {
    if (call.request.body.empty()) return Draft{};
    return refuse(outcome_response(400, "invalid", "A delete has no body"), "malformed");
  }
  auto draft = read_draft(call.request, is_patch(kind), bases_of(exchange));
  if (!draft) return refuse_content(draft.error());
  if (draft->kind != BodyKind::resource) return std::move(*draft);
  if (draft->body["resourceType"].string_or() != call.interaction.type) {
    return refuse_content(Error{ErrorCode::malformed, "The body is not a resource of the type in the URL", {}});
  }
  if (kind == InteractionKind::update && wished_id(*draft) != call.interaction.id) {
    return refuse_content(Error{ErrorCode::malformed, "The id in the body is not the id in the URL", {}});
  }
  return std::move(*draft);
}

Task<Outcome<Located>> locate(const Exchange& exchange, const Call& call, const Draft& draft) {
  const auto& what = call.interaction;
  if (what.kind == InteractionKind::create) co_return Located{};
  if (!is_conditional(what.kind)) co_return co_await stored_state(exchange, call, what.id);
  auto match = co_await find_match(exchange, call);
  if (!match || what.kind != InteractionKind::conditional_update) co_return match;
  const auto wish = wished_id(draft);
  if (wish.empty()) co_return match;
  if (!fhir::is_id(wish)) co_return refuse_content(Error{ErrorCode::malformed, "The id in the body is no id", {}});
  if (match->state == State::stored) {
    if (match->id == wish) co_return match;
    co_return refuse_content(Error{ErrorCode::malformed, "The condition names a resource with another id", {}});
  }
  auto wished = co_await stored_state(exchange, call, wish);
  if (wished) wished->must_be_new = true;
  co_return wished;
}

Task<Outcome<JudgedWrite>> judge_write(const Exchange& exchange, const Call& call, const Draft& draft, Located located,
                                       Resolve resolve) {
  Judge judge(exchange, call, draft, located, resolve);
  co_return co_await judge.run();
}

bool wants_body(const Call& call) {
  return read_preferences(call.request.headers).body == Preferences::Return::representation &&
         (covers(call.token->access, 'r', call.interaction.type) ||
          call.token->access.self_type() == call.interaction.type);
}

Result<UpstreamRequest> upstream_write(const Exchange& exchange, const Call& call, const JudgedWrite& write,
                                       bool show) {
  UpstreamRequest out{.method = write.method, .target = "/" + write.type, .call = &call};
  if (!write.id.empty()) out.target.append("/").append(write.id);
  out.headers.push_back(
      {"Prefer", show ? "return=representation, handling=strict" : "return=minimal, handling=strict"});
  if (!write.version.empty()) out.headers.push_back({"If-Match", "W/\"" + write.version + "\""});
  if (write.method == Method::del) return out;
  // Between look and write another client may have taken the id; then upstream must not overwrite (RFC 9110 §13.1.2).
  if (write.method == Method::put && write.version.empty()) out.headers.push_back({"If-None-Match", "*"});
  out.content_type = "application/fhir+json";
  MITRAL_TRY(out.body, upstream_text(write.body, bases_of(exchange)));
  return out;
}

Task<Outcome<WriteAnswer>> answer_write(const Exchange& exchange, const Call& call, const JudgedWrite& write,
                                        Done done) {
  WriteAnswer out;
  out.release.shown.push_back({write.type, done.id, write.patients, write.overridden});
  auto& response = out.response;
  if (write.method == Method::del) {
    response.status = 204;
    co_return out;
  }
  if (!fhir::is_id(done.id)) co_return refuse_upstream(exchange, "a create without an id");
  response.status = write.found || !write.version.empty() ? 200 : 201;
  if (done.body && wants_body(call)) {
    std::vector<std::string> patients = write.patients;
    add_concerned(patients, *done.body, exchange.public_base());
    const auto facts = co_await exchange.circumstances(call, std::move(patients));
    const bool same =
        (*done.body)["resourceType"].string_or() == write.type && (*done.body)["id"].string_or() == done.id;
    if (same && facts &&
        policy::resource_visible(call.token->access, *done.body, policy::Origin::read, {}, nullptr, *facts)
            .permitted()) {
      response = Response::with(response.status, kFhirJson, done.body->dump());
    }
  } else if (read_preferences(call.request.headers).body == Preferences::Return::outcome) {
    response = Response::with(response.status, kFhirJson, outcome("information", "informational", "Stored").dump());
  }
  if (response.status == 201 || write.found) {
    auto place = exchange.public_base() + "/" + write.type + "/" + done.id;
    if (!done.version.empty()) place.append("/_history/").append(done.version);
    response.headers.add("Location", place);
  }
  if (!done.version.empty()) response.headers.add("ETag", "W/\"" + done.version + "\"");
  if (!done.last_modified.empty()) response.headers.add("Last-Modified", done.last_modified);
  co_return out;
}

Task<Response> serve_write(const Exchange& exchange, Call& call) {
  auto draft = draft_of(exchange, call);
  if (!draft) co_return co_await release_refusal(exchange, call, std::move(draft.error()));
  auto located = co_await locate(exchange, call, *draft);
  if (!located) co_return co_await release_refusal(exchange, call, std::move(located.error()));
  auto write = co_await judge_write(exchange, call, *draft, std::move(*located), {});
  if (!write) co_return co_await release_refusal(exchange, call, std::move(write.error()));
  Done done;
  if (write->found) {
    done = {.id = write->id, .version = write->version, .last_modified = {}, .body = std::move(write->body)};
  } else {
    auto request = upstream_write(exchange, call, *write, wants_body(call));
    if (!request) co_return co_await release_refusal(exchange, call, {content_refused(request.error()), "content", 0});
    const auto answer = co_await exchange.send(std::move(*request));
    if (!answer) co_return co_await exchange.upstream_failed(call, answer.error());
    if (answer->status < 200 || answer->status > 204) co_return co_await exchange.upstream_status(call, answer->status);
    done = read_done(exchange, *answer, *write);
  }
  auto out = co_await answer_write(exchange, call, *write, std::move(done));
  if (!out) co_return co_await release_refusal(exchange, call, std::move(out.error()));
  co_return co_await exchange.released(call, std::move(out->response), std::move(out->release));
}

}  // namespace mitral::gateway
