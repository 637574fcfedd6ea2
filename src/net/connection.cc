#include "net/connection.h"

#include <boost/asio/buffer.hpp>
#include <charconv>
#include <exception>

#include "base/log.h"
#include "net/response_head.h"

namespace mitral::net {
namespace {

constexpr std::size_t kSmallAnswer = 16 * 1024;  // one TLS record; joined with its head
constexpr int kTurnsMax = 64;                    // requests or reads of one connection before others get their turn
constexpr int kTurnsUnderLoad = 4;               // the same when many wait
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

ParserLimits parser_limits(const ServerOptions& options) noexcept {
  ParserLimits limits;
  limits.body = options.max_body;
  return limits;
}

}  // namespace

Connection::Connection(std::shared_ptr<Shard> shard, Socket socket, std::string address, std::string address_key,
                       std::uint64_t caller)
    : shard_(std::move(shard)),
      loop_(shard_->loop),
      options_(shard_->shared->options),
      stream_(std::move(socket)),
      parser_(parser_limits(options_)),
      address_(std::move(address)),
      address_key_(std::move(address_key)),
      caller_(caller) {
  next = shard_->connections;
  if (next != nullptr) next->previous = this;
  shard_->connections = this;
  shard_->counters.active.add();
  shard_->waits(*this);
}

Connection::~Connection() {
  if (phase_ != Phase::closed) leave();  // the loop is being torn down
}

Duration Connection::time_for(std::size_t bytes) noexcept {
  return std::chrono::milliseconds(bytes * 1000 / limits::kMinimumRate);
}

void Connection::start() {
  set_deadline(options_.header_timeout);
  if (!stream_.prepare()) return close();
  if (shard_->shared->tls == nullptr) {
    phase_ = Phase::reading;
    return pump();
  }
  tls_state_ = shard_->shared->tls->state();
  auto ssl = tls_state_->accept(stream_.socket().native_handle());
  if (!ssl) return close();
  stream_.use(std::move(ssl));
  shake_hands();
}

void Connection::shake_hands() {
  const auto result = stream_.handshake();
  auto again = [self = Ref(this)](const boost::system::error_code& error) {
    if (self->phase_ != Phase::handshake) return;
    if (error) return self->close();
    self->shake_hands();
  };
  switch (result.status) {
    case Io::want_read: return stream_.socket().async_wait(Socket::wait_read, std::move(again));
    case Io::want_write: return stream_.socket().async_wait(Socket::wait_write, std::move(again));
    case Io::done: break;
    default: shard_->counters.tls_failed.add(); return close();
  }
  (SSL_session_reused(stream_.ssl()) == 1 ? shard_->counters.tls_resumed : shard_->counters.tls_full).add();
  certificate_ = tls_state_->peer_certificate(stream_.ssl());
  phase_ = Phase::reading;
  pump();
}

// ---- reading

// Parses and handles what there is, then asks for more; until something has to be waited for.
void Connection::pump() {
  const Ref keep_alive(this);
  if (loop_.load().engaged()) turn_began_ = std::chrono::steady_clock::now();
  for (int turns = 0; phase_ == Phase::reading; ++turns) {
    if (turns == kTurnsMax || (turns >= kTurnsUnderLoad && loop_.load().engaged())) {
      asio::post(loop_.io(), [self = keep_alive] { self->pump(); });
      return;
    }
    switch (const auto state = parser_.parse()) {
      case ParseState::complete:
        if (!dispatch()) return;
        break;
      case ParseState::failed: return refuse();
      case ParseState::head:
      case ParseState::body:
        note_progress(state);
        if (phase_ != Phase::reading || !read_more()) return;
        break;
    }
  }
}

// Moves the deadline: from idle to head to body, each with its own time from its own beginning.
void Connection::note_progress(ParseState state) {
  const auto now = parser_.idle() ? Waiting::idle : state == ParseState::head ? Waiting::head : Waiting::body;
  const bool changed = now != waiting_;
  waiting_ = now;
  if (changed) wait_began_ = Loop::ticks_now();
  if (now == Waiting::head && changed && !fresh_) set_deadline(options_.header_timeout);
  if (now != Waiting::body) return;
  if (changed) shard_->waits(*this);
  if (changed && options_.shed) {  // refused before its body is read
    if (const auto why = admit()) return turn_away_unread(*why);
    admitted_ = true;
  }
  if (!hold(parser_.body_received())) return turn_away_unread(Shed::buffer);
  loop_.set_at(*this, wait_began_ + Loop::ticks_of(options_.body_timeout + time_for(parser_.body_received())));
  if (!continued_ && parser_.wants_continue()) send_continue();
}

// RFC 9110 §10.1.1. An interim answer that does not fit into the socket's buffer is not worth waiting for.
void Connection::send_continue() {
  continued_ = true;
  const auto result = stream_.write(kContinue, {});
  if (result.status != Io::done || result.count != kContinue.size()) close();
}

// True when bytes came at once; false when a callback will go on.
bool Connection::read_more() {
  if (!stream_.tls()) {
    read_plain();
    return false;
  }
  const auto result = stream_.read(parser_.room());
  auto again = [self = Ref(this)](const boost::system::error_code& error) {
    self->read_pending_ = false;
    if (self->phase_ == Phase::lingering) return self->drop_input();
    if (self->phase_ != Phase::reading) return;
    if (error) return self->close();
    self->pump();
  };
  switch (result.status) {
    case Io::done: parser_.commit(result.count); return true;
    case Io::want_read:
      read_pending_ = true;
      stream_.socket().async_wait(Socket::wait_read, std::move(again));
      return false;
    case Io::want_write:
      read_pending_ = true;
      stream_.socket().async_wait(Socket::wait_write, std::move(again));
      return false;
    default: close(); return false;
  }
}

void Connection::read_plain() {
  const auto room = parser_.room();
  read_pending_ = true;
  stream_.socket().async_read_some(asio::buffer(room.data(), room.size()),
                                   [self = Ref(this)](const boost::system::error_code& error, std::size_t count) {
                                     self->read_pending_ = false;
                                     if (self->phase_ == Phase::lingering) return self->drop_input();
                                     if (self->phase_ != Phase::reading) return;
                                     if (error) return self->close();
                                     self->parser_.commit(count);
                                     self->pump();
                                   });
}

// ---- handling

// True when the answer is out and the connection goes on.
bool Connection::dispatch() {
  keep_ = parser_.keep_alive() && !shard_->shared->draining.load(std::memory_order_relaxed);
  http10_ = parser_.http10();
  shard_->waits_no_more(*this);
  if (options_.shed && !std::exchange(admitted_, false)) {
    if (const auto why = admit()) return turn_away(*why);
  }
  auto request = parser_.take();
  head_request_ = request.method == codec::Method::head;
  request.peer_address = address_;
  request.tls = stream_.tls();
  if (certificate_) request.peer_certificate = certificate_;
  request.received = loop_.clock().now();
  shard_->counters.requests.add();
  shard_->counters.handling.add();
  phase_ = Phase::handling;
  continued_ = false;
  waiting_ = Waiting::idle;
  inline_ = true;
  finished_ = false;
  const auto serial = ++serial_;
  try {
    spawn(shard_->shared->handler(std::move(request)),
          [self = Ref(this), serial](std::exception_ptr failed, std::optional<codec::Response> response) {
            self->handled(serial, failed, std::move(response));
          });
  } catch (...) {  // a handler that is no coroutine itself
    handled(serial, std::current_exception(), std::nullopt);
  }
  inline_ = false;
  if (finished_) return phase_ == Phase::reading;
  if (importance_ != Importance::vital) {
    suspended_ = true;
    ++shard_->suspended;
  }
  set_deadline(options_.request_timeout);
  return false;
}

void Connection::report(std::exception_ptr failed) {
  shard_->counters.handler_failed.add();
  try {
    std::rethrow_exception(failed);
  } catch (const std::exception& failure) {
    log::error("net.handler.exception", {{"what", failure.what()}});
  } catch (...) {
    log::error("net.handler.exception", {{"what", "unknown"}});
  }
}

void Connection::handled(std::uint32_t serial, std::exception_ptr failed, std::optional<codec::Response> response) {
  shard_->counters.handling.add(-1);
  if (std::exchange(suspended_, false)) --shard_->suspended;
  if (failed) report(failed);
  if (serial != serial_ || phase_ != Phase::handling) return;  // overtaken by the deadline, or the connection is gone
  finished_ = true;
  if (failed || !response) {
    codec::Response error;
    error.status = 500;
    respond(std::move(error));
  } else {
    respond(std::move(*response));
  }
  if (!inline_ && phase_ == Phase::reading) pump();
}

// ---- answering

void Connection::respond(codec::Response response) {
  release();
  if (credential_ != 0 && response.status < 400) loop_.load().accepted(credential_);
  const auto now = loop_.clock().now();
  head_.clear();
  sent_ = 0;
  if ((response.status == 503 || response.status == 429) && !response.headers.get("Retry-After"))
    response.headers.add("Retry-After", "1");
  HeadFacts facts{.head_request = head_request_, .close = !keep_, .date = loop_.http_date(now)};
  if (response.stream) {
    facts.framing = http10_ ? Framing::close : Framing::chunked;
    if (http10_) keep_ = false;
    facts.close = !keep_;
  }
  if (!append_response_head(head_, response, facts)) {
    log::error("net.response.unsendable", {{"status", response.status}});
    response = {};
    response.status = 500;
    facts.framing = Framing::length;
    (void)append_response_head(head_, response, facts);
  }
  body_ = std::move(response.body);
  source_ = std::move(response.stream);
  first_piece_ = true;
  chunked_ = facts.framing == Framing::chunked;
  if (head_request_ || !status_has_body(response.status)) {
    body_.clear();
    source_.reset();  // never asked
  } else if (source_) {
    body_.clear();
  }
  if (stream_.tls() && head_.size() + body_.size() <= kSmallAnswer) {
    head_ += body_;
    body_.clear();
  }
  phase_ = Phase::writing;
  go_on();
}

// Writes what there is, asks for more of it, until something has to be waited for. True when the connection may carry
// another request.
bool Connection::go_on() {
  const Ref keep_alive(this);
  for (int turns = 0; flush(); ++turns) {
    if (!source_) return after_response();
    if (turns == kTurnsMax) {
      phase_ = Phase::waiting;
      set_deadline(options_.request_timeout);
      asio::post(loop_.io(), [self = keep_alive] {
        if (self->phase_ == Phase::waiting && self->ask() && self->go_on()) self->pump();
      });
      return false;
    }
    if (!ask()) return false;
  }
  return false;
}

// True when the next piece was there at once.
bool Connection::ask() {
  phase_ = Phase::waiting;
  head_.clear();
  body_.clear();
  sent_ = 0;
  waiting_ = Waiting::idle;  // the reader has taken everything: its patience starts anew
  asking_ = true;
  answered_ = false;
  const auto serial = ++serial_;
  const auto next_of = [](std::shared_ptr<codec::BodySource> source) -> Task<Result<std::string>> {
    co_return co_await source->next();
  };
  spawn(next_of(source_),
        [self = Ref(this), serial](std::exception_ptr failed, std::optional<Result<std::string>> piece) {
          self->asked(serial, failed, std::move(piece));
        });
  asking_ = false;
  if (answered_) return phase_ == Phase::writing;
  set_deadline(options_.request_timeout);  // for this piece
  return false;
}

void Connection::asked(std::uint32_t serial, std::exception_ptr failed, std::optional<Result<std::string>> piece) {
  if (failed) report(failed);
  if (serial != serial_ || phase_ != Phase::waiting) return;  // overtaken by the deadline, or the connection is gone
  answered_ = true;
  if (failed || !piece || !*piece) {
    if (!failed && piece) log::warn("net.response.cut", {{"error", name(piece->error().code)}});
    return close();
  }
  phase_ = Phase::writing;
  put(std::move(**piece));
  if (!asking_ && go_on()) pump();
}

// RFC 9112 §7.1. An empty piece is the end. The line end after a chunk goes with the next one's size.
void Connection::put(std::string piece) {
  const bool last = piece.empty();
  body_ = std::move(piece);
  if (last) source_.reset();
  if (!chunked_) return;
  if (!first_piece_) head_ = "\r\n";
  first_piece_ = false;
  if (last) {
    head_ += "0\r\n\r\n";
    return;
  }
  std::array<char, 20> size;
  const auto end = std::to_chars(size.data(), size.data() + size.size(), body_.size(), 16).ptr;
  head_.append(size.data(), end);
  head_ += "\r\n";
}

// True when all is written. Else a callback goes on, or the connection is closed.
bool Connection::flush() {
  while (sent_ < head_.size() + body_.size()) {
    const auto from_head = std::min(sent_, head_.size());
    const auto result =
        stream_.write(std::string_view(head_).substr(from_head), std::string_view(body_).substr(sent_ - from_head));
    if (result.status == Io::done) {
      sent_ += result.count;
      continue;
    }
    if (result.status == Io::want_write || result.status == Io::want_read) {
      if (!hold(head_.size() + body_.size())) {  // a slow reader, and too many of them
        shard_->counters.shed[static_cast<std::size_t>(Shed::buffer)].add();
        close();
        return false;
      }
      if (waiting_ != Waiting::body) {  // of the answer, now: what counts is how it moves since it got stuck first
        waiting_ = Waiting::body;
        wait_began_ = Loop::ticks_now();
        stuck_at_ = sent_;
      }
      loop_.set_at(*this, wait_began_ + Loop::ticks_of(options_.write_timeout + time_for(sent_ - stuck_at_)));
      const auto what = result.status == Io::want_write ? Socket::wait_write : Socket::wait_read;
      stream_.socket().async_wait(what, [self = Ref(this)](const boost::system::error_code& error) {
        if (self->phase_ != Phase::writing) return;
        if (error) return self->close();
        if (self->go_on()) self->pump();
      });
      return false;
    }
    close();
    return false;
  }
  return true;
}

// True when the connection may carry another request.
bool Connection::after_response() {
  release();
  body_.clear();
  if (body_.capacity() > kSmallAnswer) body_.shrink_to_fit();
  waiting_ = Waiting::idle;
  fresh_ = false;
  if (!keep_) {
    if (linger_after_ || parser_.buffered() > 0) {
      linger();
    } else {
      close();
    }
    return false;
  }
  phase_ = Phase::reading;
  shard_->waits(*this);
  loop_.set_at(*this, waits_since + Loop::ticks_of(options_.keep_alive_timeout));
  return true;
}

void Connection::refuse() {
  const auto why = parser_.refusal();
  shard_->counters.refused[static_cast<std::size_t>(why)].add();
  head_request_ = parser_.method() == codec::Method::head;
  answer_and_close(parser_.status());
}

void Connection::answer_and_close(int status) {
  shard_->waits_no_more(*this);
  codec::Response response;
  response.status = status;
  if (status == 405) response.headers.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  keep_ = false;
  linger_after_ = true;
  waiting_ = Waiting::idle;
  respond(std::move(response));
}

// ---- ending

// The peer may still be sending: closing now would reset the connection under the answer it has not read.
void Connection::linger() {
  phase_ = Phase::lingering;
  linger_left_ = limits::kLingerBytesMax;
  set_deadline(limits::kLingerTimeout);
  stream_.finish_writing();
  if (!read_pending_) drop_input();
}

void Connection::drop_input() {
  if (stream_.discard(linger_left_) != Io::want_read) return close();
  read_pending_ = true;
  stream_.socket().async_wait(Socket::wait_read, [self = Ref(this)](const boost::system::error_code& error) {
    self->read_pending_ = false;
    if (self->phase_ != Phase::lingering) return;
    if (error) return self->close();
    self->drop_input();
  });
}

void Connection::drain() {
  const bool idle = phase_ == Phase::reading && parser_.idle();
  // Accepted a moment ago: its first request is on its way, and nobody else will answer it.
  if (fresh_ && (idle || phase_ == Phase::handshake)) return set_deadline(limits::kDrainFresh);
  if (idle && stream_.quiet()) return close();
  keep_ = false;  // an answer on its way says it too late, but closes all the same
}

void Connection::expired() noexcept {
  const Ref keep_alive(this);
  try {
    switch (phase_) {
      case Phase::reading:
        if (parser_.idle()) return close();
        shard_->counters.timed_out_read.add();
        return answer_and_close(408);
      case Phase::handling:
        shard_->counters.timed_out_handler.add();
        ++serial_;
        return answer_and_close(503);
      case Phase::waiting:
        shard_->counters.timed_out_handler.add();
        ++serial_;
        return close();
      case Phase::writing: shard_->counters.timed_out_write.add(); return close();
      case Phase::handshake: shard_->counters.timed_out_read.add(); return close();
      case Phase::lingering:
      case Phase::closed: return close();
    }
  } catch (...) {
    close();
  }
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  leave();
  shard_->closed();
}

void Connection::leave() {
  phase_ = Phase::closed;
  TimerWheel::cancel(*this);
  release();
  shard_->waits_no_more(*this);
  if (source_) {
    stream_.abort();  // the reader must not take this for the end
  } else {
    stream_.close();
  }
  source_.reset();
  (previous != nullptr ? previous->next : shard_->connections) = next;
  if (next != nullptr) next->previous = previous;
  previous = next = nullptr;
  shard_->counters.active.add(-1);
  shard_->shared->leave(address_key_);
}

}  // namespace mitral::net
