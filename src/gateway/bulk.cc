#include "gateway/bulk.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/limits.h"
#include "base/log.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "crypto/random.h"
#include "fhir/reference.h"
#include "gateway/bulk_lines.h"
#include "gateway/bulk_manifest.h"
#include "gateway/kept_call.h"
#include "gateway/outcome.h"
#include "policy/consent_gate.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Method;
using codec::Response;

constexpr std::string_view kStatus = "/_bulk/status/";
constexpr std::string_view kFile = "/_bulk/file/";
constexpr std::string_view kNdjson = "application/fhir+ndjson";
constexpr std::size_t kJobIdSize = 16;
constexpr std::uint64_t kRetryMax = 24ull * 60 * 60;

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& item : list) out.append(out.empty() ? "" : ",").append(item);
  return out;
}

bool prefers_async(const codec::Request& request) {
  return std::ranges::any_of(request.headers.list(), [](const codec::Header& header) {
    return codec::iequals(header.name, "Prefer") &&
           std::ranges::any_of(codec::split(header.value, ','), [](std::string_view item) {
             return codec::iequals(codec::trim(item.substr(0, item.find(';'))), "respond-async");
           });
  });
}

/// Seconds, or a date; anything else of upstream's stays behind.
std::string retry_after(const Response& upstream) {
  const auto text = upstream.headers.get("Retry-After").value_or("");
  if (const auto seconds = codec::parse_uint(text)) return std::to_string(std::min(*seconds, kRetryMax));
  return {};
}

/// "53%" of whatever upstream has to say: its words may tell of what it is reading.
std::string progress(const Response& upstream) {
  const auto text = upstream.headers.get("X-Progress").value_or("");
  const auto end = text.find('%');
  if (end == std::string_view::npos) return "in progress";
  auto start = end;
  while (start > 0 && text[start - 1] >= '0' && text[start - 1] <= '9') --start;
  const auto number = codec::parse_uint(text.substr(start, end - start));
  return number && *number <= 100 ? std::to_string(*number) + "%" : "in progress";
}

Response too_many(std::string_view after) {
  auto out = outcome_response(429, "throttled", "Too many requests for exports; try again later");
  out.headers.add("Retry-After",
                  after.empty() ? std::to_string(std::chrono::seconds(limits::kBulkRefusedRetry).count()) : after);
  return out;
}

/// What the link is for, as the kick-off that it continues: to be decided with the token that is here now.
fhir::Interaction as_export(std::string_view path, const std::vector<std::string>& types) {
  auto interaction = fhir::classify(
      {.method = Method::get, .path = path, .query = {}, .content_type = {}, .body = {}, .if_none_exist = false});
  if (!interaction) return {};
  if (!types.empty()) interaction->params.push_back({"_type", joined(types), false});
  return std::move(*interaction);
}

bool group_listed(const Config& config, const Call& call) {
  const auto* const rule = groups_of(config, call.token->client);
  if (rule == nullptr) return true;
  return call.interaction.type == "Group" && std::ranges::find(rule->groups, call.interaction.id) != rule->groups.end();
}

/// Decides the export anew. A refusal when this token may not do now what the link continues.
std::optional<Response> decide_again(const Exchange& exchange, Call& call, std::string_view path,
                                     const std::vector<std::string>& types) {
  call.interaction = as_export(path, types);
  call.classified = true;
  call.decision = policy::decide(call.token->access, call.interaction);
  if (call.decision.decision.permitted() && group_listed(exchange.config(), call)) return std::nullopt;
  if (call.decision.decision.permitted()) {
    call.decision.decision = policy::deny(policy::Reason::operation_denied);
    return not_found();
  }
  return exchange.refusal(call.decision);
}

// ---------------------------------------------------------------------------------------------------- kick-off

/// The parameters that the decision lets through, as they were sent: in the URL, or as a Parameters resource.
UpstreamRequest kick_off_request(const Call& call) {
  UpstreamRequest out{.target = call.path, .headers = {{"Prefer", "respond-async, handling=strict"}}, .call = &call};
  const auto& forward = call.decision.plan.forward;
  if (call.interaction.method != Method::post) {
    const auto query = serialize(forward);
    if (!query.empty()) out.target.append("?").append(query);
    return out;
  }
  Json list = Json::array();
  for (const auto& param : forward) {
    Json item = Json::object({{"name", param.name}});
    if (param.name == "patient") {
      item.set("valueReference", Json::object({{"reference", param.value}}));
    } else {
      item.set(param.name == "_since" || param.name == "_until" ? "valueInstant" : "valueString", Json(param.value));
    }
    list.push_back(std::move(item));
  }
  Json body = Json::object({{"resourceType", "Parameters"}});
  if (!list.empty()) body.set("parameter", std::move(list));
  out.method = Method::post;
  out.content_type = "application/fhir+json";
  out.body = body.dump();
  return out;
}

