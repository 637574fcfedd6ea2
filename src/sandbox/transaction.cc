// Batches, transactions and the loading of sample bundles: entries become acts, references between them are resolved
// first.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/limits.h"
#include "codec/base64url.h"
#include "fhir/r4.h"
#include "fhir/search_params.h"
#include "sandbox/engine.h"

namespace mitral::sandbox {
namespace {

using codec::Json;
using codec::Method;

constexpr std::string_view kUrn = "urn:uuid:";

using Renames = std::map<std::string, std::string, std::less<>>;  ///< fullUrl -> Type/id

/// Rewrites every text that names another entry: references, and the URLs of attachments.
void rename(Json& value, const Renames& renames) {
  if (const auto text = value.as_string()) {
    if (const auto found = renames.find(*text); found != renames.end()) value = Json(found->second);
    return;
  }
  for (auto& item : value.items()) rename(item, renames);
  for (auto& member : value.members_mut()) rename(member.value, renames);
}

/// Calls visit(Json& reference text) for every conditional reference ("Practitioner?identifier=...").
template <class Visit>
Result<void> each_conditional(Json& value, const Visit& visit) {
  for (auto& item : value.items()) MITRAL_CHECK(each_conditional(item, visit));
  for (auto& member : value.members_mut()) {
    const auto text = member.value.as_string();
    if (member.key == "reference" && text && text->contains('?')) {
      MITRAL_CHECK(visit(member.value));
    } else {
      MITRAL_CHECK(each_conditional(member.value, visit));
    }
  }
  return {};
}

/// A minimal resource for a reference by identifier that nothing answers to.
Result<Json> stub(std::string_view type, std::string_view query) {
  MITRAL_TRY(const auto params, fhir::parse_query(query));
  if (params.size() != 1 || params.front().name != "identifier")
    return fail(ErrorCode::conflict, "conditional reference matches nothing");
  const std::string_view value = params.front().value;
  const auto bar = value.find('|');
  Json identifier = Json::object();
  if (bar != std::string_view::npos) identifier.set("system", value.substr(0, bar));
  identifier.set("value", bar == std::string_view::npos ? value : value.substr(bar + 1));
  return Json::object({{"resourceType", type}, {"identifier", Json::array({std::move(identifier)})}});
}

/// An entry of a Bundle as an act.
Act act_of(const Json& entry) {
  const auto& request = entry["request"];
  Act act;
  act.method = codec::parse_method(request["method"].string_or());
  const auto url = request["url"].string_or();
  const auto mark = url.find('?');
  const auto path = url.substr(0, mark);
  act.path = path.starts_with('/') ? std::string(path) : '/' + std::string(path);
  if (mark != std::string_view::npos) act.query = url.substr(mark + 1);
  act.body = entry["resource"];
  act.if_match = request["ifMatch"].string_or();
  act.if_none_match = request["ifNoneMatch"].string_or();
  act.if_none_exist = request["ifNoneExist"].string_or();
  if (act.method == Method::patch && act.body["resourceType"].string_or() == "Binary") {
    // A patch is no resource, so it travels in a Binary.
    act.content_type = act.body["contentType"].string_or();
    const auto bytes = codec::base64_decode(act.body["data"].string_or());
    auto patch = Json::parse(bytes.value_or(std::string{}));
    act.body = patch ? std::move(*patch) : Json();
  }
  return act;
}

Json response_entry(const Answer& answer) {
  Json response = Json::object({{"status", std::to_string(answer.status)}});
  if (!answer.location.empty()) response.set("location", answer.location);
  if (!answer.etag.empty()) response.set("etag", answer.etag);
  if (answer.last_modified) response.set("lastModified", to_rfc3339(*answer.last_modified));
  Json out = Json::object();
  if (answer.body["resourceType"].string_or() == "OperationOutcome") {
    response.set("outcome", answer.body);
  } else if (!answer.body.is_null()) {
    out.set("resource", answer.body);
  }
  out.set("response", std::move(response));
  return out;
}

/// Bundle §2.36.1: deletes, then creates, then updates and patches, then reads.
int rank(Method method) noexcept {
  switch (method) {
    case Method::del: return 0;
    case Method::post: return 1;
    case Method::put:
    case Method::patch: return 2;
    default: return 3;
  }
}

Json response_bundle(std::string_view type, Json entries) {
  return Json::object({{"resourceType", "Bundle"}, {"type", type}, {"entry", std::move(entries)}});
}

}  // namespace

Answer Engine::bundle(const Act& act) {
  if (act.body["resourceType"].string_or() != "Bundle") return problem(400, "invalid", "body is not a Bundle");
  if (act.body["entry"].size() > limits::kFhirBatchEntriesMax) return problem(413, "too-costly", "too many entries");
  const auto type = act.body["type"].string_or();
  if (type == "batch") return batch(act.body);
  if (type == "transaction") return transaction(act.body);
  return problem(400, "invalid", "Bundle is neither batch nor transaction");
}

Answer Engine::batch(const Json& bundle) {
  Json entries = Json::array();
  for (const auto& entry : bundle["entry"].items()) {
    const auto act = act_of(entry);
    const bool nested = act.path == "/";
    entries.push_back(response_entry(nested ? problem(400, "invalid", "a batch inside a batch") : perform(act)));
  }
  Answer out;
  out.body = response_bundle("batch-response", std::move(entries));
  return out;
}

Answer Engine::transaction(const Json& bundle) {
  const auto undo = store;
  const auto& entries = bundle["entry"];
  std::vector<Act> acts;
  Renames renames;
  for (const auto& entry : entries.items()) {
    auto act = act_of(entry);
    if (act.path == "/") return problem(400, "invalid", "a batch inside a transaction");
    const auto full_url = entry["fullUrl"].string_or();
    const auto type = act.path.substr(1);
    if (act.method == Method::post && fhir::is_resource_type(type)) {
      // Named now, so that the other entries can refer to it; then it is a plain update of a new id.
      std::string id = new_id();
      if (!act.if_none_exist.empty()) {
        const auto found = find(type, act.if_none_exist);
        if (!found) return problem(400, "invalid", found.error().client.view());
        if (found->size() > 1) return problem(412, "multiple-matches", "condition matches several resources");
        if (found->size() == 1) {
          id = found->front()->id;
          act.method = Method::get;
        }
      }
      act.path += '/' + id;
      if (act.method == Method::post && act.body.is_object()) act.body.set("id", id);
    }
    if (!full_url.empty()) renames.emplace(full_url, act.path.substr(1));
    acts.push_back(std::move(act));
  }
  for (auto& act : acts) {
    rename(act.body, renames);
    const auto resolved = each_conditional(act.body, [&](Json& reference) -> Result<void> {
      const std::string text(reference.string_or());
      const auto mark = text.find('?');
      MITRAL_TRY(const auto found, find(text.substr(0, mark), text.substr(mark + 1)));
      if (found.size() != 1)
        return fail(ErrorCode::conflict, "conditional reference does not match exactly one resource");
      reference = Json(fmt::format("{}/{}", found.front()->type, found.front()->id));
      return {};
    });
    if (!resolved) return problem(412, "not-found", resolved.error().client.view());
  }
  std::vector<std::size_t> order(acts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(rank(acts[i].method), i); });
  std::vector<Answer> answers(acts.size());
  for (const auto i : order) {
    auto& act = acts[i];
    const bool created = act.method == Method::post;
    if (created) act.method = Method::put;
    answers[i] = perform(act);
    if (answers[i].status >= 400) {
      store = undo;
      return std::move(answers[i]);
    }
  }
  Json responses = Json::array();
  for (const auto& answer : answers) responses.push_back(response_entry(answer));
  Answer out;
  out.body = response_bundle("transaction-response", std::move(responses));
  return out;
}

