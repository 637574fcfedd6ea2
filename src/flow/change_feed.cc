#include "flow/change_feed.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"

namespace mitral::flow {
namespace {

std::string session_key(const Issuer& issuer, std::string_view sid) {
  std::string out = issuer.value;
  out += '\n';
  out += sid;
  return out;
}

}  // namespace

ChangeFeed::ChangeFeed(ports::GrantStore& store, Clock& clock)
    : store_(store), clock_(clock), seq_(store.latest_change()), dropped_(store.latest_change()) {
  store_.on_change([this] { dirty_.store(true, std::memory_order_release); });
}

ChangeFeed::~ChangeFeed() = default;

void ChangeFeed::on_line(std::function<void(const model::Change&)> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

ChangeFeed::Page ChangeFeed::page_locked(const Issuer& issuer, std::int64_t after) const {
  Page page{seq_, dropped_ + 1, {}};
  if (after < dropped_) return page;
  auto it = std::ranges::upper_bound(lines_, after, {}, &model::Change::seq);
  for (; it != lines_.end(); ++it) {
    if (it->issuer != issuer) continue;
    if (page.changes.size() == limits::kFeedPage) {
      page.seq = page.changes.back().seq;
      break;
    }
    page.changes.push_back(*it);
  }
  return page;
}

Task<Result<void>> ChangeFeed::follow() {
  // One reader at a time; who comes in between leaves the mark for the next.
  if (following_.exchange(true)) {
    dirty_.store(true);
    co_return Result<void>{};
  }
  dirty_.store(false);
  for (;;) {
    std::int64_t from = 0;
    {
      const std::lock_guard lock(mutex_);
      from = seq_;
    }
    auto lines = co_await store_.changes_after(from, limits::kFeedPage);
    if (!lines) {
      dirty_.store(true);
      unread_.store(true, std::memory_order_release);
      following_.store(false);
      co_return fail(lines.error());
    }
    if (lines->empty()) break;
    std::vector<std::function<void(const model::Change&)>> listeners;
    {
      const std::lock_guard lock(mutex_);
      const Instant now = clock_.now();
      for (const auto& line : *lines) {
        if (line.seq <= seq_) continue;
        seq_ = line.seq;
        lines_.push_back(line);
        if (line.kind == model::ChangeKind::session_ended)
          ended_sessions_[session_key(line.issuer, line.subject)] = now;
      }
      while (lines_.size() > limits::kFeedLines) {
        dropped_ = lines_.front().seq;
        lines_.pop_front();
      }
      std::erase_if(ended_sessions_, [&](const auto& e) { return now > e.second + limits::kFeedSessionMemory; });
      listeners = listeners_;
    }
    for (const auto& line : *lines) {
      for (const auto& listener : listeners) listener(line);
    }
    if (lines->size() < limits::kFeedPage) break;
  }
  unread_.store(false, std::memory_order_release);
  following_.store(false);
  wake(clock_.now(), true);
  co_return Result<void>{};
}

void ChangeFeed::wake(Instant now, bool news) {
  std::vector<std::function<void(bool)>> ready;
  const bool blind = !current();
  {
    const std::lock_guard lock(mutex_);
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      const bool due = now >= it->deadline;
      const bool told = news && (it->after < dropped_ || !page_locked(it->issuer, it->after).changes.empty());
      if (due || told || blind) {
        ready.push_back(std::move(it->resume));
        it = waiters_.erase(it);
      } else {
        ++it;
      }
    }
  }
  for (auto& resume : ready) resume(true);
}

Task<Result<void>> ChangeFeed::tick() {
  if (dirty_.load(std::memory_order_acquire) || store_.latest_change() != [&] {
        const std::lock_guard lock(mutex_);
        return seq_;
      }()) {
    if (auto followed = co_await follow(); !followed) {
      wake(clock_.now(), false);
      co_return followed;
    }
  }
  wake(clock_.now(), false);
  co_return Result<void>{};
}

// The store's memory is in step, and so is ours: what it knows of and we could not read is not news we may hide.
Result<void> ChangeFeed::current() const {
  MITRAL_CHECK(store_.current());
  if (unread_.load(std::memory_order_acquire))
    return fail(ErrorCode::unavailable, {}, "new lines of the change feed can't be read");
  return {};
}

Task<Result<ChangeFeed::Page>> ChangeFeed::after(Issuer issuer, std::int64_t after, Duration wait) {
  // A line may have been committed by this very process a moment ago.
  if (dirty_.load(std::memory_order_acquire)) MITRAL_CO_CHECK(co_await follow());
  MITRAL_CO_CHECK(current());
  bool must_wait = false;
  Page page;
  {
    const std::lock_guard lock(mutex_);
    page = page_locked(issuer, after);
    must_wait =
        page.changes.empty() && after >= dropped_ && wait > Duration{} && waiters_.size() < limits::kFeedWaitersMax;
  }
  if (!must_wait) co_return page;
  const Instant deadline = clock_.now() + std::min<Duration>(wait, limits::kFeedWaitMax);
  Completion<bool> woken;
  woken.start = [this, issuer, after, deadline](std::function<void(bool)> resume) {
    {
      const std::lock_guard lock(mutex_);
      // News may have come between the look and now.
      if (page_locked(issuer, after).changes.empty()) {
        waiters_.push_back({issuer, after, deadline, std::move(resume)});
        return;
      }
    }
    resume(true);
  };
  co_await woken;
  MITRAL_CO_CHECK(current());
  const std::lock_guard lock(mutex_);
  co_return page_locked(issuer, after);
}

bool ChangeFeed::session_ended(const Issuer& issuer, const Id128& sid) const {
  const std::lock_guard lock(mutex_);
  if (ended_sessions_.empty()) return false;
  return ended_sessions_.contains(session_key(issuer, sid.text()));
}

}  // namespace mitral::flow