/// The Group is read like any other resource, by this token.
Task<std::optional<Response>> group_refused(const Exchange& exchange, Call& call) {
  auto group = co_await exchange.fetch("Group", call.interaction.id);
  if (!group && group.error().code == ErrorCode::not_found) {
    co_return co_await exchange.released(call, not_found(), {.reason = "not_found"});
  }
  if (!group) co_return co_await exchange.upstream_failed(call, group.error());
  auto moment = co_await exchange.circumstances(call, {});
  if (!moment) co_return co_await exchange.upstream_failed(call, moment.error());
  const auto seen = policy::resource_visible(call.token->access, *group, policy::Origin::read, {}, nullptr, *moment);
  if (seen.permitted()) co_return std::nullopt;
  co_return co_await exchange.released(call, not_found(), {.reason = policy::name(seen.reason)});
}

/// 202 with a sealed status link; anything else is no export.
Task<Response> accepted(const Exchange& exchange, Call& call, BulkJob job, const Response& upstream) {
  const auto target = below_upstream(upstream.headers.get("Content-Location").value_or(""), exchange.config());
  if (upstream.headers.count("Content-Location") != 1 || !target) {
    co_return co_await exchange.upstream_rejected(call, "status of the export is not below the upstream base");
  }
  job.target = *target;
  const auto sealed = exchange.bulk()->sealer.seal(job, call.token->client);
  if (!sealed) co_return co_await exchange.upstream_rejected(call, "status link too long");
  Response out;
  out.status = 202;
  out.headers.add("Content-Location", exchange.public_base() + std::string(kStatus) + *sealed);
  co_return co_await exchange.released(call, std::move(out), {});
}

// ------------------------------------------------------------------------------------------------------ status

Task<Response> cancel(const Exchange& exchange, Call& call, const BulkJob& job) {
  auto upstream = co_await exchange.send({.method = Method::del, .target = job.target, .call = &call});
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  const bool gone = upstream->status == 404 || upstream->status == 410;
  if (!gone && (upstream->status < 200 || upstream->status > 299)) {
    co_return co_await exchange.upstream_status(call, upstream->status);
  }
  exchange.bulk()->jobs.cancel(call.token->client, job.id);
  if (gone) co_return co_await exchange.released(call, not_found(), {.reason = "not_found"});
  Response out;
  out.status = 202;
  co_return co_await exchange.released(call, std::move(out), {});
}

Task<Response> finished(const Exchange& exchange, Call& call, const BulkJob& job, const Response& upstream) {
  exchange.bulk()->jobs.end(call.token->client, job.id);
  auto made = public_manifest(upstream.body, job, call.token->client, exchange.bulk()->sealer, exchange.config());
  if (!made) co_return co_await exchange.upstream_rejected(call, made.error().detail);
  if (made->left_out != 0) log::warn("gateway.bulk_files_left_out", {{"count", made->left_out}});
  auto out = Response::with(200, "application/json", made->body.dump());
  // Links die with the job here, whatever upstream says.
  out.headers.add("Expires", to_http_date(job.expires));
  co_return co_await exchange.released(call, std::move(out), {.reason = {}, .shown = {}, .withheld = made->left_out});
}

Task<Response> poll(const Exchange& exchange, Call& call, const BulkJob& job) {
  auto upstream = co_await exchange.send(
      {.target = job.target, .accept = "application/json", .call = &call, .max_body = limits::kBulkManifestMax});
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status == 200) co_return co_await finished(exchange, call, job, *upstream);
  const auto after = retry_after(*upstream);
  if (upstream->status == 202) {
    Response out;
    out.status = 202;
    out.headers.add("X-Progress", progress(*upstream));
    if (!after.empty()) out.headers.add("Retry-After", after);
    co_return co_await exchange.released(call, std::move(out), {});
  }
  if (upstream->status == 429) {
    co_return co_await exchange.released(call, too_many(after), {.reason = "upstream_busy"});
  }
  if (upstream->status != 503) exchange.bulk()->jobs.end(call.token->client, job.id);  // failed, or gone
  co_return co_await exchange.upstream_status(call, upstream->status);
}

