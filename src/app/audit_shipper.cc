#include "app/audit_shipper.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "app/master_key.h"
#include "app/segment_folder.h"
#include "audit/segment.h"
#include "audit/syslog.h"
#include "base/limits.h"
#include "base/log.h"
#include "codec/base64url.h"
#include "codec/text.h"
#include "crypto/hash.h"
#include "net/client.h"
#include "net/message_socket.h"
#include "net/runtime.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;
using Record = ports::AuditStore::Record;
using Anchor = ports::AuditStore::Anchor;

constexpr const char* kLease = "audit.ship";
constexpr std::size_t kPagesAtOnce = 64;    // read for rotation in one step
constexpr std::size_t kMessagesAtOnce = 8;  // pages of them
constexpr auto kBreath = 5ms;               // between steps that have more to do

/// How far a destination is, and when it is asked again after a failure.
class Progress {
 public:
  Progress(std::string name, std::string target) : name_(std::move(name)), target_(std::move(target)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::int64_t shipped() const noexcept { return shipped_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

  /// Reads the note; another target begins anew.
  Result<void> load(const SegmentFolder& folder) {
    MITRAL_TRY(const auto text, folder.note(name_));
    const auto parts = codec::split(text, '\n');
    const auto seq = parts.size() == 3 && parts[0] == target_ ? codec::parse_uint(parts[1]) : std::nullopt;
    shipped_ = seq ? static_cast<std::int64_t>(*seq) : 0;
    return {};
  }
  Result<void> save(const SegmentFolder& folder, std::int64_t seq) {
    MITRAL_CHECK(folder.set_note(name_, fmt::format("{}\n{}\n", target_, seq)));
    shipped_ = seq;
    return {};
  }
  [[nodiscard]] bool may_try(Instant now) const noexcept { return now >= next_try_; }
  void done(const Result<bool>& outcome, Instant now) {
    if (outcome) {
      if (wait_ > Duration{}) log::info("audit.shipping_again", {{"destination", name_}});
      wait_ = {};
      next_try_ = {};
      return;
    }
    ++failures_;
    if (wait_ == Duration{})
      log::error("audit.ship_failed", {{"destination", name_}, {"detail", outcome.error().detail}});
    wait_ = std::clamp<Duration>(wait_ * 2, limits::kAuditShipBackoffFirst, limits::kAuditShipBackoffMax);
    next_try_ = now + wait_;
  }

 private:
  std::string name_, target_;
  std::atomic<std::int64_t> shipped_{0};
  std::atomic<std::uint64_t> failures_{0};
  Duration wait_{};
  Instant next_try_{};
};

std::string host_name() {
  std::array<char, 256> text{};
  if (::gethostname(text.data(), text.size() - 1) != 0) return {};
  return text.data();
}

}  // namespace

struct AuditShipper::Impl {
  Impl(AuditSettings in, Issuer o, ports::Store& s, const Clock& c, SegmentFolder f, Id128 h)
      : settings(std::move(in)),
        owner(std::move(o)),
        store(s),
        clock(c),
        folder(std::move(f)),
        holder(h),
        origin{host_name(), std::to_string(::getpid())} {}

  // ---- the lease

  Result<bool> hold_lease(Instant now) {
    // The lease of a clock that was set back would last too long; it is only a hint, and ends by itself.
    if (held && now < lease_until - limits::kAuditShipLease / 2 && now >= lease_until - limits::kAuditShipLease)
      return true;
    const Instant until = now + limits::kAuditShipLease;
    MITRAL_TRY(const bool taken, run_sync(store.take_lease(kLease, holder, now, until)));
    if (!taken) {
      held = false;
      writer.reset();
      return false;
    }
    lease_until = until;
    if (!std::exchange(held, true)) MITRAL_CHECK(begin());
    return true;
  }

  /// What another node, or this one before it died, has left.
  Result<void> begin() {
    MITRAL_CHECK(folder.clean());
    for (auto* one : destinations()) MITRAL_CHECK(one->load(folder));
    MITRAL_TRY(const auto note, folder.note("announced"));
    announced = static_cast<std::int64_t>(codec::parse_uint(note).value_or(0));
    writer.reset();
    return {};
  }

  // ---- rotation

