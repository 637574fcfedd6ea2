#include "store/postgres/lane.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "base/limits.h"
#include "base/task.h"

namespace mitral::store::postgres {

// An event descriptor and not a post: the loop may be gone when the connection is made.
struct Lane::Mailbox {
  Mailbox() : event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Mailbox() { ::close(event); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void put(std::unique_ptr<Connection> delivered) {
    {
      const std::lock_guard lock(mutex);
      connection = std::move(delivered);
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event, &one, sizeof(one));
  }
  [[nodiscard]] std::unique_ptr<Connection> take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(event, &count, sizeof(count));
    const std::lock_guard lock(mutex);
    return std::move(connection);
  }

  const int event;
  std::mutex mutex;
  std::unique_ptr<Connection> connection;
};

Lane::Lane(Reactor& reactor, Opener& opener)
    : reactor_(reactor), opener_(opener), mailbox_(std::make_shared<Mailbox>()) {
  mail_watch_ = reactor_.watch(mailbox_->event, [this] { connected(); });
  ask();
}

Lane::~Lane() = default;

void Lane::ask() {
  mail_watch_->want(true, false);
  opener_.ask([mailbox = mailbox_](std::unique_ptr<Connection> connection) { mailbox->put(std::move(connection)); });
}

void Lane::connected() {
  connection_ = mailbox_->take();
  if (!connection_) {
    mail_watch_->want(true, false);
    return;
  }
  watch_ = reactor_.watch(connection_->socket(), [this] { ready(); });
  watch_->want(true, false);
  pump();
}

bool Lane::enqueue(Read& read, std::coroutine_handle<> waiting) {
  if (waiting_.size() + under_way_ >= limits::kPostgresLaneQueueMax) {
    read.outcome = fail(ErrorCode::unavailable, {}, "the queue of reads is full");
    return false;
  }
  read.waiting = waiting;
  read.deadline = Connection::Steady::now() + limits::kPostgresStatementTimeout;
  waiting_.push_back(&read);
  if (!alarm_) arm();
  pump_soon();
  return true;
}

void Lane::pump_soon() {
  if (pump_posted_ || !connection_ || groups_.size() >= limits::kPostgresGroupsMax) return;
  pump_posted_ = true;
  reactor_.scheduler().post([this] {
    pump_posted_ = false;
    pump();
  });
}

void Lane::pump() {
  if (!connection_) return;
  bool sent = false;
  while (!waiting_.empty() && groups_.size() < limits::kPostgresGroupsMax) {
    send_group();
    sent = true;
  }
  if (sent) flush();
  if (connection_->lost()) {
    take_answers();
    drop();
    resume_finished();
  }
}

void Lane::send_group() {
  Group group;
  scratch_.clear();
  while (!waiting_.empty()) {
    Read* const read = waiting_.front();
    if (!scratch_.empty() && scratch_.size() + read->statements.size() > limits::kPostgresPipelineMax) break;
    waiting_.pop_front();
    for (const auto& statement : read->statements) scratch_.push_back(&statement);
    group.reads.push_back({read, read->statements.size()});
  }
  group.given_up = Connection::Steady::now() + limits::kPostgresStatementTimeout + limits::kPostgresGrace;
  under_way_ += group.reads.size();
  groups_.push_back(std::move(group));
  connection_->send(scratch_);
}

void Lane::flush() {
  const bool sent = connection_->flush();
  if (watch_) watch_->want(true, !sent);
}

void Lane::ready() {
  connection_->consume();
  take_answers();
  if (connection_->lost()) {
    drop();
  } else {
    while (!waiting_.empty() && groups_.size() < limits::kPostgresGroupsMax) send_group();
    flush();
    if (connection_->lost()) {
      take_answers();
      drop();
    }
  }
  resume_finished();
}

void Lane::take_answers() {
  Connection::Answer answer;
  while (!groups_.empty() && connection_->take(answer)) {
    Group group = std::move(groups_.front());
    groups_.pop_front();
    under_way_ -= group.reads.size();
    answered(std::move(group), std::move(answer));
    answer = {};
  }
}

void Lane::answered(Group group, Connection::Answer answer) {
  std::size_t at = 0;
  bool failed = false;
  std::vector<Read*> again;
  for (const auto& [read, count] : group.reads) {
    const std::size_t end = at + count;
    const bool complete = answer.rows.size() >= end;
    if (read == nullptr) {
      failed = failed || !complete;
    } else if (complete) {
      const auto first = answer.rows.begin() + static_cast<std::ptrdiff_t>(at);
      finish(*read, std::vector<Rows>(std::move_iterator(first),
                                      std::move_iterator(first + static_cast<std::ptrdiff_t>(count))));
    } else if (answer.failure == Failure::lost) {
      if (std::exchange(read->sent_before, true)) {
        finish(*read, std::unexpected(answer.error));
      } else {
        again.push_back(read);
      }
    } else if (!std::exchange(failed, true)) {
      finish(*read, std::unexpected(answer.error));
    } else {
      again.push_back(read);
    }
    at = end;
  }
  waiting_.insert(waiting_.begin(), again.begin(), again.end());
}

/// The connection is lost and everything that was under way on it has been answered.
void Lane::drop() {
  watch_.reset();
  connection_.reset();
  ask();
}

void Lane::finish(Read& read, Result<std::vector<Rows>> outcome) {
  read.outcome = std::move(outcome);
  finished_.push_back(read.waiting);
}

// Last of all, when the lane is in order: those who resume may read again.
void Lane::resume_finished() {
  const auto finished = std::exchange(finished_, {});
  for (const auto handle : finished) handle.resume();
}

void Lane::arm() {
  auto next = Connection::Steady::time_point::max();
  for (const auto& group : groups_) {
    next = std::min(next, group.given_up);
    for (const auto& sent : group.reads) {
      if (sent.read != nullptr) next = std::min(next, sent.read->deadline);
    }
  }
  if (!waiting_.empty()) next = std::min(next, waiting_.front()->deadline);
  if (next == Connection::Steady::time_point::max()) {
    alarm_.reset();
    return;
  }
  const auto left = std::chrono::ceil<Duration>(next - Connection::Steady::now());
  alarm_ = reactor_.after(std::max(left, Duration(0)), [this] { look_at_deadlines(); });
}

void Lane::look_at_deadlines() {
  const auto now = Connection::Steady::now();
  const auto late = [] { return fail(ErrorCode::unavailable, {}, "the database did not answer in time"); };
  for (auto& group : groups_) {
    for (auto& sent : group.reads) {
      if (sent.read == nullptr || sent.read->deadline > now) continue;
      finish(*std::exchange(sent.read, nullptr), late());
    }
  }
  while (!waiting_.empty() && waiting_.front()->deadline <= now) {
    Read& read = *waiting_.front();
    waiting_.pop_front();
    finish(read, connection_ ? late() : fail(ErrorCode::unavailable, {}, opener_.last_error()));
  }
  if (connection_ && !groups_.empty() && groups_.front().given_up <= now) {
    connection_->lose("the database did not answer in time");
    take_answers();
    drop();
  }
  arm();
  resume_finished();
}

}  // namespace mitral::store::postgres
