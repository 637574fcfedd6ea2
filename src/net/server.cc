#include "net/server.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "net/connection.h"

namespace mitral::net {

// ---- who may come in

bool ServerShared::enter(const std::string& address) {
  const std::lock_guard lock(mutex_);
  auto& count = addresses_[address];
  if (count >= options.connections_per_address_max) return false;
  ++count;
  open.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void ServerShared::leave(const std::string& address) {
  const std::lock_guard lock(mutex_);
  open.fetch_sub(1, std::memory_order_relaxed);
  const auto found = addresses_.find(address);
  if (found != addresses_.end() && --found->second == 0) addresses_.erase(found);
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
                           if (!self->acceptor) return;
                           if (error == asio::error::no_descriptors || error == asio::error::no_buffer_space ||
                               error == asio::error::no_memory) {
                             return self->accept_later();
                           }
                           if (!error) self->accepted(std::move(socket));
                           self->accept();
                         });
}

// Out of descriptors: trying again at once would spin.
void Shard::accept_later() {
  log::warn("net.accept.exhausted", {{"open", shared->open.load(std::memory_order_relaxed)}});
  pause_.emplace(loop.io().get_executor(), std::chrono::milliseconds(100));
  pause_->async_wait([self = shared_from_this()](const boost::system::error_code&) { self->accept(); });
}

void Shard::accepted(Socket socket) {
  if (shared->open.load(std::memory_order_relaxed) >= shared->options.connections_max) {
    counters.refused_full.add();
    return;  // the socket closes
  }
  auto name = name_of(peer_);
  if (!shared->enter(name.key)) {
    counters.refused_address.add();
    return;
  }
  counters.accepted.add();
  const Ref connection(
      new Connection(shared_from_this(), std::move(socket), std::move(name.text), std::move(name.key)));
  connection->start();
}

void Shard::stop_accepting() {
  boost::system::error_code ignored;
  if (acceptor) acceptor->close(ignored);
  acceptor.reset();
  if (pause_) pause_->cancel();
}

void Shard::close_all() {
  while (connections != nullptr) connections->close();
}

void Shard::Cut::expired() noexcept {
  log::warn("net.drain.cut", {{"connections", shard.counters.active.get()}});
  shard.close_all();
}

void Shard::drain(std::function<void()> done) {
  stop_accepting();
  drained_ = std::move(done);
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

Result<Acceptor> open_acceptor(Loop& loop, const Tcp::endpoint& endpoint) {
  using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
  boost::system::error_code error;
  Acceptor acceptor(loop.io().get_executor());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.set_option(reuse_port(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
  if (error) return fail(ErrorCode::config_invalid, {}, "can't listen: " + error.message());
  return acceptor;
}

}  // namespace

Result<> HttpServer::Impl::bind(const std::string& address, std::uint16_t wanted) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return fail(ErrorCode::config_invalid, {}, "not an IP address to listen on: " + address);
  port = wanted;
  if (wanted != 0) {
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
  impl->shared->options = options;
  impl->shared->tls = std::move(tls);
  MITRAL_CHECK(impl->bind(address, port));
  for (auto& shard : impl->shards) {
    shard->loop.post([shard] { shard->accept(); });
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { impl_->shut(); }
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
    for (std::size_t i = 0; i < kRefusalKinds; ++i) sum.refused[i] += c.refused[i].get();
  }
  return sum;
}

}  // namespace mitral::net
