// BulkJobs: how many exports each client has running, and which were cancelled, as far as this process knows. The
// count protects upstream; the memory of cancelled jobs makes their file links die here at once.
//
// Limits: kBulkJobsPerClientMax for each client, kBulkClientsMax clients, kBulkCancelledMax cancelled jobs (the oldest
// goes first; upstream knows of it too), kBulkJobLifetime. Errors: false when there is no room.
// Thread rules: any thread.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/time.h"

namespace mitral::gateway {

class BulkJobs {
 public:
  /// Counts the job until it is ended or has expired.
  [[nodiscard]] bool begin(std::string_view client, std::string_view job, Instant now);
  void end(std::string_view client, std::string_view job);
  void cancel(std::string_view client, std::string_view job);
  [[nodiscard]] bool cancelled(std::string_view job) const;
  [[nodiscard]] std::size_t running(std::string_view client) const;

 private:
  using Jobs = std::map<std::string, Instant, std::less<>>;  ///< job -> end of its time
  mutable std::mutex mutex_;
  std::map<std::string, Jobs, std::less<>> running_;
  std::set<std::string, std::less<>> cancelled_;
  std::deque<std::string> order_;  ///< of cancelled_
};

}  // namespace mitral::gateway
