#include "gateway/reads.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "gateway/outcome.h"

namespace mitral::gateway {
namespace {

using codec::Method;
using codec::Response;
using fhir::InteractionKind;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kPageParameter = "_page";
constexpr std::size_t kTargetMax = 1800;  // longer searches go upstream by POST

bool is_search(InteractionKind kind) noexcept {
  return kind == InteractionKind::search_type || kind == InteractionKind::search_compartment;
}
bool is_history(InteractionKind kind) noexcept {
  return kind == InteractionKind::history_instance || kind == InteractionKind::history_type;
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

std::string target_of(const Call& call) {
  const auto& interaction = call.interaction;
  if (!call.page_target.empty()) return call.page_target;
  std::string out = "/" + interaction.type;
  if (!interaction.id.empty()) out.append("/").append(interaction.id);
  if (is_history(interaction.kind) || interaction.kind == InteractionKind::vread) out.append("/_history");
  if (!interaction.version.empty()) out.append("/").append(interaction.version);
  return out;
}

UpstreamRequest upstream_request(const Call& call) {
  UpstreamRequest out{.target = target_of(call)};
  const auto query = call.page_target.empty() ? serialize(call.decision.plan.forward) : std::string();
  const bool by_post = call.page_target.empty() && is_search(call.interaction.kind) &&
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

Response render(const Call& call, const Judged& judged, const Response& upstream) {
  const bool single = is_single(call.interaction.kind);
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

Task<Response> judge(const Exchange& exchange, Call& call, const Response& upstream) {
  auto body = exchange.fhir_json(upstream);
  if (!body) co_return co_await exchange.upstream_rejected(call, body.error().detail);
  const auto query = serialize(call.decision.plan.kept);
  const auto self = exchange.public_base() + call.path + (query.empty() ? "" : "?" + query);
  const AnswerRules rules{.access = call.token->access,
                          .plan = call.decision.plan,
                          .interaction = call.interaction,
                          .public_base = exchange.public_base(),
                          .upstream_base = exchange.upstream_base(),
                          .self_link = self,
                          .seal_link = [&](std::string_view link) { return seal_link(exchange, call, link); }};
  auto judged = is_single(call.interaction.kind) ? judge_resource(std::move(*body), rules)
                                                 : judge_bundle(std::move(*body), rules);
  if (!judged && judged.error().code == ErrorCode::not_found) {
    const auto reason = judged.error().detail.empty() ? std::string("not_found") : judged.error().detail;
    co_return co_await exchange.released(call, not_found(), {.reason = reason, .shown = {}, .withheld = 1});
  }
  if (!judged) co_return co_await exchange.upstream_rejected(call, judged.error().detail);
  auto response = render(call, *judged, upstream);
  co_return co_await exchange.released(call, std::move(response),
                                       {.reason = {}, .shown = std::move(judged->shown), .withheld = judged->withheld});
}

}  // namespace

std::optional<Response> open_page(const Exchange& exchange, Call& call) {
  const auto& params = call.interaction.params;
  if (params.size() != 1 || params.front().name != kPageParameter || params.front().from_body) return std::nullopt;
  if (!is_search(call.interaction.kind) && !is_history(call.interaction.kind)) return std::nullopt;
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
  auto upstream = co_await exchange.send(upstream_request(call));
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  co_return co_await judge(exchange, call, *upstream);
}

}  // namespace mitral::gateway
