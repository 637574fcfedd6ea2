// Sandbox: a small FHIR R4 server in memory. The demo's source of records, and the upstream against which the gateway
// is tested, also with the faults of real servers switched on (Misbehaviour).
//
// Source: FHIR R4 http.html, search.html, bundle.html. Reads, versions, history (instance, type, system), search by GET
// and POST with the parameters of fhir/search_params.h, one step of chaining and _has, _include, _revinclude, _sort,
// _count, _elements, paging by links, compartment search, create, update, patch (JSON Patch, RFC 6902), delete, the
// conditional forms, batch, transaction, $everything, $document, $lastn, $docref, $validate, Bulk Data export,
// CapabilityStatement; ETag, If-Match, If-None-Match,
// Last-Modified, If-None-Exist, Prefer: return=…, handling=…. It knows no sockets: app/ binds handle() to net/. It
// makes no decision about access: whoever may call it may see everything, so it listens behind a gateway or demands
// Options::required_authorization. Limits: kFhirBodyMax, kFhirBatchEntriesMax, kFhirPageMax, kSandboxResourcesMax.
// Errors: an OperationOutcome with the status of FHIR. Thread rules: handle() and the loaders may be called from any
// thread (one lock inside); set_misbehaviour() too.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/message.h"

namespace mitral::sandbox {

/// Faults of real servers, all off by default. A gateway in front must let nothing foreign out in any of them.
struct Misbehaviour {
  bool lenient_params = false;             ///< unknown and unsupported search parameters are ignored, even `patient`
  bool wrong_subject_includes = false;     ///< searches bring resources of other patients as includes
  bool foreign_matches = false;            ///< searches bring resources of other patients as matches
  bool unfiltered_next_pages = false;      ///< from the second page on, everything of the type
  bool absolute_self_links = false;        ///< references inside resources become absolute URLs of this server
  bool xml_answer = false;                 ///< XML, whatever was asked for
  bool not_modified_before_read = false;   ///< 304 to any If-None-Match on anything
  bool wrong_totals = false;               ///< Bundle.total counts what nobody may see
  bool mixed_history = false;              ///< a history holds versions and deletions of other resources
  bool contained_foreign_patient = false;  ///< resources contain a Patient of another
  bool duplicate_keys = false;             ///< JSON objects with a member twice
  bool not_json = false;                   ///< 200 with an HTML page
  bool truncated = false;                  ///< the body stops in the middle
  bool phi_in_errors = false;              ///< OperationOutcomes quote other patients' data
  bool operation_leaks = false;            ///< $validate and terminology operations answer with somebody's record
  bool bulk_foreign_lines = false;         ///< exports have files of types that nobody asked for
  bool bulk_wrong_type_lines = false;      ///< lines of other types in files of exports
  bool bulk_ignores_type = false;          ///< exports ignore _type
  bool bulk_absolute_storage_url = false;  ///< files of exports lie at a storage host, with a key in the URL
  bool bulk_open_files = false;            ///< manifests say that files need no token
  std::size_t padding_bytes = 0;           ///< huge bodies: white space after the JSON
  Duration delay{0};                       ///< slow answers; needs Options::sleep
};

/// Every switch by its name ("lenient-params"), for --misbehave and the header below. False for an unknown name.
[[nodiscard]] bool set_by_name(Misbehaviour& out, std::string_view name);
/// Names of all switches.
[[nodiscard]] std::vector<std::string_view> misbehaviour_names();

struct Options {
  std::string base_url;                       ///< absolute, without trailing slash: "http://127.0.0.1:9444/fhir"
  std::string required_authorization;         ///< exact value of the Authorization header, or empty: none needed
  const Clock* clock = nullptr;               ///< required
  Random* random = nullptr;                   ///< required: ids of created resources
  std::function<Task<void>(Duration)> sleep;  ///< for Misbehaviour::delay
};

class Sandbox {
 public:
  explicit Sandbox(Options options);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// Answers one request whose path lies below the path of base_url. Never throws, never suspends but for a delay.
  [[nodiscard]] Task<codec::Response> handle(codec::Request request);

  /// Loads a transaction or collection bundle. Entries keep their ids where they can: PUT by URL, else resource.id,
  /// else the UUID of fullUrl. urn:uuid references are rewritten; a conditional reference ("Practitioner?identifier=…")
  /// is resolved, or a minimal resource with that identifier is made. Returns how many resources were stored.
  [[nodiscard]] Result<std::size_t> load_bundle(const codec::Json& bundle);
  /// Parses and loads.
  [[nodiscard]] Result<std::size_t> load_text(std::string_view json);

  /// Deletes a resource as DELETE does; false when there is none.
  bool remove(std::string_view type, std::string_view id);

  void set_misbehaviour(const Misbehaviour& misbehaviour);
  /// Resources that exist now (deleted ones do not count).
  [[nodiscard]] std::size_t size() const;
  /// The current version of a resource, or null. For demo and tests.
  [[nodiscard]] codec::Json current(std::string_view type, std::string_view id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::sandbox
