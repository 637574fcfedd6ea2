#include "app/as_node.h"

#include <fmt/format.h>

#include <condition_variable>
#include <fstream>
#include <iterator>
#include <thread>

#include "app/fetcher.h"
#include "app/node_presence.h"
#include "app/sweep_pace.h"
#include "flow/services.h"
#include "login/password_pool.h"
#include "net/client.h"
#include "web/authorization_server.h"
#include "web/browser_front.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;

std::vector<Issuer> issuer_ids(const std::vector<std::unique_ptr<flow::IssuerRuntime>>& issuers) {
  std::vector<Issuer> out;
  for (const auto& issuer : issuers) out.push_back(issuer->id());
  return out;
}

Result<std::vector<std::unique_ptr<flow::IssuerRuntime>>> make_issuers(const std::vector<IssuerEntry>& entries,
                                                                       const std::vector<flow::RootKey>& roots) {
  std::vector<std::unique_ptr<flow::IssuerRuntime>> out;
  for (const auto& entry : entries) {
    flow::IssuerConfig config;
    config.issuer = entry.id;
    config.display_name = entry.name;
    config.profile = entry.profile;
    config.brands = entry.brands;
    if (!entry.brands_file.empty()) {
      std::ifstream in(entry.brands_file, std::ios::binary);
      if (!in) return fail(ErrorCode::config_invalid, {}, entry.brands_file + ": can't be read (brands_file)");
      config.brands.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    config.brand_identifier_system = entry.brand_identifier_system;
    config.brand_identifier_value = entry.brand_identifier_value;
    for (const auto& sibling : entry.associated_endpoints)
      config.associated_endpoints.push_back({sibling.url, sibling.capabilities});
    MITRAL_TRY(auto issuer, flow::IssuerRuntime::make(std::move(config), roots));
    out.push_back(std::move(issuer));
  }
  return out;
}

}  // namespace

struct AsNode::Impl {
  Impl(std::vector<std::unique_ptr<flow::IssuerRuntime>> made, std::unique_ptr<login::PasswordPool> pool,
       const Settings& settings, const MasterKey& master, store::ServerStore& s, Clock& c, Random& random,
       net::Runtime& r)
      : store(s),
        clock(c),
        presence(s, c, random, settings.guard),
        runtime(r),
        issuers(std::move(made)),
        passwords(std::move(pool)),
        http(r),
        fetcher(http, settings.allow_loopback_fetch),
        keys(s, master.ring, c, random, metrics, issuer_ids(issuers)),
        feed(s, c),
        users(s, feed),
        client_keys(fetcher, metrics),
        throttle({}, random),
        services{s, c, random, *passwords, fetcher, keys, feed, users, client_keys, throttle, metrics, issuers},
        front(random),
        server(services, front) {}

  // Slow work (making an RSA key, deleting expired rows) has a thread of its own: an event loop never waits for it.
  void work() {
    Instant next_keys{};
    std::unique_lock lock(mutex);
    while (!stopping) {
      lock.unlock();
      if (clock.now() >= next_keys) {
        if (const auto done = run_sync(keys.tick()); !done)
          log::warn("keys.tick_failed", {{"error", name(done.error().code)}});
        next_keys = clock.now() + 30s;
      }
      presence.check();
      const auto began = std::chrono::steady_clock::now();
      const auto swept = sweep();
      const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
      const Duration rest = pace.after(swept.value_or(0), took);
      lock.lock();
      wake.wait_for(lock, rest, [this] { return stopping; });
    }
  }

  // One node at a time sweeps; none whose clock is in doubt, and none takes away what has only just expired: a claim
  // that is forgotten could be made again.
  Result<std::size_t> sweep() {
    MITRAL_CHECK(presence.fit());
    const Instant now = clock.now();
    if (now >= next_lease) {
      MITRAL_TRY(sweeps, run_sync(store.take_lease("sweep", presence.id(), now, now + limits::kNodeLeaseLifetime)));
      next_lease = now + limits::kNodeLeasePeriod;
    }
    if (!sweeps) return std::size_t{0};
    return run_sync(store.sweep(now - limits::kSweepMargin, pace.batch()));
  }

