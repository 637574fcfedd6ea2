// AuditShipper with real parts: a SQLite store, a folder, a socket, an HTTP server.
#include "app/audit_shipper.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mutex>

#include "codec/base64url.h"
#include "net/runtime.h"
#include "net/server.h"
#include "support/shipping_rig.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;
using testing_support::ShippingRig;

class AuditShipperTest : public ShippingRig {};

TEST_F(AuditShipperTest, ClosesSegmentsByNumberAndByAge) {
  record(2500);  // sealed every 1,000 records and at the end
  auto one = shipper(settings());
  settle(*one);
  ASSERT_EQ(segments().size(), 2U);
  EXPECT_EQ(segments()[1].to, 2000) << "the third one is not full";
  clock_.advance(59min);
  settle(*one);
  EXPECT_EQ(segments().size(), 2U);
  clock_.advance(2min);
  settle(*one);
  ASSERT_EQ(segments().size(), 3U);
  EXPECT_EQ(segments()[2].from, 2001);
  EXPECT_EQ(segments()[2].to, 2500);
  EXPECT_TRUE(whole().intact());
}

TEST_F(AuditShipperTest, ClosesSegmentsBySize) {
  auto how = settings();
  how.records = 50'000;
  how.mebibytes = 1;
  record(6000);
  auto one = shipper(how);
  settle(*one);
  ASSERT_GE(segments().size(), 1U);
  EXPECT_LT(segments()[0].to, 6000);
}

TEST_F(AuditShipperTest, WaitsForTheSeal) {
  get(store_->append(ports::Events(500, event())));
  auto one = shipper(settings());
  clock_.advance(24h);
  settle(*one);
  EXPECT_TRUE(segments().empty());
  get(store_->seal_audit());
  settle(*one);
  EXPECT_EQ(segments().size(), 1U);
}

TEST_F(AuditShipperTest, GoesOnWhereAnotherLeftOff) {
  record(2500);
  {
    auto one = shipper(settings());
    settle(*one);
  }
  clock_.advance(2h);  // the lease of the one that is gone has ended
  auto next = shipper(settings());
  settle(*next);
  record(1000);
  settle(*next);
  ASSERT_GE(segments().size(), 3U);
  for (std::size_t i = 1; i < segments().size(); ++i) EXPECT_EQ(segments()[i].from, segments()[i - 1].to + 1);
  EXPECT_TRUE(whole().intact());
}

TEST_F(AuditShipperTest, OneShipsAtATime) {
  record(1500);
  auto one = shipper(settings());
  auto other = shipper(settings());
  settle(*one);
  EXPECT_EQ(segments().size(), 1U);
  record(1000);
  settle(*other);
  EXPECT_EQ(segments().size(), 1U) << "the lease is the first one's";
  clock_.advance(31s);
  settle(*one);  // takes it again
  clock_.advance(45s);
  settle(*other);
  EXPECT_EQ(segments().size(), 2U);
  clock_.advance(61s);
  record(1000);
  settle(*other);
  EXPECT_EQ(segments().size(), 3U);
  EXPECT_TRUE(whole().intact());
}

TEST_F(AuditShipperTest, TwoAtOnceDoNoHarm) {
  // As if the lease meant nothing: both write the same segments at the same time.
  record(5000);
  contract::together(2, [&](int i) {
    auto own = SegmentFolder::create(folder_, "writer-" + std::to_string(i));
    ASSERT_TRUE(own);
    ports::AuditStore::Anchor before;
    for (int n = 0; n < 5; ++n) {
      audit::SegmentWriter writer(before);
      while (writer.count() < 1000) {
        for (const auto& one : get(store_->read(writer.head().seq, 250))) ASSERT_TRUE(writer.add(one));
      }
      before = writer.head();
      const auto segment = writer.finish();
      ASSERT_TRUE(segment);
      EXPECT_TRUE(own->add(*segment));
    }
  });
  EXPECT_EQ(segments().size(), 5U);
  EXPECT_TRUE(whole().intact());
}

TEST_F(AuditShipperTest, ASegmentIsNeverReplaced) {
  record(1000);
  auto one = shipper(settings());
  settle(*one);
  const auto path = path_of(segments().at(0));
  const auto before = contents(path);
  const auto folder = SegmentFolder::create(folder_, "w");
  audit::SegmentWriter writer({});
  for (std::int64_t after = 0; after < 1000; after += 250) {
    for (auto& line : get(store_->read(after, 250))) ASSERT_TRUE(writer.add(line));
  }
  auto same = *writer.finish();
  EXPECT_TRUE(folder->add(same)) << "the same once more is no error";
  same.head.last[0] ^= 1;
  const auto refused = folder->add(same);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(contents(path), before);
}

TEST_F(AuditShipperTest, FilesAreOursAlone) {
  record(1000);
  auto one = shipper(settings());
  settle(*one);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder_).permissions(), perms::owner_all);
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    EXPECT_EQ(entry.status().permissions(), perms::owner_read | perms::owner_write) << entry.path();
}

