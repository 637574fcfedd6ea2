// Power failure: of every file only what was fsynced survives. Whatever an act acknowledged must be in there.
//
// A shim over SQLite's file layer keeps, beside each file, a copy as of its last fsync; the copies are what a disk
// would hold after the power failed. kill -9 can't show this: the kernel still writes what a dead process left.
#include <cstring>

#include "contract/sqlite_fixture.h"

namespace mitral::contract {
namespace {

/// SQLite's own file layer, with a copy made at every xSync of a file under test.
class SyncedCopies {
 public:
  SyncedCopies() {
    base() = sqlite3_vfs_find(nullptr);
    shim_ = *base();
    shim_.zName = "synced-copies";
    shim_.szOsFile = base()->szOsFile + static_cast<int>(sizeof(const char*));
    shim_.xOpen = open;
    EXPECT_EQ(sqlite3_vfs_register(&shim_, 1), SQLITE_OK);
  }
  ~SyncedCopies() {
    sqlite3_vfs_register(base(), 1);
    sqlite3_vfs_unregister(&shim_);
  }
  SyncedCopies(const SyncedCopies&) = delete;
  SyncedCopies& operator=(const SyncedCopies&) = delete;

  /// Brings the disk's view of the database to another path.
  static void power_failure(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex());
    for (const auto* suffix : {"", "-wal"}) {
      const auto copy = from + suffix + ".synced";
      if (std::filesystem::exists(copy)) std::filesystem::copy_file(copy, to + suffix);
    }
  }

 private:
  static sqlite3_vfs*& base() {
    static sqlite3_vfs* vfs = nullptr;
    return vfs;
  }
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  /// SQLite has one set of methods for the database and another, without locks, for the log.
  struct Patched {
    const sqlite3_io_methods* original = nullptr;
    sqlite3_io_methods methods{};
    std::once_flag once;
  };
  static Patched& patched(bool log) {
    static Patched both[2];
    return both[log ? 1 : 0];
  }
  /// The name stands behind the base layer's own part of the file object.
  static const char*& name_of(sqlite3_file* file) {
    return *reinterpret_cast<const char**>(reinterpret_cast<char*>(file) + base()->szOsFile);  // NOLINT
  }
  template <bool kLog>
  static int sync(sqlite3_file* file, int flags) {
    const int code = patched(kLog).original->xSync(file, flags);
    const char* name = name_of(file);
    if (code == SQLITE_OK && name != nullptr) {
      const std::lock_guard lock(mutex());
      std::filesystem::copy_file(name, std::string(name) + ".synced",
                                 std::filesystem::copy_options::overwrite_existing);
    }
    return code;
  }
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int code = base()->xOpen(base(), name, file, flags, out_flags);
    if (code != SQLITE_OK || file->pMethods == nullptr || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
      return code;
    const bool log = (flags & SQLITE_OPEN_WAL) != 0;
    auto& patch = patched(log);
    std::call_once(patch.once, [&] {
      patch.original = file->pMethods;
      patch.methods = *file->pMethods;
      patch.methods.xSync = log ? sync<true> : sync<false>;
    });
    if (file->pMethods != patch.original) return code;  // another flavour of file: then the test fails, as it should
    name_of(file) = name;
    file->pMethods = &patch.methods;
    return code;
  }

  sqlite3_vfs shim_{};
};

class PowerFailure : public SqliteTest {
 protected:
  SyncedCopies disk_;
  int failures_ = 0;
  /// The store as it comes up after the power failed now.
  std::unique_ptr<store::SqliteStore> after_failure() {
    auto how = options();
    how.path = dir_.file("after" + std::to_string(++failures_) + ".db");
    SyncedCopies::power_failure(path_, how.path);
    return open_sqlite(std::move(how), clock_);
  }
};

TEST_F(PowerFailure, EveryAcknowledgedActIsOnTheDisk) {
  const auto store = open();
  for (int round = 0; round < 5; ++round) {
    const auto made = stored_grant(*store);
    const auto rotated = stored_grant(*store);
    get(store->rotate_once(
        kClinic, {.grant = rotated.id, .presented = 0, .rotate = true, .retry_window = {}, .expires = kStart + 24h},
        {event()}, {}, kStart));
    {
      const auto disk = after_failure();
      ASSERT_NE(disk, nullptr);
      EXPECT_TRUE(get(disk->find_grant(kClinic, made.id)));
      EXPECT_EQ(get(disk->find_family(kClinic, rotated.id))->generation, 1U);
    }
    const auto value = handle();
    EXPECT_TRUE(get(store->claim_once(kClinic, "x", value, kStart + 60s)));
    get(store->revoke_grant(kClinic, made.id, {event()}, kStart));
    get(store->append({event(), event()}));
    {
      const auto disk = after_failure();
      EXPECT_TRUE(get(disk->find_grant(kClinic, made.id))->revoked);
      EXPECT_FALSE(get(disk->claim_once(kClinic, "x", value, kStart + 60s)));
      EXPECT_EQ(disk->last_seq(), store->last_seq());
      expect_intact(*disk);
    }
  }
}

TEST_F(PowerFailure, AlsoWhileTheLogIsCopiedBack) {
  const auto store = open();
  for (int round = 0; round < 12; ++round) {
    get(store->append(Events(1500, event())));
    if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(limits::kRevocationPoll));
    const auto disk = after_failure();
    ASSERT_NE(disk, nullptr);
    EXPECT_EQ(disk->last_seq(), store->last_seq());
    if (round == 11) expect_intact(*disk);
  }
}

TEST_F(PowerFailure, BoundedDelayLosesEventsOfThatDelayAtMost) {
  auto how = options();
  how.durability = store::Durability::bounded_delay;
  how.max_delay = 20ms;
  const auto store = open_sqlite(std::move(how), clock_);
  get(store->append({event()}));
  EXPECT_TRUE(within(2000ms, [&] { return store->last_seq() == 1; }));
  const auto disk = after_failure();
  EXPECT_EQ(disk->last_seq(), 1);
}

}  // namespace
}  // namespace mitral::contract