Task<Response> serve_status(const Exchange& exchange, Call& call, std::string_view sealed) {
  const auto method = call.request.method;
  if (method != Method::get && method != Method::head && method != Method::del) {
    co_return co_await exchange.released(call, method_not_allowed(), {.reason = "method"});
  }
  const auto job = exchange.bulk()->sealer.open_job(sealed, call.token->client, call.now);
  if (!job || exchange.bulk()->jobs.cancelled(job->id)) {
    co_return co_await exchange.released(call, not_found(), {.reason = "not_found"});
  }
  if (auto refused = decide_again(exchange, call, job->path, job->types)) {
    const auto reason = policy::name(call.decision.decision.reason);
    co_return co_await exchange.released(call, std::move(*refused), {.reason = reason});
  }
  if (method == Method::del) co_return co_await cancel(exchange, call, *job);
  co_return co_await poll(exchange, call, *job);
}

// ------------------------------------------------------------------------------------------------------- files

std::shared_ptr<codec::BodySource> judged_file(const Exchange& exchange, const Call& call, const BulkFile& file,
                                               std::shared_ptr<codec::BodySource> upstream) {
  auto hooks = hooks_of(exchange, std::make_shared<const KeptCall>(call));
  switch (file.kind) {
    case BulkFileKind::error: return rewrite_lines(std::move(upstream), public_error_line, std::move(hooks.write_down));
    case BulkFileKind::deleted:
      return rewrite_lines(
          std::move(upstream),
          [token = call.token, types = file.types](std::string_view line) {
            return public_deleted_line(line, token->access, types);
          },
          std::move(hooks.write_down));
    case BulkFileKind::output: break;
  }
  return judge_ndjson(std::move(upstream),
                      {.access = std::shared_ptr<const policy::Access>(call.token, &call.token->access),
                       .type = file.types.empty() ? std::string() : file.types.front(),
                       .public_base = exchange.public_base(),
                       .upstream_base = exchange.upstream_base()},
                      std::move(hooks));
}

using Members = std::set<std::string, std::less<>>;

/// Patients whom the Group names as members now.
Task<Result<Members>> members_of(const Exchange& exchange, std::string_view group) {
  MITRAL_CO_TRY(const auto resource, co_await exchange.fetch("Group", group));
  Members out;
  for (const auto& member : resource["member"].items()) {
    const auto reference = fhir::parse_reference(member["entity"]["reference"].string_or(), exchange.public_base());
    if (reference.kind == fhir::ReferenceKind::local && reference.type == "Patient") out.emplace(reference.id);
  }
  co_return out;
}

/// Lines about others than these leave no trace. What is about nobody passes, and so does a Provenance: of its targets
/// only the patients are known here.
std::shared_ptr<codec::BodySource> of_members(std::shared_ptr<codec::BodySource> upstream, const Exchange& exchange,
                                              Members members) {
  const auto keep = [members = std::move(members), upstream_base = exchange.upstream_base(),
                     base = exchange.public_base()](std::string_view line) -> Result<std::optional<std::string>> {
    MITRAL_TRY(const auto resource, parse_upstream(line, upstream_base, base));
    const bool all = std::ranges::all_of(policy::concerned_patients(resource, base),
                                         [&](const std::string& id) { return members.contains(id); });
    return all ? std::optional(std::string(line)) : std::nullopt;
  };
  const auto nothing = [](std::vector<Shown>, std::size_t) -> Task<Result<void>> { co_return Result<void>{}; };
  return rewrite_lines(std::move(upstream), keep, nothing);
}

Task<Result<Response>> open_upstream(const Exchange& exchange, const Call& call, const BulkFile& file) {
  if (!file.storage) {
    co_return co_await exchange.send({.target = file.location,
                                      .stream = true,
                                      .accept = std::string(kNdjson),
                                      .call = &call,
                                      .max_body = limits::kBulkFileMax});
  }
  MITRAL_CO_TRY(auto url, net::parse_url(file.location));
  co_return co_await exchange.download(std::move(url), std::string(kNdjson));
}

bool is_ndjson(const Response& upstream) {
  constexpr auto kTypes = std::to_array<std::string_view>(
      {"application/fhir+ndjson", "application/ndjson", "application/octet-stream", "text/plain"});
  const auto type = upstream.headers.get("Content-Type").value_or("");
  const auto encoding = upstream.headers.get("Content-Encoding").value_or("identity");
  return upstream.headers.count("Content-Type") == 1 && codec::iequals(encoding, "identity") &&
         std::ranges::any_of(kTypes, [&](std::string_view one) { return codec::is_media_type(type, one); });
}

