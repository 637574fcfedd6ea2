#include "store/transfer.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/limits.h"
#include "crypto/hash.h"

namespace mitral::store::transfer {
namespace {

constexpr auto I = Kind::integer;
constexpr auto T = Kind::text;
constexpr auto B = Kind::blob;

constexpr std::array kClients{Column{"issuer", T}, Column{"id", T}, Column{"document", T},
                              Column{"tokens_valid_from", I}};
constexpr std::array kServers{Column{"issuer", T}, Column{"id", T}, Column{"audience", T}, Column{"document", T}};
constexpr std::array kUsers{
    Column{"issuer", T},  Column{"id", T}, Column{"username", T}, Column{"enabled", I}, Column{"tokens_valid_from", I},
    Column{"document", T}};
constexpr std::array kSessions{Column{"id_hash", B},   Column{"issuer", T},    Column{"user", T},
                               Column{"sid", B},       Column{"auth_time", I}, Column{"created", I},
                               Column{"last_seen", I}, Column{"expires", I},   Column{"document", T}};
constexpr std::array kConsents{Column{"issuer", T}, Column{"user", T}, Column{"client", T}, Column{"expires", I},
                               Column{"document", T}};
constexpr std::array kFloors{Column{"issuer", T}, Column{"kind", I}, Column{"subject", T}, Column{"at", I}};
constexpr std::array kPushed{Column{"handle", B},     Column{"issuer", T},  Column{"client", T},
                             Column{"parameters", T}, Column{"expires", I}, Column{"used", I}};
constexpr std::array kLaunches{Column{"handle", B},   Column{"issuer", T},  Column{"client", T},  Column{"user", T},
                               Column{"audience", T}, Column{"context", T}, Column{"expires", I}, Column{"used", I}};
constexpr std::array kInteractions{Column{"handle", B},   Column{"issuer", T},  Column{"browser", B},
                                   Column{"document", T}, Column{"expires", I}, Column{"used", I}};
constexpr std::array kCodes{Column{"handle", B}, Column{"issuer", T},   Column{"client", T},
                            Column{"user", T},   Column{"created", I},  Column{"expires", I},
                            Column{"burned", I}, Column{"grant_id", B}, Column{"document", T}};
constexpr std::array kReplay{Column{"key", B}, Column{"issuer", T}, Column{"expires", I}};
constexpr std::array kGrants{Column{"id", B},         Column{"issuer", T},  Column{"client", T},
                             Column{"user", T},       Column{"sid", B},     Column{"offline", I},
                             Column{"created", I},    Column{"expires", I}, Column{"revoked", I},
                             Column{"generation", I}, Column{"rotated", I}, Column{"family_expires", I},
                             Column{"document", T}};
constexpr std::array kChanges{Column{"seq", I},     Column{"issuer", T}, Column{"kind", I},
                              Column{"subject", T}, Column{"at", I},     Column{"expires", I}};
constexpr std::array kKeys{
    Column{"issuer", T},          Column{"kid", T},          Column{"alg", T},       Column{"purpose", T},
    Column{"wrapped_private", B}, Column{"public_jwk", T},   Column{"published", I}, Column{"active_from", I},
    Column{"retired_from", I},    Column{"removed_from", I}, Column{"revoked", I}};
constexpr std::array kAnchor{Column{"id", I}, Column{"seq", I}, Column{"hash", B}};
constexpr std::array kAudit{Column{"seq", I},   Column{"issuer", T}, Column{"at", I},
                            Column{"event", T}, Column{"hash", B},   Column{"checkpoint", T}};
constexpr std::array kEmergencies{Column{"id", B}, Column{"issuer", T},   Column{"patient", T}, Column{"user", T},
                                  Column{"at", I}, Column{"reviewed", I}, Column{"document", T}};

// The anchor of the audit record before the record: what begins at the anchor is then never without it.
constexpr std::array kTables{
    Table{"clients", 2, kClients, false},
    Table{"resource_servers", 2, kServers, false},
    Table{"users", 2, kUsers, false},
    Table{"sessions", 1, kSessions, true},
    Table{"consents", 3, kConsents, true},
    Table{"floors", 3, kFloors, false},
    Table{"pushed_requests", 1, kPushed, true},
    Table{"launches", 1, kLaunches, true},
    Table{"interactions", 1, kInteractions, true},
    Table{"codes", 1, kCodes, true},
    Table{"replay", 1, kReplay, false},
    Table{"grants", 1, kGrants, false},
    Table{"changes", 1, kChanges, false},
    Table{"signing_keys", 2, kKeys, false},
    Table{"audit_anchor", 1, kAnchor, false},
    Table{"audit", 1, kAudit, false},
    Table{"emergency_accesses", 1, kEmergencies, false},
};

Row key_of(const Table& table, const Row& row) {
  return {row.begin(), row.begin() + static_cast<std::ptrdiff_t>(table.key)};
}

// Unambiguous: every value says its kind and length.
void add(crypto::Sha256& hash, const Value& value) {
  std::array<std::uint8_t, 9> head{};
  head[0] = static_cast<std::uint8_t>(value.index());
  std::uint64_t number = 0;
  const auto* const text = std::get_if<std::string>(&value);
  if (text != nullptr) number = text->size();
  if (const auto* const integer = std::get_if<std::int64_t>(&value)) number = static_cast<std::uint64_t>(*integer);
  for (std::size_t i = 0; i < 8; ++i) head[i + 1] = static_cast<std::uint8_t>(number >> (8 * i));
  hash.update(as_view(head));
  if (text != nullptr) hash.update(*text);
}

Result<TableSum> sum_of(Database& database, const Table& table, const std::function<void(const Progress&)>& progress) {
  TableSum out{table.name, 0, {}};
  crypto::Sha256 hash;
  Row after;
  for (;;) {
    MITRAL_TRY(const auto page, database.rows(table, after, kPageRows));
    if (page.empty()) break;
    for (const auto& row : page) {
      for (const auto& value : row) add(hash, value);
    }
    out.rows += page.size();
    after = key_of(table, page.back());
    if (progress) progress({table.name, out.rows, true});
  }
  out.digest = hash.finish();
  return out;
}

/// Two copies of one source have one holder: an interrupted copy knows its source again.
Id128 holder_of(const Heads& heads, bool passing) {
  crypto::Sha256 hash;
  hash.update("mitral transfer 1");
  add(hash, heads.audit_seq);
  add(hash, std::string(as_view(heads.audit_hash)));
  add(hash, heads.feed_seq);
  add(hash, std::int64_t{passing ? 1 : 0});
  const Hash256 digest = hash.finish();
  Id128 out{};
  std::copy_n(digest.begin(), out.bytes.size(), out.bytes.begin());
  return out;
}

Result<std::optional<Lease>> lease_named(Database& database, std::string_view name) {
  MITRAL_TRY(const auto all, database.leases());
  for (const auto& lease : all) {
    if (lease.name == name) return lease;
  }
  return std::nullopt;
}

Result<void> refuse_served(Database& from, Instant now) {
  MITRAL_TRY(const auto all, from.leases());
  for (const auto& lease : all) {
    if (!lease.name.starts_with(kNodeLease) || lease.until <= now) continue;
    return fail(
        ErrorCode::conflict, {},
        fmt::format("{} is being served (node {}, seen alive {}): stop every node first, and wait half a minute "
                    "after one that was killed",
                    from.where(), lease.name.substr(kNodeLease.size()),
                    to_rfc3339(lease.until - limits::kNodeLeaseLifetime)));
  }
  return {};
}

/// The target is empty, or an interrupted copy of this very source. True: it goes on.
Result<bool> prepare(Database& to, Id128 holder, Instant now) {
  MITRAL_TRY(const auto mark, lease_named(to, kMoveLease));
  if (mark && mark->until > now) {
    if (mark->holder == holder) return true;
    return fail(
        ErrorCode::conflict, {},
        fmt::format("{} holds an interrupted copy of something else, or was moved away: empty it first", to.where()));
  }
  MITRAL_CHECK(refuse_served(to, now));
  MITRAL_TRY(const bool empty, is_empty(to));
  if (!empty) return fail(ErrorCode::conflict, {}, to.where() + " is not empty: a copy needs an empty database");
  MITRAL_CHECK(to.put_lease({std::string(kMoveLease), holder, Instant::max()}));
  return false;
}

Result<void> copy_table(Database& from, Database& to, const Table& table, const CopyOptions& options) {
  MITRAL_TRY(Row after, to.last(table));
  std::uint64_t rows = 0;
  for (;;) {
    MITRAL_TRY(const auto page, from.rows(table, after, kPageRows));
    if (page.empty()) return {};
    MITRAL_CHECK(to.insert(table, page));
    rows += page.size();
    after = key_of(table, page.back());
    if (options.progress) options.progress({table.name, rows, false});
  }
}

Result<std::vector<TableSum>> compare(Database& from, Database& to, const CopyOptions& options) {
  MITRAL_CHECK(to.hold(Database::View::snapshot));
  struct Release {
    Database& held;
    ~Release() { held.release(); }
  } release{to};
  MITRAL_TRY(auto theirs, sums(from, options.passing, options.progress));
  MITRAL_TRY(const auto ours, sums(to, options.passing, options.progress));
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    if (theirs[i].rows == ours[i].rows && theirs[i].digest == ours[i].digest) continue;
    return fail(ErrorCode::internal, {},
                fmt::format("table {} differs: {} rows in {}, {} rows in {}: the copy must not be used; empty it and "
                            "begin again",
                            theirs[i].name, theirs[i].rows, from.where(), ours[i].rows, to.where()));
  }
  return theirs;
}

Result<Report> copy_held(Database& from, Database& to, const CopyOptions& options) {
  Report out;
  MITRAL_TRY(out.heads, from.heads());
  const Id128 holder = holder_of(out.heads, options.passing);
  MITRAL_TRY(out.resumed, prepare(to, holder, options.now));
  for (const auto& table : tables()) {
    if (table.passing && !options.passing) continue;
    MITRAL_CHECK(copy_table(from, to, table, options));
  }
  MITRAL_TRY(out.tables, compare(from, to, options));
  out.heads.feed_seq += options.feed_jump;
  MITRAL_CHECK(to.set_heads(out.heads));
  return out;
}

}  // namespace

