#include "sandbox/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "fhir/json_patch.h"
#include "fhir/r4.h"

namespace mitral::sandbox {
namespace {

using codec::Json;
using codec::Method;
using fhir::InteractionKind;

std::string etag_of(const Version& version) { return fmt::format("W/\"{}\"", version.number); }

/// An entity tag as FHIR servers meet it: W/"3", "3" or 3.
std::string_view tag_value(std::string_view text) {
  text = codec::trim(text);
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

bool lists_tag(std::string_view header, std::string_view tag) {
  return std::ranges::any_of(codec::split(header, ','), [&](std::string_view item) {
    return codec::trim(item) == "*" || tag_value(item) == tag_value(tag);
  });
}

Answer answer_of(const Error& error) {
  const auto text = error.client.empty() ? std::string_view("request not understood") : error.client.view();
  switch (error.code) {
    case ErrorCode::not_found: return problem(404, "not-found", text);
    case ErrorCode::method_not_allowed: return problem(405, "not-supported", text);
    case ErrorCode::unsupported_media_type: return problem(415, "not-supported", text);
    case ErrorCode::too_large: return problem(413, "too-costly", text);
    case ErrorCode::conflict: return problem(422, "processing", text);
    default: return problem(400, "invalid", text);
  }
}

Answer gone_or_missing(const Version* latest) {
  return latest == nullptr ? problem(404, "not-found", "no such resource")
                           : problem(410, "deleted", "resource was deleted");
}

/// The body is a resource of this type.
bool is_resource_of(const Json& body, std::string_view type) {
  return body.is_object() && body["resourceType"].string_or() == type;
}

}  // namespace

Json operation_outcome(std::string_view severity, std::string_view code, std::string_view text) {
  return Json::object(
      {{"resourceType", "OperationOutcome"},
       {"issue", Json::array({Json::object({{"severity", severity}, {"code", code}, {"diagnostics", text}})})}});
}

Answer problem(int status, std::string_view code, std::string_view text) {
  Answer out;
  out.status = status;
  out.body = operation_outcome("error", code, text);
  return out;
}

std::string Engine::new_id() const {
  std::array<std::uint8_t, 16> bytes{};
  options_.random->fill(bytes);
  return codec::to_hex(as_view(bytes));
}

Answer Engine::stored(const Version* version, int status, const Act& act) const {
  if (version == nullptr) return problem(507, "no-store", "the sandbox is full");
  Answer out;
  out.status = status;
  out.etag = etag_of(*version);
  out.last_modified = version->at;
  if (status == 201)
    out.location = fmt::format("{}/{}/{}/_history/{}", options_.base_url, version->type, version->id, version->number);
  if (act.prefer.contains("return=minimal")) return out;
  out.body = act.prefer.contains("return=OperationOutcome")
                 ? operation_outcome("information", "informational", "stored")
                 : *version->resource;
  return out;
}

Answer Engine::perform(const Act& act) {
  const auto what = fhir::classify({.method = act.method,
                                    .path = act.path,
                                    .query = act.query,
                                    .content_type = act.content_type,
                                    .body = act.form,
                                    .if_none_exist = !act.if_none_exist.empty()});
  if (!what) return answer_of(what.error());
  switch (what->kind) {
    case InteractionKind::capabilities: return capabilities();
    case InteractionKind::read: return read(*what, act);
    case InteractionKind::vread: return vread(*what);
    case InteractionKind::history_instance:
    case InteractionKind::history_type:
    case InteractionKind::history_system: return history(*what);
    case InteractionKind::search_type:
    case InteractionKind::search_system:
    case InteractionKind::search_compartment: return search(*what, act);
    case InteractionKind::create:
    case InteractionKind::conditional_create: return create(*what, act);
    case InteractionKind::update: return update(what->type, what->id, act);
    case InteractionKind::patch: return patch(what->type, what->id, act);
    case InteractionKind::remove: return remove(what->type, what->id, act);
    case InteractionKind::conditional_update:
    case InteractionKind::conditional_patch:
    case InteractionKind::conditional_remove: return conditional(*what, act);
    case InteractionKind::batch:
    case InteractionKind::transaction: return bundle(act);
    case InteractionKind::operation: return operation(*what, act);
    case InteractionKind::unknown: break;
  }
  return problem(404, "not-supported", "not supported");
}

Answer Engine::read(const fhir::Interaction& what, const Act& act) const {
  const auto* const version = store.current(what.type, what.id);
  if (version == nullptr) return gone_or_missing(store.latest(what.type, what.id));
  Answer out;
  out.etag = etag_of(*version);
  out.last_modified = version->at;
  if (!act.if_none_match.empty() && lists_tag(act.if_none_match, out.etag)) {
    out.status = 304;
  } else {
    out.body = *version->resource;
  }
  return out;
}

Answer Engine::vread(const fhir::Interaction& what) const {
  const auto* const versions = store.versions(what.type, what.id);
  if (versions == nullptr) return gone_or_missing(nullptr);
  const auto found =
      std::ranges::find(*versions, what.version, [](const Version& v) { return std::to_string(v.number); });
  if (found == versions->end()) return problem(404, "not-found", "no such version");
  if (found->deleted()) return gone_or_missing(&*found);
  Answer out;
  out.body = *found->resource;
  out.etag = etag_of(*found);
  out.last_modified = found->at;
  return out;
}

Result<std::vector<const Version*>> Engine::find(std::string_view type, std::string_view query) const {
  fhir::Interaction what;
  what.kind = InteractionKind::search_type;
  what.type = type;
  MITRAL_TRY(what.params, fhir::parse_query(query));
  // An empty condition would match everything of the type.
  if (what.params.empty()) return fail(ErrorCode::malformed, "empty condition");
  MITRAL_TRY(const auto parsed, parse_query(what, store, false));
  return run_query(parsed, store, options_.base_url);
}

Answer Engine::create(const fhir::Interaction& what, const Act& act) {
  if (!is_resource_of(act.body, what.type))
    return problem(400, "invalid", "body is not a resource of the type in the URL");
  if (what.kind == InteractionKind::conditional_create) {
    const auto found = find(what.type, act.if_none_exist);
    if (!found) return answer_of(found.error());
    if (found->size() > 1) return problem(412, "multiple-matches", "condition matches several resources");
    if (found->size() == 1) return stored(found->front(), 200, act);
  }
  return stored(store.put(what.type, new_id(), act.body, now(), Method::post), 201, act);
}

Answer Engine::update(std::string_view type, std::string_view id, const Act& act) {
  if (!is_resource_of(act.body, type) || act.body["id"].string_or() != id) {
    return problem(400, "invalid", "body is not the resource that the URL names");
  }
  const auto* const before = store.current(type, id);
  if (!act.if_match.empty() && (before == nullptr || !lists_tag(act.if_match, etag_of(*before)))) {
    return problem(412, "conflict", "version does not match");
  }
  if (act.if_none_match == "*" && before != nullptr) return problem(412, "conflict", "the resource exists already");
  const int status = before == nullptr ? 201 : 200;
  return stored(store.put(type, id, act.body, now(), Method::put), status, act);
}

Answer Engine::patch(std::string_view type, std::string_view id, const Act& act) {
  if (!codec::is_media_type(act.content_type, "application/json-patch+json")) {
    return problem(415, "not-supported", "only JSON Patch is supported");
  }
  const auto* const before = store.current(type, id);
  if (before == nullptr) return gone_or_missing(store.latest(type, id));
  if (!act.if_match.empty() && !lists_tag(act.if_match, etag_of(*before)))
    return problem(412, "conflict", "version does not match");
  auto after = fhir::apply_json_patch(*before->resource, act.body);
  if (!after) return answer_of(after.error());
  if (!is_resource_of(*after, type) || (*after)["id"].string_or() != id) {
    return problem(422, "processing", "a patch may not change type or id");
  }
  return stored(store.put(type, id, std::move(*after), now(), Method::patch), 200, act);
}

Answer Engine::remove(std::string_view type, std::string_view id, const Act& act) {
  const auto* const before = store.current(type, id);
  if (!act.if_match.empty() && (before == nullptr || !lists_tag(act.if_match, etag_of(*before)))) {
    return problem(412, "conflict", "version does not match");
  }
  store.remove(type, id, now());
  Answer out;
  out.status = 204;
  return out;
}

Answer Engine::conditional(const fhir::Interaction& what, const Act& act) {
  const auto found = find(what.type, act.query);
  if (!found) return answer_of(found.error());
  if (found->size() > 1) return problem(412, "multiple-matches", "condition matches several resources");
  if (found->empty()) {
    if (what.kind == InteractionKind::conditional_update) {
      fhir::Interaction plain;
      plain.kind = InteractionKind::create;
      plain.type = what.type;
      return create(plain, act);
    }
    return problem(404, "not-found", "condition matches nothing");
  }
  const std::string id = found->front()->id;
  if (what.kind == InteractionKind::conditional_remove) return remove(what.type, id, act);
  if (what.kind == InteractionKind::conditional_patch) return patch(what.type, id, act);
  auto with_id = act;
  if (with_id.body.is_object() && !with_id.body.contains("id")) with_id.body.set("id", id);
  return update(what.type, id, with_id);
}

}  // namespace mitral::sandbox
