// Connection: one client of an HttpServer, as a state machine on its loop. Private to net/.
//
//   handshake -> reading -> handling -> writing [<-> waiting] -> reading ...  -> lingering -> closed
//
// A body that comes from a BodySource is written piece by piece: the next piece is asked for (waiting) when the socket
// has taken the last one, so that a slow reader slows its source. What ends a streamed body early ends the connection
// by a reset, never by anything that looks like an end.
//
// One buffer, one message at a time: bytes are read only when the parser needs some, so that a client which pipelines
// waits in its own socket. A handler that finishes at once is answered within the same call, with no trip through the
// queue; one that suspends is overtaken by the request deadline.
//
// Thread rules: its loop only. Lives as long as a pending operation or a running handler refers to it (Ref).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/server.h"
#include "net/stream.h"

namespace mitral::net {

class Connection;

/// Counters of one loop: written by its thread alone, read by any.
class Counter {
 public:
  void add(std::int64_t by = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(by), std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) ShardCounters {
  Counter accepted, active, handling, requests, refused_full, refused_address, tls_failed, timed_out_read,
      timed_out_write, timed_out_handler, handler_failed, tls_full, tls_resumed, evicted, accept_paused;
  std::array<Counter, kRefusalKinds> refused;
  std::array<Counter, kShedKinds> shed;
};

/// What all connections of a server share. Outlives them.
struct ServerShared {
  Handler handler;
  ServerOptions options;
  std::shared_ptr<TlsContext> tls;
  std::atomic<std::size_t> open{0};
  std::atomic<bool> draining{false};

  /// Room for one more connection from the address? Counts it when there is.
  [[nodiscard]] bool enter(const std::string& address);
  void leave(const std::string& address);
  /// Room for so many bytes more of a body under way? Counts them when there is.
  [[nodiscard]] bool hold(const std::string& address, std::size_t bytes);
  void release(const std::string& address, std::size_t bytes);

 private:
  struct Use {
    std::size_t connections = 0;
    std::size_t bytes = 0;
  };
  std::mutex mutex_;  // taken when a connection begins and ends, and every kBufferedStep bytes of a large body
  std::unordered_map<std::string, Use> addresses_;
  std::size_t bytes_ = 0;
};

/// The part of a server that lives on one loop.
struct Shard : std::enable_shared_from_this<Shard> {
  Shard(Loop& on, std::shared_ptr<ServerShared> with) : loop(on), shared(std::move(with)), cut_(*this) {}
  Loop& loop;
  std::shared_ptr<ServerShared> shared;
  std::optional<Acceptor> acceptor;
  Connection* connections = nullptr;  // intrusive list
  ShardCounters counters;
  std::size_t suspended = 0;  // handlers that wait for something; long polls of what is vital are not counted

  void accept();
  /// The connection begins to wait for its client, or ends it. Whoever waits longest is closed first when it is full.
  void waits(Connection& connection) noexcept;
  void waits_no_more(Connection& connection) noexcept;
  /// Accepts what stands before the door and then no more, lets requests finish, closes everything else; `done` when no
  /// connection is left.
  void drain(std::function<void()> done);
  /// Accepts no more and closes everything now.
  void shut();
  /// A connection left the list.
  void closed();

 private:
  struct Cut final : Timer {  // the end of patience with a drain
    explicit Cut(Shard& of) noexcept : shard(of) {}
    void expired() noexcept override;
    Shard& shard;
  };
  void accepted(Socket socket);
  void accept_more();
  void accept_later();
  [[nodiscard]] bool make_room();
  void accept_rest();
  void close_door();
  void let_finish();
  void stop_accepting();
  void close_all();

  std::function<void()> asked_, drained_;  // told when all is over, from the moment on when it can be
  bool shut_ = false;
  Connection* longest_ = nullptr;  // waits for its client; the others behind it
  Connection* shortest_ = nullptr;
  Tcp::endpoint peer_;
  std::optional<SteadyTimer> pause_;
  std::optional<SteadyTimer> settle_;
  Cut cut_;
};

/// Counted by the loop's own thread: no atomic in the request path.
template <class T>
class Ref {
 public:
  explicit Ref(T* object) noexcept : object_(object) { ++object_->references; }
  Ref(const Ref& other) noexcept : object_(other.object_) {
    if (object_ != nullptr) ++object_->references;
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && --object_->references == 0) delete object_;
  }
  T* operator->() const noexcept { return object_; }

