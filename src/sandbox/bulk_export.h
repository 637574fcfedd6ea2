// Bulk export: the sandbox's own Bulk Data Access server: kick-off for the system, all patients or a Group, status,
// manifest, NDJSON files, cancel.
//
// Source: FHIR Bulk Data Access IG 2.0. Parameters _type, _since, _outputFormat, patient (POST). A job is finished at
// its second poll, from what was stored when it began. It knows no clients: whoever may call the sandbox may fetch
// everything. Faults: the bulk_* switches of Misbehaviour.
//
// Limits: kSandboxBulkJobsMax jobs; the oldest goes first. Errors: an OperationOutcome. Thread rules: not synchronised;
// Sandbox locks.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/message.h"
#include "sandbox/engine.h"
#include "sandbox/sandbox.h"

namespace mitral::sandbox {

class BulkExport {
 public:
  explicit BulkExport(const Options& options) : options_(options) {}

  /// nullopt: the path (below the base) is none of this server's.
  [[nodiscard]] std::optional<codec::Response> handle(const codec::Request& request, std::string_view path,
                                                      const Engine& engine);

 private:
  struct Parameters {
    std::vector<std::string> types;
    std::vector<std::string> patients;
    std::int64_t since = 0;  ///< microseconds
  };
  struct File {
    std::string type;
    std::string text;
    std::size_t lines = 0;
  };
  struct Job {
    std::string request;
    Instant at;
    std::size_t polls = 0;
    std::vector<File> output, deleted, error;
  };

  [[nodiscard]] codec::Response kick_off(const codec::Request& request, std::string_view path, const Engine& engine);
  [[nodiscard]] codec::Response status(const codec::Request& request, const std::string& id, const Misbehaviour& how);
  [[nodiscard]] codec::Response file(const std::string& id, std::string_view name) const;
  [[nodiscard]] codec::Json manifest(const std::string& id, const Job& job, const Misbehaviour& how) const;
  [[nodiscard]] Result<Parameters> read(const codec::Request& request) const;
  void run(Job& job, std::string_view path, const Parameters& parameters, const Engine& engine) const;
  void add_deletions(Job& job, const Parameters& parameters, const Engine& engine) const;
  void misbehave(Job& job, const Engine& engine) const;

  const Options& options_;
  std::map<std::string, Job, std::less<>> jobs_;
  std::deque<std::string> order_;
};

}  // namespace mitral::sandbox