TEST_F(AuditShipperTest, LeftoversOfTheDeadAreCleanedUp) {
  record(1000);
  std::filesystem::create_directory(folder_);
  std::ofstream(folder_ + "/.tmp-dead-0") << "half a segm";
  auto one = shipper(settings());
  settle(*one);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/.tmp-dead-0"));
  EXPECT_EQ(segments().size(), 1U);
}

// ---- release

TEST_F(AuditShipperTest, ReleasesWhatIsOldAndWhole) {
  auto how = settings();
  how.keep = 24h * 30;
  record(3000);
  auto one = shipper(how);
  settle(*one);
  EXPECT_EQ(segments().size(), 3U);
  EXPECT_EQ(get(store_->anchor()).seq, 0) << "too young";
  clock_.advance(24h * 31);
  record(10);
  settle(*one);
  EXPECT_EQ(get(store_->anchor()).seq, 3000);
  const auto verdict = whole();
  EXPECT_TRUE(verdict.intact()) << audit::name(verdict.finding) << " at " << verdict.broken_at;
  // Three events say so, each with the digest of its file.
  std::vector<std::string> told;
  for (const auto& line : get(store_->read(3000, 100))) {
    if (line.event.reason != "audit_released") continue;
    ASSERT_GE(line.event.details.size(), 2U);
    told.push_back(line.event.details[1].second);
  }
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0], codec::base64url_encode(ByteSpan(crypto::sha256(contents(path_of(segments()[0]))))));
  EXPECT_NE(one->metrics_text().find("mitral_audit_released 3000"), std::string::npos) << one->metrics_text();
}

