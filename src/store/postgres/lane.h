// Lane: the connection of one event loop for reads, and the queue in front of it. Private to store/postgres.
//
// Reads that come in the same turn of the loop are sent together at its end: one write, one Sync, one answer for all of
// them; while kPostgresGroupsMax round trips are under way further ones gather. When one read of such a group fails,
// those after it, which the server skipped, are sent again. A lost connection sends what was under way once more too:
// reads change nothing, and their session is one that can't.
//
// Limits: kPostgresLaneQueueMax, kPostgresPipelineMax statements in a group, kPostgresStatementTimeout for each read.
// Errors: see readers.h. Thread rules: the reactor's thread; destroyed when it does not run any more.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/reactor.h"
#include "base/result.h"
#include "store/postgres/connection.h"
#include "store/postgres/opener.h"

namespace mitral::store::postgres {

class Lane {
 public:
  /// One read; lives in the frame of the coroutine that waits for it.
  struct Read {
    std::span<const Statement> statements;
    Result<std::vector<Rows>> outcome{};
    std::coroutine_handle<> waiting{};
    Connection::Steady::time_point deadline{};
    bool sent_before = false;  ///< on a connection that was lost
  };
  struct Wait {
    Lane& lane;
    Read& read;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) { return lane.enqueue(read, waiting); }
    void await_resume() const noexcept {}
  };

  Lane(Reactor& reactor, Opener& opener);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

 private:
  /// Where the opener's thread leaves a connection; outlives the lane.
  struct Mailbox;
  struct Sent {
    Read* read;  ///< nullptr: its time is over, and its rows are for nobody
    std::size_t statements;
  };
  struct Group {
    std::vector<Sent> reads;
    Connection::Steady::time_point given_up;
  };

  [[nodiscard]] bool enqueue(Read& read, std::coroutine_handle<> waiting);
  void ask();
  void connected();
  void pump_soon();
  void pump();
  void send_group();
  void flush();
  void ready();
  void answered(Group group, Connection::Answer answer);
  void take_answers();
  void drop();
  void resume_finished();
  void finish(Read& read, Result<std::vector<Rows>> outcome);
  void look_at_deadlines();
  void arm();

  Reactor& reactor_;
  Opener& opener_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unique_ptr<Reactor::Watch> mail_watch_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Reactor::Watch> watch_;  // after the connection: lets go of its socket first
  std::unique_ptr<Reactor::Alarm> alarm_;
  std::deque<Read*> waiting_;
  std::deque<Group> groups_;
  std::size_t under_way_ = 0;
  std::vector<std::coroutine_handle<>> finished_;
  std::vector<const Statement*> scratch_;
  bool pump_posted_ = false;
};

}  // namespace mitral::store::postgres