  /// Where the next segment begins: after the last one that is there, or where the database does.
  Result<Anchor> next_begin() {
    MITRAL_TRY(const Anchor anchor, run_sync(store.anchor()));
    MITRAL_TRY(const auto there, folder.list());
    Anchor last;
    if (const auto newest = std::ranges::max_element(there, {}, &audit::SegmentRange::to); newest != there.end()) {
      MITRAL_TRY(auto source, folder.source(*newest));
      MITRAL_TRY(const auto head, audit::check_segment(std::move(source)));
      last = {head.to, head.last};
    }
    if (last.seq > store.last_seq()) {
      return fail(ErrorCode::conflict, {},
                  fmt::format("{} has segments up to record {}, and the database ends with {}: they don't belong "
                              "together (after a restore, take another directory)",
                              settings.directory, last.seq, store.last_seq()));
    }
    return last.seq < anchor.seq ? anchor : last;
  }

  Result<bool> rotate(Instant now) {
    if (!writer) {
      MITRAL_TRY(const Anchor before, next_begin());
      writer.emplace(before);
      pending.clear();
      rotated = before.seq;
    }
    for (std::size_t page = 0; page < kPagesAtOnce; ++page) {
      const std::int64_t after = pending.empty() ? writer->head().seq : pending.back().seq;
      if (pending.size() >= limits::kAuditUnsealedMax) {
        pending.clear();
        return fail(ErrorCode::unavailable, {}, "too many records in a row wait for their seal");
      }
      MITRAL_TRY(auto records, run_sync(store.read(after, limits::kAuditShipPage)));
      for (auto& record : records) {
        const bool sealed = !record.checkpoint.empty();
        pending.push_back(std::move(record));
        if (sealed) MITRAL_CHECK(flush());
        if (sealed && full()) {
          // What came after is read again for the next one.
          MITRAL_CHECK(close());
          return true;
        }
      }
      if (records.size() < limits::kAuditShipPage) {
        // Read again next time: a seal is put on records that are there already.
        pending.clear();
        if (writer->count() > 0 && now - first_at >= settings.age) MITRAL_CHECK(close());
        return false;
      }
    }
    return true;
  }

  /// Everything up to a sealed record goes into the segment.
  Result<void> flush() {
    if (writer->count() == 0) first_at = pending.front().event.at;
    for (const auto& record : pending) {
      if (auto added = writer->add(record); !added) {
        writer.reset();
        return std::unexpected(added.error());
      }
    }
    pending.clear();
    return {};
  }

  [[nodiscard]] bool full() const noexcept {
    return writer->count() >= static_cast<std::int64_t>(settings.records) ||
           writer->size() >= static_cast<std::size_t>(settings.mebibytes) * 1024 * 1024;
  }

  Result<void> close() {
    auto segment = writer->finish();
    writer.reset();
    pending.clear();
    if (!segment) return std::unexpected(segment.error());
    // Another node may have been here meanwhile: its segments count.
    MITRAL_TRY(const auto there, folder.list());
    if (std::ranges::any_of(there, [&](const auto& one) { return one.to >= segment->head.from; })) return {};
    MITRAL_CHECK(folder.add(*segment));
    rotated = segment->head.to;
    log::info("audit.segment_closed", {{"from", segment->head.from}, {"to", segment->head.to}});
    return {};
  }

  // ---- destinations

  std::vector<Progress*> destinations() {
    std::vector<Progress*> out;
    if (!settings.syslog.empty()) out.push_back(&syslog);
    if (!settings.http.empty()) out.push_back(&http);
    return out;
  }

  Result<bool> ship_messages() {
    MITRAL_TRY(const Anchor anchor, run_sync(store.anchor()));
    std::int64_t after = std::max(syslog.shipped(), anchor.seq);
    for (std::size_t page = 0; page < kMessagesAtOnce; ++page) {
      MITRAL_TRY(const auto records, run_sync(store.read(after, limits::kAuditShipPage)));
      if (records.empty()) return false;
      if (!socket) {
        MITRAL_TRY(auto opened, net::MessageSocket::connect(message_options));
        socket.emplace(std::move(opened));
      }
      for (const auto& record : records) {
        const auto text = audit::to_syslog(record, origin);
        if (auto sent = socket->send(socket->stream() ? audit::framed(text) : text); !sent) {
          socket.reset();
          return std::unexpected(sent.error());
        }
      }
      after = records.back().seq;
      MITRAL_CHECK(syslog.save(folder, after));
    }
    return true;
  }