Result<std::size_t> Engine::load(const Json& bundle) {
  if (bundle["resourceType"].string_or() != "Bundle") {
    // Some published files leave the type out of an otherwise complete transaction bundle.
    if (!bundle["entry"].is_array()) return fail(ErrorCode::malformed, "not a Bundle");
  }
  const auto undo = store;
  Renames renames;
  std::vector<Json> resources;
  for (const auto& entry : bundle["entry"].items()) {
    Json resource = entry["resource"];
    const std::string type(resource["resourceType"].string_or());
    if (!fhir::is_resource_type(type)) return fail(ErrorCode::malformed, "entry without a resource of a known type");
    const auto full_url = entry["fullUrl"].string_or();
    const auto url = entry["request"]["url"].string_or();
    std::string id(resource["id"].string_or());
    if (url.starts_with(type + '/') && fhir::is_id(url.substr(type.size() + 1))) id = url.substr(type.size() + 1);
    if (!fhir::is_id(id) && full_url.starts_with(kUrn)) id = full_url.substr(kUrn.size());
    if (!fhir::is_id(id)) id = new_id();
    resource.set("id", id);
    if (!full_url.empty()) renames.emplace(full_url, fmt::format("{}/{}", type, id));
    resources.push_back(std::move(resource));
  }
  for (auto& resource : resources) {
    rename(resource, renames);
    const std::string type(resource["resourceType"].string_or());
    const std::string id(resource["id"].string_or());
    if (store.put(type, id, resource, now(), Method::put) == nullptr) {
      store = undo;
      return fail(ErrorCode::too_large, "the sandbox is full");
    }
  }
  // Conditional references may point into the same bundle: resolve them when all of it is there.
  for (auto& resource : resources) {
    bool changed = false;
    const auto resolved = each_conditional(resource, [&](Json& reference) -> Result<void> {
      const std::string text(reference.string_or());
      const auto mark = text.find('?');
      const auto type = text.substr(0, mark);
      MITRAL_TRY(auto found, find(type, text.substr(mark + 1)));
      if (found.empty()) {
        MITRAL_TRY(auto made, stub(type, text.substr(mark + 1)));
        const auto* const version = store.put(type, new_id(), std::move(made), now(), Method::post);
        if (version == nullptr) return fail(ErrorCode::too_large, "the sandbox is full");
        found.push_back(version);
      }
      reference = Json(fmt::format("{}/{}", type, found.front()->id));
      changed = true;
      return {};
    });
    if (!resolved) {
      store = undo;
      return fail(resolved.error());
    }
    const std::string type(resource["resourceType"].string_or());
    if (changed) store.amend(type, resource["id"].string_or(), resource);
  }
  return resources.size();
}

}  // namespace mitral::sandbox
