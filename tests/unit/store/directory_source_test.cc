// Clients that stay in the store until somebody asks for them: the rules of the snapshot (ports/directory.h), and how
// the SQLite store keeps them.
#include <map>
#include <mutex>

#include "contract/sqlite_fixture.h"
#include "ports/directory.h"
#include "store/sqlite/connection.h"

namespace mitral::store {
namespace {

using namespace contract;  // NOLINT

class Shelf final : public ports::Directory::Source {
 public:
  void put(std::string_view id, std::string_view name, bool origins = false) {
    auto one = Records::client(std::string(id));
    one.name = name;
    if (origins) one.origins = {"https://app.example.org"};
    clients_[std::string(id)] = std::move(one);
  }
  void remove(const std::string& id) { clients_.erase(id); }
  Result<std::optional<model::Client>> find(const Issuer& issuer, std::string_view id) const override {
    ++asked;
    if (broken) return fail(ErrorCode::unavailable, {}, "the disk is gone");
    const auto at = clients_.find(std::string(id));
    if (at == clients_.end() || at->second.issuer != issuer) return std::nullopt;
    auto out = at->second;
    if (meanwhile) meanwhile();
    return out;
  }
  Result<void> each(const Issuer&, ports::Clients which,
                    const std::function<void(model::Client)>& take) const override {
    if (broken) return fail(ErrorCode::unavailable, {}, "the disk is gone");
    for (const auto& [id, one] : clients_) {
      if (which == ports::Clients::all || !one.origins.empty()) take(one);
    }
    return {};
  }
  mutable int asked = 0;
  bool broken = false;
  std::function<void()> meanwhile;