  Result<bool> ship_segment() {
    MITRAL_TRY(const auto there, folder.list());
    const auto next = std::ranges::find_if(there, [&](const auto& one) { return one.to > http.shipped(); });
    if (next == there.end()) return false;
    MITRAL_TRY(const Anchor anchor, run_sync(store.anchor()));
    MITRAL_CHECK(no_gap(std::max(http.shipped(), anchor.seq), *next));
    MITRAL_TRY(auto bytes, folder.read(*next));
    const auto digest = crypto::sha256(bytes);
    codec::Request request;
    request.method = codec::Method::post;
    request.headers.add("Content-Type", "application/zstd");
    request.headers.add("Content-Disposition",
                        fmt::format("attachment; filename=\"{}\"", audit::segment_name(next->from, next->to)));
    request.headers.add("Content-Digest", fmt::format("sha-256=:{}:", codec::base64_encode(ByteSpan(digest))));
    request.headers.add("Idempotency-Key", fmt::format("\"{}\"", codec::base64url_encode(ByteSpan(digest))));
    if (!settings.http_token_file.empty()) {
      // Read each time: whoever renews it need not restart the server.
      MITRAL_TRY(const Secret token, load_secret_file(settings.http_token_file));
      request.headers.add("Authorization", fmt::format("Bearer {}", token.reveal()));
    }
    request.body = std::move(bytes);
    MITRAL_TRY(auto url, net::parse_url(settings.http));
    MITRAL_TRY(const auto answer, run_sync(client->send(std::move(url), std::move(request), client_options)));
    if (answer.status < 200 || answer.status > 299)
      return fail(ErrorCode::unavailable, {}, fmt::format("the collector answered {}", answer.status));
    MITRAL_CHECK(http.save(folder, next->to));
    return true;
  }

  [[nodiscard]] Result<void> no_gap(std::int64_t after, const audit::SegmentRange& next) const {
    if (next.from <= after + 1) return {};
    return fail(ErrorCode::conflict, {},
                fmt::format("{} has no segment with records {} to {}: put it back", settings.directory, after + 1,
                            next.from - 1));
  }

  // ---- release

  Result<bool> release(Instant now) {
    if (!settings.keep) return false;
    MITRAL_TRY(const Anchor anchor, run_sync(store.anchor()));
    released = anchor.seq;
    MITRAL_TRY(const auto there, folder.list());
    const auto next = std::ranges::find_if(there, [&](const auto& one) { return one.to > anchor.seq; });
    if (next == there.end()) return false;
    MITRAL_CHECK(no_gap(anchor.seq, *next));
    for (const auto* one : destinations()) {
      if (one->shipped() < next->to) return false;
    }
    if (next->to >= store.last_seq()) return false;  // the newest record stays
    MITRAL_TRY(const auto last, run_sync(store.read(next->to - 1, 1)));
    if (last.size() != 1 || last.front().event.at + *settings.keep > now) return false;
    if (announced != next->to) {
      MITRAL_CHECK(announce(*next, last.front(), now));
      announced = next->to;
    }
    MITRAL_TRY(const auto gone, run_sync(store.release_up_to(next->to, limits::kAuditReleaseBatch)));
    return gone > 0;
  }

  /// Only what can be read back, whole and as the database has it, may leave.
  Result<void> announce(const audit::SegmentRange& range, const Record& last, Instant now) {
    MITRAL_TRY(const auto bytes, folder.read(range));
    auto checked = audit::check_segment([&bytes, done = false]() mutable -> Result<std::string> {
      return std::exchange(done, true) ? std::string() : bytes;
    });
    if (!checked || checked->to != last.seq || checked->last != last.hash) {
      return fail(ErrorCode::conflict, {},
                  fmt::format("{} is not what the database holds: nothing is let go",
                              audit::segment_name(range.from, range.to)));
    }
    const auto name = audit::segment_name(range.from, range.to);
    const auto digest = codec::base64url_encode(ByteSpan(crypto::sha256(bytes)));
    model::AuditEvent event;
    event.issuer = owner;
    event.kind = model::AuditKind::administration;
    event.at = now;
    event.reason = "audit_released";
    event.details = {{"segment", name},
                     {"sha256", digest},
                     {"to", std::to_string(range.to)},
                     {"hash", codec::base64url_encode(ByteSpan(last.hash))}};
    MITRAL_CHECK(run_sync(store.append({event})));
    MITRAL_CHECK(folder.set_note("announced", std::to_string(range.to)));
    log::info("audit.segment_released", {{"segment", name}, {"sha256", digest}});
    return {};
  }

  // ---- together

  bool attempt(Progress& progress, Instant now, const std::function<Result<bool>()>& work) {
    if (!progress.may_try(now)) return false;
    const auto outcome = work();
    progress.done(outcome, now);
    return outcome && *outcome;
  }

  bool step() {
    const Instant now = clock.now();
    bool mine = false;
    attempt(lease, now, [&]() -> Result<bool> {
      MITRAL_TRY(mine, hold_lease(now));
      return false;
    });
    if (!mine) return false;
    bool more = attempt(directory, now, [&] { return rotate(now); });
    if (!settings.syslog.empty()) more = attempt(syslog, now, [&] { return ship_messages(); }) || more;
    if (!settings.http.empty()) more = attempt(http, now, [&] { return ship_segment(); }) || more;
    return attempt(releasing, now, [&] { return release(now); }) || more;
  }

