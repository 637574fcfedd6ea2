// BulkSealer: status and file URLs of Bulk Data exports that only the client which began the export can use (Bulk Data
// Access IG; threats S-12, S-22).
//
// An upstream's status or file URL is a bearer capability, often a pre-signed one of a storage host. Clients get a
// sealed one instead: AES-256-GCM over it and what it was decided by, bound to audience and client: not to the token,
// because a job outlives many of those. At use the export is decided again with the token that is here then.
//
// Limits: kBulkLinkMax, kBulkJobLifetime. Errors: nullopt for every link that is not good, without a reason.
// Thread rules: immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/secret.h"
#include "base/time.h"

namespace mitral::gateway {

/// One export that upstream has accepted.
struct BulkJob {
  std::string id;                  ///< random; for counting and cancelling here
  std::string path;                ///< of the kick-off, below the public base: "/Group/g1/$export"
  std::string request;             ///< the client's kick-off URL, for the manifest
  std::vector<std::string> types;  ///< that were allowed and asked for
  std::string target;              ///< of the status, below the upstream base
  Instant expires;
};

enum class BulkFileKind : std::uint8_t { output, deleted, error };

/// One file of a manifest.
struct BulkFile {
  BulkFileKind kind = BulkFileKind::output;
  std::string job;                 ///< BulkJob::id
  std::string path;                ///< BulkJob::path
  std::vector<std::string> types;  ///< output: the type of every line; else those of the job
  bool storage = false;            ///< `location` is an absolute URL of a storage host, else a target below upstream
  std::string location;
  Instant expires;
};

class BulkSealer {
 public:
  /// `key` has 32 bytes; one derived from it is used.
  BulkSealer(const Secret& key, std::string audience, Random& random);

  /// nullopt when it would be longer than kBulkLinkMax.
  [[nodiscard]] std::optional<std::string> seal(const BulkJob& job, std::string_view client) const;
  [[nodiscard]] std::optional<std::string> seal(const BulkFile& file, std::string_view client) const;
  [[nodiscard]] std::optional<BulkJob> open_job(std::string_view sealed, std::string_view client, Instant now) const;
  [[nodiscard]] std::optional<BulkFile> open_file(std::string_view sealed, std::string_view client, Instant now) const;

 private:
  [[nodiscard]] std::optional<std::string> seal_text(std::string_view kind, std::string_view client,
                                                     std::string_view text) const;
  [[nodiscard]] std::optional<std::string> open_text(std::string_view kind, std::string_view client,
                                                     std::string_view sealed) const;
  Secret key_;
  std::string audience_;
  Random& random_;
};

}  // namespace mitral::gateway
