#include "net/server.h"

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "net/connection.h"

namespace mitral::net {

// ---- who may come in

bool ServerShared::enter(const std::string& address) {
  const std::lock_guard lock(mutex_);
  auto& use = addresses_[address];
  if (use.connections >= options.connections_per_address_max) return false;
  ++use.connections;
  open.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void ServerShared::leave(const std::string& address) {
  const std::lock_guard lock(mutex_);
  open.fetch_sub(1, std::memory_order_relaxed);
  const auto found = addresses_.find(address);
  if (found != addresses_.end() && --found->second.connections == 0) addresses_.erase(found);
}

// Whoever holds has a connection: its address is in the table.
bool ServerShared::hold(const std::string& address, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  auto& use = addresses_[address];
  if (bytes_ + bytes > options.buffered_max || use.bytes + bytes > options.buffered_max / 4) return false;
  bytes_ += bytes;
  use.bytes += bytes;
  return true;
}

void ServerShared::release(const std::string& address, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_ -= bytes;
  addresses_[address].bytes -= bytes;
}

namespace {

struct PeerName {
  std::string text;
  std::string key;  // what connections are counted by: an IPv6 client owns its /64
};

PeerName name_of(const Tcp::endpoint& peer) {
  auto address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  PeerName out;
  out.text = address.to_string();
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    out.key.assign(bytes.begin(), bytes.end());
  } else {
    const auto bytes = address.to_v6().to_bytes();
    out.key.assign(bytes.begin(), bytes.begin() + 8);
  }
  return out;
}

}  // namespace

// ---- one loop's part

void Shard::accept() {
  if (!acceptor) return;
  acceptor->async_accept(loop.io(), peer_,
                         [self = shared_from_this()](const boost::system::error_code& error, Socket socket) {
                           if (self->shut_) return;
                           // The door may have closed behind this one.
                           if (!error && !self->acceptor) return self->accepted(std::move(socket));
                           if (!self->acceptor) return;
                           if (error == asio::error::no_descriptors || error == asio::error::no_buffer_space ||
                               error == asio::error::no_memory) {
                             return self->accept_later();
                           }
                           if (!error) {
                             self->accepted(std::move(socket));
                             self->accept_more();
                           }
                           self->accept();
                         });
}

// One turn of a busy loop is long: what stands before the door comes in together. Handshakes under load do not.
void Shard::accept_more() {
  const bool slowly = shared->tls != nullptr && loop.load().engaged();
  for (std::size_t i = 1; i < limits::kAcceptBatch && acceptor && !slowly; ++i) {
    boost::system::error_code error;
    Socket socket(loop.io().get_executor());
    acceptor->accept(socket, peer_, error);
    if (error) return;  // nobody there; anything worse comes up again
    accepted(std::move(socket));
  }
}

// Out of descriptors: trying again at once would spin. Whoever keeps the server waiting goes first.
void Shard::accept_later() {
  if (counters.accept_paused.get() % 100 == 0)
    log::warn("net.accept.exhausted", {{"open", shared->open.load(std::memory_order_relaxed)}});
  counters.accept_paused.add();
  for (std::size_t i = 0; i < limits::kAcceptBatch && make_room(); ++i) {
  }
  pause_.emplace(loop.io().get_executor(), limits::kAcceptPause);
  pause_->async_wait([self = shared_from_this()](const boost::system::error_code&) { self->accept(); });
}

void Shard::accepted(Socket socket) {
  if (shared->open.load(std::memory_order_relaxed) >= shared->options.connections_max && !make_room()) {
    counters.refused_full.add();
    return;  // the socket closes
  }
  auto name = name_of(peer_);
  const auto caller = loop.load().key_of(name.key);
  if (shared->options.shed && shared->tls != nullptr) {
    const auto verdict = loop.load().judge(Importance::normal, caller, limits::kHandshakeWeight);
    if (verdict == LoadControl::Verdict::unfair || verdict == LoadControl::Verdict::brake) {
      counters.shed[static_cast<std::size_t>(Shed::handshake)].add();
      loop.load().closed(limits::kHandshakeWeight);
      return;
    }
  }
  if (!shared->enter(name.key)) {
    counters.refused_address.add();
    return;
  }
  counters.accepted.add();
  const Ref connection(
      new Connection(shared_from_this(), std::move(socket), std::move(name.text), std::move(name.key), caller));
  connection->start();
}

// ---- who waits for its client

void Shard::waits(Connection& connection) noexcept {
  waits_no_more(connection);
  connection.waits_since = Loop::ticks_now();
  connection.longer = shortest_;
  (shortest_ != nullptr ? shortest_->shorter : longest_) = &connection;
  shortest_ = &connection;
}

void Shard::waits_no_more(Connection& connection) noexcept {
  if (connection.longer == nullptr && longest_ != &connection) return;  // not in the list
  (connection.longer != nullptr ? connection.longer->shorter : longest_) = connection.shorter;
  (connection.shorter != nullptr ? connection.shorter->longer : shortest_) = connection.longer;
  connection.longer = connection.shorter = nullptr;
}

// Closes the connection that has kept this loop waiting longest; false when none has for long.
bool Shard::make_room() {
  if (longest_ == nullptr || Loop::ticks_now() - longest_->waits_since < Loop::ticks_of(limits::kEvictAfter))
    return false;
  counters.evicted.add();
  longest_->close();
  return true;
}

void Shard::stop_accepting() {
  boost::system::error_code ignored;
  if (acceptor) acceptor->close(ignored);
  acceptor.reset();
  if (pause_) pause_->cancel();
  if (settle_) settle_->cancel();
}

void Shard::close_all() {
  while (connections != nullptr) connections->close();
}

void Shard::Cut::expired() noexcept {
  log::warn("net.drain.cut", {{"connections", shard.counters.active.get()}});
  shard.close_all();
}

// A listener that shares its port (SO_REUSEPORT) is closed together with the connections in its queue: their clients
// would see a reset. So it first takes no new ones: a filter drops SYN segments, which their senders repeat after a
// second, when another listener of the port gets them; handshakes under way finish, and are accepted.
void turn_away_newcomers(Acceptor& acceptor) noexcept {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),            // the flags of the TCP header
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1),  // SYN?
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
    log::warn("net.drain.filter", {{"error", static_cast<std::int64_t>(errno)}});
}

