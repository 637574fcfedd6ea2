// Engine: FHIR interactions on the store, as plain acts and answers. Sandbox turns HTTP into acts; a batch or
// transaction is a list of acts.
//
// Source: FHIR R4 http.html, bundle.html §2.36.1 (order and atomicity of a transaction).
// Limits: kFhirBatchEntriesMax entries, kFhirPageMax per page. Errors: an Answer with an OperationOutcome.
// Thread rules: not synchronised; Sandbox locks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "codec/json.h"
#include "fhir/interaction.h"
#include "sandbox/query.h"
#include "sandbox/sandbox.h"
#include "sandbox/store.h"

namespace mitral::sandbox {

struct Act {
  codec::Method method = codec::Method::get;
  std::string path;  ///< below the base
  std::string query;
  std::string content_type;
  std::string form;  ///< body of POST _search
  codec::Json body;  ///< resource or patch
  std::string if_match;
  std::string if_none_match;
  std::string if_none_exist;
  std::string prefer;
};

struct Answer {
  int status = 200;
  codec::Json body;  ///< null: none
  std::string etag;
  std::string location;
  std::optional<Instant> last_modified;
};

/// An OperationOutcome. `code` is an issue type of FHIR ("not-found", "invalid" ...).
[[nodiscard]] Answer problem(int status, std::string_view code, std::string_view text);
[[nodiscard]] codec::Json operation_outcome(std::string_view severity, std::string_view code, std::string_view text);

class Engine {
 public:
  explicit Engine(const Options& options) : options_(options) {}

  [[nodiscard]] Answer perform(const Act& act);
  [[nodiscard]] Result<std::size_t> load(const codec::Json& bundle);

  Store store;
  Misbehaviour misbehaviour;

 private:
  [[nodiscard]] Answer read(const fhir::Interaction& what, const Act& act) const;
  [[nodiscard]] Answer vread(const fhir::Interaction& what) const;
  [[nodiscard]] Answer history(const fhir::Interaction& what) const;
  [[nodiscard]] Answer search(const fhir::Interaction& what, const Act& act) const;
  [[nodiscard]] Answer create(const fhir::Interaction& what, const Act& act);
  [[nodiscard]] Answer update(std::string_view type, std::string_view id, const Act& act);
  [[nodiscard]] Answer patch(std::string_view type, std::string_view id, const Act& act);
  [[nodiscard]] Answer remove(std::string_view type, std::string_view id, const Act& act);
  [[nodiscard]] Answer conditional(const fhir::Interaction& what, const Act& act);
  [[nodiscard]] Answer everything(const fhir::Interaction& what) const;
  [[nodiscard]] Answer capabilities() const;
  // operations.cc
  [[nodiscard]] Answer operation(const fhir::Interaction& what, const Act& act) const;
  [[nodiscard]] Answer encounter_everything(const fhir::Interaction& what) const;
  [[nodiscard]] Answer with_references(const fhir::Interaction& what, std::vector<const Version*> members) const;
  [[nodiscard]] Answer document(const fhir::Interaction& what) const;
  [[nodiscard]] Answer lastn(const fhir::Interaction& what) const;
  [[nodiscard]] Answer docref(const fhir::Interaction& what) const;
  [[nodiscard]] Answer validate(const fhir::Interaction& what, const Act& act) const;
  [[nodiscard]] Answer expand(const fhir::Interaction& what) const;
  [[nodiscard]] Answer lookup() const;
  [[nodiscard]] Answer leaked() const;
  // transaction.cc
  [[nodiscard]] Answer bundle(const Act& act);
  [[nodiscard]] Answer batch(const codec::Json& bundle);
  [[nodiscard]] Answer transaction(const codec::Json& bundle);

  /// Current resources of one type that meet a query string, as in If-None-Exist.
  [[nodiscard]] Result<std::vector<const Version*>> find(std::string_view type, std::string_view query) const;
  [[nodiscard]] Answer stored(const Version* version, int status, const Act& act) const;
  [[nodiscard]] Answer page(const Query& query, std::vector<const Version*> matches,
                            const fhir::Interaction& what) const;
  [[nodiscard]] std::vector<const Version*> foreign_to(const std::vector<const Version*>& matches,
                                                       std::string_view type) const;
  [[nodiscard]] std::string new_id() const;
  [[nodiscard]] Instant now() const { return options_.clock->now(); }

  const Options& options_;
};

}  // namespace mitral::sandbox
