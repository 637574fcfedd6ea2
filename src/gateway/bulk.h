// Bulk: Bulk Data export through the gateway: kick-off, status, manifest, cancel and files, each bound to the client
// that began the export (FHIR Bulk Data Access IG 2.0; smart-fhir §3.3; threats S-12, S-14, S-17, S-22).
//
//   GET|POST {base}/$export, /Patient/$export, /Group/g/$export   202 + Content-Location
//   GET {base}/_bulk/status/<sealed>     202 + X-Progress, Retry-After until 200 + manifest
//   DELETE {base}/_bulk/status/<sealed>  202; later polls 404
//   GET {base}/_bulk/file/<sealed>       NDJSON, streamed, each line judged
//
// Every one of them needs a token of that client whose system/ scopes allow the types at that moment: the export is
// decided anew at each request. Another client, a guessed, an expired and a cancelled link are the one 404.
// requiresAccessToken is always true. Upstream sees its own status URLs only, with the gateway's credential; a storage
// host (Config::bulk_storage) is asked without any. A URL elsewhere is left out of the manifest.
//
// What of upstream's manifest passes: transactionTime, and type and URL of each file; error files lose their
// free text, deleted files what is not of the token's types.
//
// Limits: kBulkJobsPerClientMax, kBulkManifestMax, kBulkFilesMax, kBulkFileMax. Errors: answers.
// Thread rules: any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include <string>
#include <string_view>

#include "base/task.h"
#include "codec/message.h"
#include "gateway/bulk_jobs.h"
#include "gateway/bulk_sealer.h"
#include "gateway/call.h"
#include "gateway/exchange.h"

namespace mitral::gateway {

/// What Bulk Data needs beside the exchange: seals, and the count of jobs.
class Bulk {
 public:
  /// `key` has 32 bytes.
  Bulk(const Secret& key, std::string audience, Random& random)
      : sealer(key, std::move(audience), random), random(random) {}
  BulkSealer sealer;
  BulkJobs jobs;
  Random& random;
};

/// A path below the public base that is served by serve_bulk().
[[nodiscard]] bool is_bulk_path(std::string_view rest) noexcept;
/// Status and files. The token is proven; nothing was classified.
[[nodiscard]] Task<codec::Response> serve_bulk(const Exchange& exchange, Call& call);
/// A permitted $export.
[[nodiscard]] Task<codec::Response> start_export(const Exchange& exchange, Call& call);

}  // namespace mitral::gateway