 private:
  T* object_;
};

class Connection final : public Timer {
 public:
  Connection(std::shared_ptr<Shard> shard, Socket socket, std::string address, std::string address_key,
             std::uint64_t caller);
  ~Connection() override;

  void start();
  void drain();
  void close();

  unsigned references = 0;  // for Ref
  Connection* previous = nullptr;
  Connection* next = nullptr;
  Connection* longer = nullptr;  // Shard's list of those that wait for their clients
  Connection* shorter = nullptr;
  std::int64_t waits_since = 0;  // tick

 private:
  enum class Phase : std::uint8_t { handshake, reading, handling, writing, waiting, lingering, closed };
  enum class Waiting : std::uint8_t { idle, head, body };

  void shake_hands();
  void pump();
  bool read_more();
  void read_plain();
  void note_progress(ParseState state);
  void send_continue();
  bool dispatch();
  // connection_admission.cc
  [[nodiscard]] std::optional<Shed> admit();
  bool turn_away(Shed why);
  void turn_away_unread(Shed why);
  [[nodiscard]] bool hold(std::size_t bytes);
  void release() noexcept;
  void handled(std::uint32_t serial, std::exception_ptr failed, std::optional<codec::Response> response);
  void report(std::exception_ptr failed);
  void respond(codec::Response response);
  void refuse();
  void answer_and_close(int status);
  bool flush();
  bool go_on();
  bool ask();
  void asked(std::uint32_t serial, std::exception_ptr failed, std::optional<Result<std::string>> piece);
  void put(std::string piece);
  bool after_response();
  void linger();
  void drop_input();
  void leave();
  void expired() noexcept override;
  void set_deadline(Duration from_now) { loop_.set(*this, from_now); }
  [[nodiscard]] static Duration time_for(std::size_t bytes) noexcept;

  std::shared_ptr<Shard> shard_;
  Loop& loop_;
  const ServerOptions& options_;
  Stream stream_;
  std::shared_ptr<TlsContext::State> tls_state_;
  RequestParser parser_;
  std::string address_;
  std::string address_key_;
  std::uint64_t caller_;          // the address, as the loop's LoadControl knows it
  LoadControl::Time turn_began_;  // with a request that may be refused
  std::uint64_t credential_ = 0;  // of the request at hand, while callers are told apart
  std::size_t held_ = 0;          // bytes counted by ServerShared::hold()
  std::optional<codec::PeerCertificate> certificate_;

  Phase phase_ = Phase::handshake;
  Waiting waiting_ = Waiting::idle;
  bool read_pending_ = false;
  bool keep_ = false;  // of the request at hand
  bool http10_ = false;
  bool head_request_ = false;
  bool inline_ = false;    // the handler is being called
  bool finished_ = false;  // and has answered meanwhile
  bool continued_ = false;
  bool linger_after_ = false;
  bool admitted_ = false;   // the request at hand, when its body was still to come
  bool suspended_ = false;  // its handler, and counted so
  Importance importance_ = Importance::normal;
  bool fresh_ = true;                          // nothing answered yet
  std::uint32_t serial_ = 0;                   // of the handler whose answer counts
  std::int64_t wait_began_ = 0;                // tick
  std::shared_ptr<codec::BodySource> source_;  // of the rest of the body
  bool chunked_ = false;
  bool first_piece_ = false;  // none has been put yet
  bool asking_ = false;       // the source is being called
  bool answered_ = false;     // and has answered meanwhile
  std::string head_;
  std::string body_;
  std::size_t sent_ = 0;
  std::size_t stuck_at_ = 0;  // sent when the socket first took no more
  std::size_t linger_left_ = 0;
};

}  // namespace mitral::net
