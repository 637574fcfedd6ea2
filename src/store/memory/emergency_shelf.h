// EmergencyShelf: the emergency accesses of MemoryStore, which holds the lock.
//
// Thread rules: the caller synchronises.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "model/emergency.h"
#include "ports/stores.h"

namespace mitral::store {

class EmergencyShelf {
 public:
  [[nodiscard]] bool contains(const Id128& id) const { return accesses_.contains(id); }

  void put(const Issuer& issuer, model::EmergencyAccess access) {
    access.issuer = issuer;
    access.review.reset();
    const auto id = access.id;
    accesses_.emplace(id, std::move(access));
  }
  [[nodiscard]] std::optional<model::EmergencyAccess> find(const Issuer& issuer, const Id128& id) const {
    const auto at = accesses_.find(id);
    if (at == accesses_.end() || at->second.issuer != issuer) return std::nullopt;
    return at->second;
  }
  /// Newest first.
  template <class F>
  [[nodiscard]] std::vector<model::EmergencyAccess> where(std::size_t limit, F wanted) const {
    std::vector<model::EmergencyAccess> out;
    for (const auto& [id, access] : accesses_) {
      if (wanted(access)) out.push_back(access);
    }
    std::ranges::sort(out, std::greater{}, [](const auto& access) { return std::tie(access.at, access.id); });
    if (out.size() > limit) out.resize(limit);
    return out;
  }
  [[nodiscard]] ports::Claim review(const Issuer& issuer, const Id128& id, model::EmergencyReview review) {
    const auto at = accesses_.find(id);
    if (at == accesses_.end() || at->second.issuer != issuer) return ports::Claim::unknown;
    if (at->second.review) return ports::Claim::lost;
    at->second.review = std::move(review);
    return ports::Claim::won;
  }

 private:
  std::map<Id128, model::EmergencyAccess> accesses_;
};

}  // namespace mitral::store
