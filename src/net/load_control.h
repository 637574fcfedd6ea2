// LoadControl: which requests an event loop refuses when more come than it can serve (threats W-14, W-32; ADR 0019).
//
// Told how long ready connections wait for the loop (net/load_probe.h), it steers the part of requests that is refused
// so that the wait stays at the target: a proportional-integral controller like PIE's (RFC 8033 §4.2), which begins
// only when the wait has stayed above kLoadBegin (CoDel's idea of a standing queue, RFC 8289 §3.1: a burst is no
// overload, nor are some dozens of callers that each wait for their answer before they ask again). Below half of the
// target nothing is refused, whatever the share: a loop that refuses must not run dry. Above the brake all is refused
// but what is vital and, when few ask for much, the modest part of the rest.
//
// A refusal has its price too: a request has to be read and answered for it. What a refusal costs and what a service
// costs are measured, and refusals get a part of the loop's time only: half of it, so that no flood is answered by
// refusals alone, and none or little where a service costs hardly more than its refusal. What is beyond waits in the
// kernel, unread, and slows its sender down: to answer it either way would take as long.
//
// Whom it hits first is one order, from 0 up. What a caller asks for beyond its fair share goes before the rest of its
// kind; when most callers keep below their share, it goes two kinds before:
//
//                     few ask for much   beyond its share   within
//   low      new sign-ins, exports   0          4              5
//   normal   sign-ins under way      2          6              7
//   high     resource servers        4          8              9
//   vital    revocation, its feed    6         10             11
//
// Each request draws a place within its rank, and everything below one threshold is refused. The threshold follows the
// quantile of the places that gives the wanted share (each request moves it a little), so that whatever the mixture of
// requests, rank by rank is refused whole until the share is reached, the last one in part. A caller is a credential
// that has been accepted lately, or else an address (an IPv6 /64).
//
// Limits: kLoad... in base/limits.h. Thread rules: one thread; share() and wait() from any.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "net/fair_shares.h"
#include "net/keyed_hash.h"

namespace mitral::net {

enum class Importance : std::uint8_t { low, normal, high, vital };

class LoadControl {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Verdict : std::uint8_t {
    serve,
    overload,  ///< more is asked for than can be served
    unfair,    ///< and this caller asks for more than its share
    brake,     ///< the wait is far too long: only what is vital or modest is served
  };

  explicit LoadControl(const HashKey& secret);

  /// A ready connection waited this long.
  void measured(Duration wait, Time now) noexcept;
  /// Nothing is ready any more: whatever was measured, there is no queue. Waits that come of another program's turns on
  /// the processor end here, and are never taken for too many requests.
  void emptied() noexcept;
  /// Nothing was measured for a while: what is known is of the past.
  void forget() noexcept;
  /// Whether anything may be refused now. Callers are told apart only meanwhile.
  [[nodiscard]] bool engaged() const noexcept { return engaged_; }

  [[nodiscard]] std::uint64_t key_of(std::string_view text) const noexcept { return keyed_hash(secret_, text); }
  /// Who asks: the credential if it was accepted lately, else the address.
  [[nodiscard]] std::uint64_t caller(std::uint64_t address, std::uint64_t credential) const noexcept;
  /// A request with this credential was answered well.
  void accepted(std::uint64_t credential) noexcept;

  /// A request was refused, which took so long from the moment at which it had been read.
  void refused(std::chrono::steady_clock::duration took) noexcept;
  /// Something else that was judged was closed instead of served.
  void closed(std::uint32_t weight) noexcept {
    ++refusals_;
    refused_weight_ += weight;
  }

  /// One decision; counts the request. `weight`: how many ordinary requests it costs as much as.
  [[nodiscard]] Verdict judge(Importance importance, std::uint64_t caller, std::uint32_t weight = 1) noexcept;

  /// The refused part of all requests, from 0 to 1, and the last wait measured.
  [[nodiscard]] double share() const noexcept { return share_.load(std::memory_order_relaxed); }
  [[nodiscard]] Duration wait() const noexcept { return Duration(wait_.load(std::memory_order_relaxed)); }
  /// The largest share that refusals' own price allows.
  [[nodiscard]] double share_max() const noexcept { return share_max_; }
  /// Seconds of the loop that a refusal and a service cost, as far as known; 0: not known.
  [[nodiscard]] double refusal_cost() const noexcept { return refusal_.load(std::memory_order_relaxed); }
  [[nodiscard]] double service_cost() const noexcept { return service_.load(std::memory_order_relaxed); }

 private:
  static constexpr double kRanks = 12;

  void watch(Duration wait, Time now) noexcept;
  void correct(Duration wait, Duration passed, Time now) noexcept;
  void engage(Duration wait, Time now) noexcept;
  void next_window(Time now) noexcept;
  void learn_service(std::chrono::steady_clock::duration time, std::uint64_t served, std::uint64_t refusals) noexcept;
  void doubt_service() noexcept;
  [[nodiscard]] double draw() noexcept;

  HashKey secret_;
  std::uint64_t random_;
  bool engaged_ = false;
  std::atomic<double> share_{0};
  std::atomic<std::int64_t> wait_{0};

  Duration lowest_ = Duration::max();  // wait of this step
  Duration last_{};                    // of the step before
  Time step_began_{};
  Time window_began_{};
  std::optional<Time> above_since_;
  Time looked_first_{};             // while above
  std::uint64_t judged_first_ = 0;  // by then
  Time busy_last_{};                // with refusals, or a queue
  std::uint32_t requests_ = 0;      // of this window
  std::uint32_t requests_before_ = 0;
  std::uint64_t judged_ = 0;          // requests, ever
  std::uint32_t refusals_ = 0;        // of this window
  std::uint32_t refused_weight_ = 0;  // the same, as requests are counted
  bool dry_ = false;                  // nothing was ready at some moment of this window
  std::atomic<double> refusal_;
  std::atomic<double> service_{0};
  double share_max_ = 1;  // what both allow

  FairShares shares_;
  double threshold_ = 0;               // 0 to kRanks: places below it are refused
  std::vector<std::uint64_t> proven_;  // credentials, each in the slot of its hash
};

}  // namespace mitral::net
