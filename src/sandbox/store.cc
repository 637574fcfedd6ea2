#include "sandbox/store.h"

#include <algorithm>

#include "base/limits.h"

namespace mitral::sandbox {

const Version* Store::put(std::string_view type, std::string_view id, codec::Json resource, Instant at,
                          codec::Method method) {
  if (live_ >= limits::kSandboxResourcesMax) return nullptr;
  auto& versions = types_[std::string(type)][std::string(id)];
  const auto number = versions.empty() ? 1 : versions.back().number + 1;
  if (versions.empty() || versions.back().deleted()) ++live_;
  resource.set("id", id);
  codec::Json meta = resource["meta"];
  meta.set("versionId", std::to_string(number));
  meta.set("lastUpdated", to_rfc3339(at));
  resource.set("meta", std::move(meta));
  versions.push_back({std::string(type), std::string(id), number, ++order_, at, method,
                      std::make_shared<const codec::Json>(std::move(resource))});
  return &versions.back();
}

void Store::amend(std::string_view type, std::string_view id, codec::Json resource) {
  if (current(type, id) == nullptr) return;
  auto& version = types_.find(type)->second.find(id)->second.back();
  resource.set("meta", (*version.resource)["meta"]);
  version.resource = std::make_shared<const codec::Json>(std::move(resource));
}

bool Store::remove(std::string_view type, std::string_view id, Instant at) {
  if (current(type, id) == nullptr) return false;
  auto& versions = types_.find(type)->second.find(id)->second;
  versions.push_back(
      {std::string(type), std::string(id), versions.back().number + 1, ++order_, at, codec::Method::del, nullptr});
  --live_;
  return true;
}

const std::vector<Version>* Store::versions(std::string_view type, std::string_view id) const {
  const auto ids = types_.find(type);
  if (ids == types_.end()) return nullptr;
  const auto found = ids->second.find(id);
  return found == ids->second.end() ? nullptr : &found->second;
}

const Version* Store::latest(std::string_view type, std::string_view id) const {
  const auto* const all_versions = versions(type, id);
  return all_versions == nullptr || all_versions->empty() ? nullptr : &all_versions->back();
}

const Version* Store::current(std::string_view type, std::string_view id) const {
  const auto* const version = latest(type, id);
  return version == nullptr || version->deleted() ? nullptr : version;
}

std::vector<const Version*> Store::all(std::string_view type) const {
  std::vector<const Version*> out;
  const auto ids = types_.find(type);
  if (ids == types_.end()) return out;
  for (const auto& [id, versions] : ids->second) {
    if (!versions.empty() && !versions.back().deleted()) out.push_back(&versions.back());
  }
  return out;
}

std::vector<const Version*> Store::history(std::string_view type) const {
  std::vector<const Version*> out;
  for (const auto& [name, ids] : types_) {
    if (!type.empty() && name != type) continue;
    for (const auto& [id, versions] : ids) {
      for (const auto& version : versions) out.push_back(&version);
    }
  }
  std::ranges::sort(out, std::ranges::greater{}, &Version::order);
  return out;
}

std::vector<std::string_view> Store::types() const {
  std::vector<std::string_view> out;
  for (const auto& [name, ids] : types_) out.push_back(name);
  return out;
}

}  // namespace mitral::sandbox
