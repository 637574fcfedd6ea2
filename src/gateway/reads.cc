#include "gateway/reads.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "gateway/answer_entry.h"
#include "gateway/answer_project.h"
#include "gateway/kept_call.h"
#include "gateway/outcome.h"
#include "gateway/stream_judge.h"

namespace mitral::gateway {
namespace {

using codec::Method;
using codec::Response;
using fhir::InteractionKind;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kPageParameter = "_page";
constexpr std::size_t kTargetMax = 1800;  // longer searches go upstream by POST

bool is_search(InteractionKind kind) noexcept {
  return kind == InteractionKind::search_type || kind == InteractionKind::search_compartment ||
         kind == InteractionKind::search_system;
}
bool is_single(InteractionKind kind) noexcept {
  return kind == InteractionKind::read || kind == InteractionKind::vread;
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

/// GET /Patient/p/*
bool whole_compartment(const fhir::Interaction& interaction) noexcept {
  return interaction.kind == InteractionKind::search_compartment && interaction.type == "*";
}

std::string target_of(const Call& call) {
  const auto& interaction = call.interaction;
  if (!call.page_target.empty()) return call.page_target;
  if (interaction.kind == InteractionKind::search_system) return {};
  if (interaction.kind == InteractionKind::history_system) return "/_history";
  if (whole_compartment(interaction))
    return "/" + interaction.compartment_type + "/" + interaction.compartment_id + "/*";
  std::string out = "/" + interaction.type;
  if (!interaction.id.empty()) out.append("/").append(interaction.id);
  if (is_history(interaction.kind) || interaction.kind == InteractionKind::vread) out.append("/_history");
  if (!interaction.version.empty()) out.append("/").append(interaction.version);
  return out;
}

UpstreamRequest upstream_request(const Call& call) {
  UpstreamRequest out{.target = target_of(call), .call = &call};
  auto forward = call.page_target.empty() ? call.decision.plan.forward : std::vector<fhir::QueryParam>{};
  // R4 knows no _type of a history: strict servers would refuse it, and the answer is judged by the types anyway.
  if (is_history(call.interaction.kind)) {
    std::erase_if(forward, [](const fhir::QueryParam& param) { return param.name == "_type"; });
  }
  // A count is told when one page holds everything that it counts.
  const auto sized = std::ranges::any_of(forward, [](const fhir::QueryParam& param) { return param.name == "_count"; });
  if (call.page_target.empty() && call.decision.plan.summary == policy::Summary::count && !sized) {
    forward.push_back({"_count", std::to_string(limits::kFhirPageMax), false});
  }
  const auto query = serialize(forward);
  const bool by_post = call.page_target.empty() && is_search(call.interaction.kind) &&
                       !whole_compartment(call.interaction) &&
                       (call.request.method == Method::post || out.target.size() + query.size() > kTargetMax);
  if (by_post) {
    out.method = Method::post;
    out.target += "/_search";
    out.content_type = kForm;
    out.body = query;
  } else if (!query.empty()) {
    out.target.append("?").append(query);
  }
  return out;
}

/// `as_it_came`: the upstream body is what was judged, to the byte.
Response render(const Call& call, const Judged& judged, Response& upstream, bool as_it_came) {
  const bool single = is_single(call.interaction.kind);
  const auto tag = single ? version_tag(judged.body) : std::string();
  Response out;
  // Only after it was found visible may a condition be answered (threat S-11).
  if (tag_listed(call.request.headers.get("If-None-Match").value_or(""), tag)) {
    out.status = 304;
  } else {
    out = Response::with(200, kFhirJson, as_it_came ? std::move(upstream.body) : judged.body.dump());
  }
  if (!tag.empty()) out.headers.add("ETag", tag);
  const auto modified = upstream.headers.get("Last-Modified").value_or("");
  if (single && looks_like_http_date(modified)) out.headers.add("Last-Modified", modified);
  return out;
}

std::string self_link(const Exchange& exchange, const Call& call) {
  const auto query = serialize(call.decision.plan.kept);
  return exchange.public_base() + call.path + (query.empty() ? "" : "?" + query);
}

Task<Response> answer_whole(const Exchange& exchange, Call& call, Response upstream, const WhenNothing& when_nothing) {
  if (!says_fhir_json(upstream)) co_return co_await exchange.upstream_rejected(call, "not FHIR JSON");
  codec::JsonReader reader;  // outlives every value below
  bool moved = false;
  auto body = view_upstream(reader, upstream.body, exchange.upstream_base(), exchange.public_base(), moved);
  if (!body) co_return co_await exchange.upstream_rejected(call, body.error().detail);
  std::vector<std::string> patients;
  if (exchange.config().enforce_consent) patients = patients_of(*body, exchange.public_base());
  const auto facts = co_await exchange.circumstances(call, std::move(patients));
  if (!facts) co_return co_await exchange.upstream_failed(call, facts.error());
  const auto self = self_link(exchange, call);
  const AnswerRules rules{.access = call.token->access,
                          .plan = call.decision.plan,
                          .interaction = call.interaction,
                          .public_base = exchange.public_base(),
                          .upstream_base = exchange.upstream_base(),
                          .self_link = self,
                          .seal_link = [&](std::string_view link) { return seal_link(exchange, call, link); },
                          .circumstances = *facts};
  const bool single = is_single(call.interaction.kind);
  auto judged = single ? judge_resource(std::move(*body), rules) : judge_bundle(std::move(*body), rules);
  if (!judged) co_return co_await refused_answer(exchange, call, judged.error());
  if (when_nothing && judged->shown.empty()) {
    if (const auto known = co_await when_nothing(); !known) {
      co_return co_await refused_answer(exchange, call, known.error());
    }
  }
  auto response = render(call, *judged, upstream, single && !moved && !asks_for_parts(call.decision.plan));
  co_return co_await exchange.released(call, std::move(response),
                                       {.reason = {}, .shown = std::move(judged->shown), .withheld = judged->withheld});
}

Task<Response> answer_in_pieces(const Exchange& exchange, Call& call, std::shared_ptr<codec::BodySource> body,
                                WhenNothing when_nothing) {
  const auto kept = std::make_shared<const KeptCall>(call);
  StreamRules rules{
      .access = std::shared_ptr<const policy::Access>(kept->call.token, &kept->call.token->access),
      .plan = call.decision.plan,
      .interaction = call.interaction,
      .public_base = exchange.public_base(),
      .upstream_base = exchange.upstream_base(),
      .self_link = self_link(exchange, call),
      .seal_link = [&exchange, kept](std::string_view link) { return seal_link(exchange, kept->call, link); }};
  auto hooks = hooks_of(exchange, kept);
  hooks.nothing_shown = std::move(when_nothing);
  auto stream = co_await judge_bundle_stream(std::move(body), std::move(rules), std::move(hooks));
  if (!stream) co_return co_await refused_answer(exchange, call, stream.error());
  auto response = Response::with(200, kFhirJson, {});
  response.stream = std::move(*stream);
  co_return response;
}

}  // namespace

Task<Response> refused_answer(const Exchange& exchange, Call& call, const Error& error) {
  if (error.code == ErrorCode::not_found) {
    const auto reason = error.detail.empty() ? std::string("not_found") : error.detail;
    co_return co_await exchange.released(call, not_found(), {.reason = reason, .shown = {}, .withheld = 1});
  }
  if (error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout) {
    co_return co_await exchange.upstream_failed(call, error);
  }
  co_return co_await exchange.upstream_rejected(call, error.detail);
}

Task<Response> answer_bundle(const Exchange& exchange, Call& call, Response upstream, WhenNothing when_nothing) {
  if (!says_fhir_json(upstream)) co_return co_await exchange.upstream_rejected(call, "not FHIR JSON");
  if (const auto begun = co_await read_beginning(upstream); !begun) {
    co_return co_await exchange.upstream_failed(call, begun.error());
  }
  if (!is_large(upstream)) co_return co_await answer_whole(exchange, call, std::move(upstream), when_nothing);
  co_return co_await answer_in_pieces(exchange, call, body_of(std::move(upstream)), std::move(when_nothing));
}

std::optional<Response> open_page(const Exchange& exchange, Call& call) {
  const auto& params = call.interaction.params;
  if (params.size() != 1 || params.front().name != kPageParameter || params.front().from_body) return std::nullopt;
  if (!is_search(call.interaction.kind) && !is_history(call.interaction.kind) &&
      call.interaction.kind != InteractionKind::operation) {
    return std::nullopt;
  }
  const auto page = exchange.pages().open(params.front().value, *call.token, call.now);
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

/// Only what lies below the upstream's base is ever asked for again, whatever host the link names.
std::optional<std::string> seal_link(const Exchange& exchange, const Call& call, std::string_view upstream_link) {
  std::string_view below = upstream_link;
  if (const auto url = codec::parse_http_url(upstream_link)) {
    if (url->has_fragment || url->has_userinfo) return std::nullopt;
    const auto start = static_cast<std::size_t>(url->path.data() - upstream_link.data());
    below = upstream_link.substr(start);
    const auto public_path = codec::parse_http_url(exchange.public_base())->path;
    const std::string_view base =
        below.starts_with(exchange.upstream_path()) ? std::string_view(exchange.upstream_path()) : public_path;
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
      exchange.pages().seal({call.path, serialize(call.decision.plan.kept), std::string(below)}, *call.token, call.now);
  if (!sealed) return std::nullopt;
  return exchange.public_base() + call.path + "?" + std::string(kPageParameter) + "=" + *sealed;
}

Task<Response> serve_read(const Exchange& exchange, Call& call) {
  const bool single = is_single(call.interaction.kind);
  auto request = upstream_request(call);
  request.stream = !single;
  auto upstream = co_await exchange.send(std::move(request));
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  const int status = upstream->status;
  // Only a search can be refused for what the client put into it; nothing that is asked here depends on a state.
  const bool odd =
      status == 409 || status == 412 || (!is_search(call.interaction.kind) && (status == 400 || status == 422));
  if (odd) co_return co_await exchange.upstream_rejected(call, "unexpected status of a read");
  if (status != 200) co_return co_await exchange.upstream_status(call, status);
  if (single) co_return co_await answer_whole(exchange, call, std::move(*upstream), {});
  co_return co_await answer_bundle(exchange, call, std::move(*upstream));
}

}  // namespace mitral::gateway
