#include "sandbox/sandbox.h"

#include <mutex>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/uri.h"
#include "fhir/interaction.h"
#include "sandbox/bulk_export.h"
#include "sandbox/engine.h"
#include "sandbox/misbehave.h"

namespace mitral::sandbox {
namespace {

using codec::Json;
using codec::Method;
using codec::Request;
using codec::Response;

constexpr std::string_view kFhirJson = "application/fhir+json";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";

std::string header(const Request& request, std::string_view name) {
  return std::string(request.headers.get(name).value_or(""));
}

/// The caller takes JSON: by _format, or else by Accept.
bool accepts_json(const Request& request) {
  if (const auto params = fhir::parse_query(request.query)) {
    for (const auto& param : *params) {
      if (param.name != "_format") continue;
      return param.value == "json" || param.value == "application/json" || param.value == kFhirJson;
    }
  }
  const auto accept = header(request, "Accept");
  return codec::accept_weight(accept, kFhirJson) > 0 || codec::accept_weight(accept, "application/json") > 0;
}

bool is_json_type(std::string_view content_type) {
  return codec::is_media_type(content_type, kFhirJson) || codec::is_media_type(content_type, "application/json") ||
         codec::is_media_type(content_type, "application/json-patch+json");
}

/// Below the base, or nothing.
std::optional<std::string_view> below(std::string_view path, std::string_view base_path) {
  if (!path.starts_with(base_path)) return std::nullopt;
  const auto rest = path.substr(base_path.size());
  if (!rest.empty() && rest.front() != '/') return std::nullopt;
  return rest;
}

Response render(const Answer& answer) {
  Response out;
  out.status = answer.status;
  if (!answer.body.is_null()) {
    out.headers.set("Content-Type", kFhirJson);
    out.body = answer.body.dump();
  }
  if (!answer.etag.empty()) out.headers.set("ETag", answer.etag);
  if (!answer.location.empty()) out.headers.set("Location", answer.location);
  if (answer.last_modified) out.headers.set("Last-Modified", to_http_date(*answer.last_modified));
  out.headers.set("Cache-Control", "no-store");
  return out;
}

/// A Binary as its own bytes, for a caller that accepts its type and no FHIR JSON (FHIR R4 binary.html).
std::optional<Response> raw_binary(const Answer& answer, const Request& request) {
  if (answer.status != 200 || answer.body["resourceType"].string_or() != "Binary") return std::nullopt;
  const auto type = answer.body["contentType"].string_or();
  if (codec::accept_weight(header(request, "Accept"), type) == 0 || !codec::is_safe_header_value(type))
    return std::nullopt;
  auto bytes = codec::base64_decode(answer.body["data"].string_or());
  if (!bytes) return std::nullopt;
  auto out = render(answer);
  out.headers.set("Content-Type", type);
  out.body = std::move(*bytes);
  return out;
}

}  // namespace

struct Sandbox::Impl {
  explicit Impl(Options given) : options(std::move(given)), engine(options), bulk(options) {
    if (const auto url = codec::parse_http_url(options.base_url)) base_path = url->path;
  }

  Answer answer(const Request& request);
  Response respond(const Request& request);

  Options options;
  std::string base_path;
  mutable std::mutex mutex;
  Engine engine;
  BulkExport bulk;
};

Answer Sandbox::Impl::answer(const Request& request) {
  const auto path = below(request.path, base_path);
  if (!path) return problem(404, "not-found", "outside the FHIR base");
  Act act;
  act.method = request.method;
  act.path = *path;
  act.query = request.query;
  act.content_type = header(request, "Content-Type");
  act.if_match = header(request, "If-Match");
  act.if_none_match = header(request, "If-None-Match");
  act.if_none_exist = header(request, "If-None-Exist");
  act.prefer = header(request, "Prefer");
  if (engine.misbehaviour.not_modified_before_read && !act.if_none_match.empty()) {
    Answer out;
    out.status = 304;
    return out;
  }
  if (codec::is_media_type(act.content_type, kForm)) {
    act.form = request.body;
  } else if (request.method == Method::post || request.method == Method::put || request.method == Method::patch) {
    if (!request.body.empty() && !is_json_type(act.content_type))
      return problem(415, "not-supported", "send FHIR as JSON");
    if (request.body.size() > limits::kFhirBodyMax) return problem(413, "too-long", "body too large");
    if (!request.body.empty()) {
      auto body = Json::parse(request.body);
      if (!body) return problem(400, "structure", "body is not JSON");
      act.body = std::move(*body);
    }
  }
  return engine.perform(act);
}

Response Sandbox::Impl::respond(const Request& request) {
  const std::lock_guard lock(mutex);
  const auto path = below(request.path, base_path);
  const bool open = path && *path == "/metadata";
  if (!options.required_authorization.empty() && !open &&
      header(request, "Authorization") != options.required_authorization) {
    auto denied = render(problem(401, "login", "credentials required"));
    denied.headers.set("WWW-Authenticate", "Bearer");
    return denied;
  }
  if (path) {
    if (auto exported = bulk.handle(request, *path, engine)) {
      misbehave_on_bytes(*exported, engine.misbehaviour);
      return std::move(*exported);
    }
  }
  const bool json = accepts_json(request) || engine.misbehaviour.xml_answer;
  // Only the bytes of a Binary go out as something else; nothing is done for a caller who could not read the answer.
  const bool reads_binary = request.method == Method::get && path && path->starts_with("/Binary/");
  auto result = json || reads_binary ? answer(request) : Answer{};
  if (!json) {
    if (auto raw = raw_binary(result, request)) return std::move(*raw);
    result = problem(406, "not-supported", "only JSON is spoken here");
  }
  misbehave_on_json(result.body, engine.misbehaviour, engine.store, options.base_url);
  auto response = render(result);
  misbehave_on_bytes(response, engine.misbehaviour);
  return response;
}

Sandbox::Sandbox(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Sandbox::~Sandbox() = default;

Task<Response> Sandbox::handle(Request request) {
  Duration delay{0};
  {
    const std::lock_guard lock(impl_->mutex);
    delay = impl_->engine.misbehaviour.delay;
  }
  if (delay.count() > 0 && impl_->options.sleep) co_await impl_->options.sleep(delay);
  co_return impl_->respond(request);
}

Result<std::size_t> Sandbox::load_bundle(const Json& bundle) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->engine.load(bundle);
}

Result<std::size_t> Sandbox::load_text(std::string_view json) {
  MITRAL_TRY(const auto bundle, Json::parse_object(json));
  return load_bundle(bundle);
}

bool Sandbox::remove(std::string_view type, std::string_view id) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->engine.store.remove(type, id, impl_->options.clock->now());
}

void Sandbox::set_misbehaviour(const Misbehaviour& misbehaviour) {
  const std::lock_guard lock(impl_->mutex);
  impl_->engine.misbehaviour = misbehaviour;
}

std::size_t Sandbox::size() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->engine.store.size();
}

Json Sandbox::current(std::string_view type, std::string_view id) const {
  const std::lock_guard lock(impl_->mutex);
  const auto* const version = impl_->engine.store.current(type, id);
  return version == nullptr ? Json() : *version->resource;
}

}  // namespace mitral::sandbox