void Shard::accept_rest() {
  const auto kept = peer_;  // of the one that was accepted but not handled yet
  boost::system::error_code error;
  while (acceptor && !error) {
    Socket socket(loop.io().get_executor());
    acceptor->accept(socket, peer_, error);
    if (!error) accepted(std::move(socket));
  }
  peer_ = kept;
}

void Shard::drain(std::function<void()> done) {
  asked_ = std::move(done);
  if (!acceptor || !shared->options.share_port) return close_door();
  turn_away_newcomers(*acceptor);
  settle_.emplace(loop.io().get_executor(), limits::kAcceptSettle);
  settle_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->close_door();
  });
}

void Shard::close_door() {
  accept_rest();
  stop_accepting();
  // What was accepted and waits for its turn in the loop comes before this.
  loop.post([self = shared_from_this()] { self->let_finish(); });
}

void Shard::let_finish() {
  if (shut_) return;
  drained_ = std::move(asked_);
  for (auto* connection = connections; connection != nullptr;) {
    auto* const following = connection->next;
    connection->drain();
    connection = following;
  }
  if (connections != nullptr) {
    loop.set(cut_, shared->options.drain_timeout);
  } else {
    closed();
  }
}

void Shard::closed() {
  if (connections != nullptr || !drained_) return;
  TimerWheel::cancel(cut_);
  std::exchange(drained_, {})();
}

void Shard::shut() {
  shut_ = true;
  stop_accepting();
  close_all();
  TimerWheel::cancel(cut_);
}

// ---- the whole

struct HttpServer::Impl {
  explicit Impl(Runtime& on) : runtime(on) {}
  Runtime& runtime;
  std::shared_ptr<ServerShared> shared = std::make_shared<ServerShared>();
  std::vector<std::shared_ptr<Shard>> shards;
  std::uint16_t port = 0;

  std::mutex mutex;
  bool draining = false;
  std::size_t shards_left = 0;
  std::vector<std::function<void()>> when_drained;

  [[nodiscard]] Result<> bind(const std::string& address, std::uint16_t wanted);
  void shard_drained();
  void shut();
};

namespace {

// Sharing the port among our own loops must not mean sharing it with another process: that one would take half of our
// clients. So an ordinary socket has to get the address first.
boost::system::error_code probe(Loop& loop, const Tcp::endpoint& endpoint) {
  boost::system::error_code error;
  Acceptor acceptor(loop.io().get_executor());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  return error;
}

// Connections must not take the descriptors that everything else needs.
std::size_t descriptors_for_connections() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return limits::kConnectionsMax;
  const std::size_t all = limit.rlim_cur;
  return std::max(all / 4, std::min(all / 4 * 3, all - std::min(all, limits::kDescriptorsReserved)));
}

