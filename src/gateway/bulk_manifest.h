// Bulk manifest: what an export's manifest says to the client, made anew from the parts of upstream's that are known
// (Bulk Data Access IG, "Bulk Data Output File Request" and "Response - Complete Status"; threat S-22).
//
// Upstream's URLs are sorted into those below its own base, those of a listed storage host, and all others, which are
// left out. Members that are not known here are left out too, so is every file of a type that was not allowed, and for
// a client that is held to its Groups every list of deletions: of what is deleted nobody can tell whose it was.
//
// Limits: kBulkManifestMax, kBulkFilesMax. Errors: malformed when it is no manifest. Thread rules: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "gateway/bulk_sealer.h"
#include "gateway/config.h"

namespace mitral::gateway {

/// Where a file of upstream's lies; nullopt: nowhere that this gateway may ask.
struct FilePlace {
  bool storage = false;
  std::string location;  ///< target below the upstream base, or absolute URL
};
[[nodiscard]] std::optional<FilePlace> file_place(std::string_view url, const Config& config);
/// The part of an upstream URL (or path) below the upstream base, "/..."; nullopt: not below it.
[[nodiscard]] std::optional<std::string> below_upstream(std::string_view url, const Config& config);

/// The client may export these Groups only; nullptr: whatever its scopes allow.
[[nodiscard]] const BulkGroups* groups_of(const Config& config, std::string_view client) noexcept;

struct Manifest {
  codec::Json body;
  std::size_t files = 0;
  std::size_t left_out = 0;
};
[[nodiscard]] Result<Manifest> public_manifest(std::string_view upstream, const BulkJob& job, std::string_view client,
                                               const BulkSealer& sealer, const Config& config);

}  // namespace mitral::gateway
