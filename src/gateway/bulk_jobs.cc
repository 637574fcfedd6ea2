#include "gateway/bulk_jobs.h"

#include "base/limits.h"

namespace mitral::gateway {

bool BulkJobs::begin(std::string_view client, std::string_view job, Instant now) {
  const std::lock_guard lock(mutex_);
  auto found = running_.find(client);
  if (found == running_.end()) {
    if (running_.size() >= limits::kBulkClientsMax) {
      for (auto& [name, jobs] : running_) std::erase_if(jobs, [&](const auto& one) { return one.second <= now; });
      std::erase_if(running_, [](const auto& entry) { return entry.second.empty(); });
      if (running_.size() >= limits::kBulkClientsMax) return false;
    }
    found = running_.emplace(std::string(client), Jobs{}).first;
  }
  auto& jobs = found->second;
  std::erase_if(jobs, [&](const auto& one) { return one.second <= now; });
  if (jobs.size() >= limits::kBulkJobsPerClientMax) return false;
  jobs.emplace(std::string(job), now + limits::kBulkJobLifetime);
  return true;
}

void BulkJobs::end(std::string_view client, std::string_view job) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(client);
  if (found == running_.end()) return;
  if (const auto one = found->second.find(job); one != found->second.end()) found->second.erase(one);
  if (found->second.empty()) running_.erase(found);
}

void BulkJobs::cancel(std::string_view client, std::string_view job) {
  end(client, job);
  const std::lock_guard lock(mutex_);
  if (!cancelled_.emplace(job).second) return;
  order_.emplace_back(job);
  if (order_.size() <= limits::kBulkCancelledMax) return;
  cancelled_.erase(order_.front());
  order_.pop_front();
}

bool BulkJobs::cancelled(std::string_view job) const {
  const std::lock_guard lock(mutex_);
  return cancelled_.contains(job);
}

std::size_t BulkJobs::running(std::string_view client) const {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(client);
  return found == running_.end() ? 0 : found->second.size();
}

}  // namespace mitral::gateway