Task<Response> serve_file(const Exchange& exchange, Call& call, std::string_view sealed) {
  if (call.request.method != Method::get) {
    co_return co_await exchange.released(call, method_not_allowed(), {.reason = "method"});
  }
  const auto file = exchange.bulk()->sealer.open_file(sealed, call.token->client, call.now);
  const bool held = groups_of(exchange.config(), call.token->client) != nullptr;
  if (!file || exchange.bulk()->jobs.cancelled(file->job) || (held && file->kind == BulkFileKind::deleted)) {
    co_return co_await exchange.released(call, not_found(), {.reason = "not_found"});
  }
  if (auto refused = decide_again(exchange, call, file->path, file->types)) {
    const auto reason = policy::name(call.decision.decision.reason);
    co_return co_await exchange.released(call, std::move(*refused), {.reason = reason});
  }
  auto upstream = co_await open_upstream(exchange, call, *file);
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  if (!is_ndjson(*upstream)) co_return co_await exchange.upstream_rejected(call, "not NDJSON");
  // Written down before the first piece leaves, and again with each piece.
  if (!co_await exchange.write_down(call, 200, {})) co_return unavailable();
  Response out;
  out.headers.add("Content-Type", kNdjson);
  auto source = upstream->stream ? std::move(upstream->stream) : source_of(std::move(upstream->body));
  if (file->kind == BulkFileKind::output && held) {
    auto members = co_await members_of(exchange, call.interaction.id);
    if (!members) co_return co_await exchange.upstream_failed(call, members.error());
    source = of_members(std::move(source), exchange, std::move(*members));
  }
  out.stream = judged_file(exchange, call, *file, std::move(source));
  co_return out;
}

}  // namespace

bool is_bulk_path(std::string_view rest) noexcept { return rest.starts_with(kStatus) || rest.starts_with(kFile); }

Task<Response> start_export(const Exchange& exchange, Call& call) {
  if (exchange.bulk() == nullptr) {
    call.decision.decision = policy::deny(policy::Reason::interaction_not_offered);
    co_return co_await exchange.released(call, exchange.refusal(call.decision),
                                         {.reason = policy::name(call.decision.decision.reason)});
  }
  auto& bulk = *exchange.bulk();
  if (!prefers_async(call.request)) {
    co_return co_await exchange.released(
        call, outcome_response(400, "invalid", "An export is asked for with Prefer: respond-async"),
        {.reason = "malformed"});
  }
  if (!group_listed(exchange.config(), call)) {
    co_return co_await exchange.released(call, not_found(), {.reason = "group_not_listed"});
  }
  if (call.interaction.type == "Group") {
    if (auto refused = co_await group_refused(exchange, call)) co_return std::move(*refused);
  }
  const auto& client = call.token->client;
  BulkJob job{.id = codec::base64url_encode(crypto::random_bytes(bulk.random, kJobIdSize)),
              .path = call.path,
              .request = exchange.public_base() + call.path,
              .types = call.decision.plan.types,
              .target = {},
              .expires = call.now + limits::kBulkJobLifetime};
  if (!call.request.query.empty()) job.request.append("?").append(call.request.query);
  const auto id = job.id;
  if (!bulk.jobs.begin(client, id, call.now)) {
    co_return co_await exchange.released(call, too_many({}), {.reason = "too_many_exports"});
  }
  auto upstream = co_await exchange.send(kick_off_request(call));
  Response out;
  if (!upstream) {
    out = co_await exchange.upstream_failed(call, upstream.error());
  } else if (upstream->status == 429) {
    out = co_await exchange.released(call, too_many(retry_after(*upstream)), {.reason = "upstream_busy"});
  } else if (upstream->status == 202) {
    out = co_await accepted(exchange, call, std::move(job), *upstream);
  } else if (upstream->status >= 400) {
    out = co_await exchange.upstream_status(call, upstream->status);
  } else {
    out = co_await exchange.upstream_rejected(call, "an export that is not asynchronous");
  }
  if (out.status != 202) bulk.jobs.end(client, id);
  co_return out;
}

Task<Response> serve_bulk(const Exchange& exchange, Call& call) {
  if (exchange.bulk() == nullptr) co_return co_await exchange.released(call, not_found(), {.reason = "not_found"});
  if (call.rest.starts_with(kStatus)) {
    co_return co_await serve_status(exchange, call, call.rest.substr(kStatus.size()));
  }
  co_return co_await serve_file(exchange, call, call.rest.substr(kFile.size()));
}

}  // namespace mitral::gateway