TEST_F(AuditShipperTest, AnAlteredSegmentIsNotWhatMayLeave) {
  auto how = settings();
  how.keep = 1h;
  record(1000);
  auto one = shipper(how);
  settle(*one);
  const auto path = path_of(segments().at(0));
  auto bytes = contents(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  clock_.advance(2h);
  record(10);
  settle(*one);
  EXPECT_EQ(get(store_->anchor()).seq, 0);
  EXPECT_NE(one->metrics_text().find("ship_failures_total{destination=\"directory\"} 1"), std::string::npos);
}

TEST_F(AuditShipperTest, AMissingSegmentHoldsBackTheRelease) {
  auto how = settings();
  how.keep = 1h;
  record(2000);
  auto one = shipper(how);
  settle(*one);
  std::filesystem::remove(path_of(segments().at(0)));
  clock_.advance(2h);
  record(10);
  settle(*one);
  EXPECT_EQ(get(store_->anchor()).seq, 0);
}

TEST_F(AuditShipperTest, ASegmentOfAnotherDatabaseStopsEverything) {
  record(1000);
  {
    auto one = shipper(settings());
    settle(*one);
  }
  // A backup that is older than the folder was put back.
  store_.reset();
  for (const auto* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  store_ = open();
  store_->set_checkpoint_signer(audit::signer_of(key_));
  record(500);
  clock_.advance(2h);
  auto next = shipper(settings());
  settle(*next);
  EXPECT_EQ(segments().size(), 1U);
  record(2000);
  clock_.advance(10min);
  settle(*next);
  EXPECT_EQ(segments().size(), 1U) << "record 1,001 does not follow from the segment's end";
  EXPECT_NE(next->metrics_text().find("ship_failures_total{destination=\"directory\"} 2"), std::string::npos)
      << next->metrics_text();
}

// ---- syslog

class Collector {
 public:
  explicit Collector(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);  // NOLINT
    reader_ = std::thread([this] {
      std::string buffer(70'000, '\0');
      for (;;) {
        const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (got <= 0) return;
        const std::lock_guard lock(mutex_);
        messages_.push_back(buffer.substr(0, static_cast<std::size_t>(got)));
      }
    });
  }
  ~Collector() {
    ::shutdown(fd_, SHUT_RDWR);
    reader_.join();
    ::close(fd_);
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  int fd_;
  std::mutex mutex_;
  std::vector<std::string> messages_;
  std::thread reader_;
};

TEST_F(AuditShipperTest, SyslogGetsEachRecordOnce) {
  auto how = settings();
  how.syslog = "unix:" + dir_.file("log");
  Collector collector(dir_.file("log"));
  record(700);
  {
    auto one = shipper(how);
    settle(*one);
  }
  clock_.advance(2min);
  record(5);
  auto next = shipper(how);
  settle(*next);
  ASSERT_TRUE(within(5s, [&] { return collector.messages().size() >= 705; }));
  const auto messages = collector.messages();
  ASSERT_EQ(messages.size(), 705U);
  for (std::size_t i = 0; i < messages.size(); ++i)
    EXPECT_NE(messages[i].find(" seq=\"" + std::to_string(i + 1) + "\""), std::string::npos);
}

TEST_F(AuditShipperTest, ADeadCollectorHoldsBackTheReleaseAndIsAskedLessAndLess) {
  auto how = settings();
  how.keep = 1h;
  how.syslog = "unix:" + dir_.file("nobody");
  record(1000);
  auto one = shipper(how);
  settle(*one);
  clock_.advance(2h);
  record(10);
  for (int second = 0; second < 20; ++second) {
    settle(*one);
    clock_.advance(1s);
  }
  EXPECT_EQ(segments().size(), 1U) << "the folder goes on by itself";
  EXPECT_EQ(get(store_->anchor()).seq, 0);
  // After 1, 2, 4 and 8 seconds, not 20 times.
  EXPECT_NE(one->metrics_text().find("ship_failures_total{destination=\"syslog\"} 5"), std::string::npos)
      << one->metrics_text();
  Collector collector(dir_.file("nobody"));
  clock_.advance(5min);
  settle(*one);
  EXPECT_EQ(get(store_->anchor()).seq, 1000);
}

// ---- http

class HttpCollector {
 public:
  HttpCollector() {
    runtime_.start();
    auto made = net::HttpServer::listen(runtime_, "127.0.0.1", 0, nullptr,
                                        [this](codec::Request request) -> Task<codec::Response> {
                                          const std::lock_guard lock(mutex_);
                                          const int status = statuses.empty() ? 201 : statuses.front();
                                          if (!statuses.empty()) statuses.erase(statuses.begin());
                                          requests.push_back(std::move(request));
                                          co_return codec::Response::with(status, "text/plain", "");
                                        },
                                        {.max_body = 64 * 1024 * 1024});
    EXPECT_TRUE(made);
    server_ = std::move(*made);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()) + "/audit"; }
  std::vector<codec::Request> requests;
  std::vector<int> statuses;

 private:
  std::mutex mutex_;
  net::Runtime runtime_{1};
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(AuditShipperTest, HttpGetsEachSegmentWithItsDigest) {
  HttpCollector collector;
  auto how = settings();
  how.http = collector.url();
  how.http_token_file = dir_.file("token");
  std::ofstream(how.http_token_file) << "s3cret\n";
  std::filesystem::permissions(how.http_token_file, std::filesystem::perms::owner_read);
  record(2000);
  auto one = shipper(how);
  settle(*one);
  ASSERT_EQ(collector.requests.size(), 2U);
  const auto& request = collector.requests[0];
  EXPECT_EQ(request.body, contents(path_of(segments()[0])));
  EXPECT_EQ(request.headers.get("Content-Type"), "application/zstd");
  EXPECT_EQ(request.headers.get("Authorization"), "Bearer s3cret");
  const auto digest = crypto::sha256(request.body);
  EXPECT_EQ(request.headers.get("Content-Digest"), "sha-256=:" + codec::base64_encode(ByteSpan(digest)) + ":");
  EXPECT_EQ(request.headers.get("Idempotency-Key"), "\"" + codec::base64url_encode(ByteSpan(digest)) + "\"");
  EXPECT_NE(request.headers.get("Content-Disposition")->find(audit::segment_name(1, 1000)), std::string_view::npos);
}

TEST_F(AuditShipperTest, HttpRefusalsAreRetriedAndNothingLeavesBefore) {
  HttpCollector collector;
  collector.statuses = {503, 302, 404};
  auto how = settings();
  how.http = collector.url();
  how.keep = 1h;
  record(1000);
  auto one = shipper(how);
  clock_.advance(2h);
  record(10);
  for (int second = 0; second < 6; ++second) {
    settle(*one);
    EXPECT_EQ(get(store_->anchor()).seq, 0);
    clock_.advance(1s);
  }
  ASSERT_EQ(collector.requests.size(), 3U);
  clock_.advance(10s);
  settle(*one);
  EXPECT_GE(collector.requests.size(), 4U);
  EXPECT_EQ(collector.requests[3].body, collector.requests[0].body);
  EXPECT_EQ(get(store_->anchor()).seq, 1000);
}

TEST_F(AuditShipperTest, AnotherDestinationBeginsAnew) {
  HttpCollector first;
  HttpCollector second;
  auto how = settings();
  how.http = first.url();
  record(2000);
  {
    auto one = shipper(how);
    settle(*one);
  }
  how.http = second.url();
  clock_.advance(2min);
  auto next = shipper(how);
  settle(*next);
  EXPECT_EQ(first.requests.size(), 2U);
  EXPECT_EQ(second.requests.size(), 2U);
}

TEST_F(AuditShipperTest, ShipsOnAThreadOfItsOwn) {
  record(2000);
  auto one = shipper(settings());
  one->start();
  EXPECT_TRUE(within(10s, [&] { return segments().size() == 2; }));
}

}  // namespace
}  // namespace mitral::app