Result<Acceptor> open_acceptor(Loop& loop, const Tcp::endpoint& endpoint) {
  using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
  boost::system::error_code error;
  Acceptor acceptor(loop.io().get_executor());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.set_option(reuse_port(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
  if (!error) acceptor.non_blocking(true, error);
  if (error) return fail(ErrorCode::config_invalid, {}, "can't listen: " + error.message());
  return acceptor;
}

}  // namespace

Result<> HttpServer::Impl::bind(const std::string& address, std::uint16_t wanted) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return fail(ErrorCode::config_invalid, {}, "not an IP address to listen on: " + address);
  port = wanted;
  if (wanted != 0 && !shared->options.share_port) {
    error = probe(runtime.loop(0), {ip, wanted});
    if (error) return fail(ErrorCode::config_invalid, {}, "can't listen on " + address + ": " + error.message());
  }
  for (unsigned i = 0; i < runtime.threads(); ++i) {
    auto shard = std::make_shared<Shard>(runtime.loop(i), shared);
    MITRAL_TRY(auto acceptor, open_acceptor(runtime.loop(i), {ip, port}));
    port = acceptor.local_endpoint().port();
    shard->acceptor.emplace(std::move(acceptor));
    shards.push_back(std::move(shard));
  }
  return {};
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(Runtime& runtime, const std::string& address, std::uint16_t port,
                                                       std::shared_ptr<TlsContext> tls, Handler handler,
                                                       ServerOptions options) {
  auto impl = std::make_shared<Impl>(runtime);
  impl->shared->handler = std::move(handler);
  options.connections_max = std::min(options.connections_max, descriptors_for_connections());
  impl->shared->options = std::move(options);
  impl->shared->tls = std::move(tls);
  MITRAL_CHECK(impl->bind(address, port));
  for (auto& shard : impl->shards) {
    shard->loop.post([shard] { shard->accept(); });
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { impl_->shut(); }
void HttpServer::announce_drain() noexcept { impl_->shared->draining.store(true); }
std::uint16_t HttpServer::port() const noexcept { return impl_->port; }

// Each shard is shut on its own loop; a loop that does not run can be touched from here.
void HttpServer::Impl::shut() {
  struct Latch {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t left = 0;
  };
  const auto latch = std::make_shared<Latch>();
  for (auto& shard : shards) {
    if (&shard->loop == Loop::current() || !shard->loop.running()) {
      shard->shut();
      continue;
    }
    {
      const std::lock_guard lock(latch->mutex);
      ++latch->left;
    }
    shard->loop.post([shard, latch] {
      shard->shut();
      const std::lock_guard lock(latch->mutex);
      --latch->left;
      latch->changed.notify_all();
    });
  }
  const auto any_running = [&] { return std::ranges::any_of(shards, [](const auto& s) { return s->loop.running(); }); };
  std::unique_lock lock(latch->mutex);
  while (latch->left > 0 && any_running()) latch->changed.wait_for(lock, std::chrono::milliseconds(10));
}

void HttpServer::Impl::shard_drained() {
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex);
    if (--shards_left > 0) return;
    calls.swap(when_drained);
  }
  for (auto& call : calls) call();
}

void HttpServer::drain(std::function<void()> done) {
  bool over = false;
  {
    const std::lock_guard lock(impl_->mutex);
    over = impl_->draining && impl_->shards_left == 0;
    if (!over && done) impl_->when_drained.push_back(done);
    if (impl_->draining && !over) return;
    if (!over) {
      impl_->draining = true;
      impl_->shards_left = impl_->shards.size();
    }
  }
  if (over) {
    if (done) done();
    return;
  }
  impl_->shared->draining.store(true);
  for (auto& shard : impl_->shards) {
    shard->loop.post([shard, impl = impl_] { shard->drain([impl] { impl->shard_drained(); }); });
  }
}

ServerCounters HttpServer::counters() const noexcept {
  ServerCounters sum;
  for (const auto& shard : impl_->shards) {
    const auto& c = shard->counters;
    sum.accepted += c.accepted.get();
    sum.active += c.active.get();
    sum.handling += c.handling.get();
    sum.requests += c.requests.get();
    sum.refused_full += c.refused_full.get();
    sum.refused_address += c.refused_address.get();
    sum.tls_failed += c.tls_failed.get();
    sum.timed_out_read += c.timed_out_read.get();
    sum.timed_out_write += c.timed_out_write.get();
    sum.timed_out_handler += c.timed_out_handler.get();
    sum.handler_failed += c.handler_failed.get();
    sum.tls_full += c.tls_full.get();
    sum.tls_resumed += c.tls_resumed.get();
    sum.evicted += c.evicted.get();
    sum.accept_paused += c.accept_paused.get();
    for (std::size_t i = 0; i < kRefusalKinds; ++i) sum.refused[i] += c.refused[i].get();
    for (std::size_t i = 0; i < kShedKinds; ++i) sum.shed[i] += c.shed[i].get();
    sum.queue_wait = std::max(sum.queue_wait, shard->loop.load().wait());
    sum.shed_share = std::max(sum.shed_share, shard->loop.load().share());
    sum.refusal_cost = std::max(sum.refusal_cost, shard->loop.load().refusal_cost());
    sum.service_cost = std::max(sum.service_cost, shard->loop.load().service_cost());
  }
  return sum;
}

}  // namespace mitral::net
