// EmergencyReviews: tells the FHIR server of emergency accesses: a Task for the privacy office and a Communication to
// the patient, posted once per access when this gateway first sees its token (docs/adr/0013-emergency-access.md; threat
// S-21).
//
//   due       note(), before anything is shown to the token: an audit event, kind emergency, reason review_due. The
//             record is the outbox: it is durable, and what it holds of an access is enough to post
//   posted    conditional creates by the access's identifier (If-None-Exist): however many gateways try, and however
//             often, there is one Task. Tried until the server acknowledges, at growing intervals
//   written   an audit event, review_written, with the ids that the server gave
//   recovered after a restart, from the events of the last kReviewRecoverAge that have no review_written
//
// A FHIR server that is down or refuses delays nobody: it shows in log and metrics. One that refuses a resource is sent
// it with names instead of references: the id that a clinician typed need not exist.
//
// Limits: kReview*. Errors: unavailable when the access can't be written down. Thread rules: note() from any thread
// that has a Scheduler; recover_page(), work() and run() one at a time.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/emergency_export.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "gateway/exchange.h"
#include "gateway/token_verifier.h"

namespace mitral::gateway {

class EmergencyReviews {
 public:
  /// What the parts refer to must outlive it. Their `reviews` is not used.
  explicit EmergencyReviews(const Exchange::Parts& parts) : parts_(parts), exchange_(parts) {}

  [[nodiscard]] static bool concerns(const VerifiedToken& token) noexcept;
  /// Writes down that a Task is due, unless it was before. Precondition: concerns(token).
  [[nodiscard]] Task<Result<void>> note(TokenPtr token, std::string address);

  /// Reads one page of the record, backwards. True: that was the last one that is needed.
  [[nodiscard]] Task<Result<bool>> recover_page();
  /// Tries those whose time has come.
  [[nodiscard]] Task<> work();
  /// Both until stop().
  [[nodiscard]] Task<> run();
  void stop() noexcept { stopping_.store(true, std::memory_order_relaxed); }

  /// Accesses whose Task is not acknowledged yet.
  [[nodiscard]] std::size_t open() const;

 private:
  struct Review {
    audit::EmergencyUse use;
    std::string address;
    Instant next;
    unsigned attempts = 0;
    bool literal = true;
    std::optional<std::string> task = {}, notice = {};  ///< acknowledged, with the id if the server told it
  };
  enum class Attempt : std::uint8_t { done, refused, unreachable };

  [[nodiscard]] bool known(const std::string& id, Instant now);
  void remember(audit::EmergencyUse use, std::string address, Instant now);
  [[nodiscard]] std::vector<Review> due(Instant now) const;
  [[nodiscard]] Task<Attempt> attempt(Review& review) const;
  [[nodiscard]] Task<Attempt> create(std::string type, const codec::Json& resource, const Review& review,
                                     std::optional<std::string>& acknowledged) const;
  [[nodiscard]] Task<Result<void>> write(std::string_view reason, const Review& review, std::string token) const;
  void put_back(Review review, Attempt result, Instant now);
  void recover(const model::AuditEvent& event, Instant now);

  const Exchange::Parts parts_;
  const Exchange exchange_;
  mutable std::mutex mutex_;
  std::map<std::string, Review> open_;    ///< by id of the access
  std::map<std::string, Instant> noted_;  ///< tokens of these need no other event, until they have ended
  std::set<std::string> finished_;        ///< found in the record while recovering
  std::optional<std::int64_t> recovered_to_;
  std::atomic<bool> overflowed_{false};  ///< some are in the record only
  std::atomic<bool> stopping_{false};
};

}  // namespace mitral::gateway
