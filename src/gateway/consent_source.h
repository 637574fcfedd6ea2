// ConsentSource: patients' directives (FHIR Consent) as the FHIR server has them, read with the gateway's own
// credential and believed for kConsentBelieved (threats S-20, S-28; smart-fhir §4.2).
//
// Asked with Consent?patient=Patient/a,Patient/b&status=active, all pages. A Consent is attributed by its own patient
// element, never by the search; one that names no patient of this server makes the directives of all who were asked for
// unreadable, which denies. Age is counted from when the question was sent. One question per patient at a time: who
// comes meanwhile waits for its answer. After forget() an answer that was under way is not
// kept.
//
// Whatever goes wrong (no answer, another status than 200, not a searchset, too many pages), the patient is missing in
// the book, and the decision denies; a question that failed is not repeated within kFeedRetry.
//
// Limits: kConsentCacheMax, kConsentBatchMax, kConsentPagesMax. Errors: none; a patient who is missing. Thread rules:
// any thread that has a Scheduler; the Exchange must outlive the Task.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "codec/json.h"
#include "net/runtime.h"
#include "policy/consent.h"

namespace mitral::gateway {

class Exchange;

class ConsentSource {
 public:
  explicit ConsentSource(const Clock& clock) noexcept : clock_(clock) {}

  /// What is known of these patients, asked for where it is not known well enough.
  [[nodiscard]] Task<policy::ConsentBook> read(const Exchange& exchange, std::vector<std::string> patients);
  /// A Consent was written or deleted, or may have been: everything is asked for anew.
  void forget();

 private:
  using Directives = std::shared_ptr<const policy::PatientDirectives>;
  struct Entry {
    Directives directives;     ///< null: none yet, or the last question failed
    Instant asked;             ///< of the directives, or of the failure
    std::uint64_t flight = 0;  ///< question under way; 0: none
    Instant departed;          ///< of that question
  };
  struct Split {
    std::vector<std::string> ask;  ///< ours to ask
    std::uint64_t flight = 0;
    bool wait = false;  ///< others are being asked for by somebody else
    std::uint64_t seen = 0;
  };
  class Flight;

  /// Fills the book with what is fresh; the rest is ours to ask, somebody else's, or failed just now.
  [[nodiscard]] Split look(const std::vector<std::string>& patients, policy::ConsentBook& book);
  /// The answer of a flight; a null entry is a failure. Patients forgotten meanwhile stay forgotten.
  void land(std::uint64_t flight, const std::vector<std::pair<std::string, Directives>>& answers);
  void evict(Instant now);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<std::pair<std::string, Instant>> order_;  ///< as they landed; may name entries that are gone or newer
  std::uint64_t flights_ = 0;
  net::Notifier notifier_;
};

}  // namespace mitral::gateway