  void work() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      lock.unlock();
      const bool more = step();
      lock.lock();
      wake.wait_for(lock, more ? Duration(kBreath) : Duration(limits::kAuditShipTick), [this] { return stopping; });
    }
  }

  AuditSettings settings;
  Issuer owner;
  ports::Store& store;
  const Clock& clock;
  SegmentFolder folder;
  Id128 holder;
  audit::SyslogOrigin origin;

  bool held = false;
  Instant lease_until{};
  std::optional<audit::SegmentWriter> writer;
  std::vector<Record> pending;  // after the last sealed record
  Instant first_at{};
  std::int64_t announced = 0;
  std::atomic<std::int64_t> rotated{0}, released{0};
  Progress lease{"lease", ""}, directory{"directory", ""}, releasing{"release", ""};
  Progress syslog{"syslog", settings.syslog}, http{"http", settings.http};
  net::MessageSocket::Options message_options;
  std::optional<net::MessageSocket> socket;
  std::unique_ptr<net::Runtime> runtime;
  std::unique_ptr<net::HttpClient> client;
  net::ClientOptions client_options;

  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread worker;
};

AuditShipper::AuditShipper(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

AuditShipper::~AuditShipper() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  if (impl_->worker.joinable()) impl_->worker.join();
}

Result<std::unique_ptr<AuditShipper>> AuditShipper::create(AuditSettings settings, Issuer owner, ports::Store& store,
                                                           const Clock& clock, Random& random) {
  const Id128 holder = Id128::random(random);
  MITRAL_TRY(auto folder, SegmentFolder::create(settings.directory, holder.text()));
  auto impl = std::make_unique<Impl>(std::move(settings), std::move(owner), store, clock, std::move(folder), holder);
  const auto& in = impl->settings;
  if (!in.syslog.empty()) {
    MITRAL_TRY(auto target, net::parse_message_target(in.syslog));
    impl->message_options = {.target = std::move(target),
                             .ca_file = in.syslog_ca,
                             .certificate_file = in.syslog_certificate,
                             .key_file = in.syslog_key,
                             .timeout = limits::kAuditShipTimeout};
  }
  if (!in.http.empty()) {
    if (!in.http_token_file.empty()) MITRAL_CHECK(load_secret_file(in.http_token_file));
    auto& options = impl->client_options;
    options.total_timeout = limits::kAuditShipTimeout;
    options.addresses = net::AddressRule::any;  // the operator's own choice
    options.allow_plain_http = in.http.starts_with("http://");
    options.extra_ca_file = in.http_ca;
    options.certificate_file = in.http_certificate;
    options.key_file = in.http_key;
    impl->runtime = std::make_unique<net::Runtime>(1);
    impl->runtime->start();
    impl->client = std::make_unique<net::HttpClient>(*impl->runtime);
  }
  return std::unique_ptr<AuditShipper>(new AuditShipper(std::move(impl)));
}

void AuditShipper::start() {
  impl_->worker = std::thread([impl = impl_.get()] { impl->work(); });
}

bool AuditShipper::step() { return impl_->step(); }

std::string AuditShipper::metrics_text() const {
  std::string out = fmt::format(
      "# HELP mitral_audit_shipped Newest audit record that a destination has taken.\n# TYPE mitral_audit_shipped "
      "gauge\n"
      "mitral_audit_shipped{{destination=\"directory\"}} {}\n",
      impl_->rotated.load());
  const auto destinations = impl_->destinations();
  for (const auto* one : destinations)
    out += fmt::format("mitral_audit_shipped{{destination=\"{}\"}} {}\n", one->name(), one->shipped());
  out += fmt::format(
      "# HELP mitral_audit_released Newest audit record that the database has let go.\n"
      "# TYPE mitral_audit_released gauge\nmitral_audit_released {}\n"
      "# HELP mitral_audit_ship_failures_total Attempts to ship audit records that failed.\n"
      "# TYPE mitral_audit_ship_failures_total counter\n"
      "mitral_audit_ship_failures_total{{destination=\"directory\"}} {}\n",
      impl_->released.load(), impl_->directory.failures() + impl_->lease.failures() + impl_->releasing.failures());
  for (const auto* one : destinations)
    out += fmt::format("mitral_audit_ship_failures_total{{destination=\"{}\"}} {}\n", one->name(), one->failures());
  return out;
}

}  // namespace mitral::app
