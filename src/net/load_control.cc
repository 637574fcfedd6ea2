#include "net/load_control.h"

#include <algorithm>
#include <utility>

namespace mitral::net {
namespace {

using Seconds = std::chrono::duration<double>;

// With twice the load the wait grows by (1 - 2 * share) seconds each second, and a correction is felt one wait and one
// step later, about 25 ms. These gains keep that loop stable: 10 ms more wait refuse
// 10 % more at once, and another 0.6 of all within a second.
constexpr double kProportional = 10;  // per second of change of the wait
constexpr double kIntegral = 60;      // per second of wait above the target, and second
constexpr double kCautionMin = 0.1;
constexpr double kFollow = 0.2;  // of a rank, that one request moves the threshold by

constexpr double kRefusalGuess = 15e-6;  // seconds, until some were measured
constexpr double kRefusalUnseen = 1.4;   // with its part of receiving and of waiting for readiness, by profile
constexpr double kRefusalLearn = 0.02;
constexpr double kServiceLearn = 0.3;
constexpr double kServiceDoubt = 0.97;  // for each window that shows no price: a half in two seconds
// Refusals may take half of the loop's time, so that no flood is answered by refusals alone, where a service costs as
// much as ten of them. Where it costs less than six, refusing shortens hardly any queue: nobody is refused while all
// that have a connection are served within kLoadCheap, and the more, the longer they wait beyond it. Between the two
// the time grows with the price: a step would make the queue swing from one rule to the other.
constexpr double kTimeMost = 0.5;
constexpr double kWorthAll = 10;  // refusals for one service
constexpr double kWorthNothing = 6;
constexpr double kTimePerSecond = 2;  // of wait beyond kLoadCheap

// The share of requests whose refusal takes that part of the time: refused time / refusal, served (1 - time) / service.
double share_for(double service, double refusal, Duration wait) noexcept {
  if (service <= 0) return 1;
  const double worth = service / refusal;
  const double beyond = std::max(0.0, Seconds(wait - limits::kLoadCheap).count());
  const double saving = std::clamp((worth - kWorthNothing) / (kWorthAll - kWorthNothing), 0.0, 1.0);
  const double time = std::min(kTimeMost, kTimeMost * saving + kTimePerSecond * beyond);
  if (time <= 0) return 0;
  return time / (time + (1 - time) / worth);
}

}  // namespace

LoadControl::LoadControl(const HashKey& secret)
    : secret_(secret),
      random_(keyed_hash(secret, "draw") | 1),
      refusal_(kRefusalGuess),
      proven_(limits::kProvenCallers) {}

void LoadControl::measured(Duration wait, Time now) noexcept {
  wait_.store(wait.count(), std::memory_order_relaxed);
  lowest_ = std::min(lowest_, wait);
  if (now - window_began_ >= limits::kLoadWindow) next_window(now);
  const auto passed = now - step_began_;
  if (passed < limits::kLoadStep) return;
  const auto standing = std::exchange(lowest_, Duration::max());
  step_began_ = now;
  if (engaged_) {
    const auto counted = std::min<std::chrono::steady_clock::duration>(passed, limits::kLoadWindow);
    correct(standing, std::chrono::duration_cast<Duration>(counted), now);
  } else {
    watch(standing, now);
  }
  last_ = standing;
}

void LoadControl::emptied() noexcept {
  lowest_ = Duration::zero();
  dry_ = true;
  wait_.store(0, std::memory_order_relaxed);
}

// A wait without requests that cause it is another program's doing: refusing would free nothing.
void LoadControl::watch(Duration wait, Time now) noexcept {
  if (wait <= limits::kLoadBegin || requests_ + requests_before_ < limits::kLoadRequestsMin) {
    above_since_.reset();
    return;
  }
  if (!above_since_) {
    // There was a queue when the measurement began. But one long wait can be a pause of the whole machine: a queue is
    // still there at the next look, whatever was served in between.
    above_since_ = now - wait;
    looked_first_ = now;
    judged_first_ = judged_;
  } else if (now - *above_since_ >= limits::kLoadPatience) {
    engage(wait, now);
  }
}

void LoadControl::engage(Duration wait, Time now) noexcept {
  engaged_ = true;
  busy_last_ = now;
  shares_.clear();
  service_.store(0, std::memory_order_relaxed);
  learn_service(now - looked_first_, judged_ - judged_first_, 0);
  const double excess = Seconds(wait - limits::kLoadTarget).count();
  share_.store(std::min({0.5, kProportional * excess, share_max_}), std::memory_order_relaxed);
}

void LoadControl::correct(Duration wait, Duration passed, Time now) noexcept {
  const double error = Seconds(wait - limits::kLoadTarget).count();
  double trend = Seconds(wait - last_).count();
  if (last_ > limits::kLoadBrake) trend = std::max(trend, 0.0);  // the brake's doing: nothing to learn from it
  const double change = kIntegral * error * Seconds(passed).count() + kProportional * trend;
  // The more is refused, the more a small change of the share changes what is served. To refuse less is never wrong.
  const double caution = change < 0 ? 1 : std::clamp(2 * (1 - share()), kCautionMin, 1.0);
  share_max_ = share_for(service_cost(), refusal_cost(), wait);
  const double wanted = std::clamp(share() + caution * change, 0.0, share_max_);
  share_.store(wanted, std::memory_order_relaxed);
  if (wanted > 0 || wait > limits::kLoadBegin) {
    busy_last_ = now;
  } else if (now - busy_last_ >= limits::kLoadCalm) {
    return forget();
  }
}

void LoadControl::forget() noexcept {
  engaged_ = false;
  above_since_.reset();
  share_.store(0, std::memory_order_relaxed);
  threshold_ = 0;
}

void LoadControl::next_window(Time now) noexcept {
  const auto time = now - std::exchange(window_began_, now);
  const auto refusals = std::exchange(refusals_, 0);
  const auto refused = std::exchange(refused_weight_, 0);
  const bool dry = std::exchange(dry_, false);
  requests_before_ = std::exchange(requests_, 0);
  if (!engaged_) return;
  // What was hardly served shows no price: a pause of the machine would be taken for that of those few.
  if (!dry && requests_before_ >= refused && 8 * (requests_before_ - refused) >= requests_before_) {
    learn_service(time, requests_before_ - refused, refusals);
  } else if (!dry) {
    doubt_service();
  }
  shares_.next_window(1 - share());
}

// What of a busy loop's time was no refusal was service. Where refusals took most of it, nothing can be learned.
void LoadControl::learn_service(std::chrono::steady_clock::duration time, std::uint64_t served,
                                std::uint64_t refusals) noexcept {
  const double all = Seconds(time).count();
  const double left = all - static_cast<double>(refusals) * refusal_cost();
  if (served == 0 || left <= all / 2) return doubt_service();
  const double found = left / static_cast<double>(served);
  const double known = service_cost();
  service_.store(known <= 0 ? found : known + kServiceLearn * (found - known), std::memory_order_relaxed);
  share_max_ = share_for(service_cost(), refusal_cost(), last_);
}

// A price that is too high refuses so much that no better one is ever learned: unconfirmed, it falls until enough is
// served to learn from.
void LoadControl::doubt_service() noexcept {
  service_.store(service_cost() * kServiceDoubt, std::memory_order_relaxed);
  share_max_ = share_for(service_cost(), refusal_cost(), last_);
}

void LoadControl::refused(std::chrono::steady_clock::duration took) noexcept {
  closed(1);
  // A turn of another program that fell into it is no price of a refusal.
  const double known = refusal_cost();
  const double found = std::min(kRefusalUnseen * Seconds(took).count(), 4 * known);
  refusal_.store(known + kRefusalLearn * (found - known), std::memory_order_relaxed);
}

std::uint64_t LoadControl::caller(std::uint64_t address, std::uint64_t credential) const noexcept {
  return credential != 0 && proven_[credential % proven_.size()] == credential ? credential : address;
}

void LoadControl::accepted(std::uint64_t credential) noexcept {
  if (credential != 0) proven_[credential % proven_.size()] = credential;
}

// xorshift64*: spreads refusals evenly and unforeseeably enough that no rhythm of requests slips through.
double LoadControl::draw() noexcept {
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  return static_cast<double>((random_ * 0x2545F4914F6CDD1DULL) >> 11) * 0x1.0p-53;
}

LoadControl::Verdict LoadControl::judge(Importance importance, std::uint64_t caller, std::uint32_t weight) noexcept {
  requests_ += weight;
  judged_ += weight;
  if (!engaged_) return Verdict::serve;
  const double excess = shares_.count(caller, weight);
  const bool over = excess > 0 && draw() < excess;
  double rank = 4 + 2 * static_cast<double>(importance) + (over ? 0 : 1);
  if (over && shares_.few_ask_for_much()) rank -= 4;
  const bool spared = rank + 2 >= kRanks || (!over && shares_.few_ask_for_much());
  const bool brake = wait() > limits::kLoadBrake && !spared;
  if (brake && share_max_ >= 1) return Verdict::brake;
  if (wait() < limits::kLoadTarget / 2) return Verdict::serve;
  const double wanted = brake ? share_max_ : share();
  const bool refused = wanted > 0 && rank + draw() < threshold_;
  threshold_ = std::clamp(threshold_ + kFollow * (wanted - (refused ? 1 : 0)), 0.0, kRanks);
  if (!refused) return Verdict::serve;
  if (brake) return Verdict::brake;
  return over ? Verdict::unfair : Verdict::overload;
}

}  // namespace mitral::net
