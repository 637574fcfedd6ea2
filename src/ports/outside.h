// Outside: the other things that flow and login ask of the world: a slow password hash, and a document by URL.
//
// Thread rules: every method may be called from any thread that has a Scheduler; it resumes there.
#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "base/task.h"

namespace mitral::ports {

class PasswordHasher {
 public:
  virtual ~PasswordHasher() = default;
  /// PHC string of a new password. unavailable when the pool's queue is full.
  virtual Task<Result<std::string>> hash(Secret password) = 0;
  /// Takes the same time when `phc` is empty (unknown user): W-24. unavailable when the pool's queue is full.
  virtual Task<Result<bool>> verify(std::string phc, Secret password) = 0;
};

class Fetcher {
 public:
  virtual ~Fetcher() = default;
  struct Document {
    std::string body;
    std::string content_type;
    std::int64_t max_age_s = 0;  ///< of Cache-Control; 0 for none or no-store
  };
  /// GET of an https URL that a client registered: guarded against SSRF, no redirects, bounded in size and time (W-1).
  virtual Task<Result<Document>> get(std::string url, std::size_t max_bytes) = 0;
};

}  // namespace mitral::ports
