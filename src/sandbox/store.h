// Store: versions of resources in memory, by type and id.
//
// Source: FHIR R4 resource.html (meta.versionId, meta.lastUpdated), http.html (history, delete keeps versions).
// A copy is cheap (resources are shared and never changed), which is how a transaction is undone.
// Limits: kSandboxResourcesMax resources; put() returns nullptr above. Errors: none else.
// Thread rules: not synchronised; its owner locks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "codec/json.h"
#include "codec/message.h"

namespace mitral::sandbox {

struct Version {
  std::string type;
  std::string id;
  std::uint64_t number = 1;
  std::uint64_t order = 0;  ///< over all resources: later is greater
  Instant at;
  codec::Method method = codec::Method::put;    ///< post, put, patch or del: what made it
  std::shared_ptr<const codec::Json> resource;  ///< null: deleted

  [[nodiscard]] bool deleted() const noexcept { return resource == nullptr; }
};

class Store {
 public:
  /// Stores a new version with id and meta set; nullptr when the store is full. The pointer lives until the next
  /// change.
  const Version* put(std::string_view type, std::string_view id, codec::Json resource, Instant at,
                     codec::Method method);
  /// Replaces the content of the current version without making a new one: only while loading.
  void amend(std::string_view type, std::string_view id, codec::Json resource);
  /// Adds a deleted version; false when there is nothing to delete.
  bool remove(std::string_view type, std::string_view id, Instant at);
  /// All versions, oldest first, or nullptr.
  [[nodiscard]] const std::vector<Version>* versions(std::string_view type, std::string_view id) const;
  /// The latest version, deleted or not, or nullptr.
  [[nodiscard]] const Version* latest(std::string_view type, std::string_view id) const;
  /// The latest version unless deleted.
  [[nodiscard]] const Version* current(std::string_view type, std::string_view id) const;
  /// Current resources of a type, by id.
  [[nodiscard]] std::vector<const Version*> all(std::string_view type) const;
  /// Versions of a type ("" for every type), newest first.
  [[nodiscard]] std::vector<const Version*> history(std::string_view type) const;
  /// Types that have a resource.
  [[nodiscard]] std::vector<std::string_view> types() const;
  [[nodiscard]] std::size_t size() const noexcept { return live_; }

 private:
  using Ids = std::map<std::string, std::vector<Version>, std::less<>>;
  std::map<std::string, Ids, std::less<>> types_;
  std::uint64_t order_ = 0;
  std::size_t live_ = 0;
};

}  // namespace mitral::sandbox