std::span<const Table> tables() noexcept { return kTables; }

Result<std::vector<TableSum>> sums(Database& database, bool passing,
                                   const std::function<void(const Progress&)>& progress) {
  std::vector<TableSum> out;
  for (const auto& table : kTables) {
    if (table.passing && !passing) continue;
    MITRAL_TRY(auto sum, sum_of(database, table, progress));
    out.push_back(std::move(sum));
  }
  return out;
}

Result<bool> is_empty(Database& database) {
  for (const auto& table : kTables) {
    MITRAL_TRY(const auto last, database.last(table));
    if (!last.empty()) return false;
  }
  return true;
}

Result<Report> copy(Database& from, Database& to, const CopyOptions& options) {
  if (options.close_source) {
    // First the mark, then the look: a node that starts now sees the mark, or is seen.
    MITRAL_TRY(const auto mark, lease_named(from, kMoveLease));
    const bool marked = mark && mark->until > options.now;
    const auto mine = Id128{};
    if (marked && mark->holder != mine) {
      return fail(ErrorCode::conflict, {}, from.where() + " is itself an unfinished copy");
    }
    MITRAL_CHECK(from.put_lease({std::string(kMoveLease), mine, Instant::max()}));
    if (auto free = refuse_served(from, options.now); !free) {
      if (!marked) MITRAL_CHECK(from.drop_lease(kMoveLease));
      return fail(std::move(free).error());
    }
  }
  MITRAL_CHECK(from.hold(options.view));
  auto done = copy_held(from, to, options);
  from.release();
  if (!done) return done;
  if (!options.keep_closed) MITRAL_CHECK(to.drop_lease(kMoveLease));
  return done;
}

}  // namespace mitral::store::transfer