 private:
  std::map<std::string, model::Client> clients_;
};

class ClientsInTheStore : public testing::Test {
 protected:
  void SetUp() override { directory_.read_from(&shelf_); }
  Shelf shelf_;
  ports::Directory directory_;
};

TEST_F(ClientsInTheStore, AreReadOnceForASnapshot) {
  shelf_.put("one", "First");
  const auto* found = directory_.client(kClinic, "one");
  ASSERT_NE(found, nullptr);
  shelf_.put("one", "Second");
  EXPECT_EQ(directory_.client(kClinic, "one"), found);
  EXPECT_EQ(found->name, "First");
  EXPECT_EQ(shelf_.asked, 1);
  EXPECT_EQ(directory_.client(kOther, "one"), nullptr);
}

TEST_F(ClientsInTheStore, NamesOfNobodyFillNoMemory) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(directory_.client(kClinic, "nobody"), nullptr);
  EXPECT_EQ(shelf_.asked, 10);
  shelf_.put("nobody", "Somebody now");
  EXPECT_NE(directory_.client(kClinic, "nobody"), nullptr);
}

TEST_F(ClientsInTheStore, AreUnavailableWhenTheStoreIs) {
  shelf_.put("one", "First");
  shelf_.put("two", "Second", true);
  ASSERT_NE(directory_.client(kClinic, "one"), nullptr);
  shelf_.broken = true;
  EXPECT_EQ(directory_.find(kClinic, "two").error().code, ErrorCode::unavailable) << "not: no such client";
  EXPECT_EQ(directory_.client(kClinic, "two"), nullptr);
  EXPECT_TRUE(directory_.find(kClinic, "one")) << "known before";
  EXPECT_EQ(directory_.clients(kClinic).error().code, ErrorCode::unavailable) << "never a part of the list";
  EXPECT_FALSE(directory_.clients(kClinic, ports::Clients::with_origins));
}

TEST_F(ClientsInTheStore, ANewSnapshotKnowsWhatTheOldOneReadButWhatWasRemoved) {
  shelf_.put("one", "First");
  shelf_.put("two", "First");
  ASSERT_NE(directory_.client(kClinic, "one"), nullptr);
  ASSERT_NE(directory_.client(kClinic, "two"), nullptr);
  shelf_.put("one", "Second");
  shelf_.put("two", "Second");
  ports::Directory next = directory_;
  next.remove_client(kClinic, "two");
  EXPECT_EQ(next.client(kClinic, "one"), directory_.client(kClinic, "one"));
  EXPECT_EQ(next.client(kClinic, "two")->name, "Second");
  EXPECT_EQ(directory_.client(kClinic, "two")->name, "First");
}

// A thread reads, a change is committed and makes a new snapshot, and only then what was read is put away.
TEST_F(ClientsInTheStore, WhoReadsTooSlowlyBringsNothingOldIntoTheNewSnapshot) {
  shelf_.put("one", "Enabled");
  std::optional<ports::Directory> next;
  shelf_.meanwhile = [&] {
    shelf_.meanwhile = {};
    shelf_.put("one", "Disabled");
    next.emplace(directory_);
    next->remove_client(kClinic, "one");
  };
  EXPECT_EQ(directory_.client(kClinic, "one")->name, "Enabled");
  EXPECT_EQ(next->client(kClinic, "one")->name, "Disabled");
  ports::Directory third = *next;
  EXPECT_EQ(third.client(kClinic, "one")->name, "Disabled");
}

TEST_F(ClientsInTheStore, AreListedOnce) {
  for (const auto* id : {"one", "two", "three"}) shelf_.put(id, "In the store", id == std::string_view("two"));
  ASSERT_NE(directory_.client(kClinic, "one"), nullptr);
  ports::Directory next = directory_;
  ASSERT_NE(next.client(kClinic, "two"), nullptr);
  EXPECT_EQ(next.clients(kClinic)->size(), 3U);
  EXPECT_EQ(next.clients(kClinic)->size(), 3U);
  EXPECT_EQ(ports::Directory(next).clients(kClinic)->size(), 3U);
  const auto origins = ports::Directory(next).clients(kClinic, ports::Clients::with_origins);
  EXPECT_EQ(std::ranges::count_if(*origins, [](const auto* one) { return !one->origins.empty(); }), 1);
}

TEST_F(ClientsInTheStore, ManyThreadsSeeOneRecord) {
  shelf_.put("one", "First");
  std::array<const model::Client*, 8> seen{};
  std::mutex mutex;
  together(8, [&](int i) {
    const std::lock_guard lock(mutex);  // the shelf counts; the snapshot is what is tried
    seen[static_cast<std::size_t>(i)] = directory_.client(kClinic, "one");
  });
  for (const auto* each : seen) EXPECT_EQ(each, seen.front());
}

// ---- the SQLite store

using SqliteClients = SqliteTest;

TEST_F(SqliteClients, AreFoundRightAfterTheStartWithOneReadEach) {
  {
    auto store = open();
    for (int i = 0; i < 20; ++i) get(store->put_client(client("c_" + std::to_string(i)), event()));
  }
  const auto store = open();
  const auto before = store->counters().reads;
  EXPECT_NE(store->directory()->client(kClinic, "c_7"), nullptr);
  EXPECT_NE(store->directory()->client(kClinic, "c_7"), nullptr);
  EXPECT_EQ(store->counters().reads - before, 1U);
  EXPECT_EQ(store->directory()->client(kOther, "c_7"), nullptr);
  EXPECT_EQ(store->directory()->clients(kClinic)->size(), 20U);
  EXPECT_TRUE(store->directory()->clients(kOther)->empty());
}

TEST_F(SqliteClients, ARevocationFromBeforeTheStartCounts) {
  {
    auto store = open();
    get(store->put_client(client(), event()));
    get(store->revoke_client(kClinic, ClientId("c_app"), {event()}, kStart + 5s));
  }
  EXPECT_GE(open()->directory()->client(kClinic, "c_app")->tokens_valid_from, kStart + 5s);
}

TEST_F(SqliteClients, ReadFirstBesideAChangeTheyAreNeverStaleForLonger) {
  const auto server = open(), other = open();
  auto one = client();
  get(other->put_client(one, event()));
  for (int i = 0; i < 50; ++i) {
    one.enabled = !one.enabled;
    get(other->put_client(one, event()));
    static_cast<void>(server->directory()->client(kClinic, "c_app"));  // may be either, and is remembered
  }
  constexpr auto kBound = std::chrono::milliseconds(limits::kRevocationBound);
  EXPECT_TRUE(within(kBound, [&] { return server->latest_change() == other->latest_change(); }));
  EXPECT_EQ(server->directory()->client(kClinic, "c_app")->enabled, one.enabled);
  get(other->delete_client(kClinic, ClientId("c_app"), event()));
  EXPECT_TRUE(within(kBound, [&] { return server->directory()->client(kClinic, "c_app") == nullptr; }));
}

TEST_F(SqliteClients, ThoseWithOriginsHaveAnIndex) {
  const auto store = open();
  get(store->put_client(client("c_plain"), event()));
  auto browser = client("c_browser");
  browser.origins = {"https://app.example.org"};
  get(store->put_client(browser, event()));
  const auto again = open();
  const auto found = again->directory()->clients(kClinic, ports::Clients::with_origins);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front()->id.value, "c_browser");
  auto connection = *Connection::open(path_, Connection::Mode::read, 1s);
  Query plan(connection,
             "EXPLAIN QUERY PLAN SELECT document FROM clients INDEXED BY clients_origins WHERE issuer = ?1 AND "
             "instr(document, '\"origins\"') > 0");
  ASSERT_TRUE(*plan.step());
  EXPECT_TRUE(plan.text(3).contains("clients_origins")) << plan.text(3);
}

TEST_F(SqliteClients, AskingWhetherALeaseIsFreeWritesNothing) {
  const auto store = open();
  const auto one = id(), two = id();
  EXPECT_TRUE(get(store->take_lease("ship", one, kStart, kStart))) << "free, and taken for no time";
  {
    Intruder file(path_);
    EXPECT_EQ(file.value("SELECT count(*) FROM leases"), "0");
  }
  EXPECT_TRUE(get(store->take_lease("ship", one, kStart, kStart + 60s)));
  EXPECT_FALSE(get(store->take_lease("ship", two, kStart + 1s, kStart + 1s)));
  EXPECT_TRUE(get(store->take_lease("ship", one, kStart + 1s, kStart + 1s))) << "given back";
  EXPECT_TRUE(get(store->take_lease("ship", two, kStart + 1s, kStart + 61s)));
  EXPECT_TRUE(get(store->take_lease("ship", one, kStart + 61s, kStart + 61s))) << "over";
}

}  // namespace
}  // namespace mitral::store