  void stop() {
    if (!worker.joinable()) return;
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    worker.join();
  }

  store::ServerStore& store;
  Clock& clock;
  NodePresence presence;
  net::Runtime& runtime;
  std::vector<std::unique_ptr<flow::IssuerRuntime>> issuers;
  std::unique_ptr<login::PasswordPool> passwords;
  flow::Metrics metrics;
  net::HttpClient http;
  WebFetcher fetcher;
  flow::KeyRing keys;
  flow::ChangeFeed feed;
  flow::UserStates users;
  flow::ClientKeys client_keys;
  flow::Throttle throttle;
  flow::Services services;
  web::BrowserFront front;
  web::AuthorizationServer server;

  std::shared_ptr<void> feed_timer;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread worker;
  Instant next_lease{};  // the worker's own
  bool sweeps = false;
  SweepPace pace;
};

AsNode::AsNode(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

AsNode::~AsNode() {
  impl_->feed_timer.reset();
  impl_->stop();
  impl_->store.set_checkpoint_signer({});
}

Result<std::unique_ptr<AsNode>> AsNode::create(Settings settings, const MasterKey& master, store::ServerStore& store,
                                               Clock& clock, Random& random, net::Runtime& runtime) {
  MITRAL_TRY(auto issuers, make_issuers(settings.issuers, master.roots));
  MITRAL_TRY(auto pool, login::PasswordPool::create({}, random, settings.password_threads));
  auto impl =
      std::make_unique<Impl>(std::move(issuers), std::move(pool), settings, master, store, clock, random, runtime);
  return std::unique_ptr<AsNode>(new AsNode(std::move(impl)));
}

Result<void> AsNode::start() {
  Impl& node = *impl_;
  MITRAL_CHECK(node.presence.start());
  MITRAL_CHECK(run_sync(node.keys.tick()));
  MITRAL_CHECK(run_sync(node.feed.follow()));
  node.server.set_gate([&node] { return node.presence.fit(); });
  // The audit chain is one for the whole store; the first issuer's audit key seals it.
  node.store.set_checkpoint_signer([&node](std::string_view payload) -> Result<std::string> {
    const auto keys = node.keys.snapshot(node.issuers.front()->id());
    if (!keys->audit) return fail(ErrorCode::unavailable, {}, "no audit key yet");
    return audit::signer_of(*keys->audit)(payload);
  });
  node.feed_timer = node.runtime.every(limits::kRevocationPoll, [&node] {
    node.runtime.spawn_on(0, [&node]() -> Task<> {
      if (const auto done = co_await node.feed.tick(); !done)
        log::warn("feed.tick_failed", {{"error", name(done.error().code)}});
    });
  });
  node.worker = std::thread([&node] { node.work(); });
  return {};
}

net::Handler AsNode::handler() {
  return [server = &impl_->server](codec::Request request) { return server->handle(std::move(request)); };
}

Task<Result<void>> AsNode::ready() const {
  MITRAL_CO_CHECK(impl_->presence.ready());
  MITRAL_CO_CHECK(impl_->store.current());
  co_return co_await impl_->store.probe();
}

ports::PasswordHasher& AsNode::passwords() noexcept { return *impl_->passwords; }

std::string AsNode::metrics_text() const {
  std::string out;
  impl_->metrics.render(out);
  out += impl_->presence.metrics_text();
  const auto counters = impl_->store.counters();
  out += fmt::format(
      "# HELP mitral_store_reads_total Reads that went to the database file.\n# TYPE mitral_store_reads_total counter\n"
      "mitral_store_reads_total {}\n"
      "# HELP mitral_store_commits_total Durable acts asked for.\n# TYPE mitral_store_commits_total counter\n"
      "mitral_store_commits_total {}\n"
      "# HELP mitral_store_batches_total Group commits (fsyncs) that served them.\n# TYPE mitral_store_batches_total "
      "counter\n"
      "mitral_store_batches_total {}\n"
      "# HELP mitral_audit_records Number of the newest audit record.\n# TYPE mitral_audit_records gauge\n"
      "mitral_audit_records {}\n",
      counters.reads, counters.commits, counters.batches, impl_->store.last_seq());
  return out;
}

}  // namespace mitral::app
