#include "sandbox/bulk_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/bytes.h"
#include "base/limits.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "codec/text.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "fhir/search_params.h"

namespace mitral::sandbox {
namespace {

using codec::Json;
using codec::Method;
using codec::Request;
using codec::Response;

constexpr std::string_view kJobs = "/_jobs/";
constexpr std::string_view kNdjson = "application/fhir+ndjson";
constexpr std::string_view kStorage = "https://storage.example/bucket";
constexpr auto kFormats = std::to_array<std::string_view>({"application/fhir+ndjson", "application/ndjson", "ndjson"});

Response outcome(int status, std::string_view code, std::string_view text) {
  return Response::with(status, "application/fhir+json", operation_outcome("error", code, text).dump());
}

bool prefers_async(const Request& request) {
  return std::ranges::any_of(request.headers.list(), [](const codec::Header& header) {
    return codec::iequals(header.name, "Prefer") && header.value.contains("respond-async");
  });
}

/// "/$export", "/Patient/$export", "/Group/g/$export".
bool is_kick_off(std::string_view path) {
  const auto parts = codec::split(path, '/');
  if (parts.empty() || parts.back() != "$export") return false;
  return parts.size() == 2 || (parts.size() == 3 && parts[1] == "Patient") ||
         (parts.size() == 4 && parts[1] == "Group");
}

void add_line(std::string& text, std::size_t& lines, const Json& resource) {
  resource.dump_to(text);
  text += '\n';
  ++lines;
}

std::set<std::string> members_of(const Version* group, std::string_view base) {
  std::set<std::string> out;
  if (group == nullptr) return out;
  for (const auto& member : (*group->resource)["member"].items()) {
    const auto reference = fhir::parse_reference(member["entity"]["reference"].string_or(), base);
    if (reference.kind == fhir::ReferenceKind::local && reference.type == "Patient") out.emplace(reference.id);
  }
  return out;
}

}  // namespace

std::optional<Response> BulkExport::handle(const Request& request, std::string_view path, const Engine& engine) {
  if (is_kick_off(path)) return kick_off(request, path, engine);
  if (!path.starts_with(kJobs)) return std::nullopt;
  const auto rest = path.substr(kJobs.size());
  const auto slash = rest.find('/');
  const std::string id(rest.substr(0, slash));
  if (!jobs_.contains(id)) return outcome(404, "not-found", "no such export");
  if (slash == std::string_view::npos) return status(request, id, engine.misbehaviour);
  if (request.method != Method::get) return outcome(405, "not-supported", "files can only be read");
  return file(id, rest.substr(slash + 1));
}

Result<BulkExport::Parameters> BulkExport::read(const Request& request) const {
  std::vector<std::pair<std::string, std::string>> given;
  MITRAL_TRY(const auto query, codec::Form::parse(request.query));
  for (const auto& item : query.list()) given.emplace_back(item.name, item.value);
  if (request.method == Method::post && !request.body.empty()) {
    MITRAL_TRY(const auto body, Json::parse_object(request.body));
    for (const auto& item : body["parameter"].items()) {
      std::string value;
      for (const auto& member : item.members()) {
        if (member.key.starts_with("value"))
          value = member.value.is_object() ? member.value["reference"].string_or() : member.value.string_or();
      }
      given.emplace_back(item["name"].string_or(), value);
    }
  }
  Parameters out;
  for (const auto& [name, value] : given) {
    if (name == "_type") {
      for (const auto type : codec::split(value, ',')) {
        if (!fhir::is_resource_type(type)) return fail(ErrorCode::malformed, "_type names no resource type");
        out.types.emplace_back(type);
      }
    } else if (name == "_since") {
      const auto since = fhir::parse_date_range(value);
      if (!since) return fail(ErrorCode::malformed, "_since is no instant");
      out.since = since->from;
    } else if (name == "patient") {
      for (const auto one : codec::split(value, ',')) {
        const auto reference = fhir::parse_reference(one, options_.base_url);
        if (reference.type != "Patient") return fail(ErrorCode::malformed, "patient is no reference to a Patient");
        out.patients.emplace_back(reference.id);
      }
    } else if (name == "_outputFormat") {
      if (std::ranges::find(kFormats, value) == kFormats.end())
        return fail(ErrorCode::malformed, "_outputFormat is not supported");
    } else {
      return fail(ErrorCode::malformed, "unknown export parameter");
    }
  }
  return out;
}

Response BulkExport::kick_off(const Request& request, std::string_view path, const Engine& engine) {
  if (request.method != Method::get && request.method != Method::post)
    return outcome(405, "not-supported", "GET or POST");
  if (!prefers_async(request)) return outcome(400, "invalid", "Prefer: respond-async is required");
  const auto parameters = read(request);
  if (!parameters) return outcome(400, "invalid", parameters.error().client.view());
  const auto parts = codec::split(path, '/');
  if (parts.size() == 4 && engine.store.current("Group", parts[2]) == nullptr)
    return outcome(404, "not-found", "no such group");
  std::array<std::uint8_t, 16> bytes{};
  options_.random->fill(bytes);
  const auto id = codec::to_hex(as_view(bytes));
  Job job;
  job.request = fmt::format("{}{}{}{}", options_.base_url, path, request.query.empty() ? "" : "?", request.query);
  job.at = options_.clock->now();
  run(job, path, *parameters, engine);
  jobs_.emplace(id, std::move(job));
  order_.push_back(id);
  if (order_.size() > limits::kSandboxBulkJobsMax) {
    jobs_.erase(order_.front());
    order_.pop_front();
  }
  Response out;
  out.status = 202;
  out.headers.set("Content-Location", fmt::format("{}{}{}", options_.base_url, kJobs, id));
  return out;
}

void BulkExport::run(Job& job, std::string_view path, const Parameters& parameters, const Engine& engine) const {
  const auto parts = codec::split(path, '/');
  const auto& base = options_.base_url;
  const auto members =
      parts.size() == 4 ? members_of(engine.store.current("Group", parts[2]), base) : std::set<std::string>{};
  const auto wanted = [&](const Version& version) {
    if (to_micros(version.at) < parameters.since) return false;
    if (parts.size() == 2) return true;
    const auto owners = fhir::member_patients(*version.resource, base);
    return std::ranges::any_of(owners, [&](const std::string& owner) {
      const bool asked =
          parameters.patients.empty() || std::ranges::find(parameters.patients, owner) != parameters.patients.end();
      return asked && (parts.size() == 3 || members.contains(owner));
    });
  };
  const bool all_types = parameters.types.empty() || engine.misbehaviour.bulk_ignores_type;
  for (const auto type : engine.store.types()) {
    if (!all_types && std::ranges::find(parameters.types, type) == parameters.types.end()) continue;
    File file{std::string(type), {}, 0};
    for (const auto* const version : engine.store.all(type)) {
      if (wanted(*version)) add_line(file.text, file.lines, *version->resource);
    }
    if (file.lines != 0) job.output.push_back(std::move(file));
  }
  if (parameters.since != 0) add_deletions(job, parameters, engine);
  misbehave(job, engine);
}

void BulkExport::add_deletions(Job& job, const Parameters& parameters, const Engine& engine) const {
  Json entries = Json::array();
  for (const auto* const version : engine.store.history("")) {
    if (!version->deleted() || to_micros(version->at) < parameters.since) continue;
    entries.push_back(Json::object(
        {{"request",
          Json::object({{"method", "DELETE"}, {"url", fmt::format("{}/{}", version->type, version->id)}})}}));
  }
  if (entries.empty()) return;
  File file{"Bundle", {}, 0};
  add_line(file.text, file.lines,
           Json::object({{"resourceType", "Bundle"}, {"type", "transaction"}, {"entry", std::move(entries)}}));
  job.deleted.push_back(std::move(file));
}

/// What an export server may get wrong: see Misbehaviour.
void BulkExport::misbehave(Job& job, const Engine& engine) const {
  const auto& how = engine.misbehaviour;
  if (how.bulk_foreign_lines) {
    // A file of types that nobody asked for, and one that says another type than it holds.
    for (const auto* const type : {"Patient", "Person", "RelatedPerson"}) {
      File file{type, {}, 0};
      for (const auto* const version : engine.store.all(type)) add_line(file.text, file.lines, *version->resource);
      job.output.push_back(std::move(file));
    }
  }
  if (how.bulk_wrong_type_lines) {
    for (auto& file : job.output) {
      for (const auto* const version : engine.store.all("Patient")) {
        add_line(file.text, file.lines, *version->resource);
      }
    }
  }
  if (how.phi_in_errors) {
    std::string quoted = "could not export";
    for (const auto* const patient : engine.store.all("Patient")) quoted += " Patient/" + patient->id;
    File file{"OperationOutcome", {}, 0};
    add_line(file.text, file.lines, operation_outcome("error", "exception", quoted));
    job.error.push_back(std::move(file));
  }
}

Response BulkExport::status(const Request& request, const std::string& id, const Misbehaviour& how) {
  auto& job = jobs_.find(id)->second;
  if (request.method == Method::del) {
    jobs_.erase(id);
    Response out;
    out.status = 202;
    return out;
  }
  if (request.method != Method::get) return outcome(405, "not-supported", "GET or DELETE");
  if (job.polls++ == 0) {
    Response out;
    out.status = 202;
    out.headers.set("X-Progress", how.phi_in_errors ? "exporting otto: 50%" : "50% done");
    out.headers.set("Retry-After", "1");
    return out;
  }
  auto out = Response::with(200, "application/json", manifest(id, job, how).dump());
  out.headers.set("Expires", to_http_date(job.at + limits::kBulkJobLifetime));
  return out;
}

Json BulkExport::manifest(const std::string& id, const Job& job, const Misbehaviour& how) const {
  const std::string_view base = how.bulk_absolute_storage_url ? kStorage : std::string_view(options_.base_url);
  const auto list = [&](std::string_view name, const std::vector<File>& files) {
    Json out = Json::array();
    for (std::size_t i = 0; i < files.size(); ++i) {
      const auto url = fmt::format("{}{}{}/{}-{}.ndjson{}", base, kJobs, id, name, i,
                                   how.bulk_absolute_storage_url ? "?signature=s3cr3t" : "");
      out.push_back(Json::object({{"type", files[i].type}, {"url", url}, {"count", files[i].lines}}));
    }
    return out;
  };
  Json out = Json::object({{"transactionTime", to_rfc3339(job.at)},
                           {"request", job.request},
                           {"requiresAccessToken", !how.bulk_open_files && !how.bulk_absolute_storage_url}});
  out.set("output", list("output", job.output));
  if (!job.deleted.empty()) out.set("deleted", list("deleted", job.deleted));
  out.set("error", list("error", job.error));
  out.set("extension", Json::object({{"https://sandbox.example/internal", "not for clients"}}));
  return out;
}

Response BulkExport::file(const std::string& id, std::string_view name) const {
  const auto& job = jobs_.find(id)->second;
  constexpr std::string_view kEnd = ".ndjson";
  const auto dash = name.find('-');
  if (dash == std::string_view::npos || !name.ends_with(kEnd)) return outcome(404, "not-found", "no such file");
  const auto kind = name.substr(0, dash);
  const auto index = codec::parse_uint(name.substr(dash + 1, name.size() - dash - 1 - kEnd.size()));
  const auto& files = kind == "deleted" ? job.deleted : kind == "error" ? job.error : job.output;
  if (!index || *index >= files.size()) return outcome(404, "not-found", "no such file");
  return Response::with(200, kNdjson, files[*index].text);
}

}  // namespace mitral::sandbox
