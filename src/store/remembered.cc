#include "store/remembered.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "store/documents.h"

namespace mitral::store {
namespace {

std::chrono::nanoseconds steady_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

/// Issuer and id of a stored client without reading the rest: the two stand first, as to_document() writes them.
/// Nothing when they don't, or hold anything that would have to be decoded.
std::optional<std::pair<Issuer, std::string_view>> named_client(std::string_view document) {
  const auto value = [&document](std::string_view before) -> std::optional<std::string_view> {
    if (!document.starts_with(before)) return std::nullopt;
    const auto text = document.substr(before.size(), document.find('"', before.size()) - before.size());
    if (text.empty() || text.contains('\\') || before.size() + text.size() >= document.size()) return std::nullopt;
    document.remove_prefix(before.size() + text.size());
    return text;
  };
  const auto issuer = value(R"({"issuer":")");
  const auto id = issuer ? value(R"(","id":")") : std::nullopt;
  if (!id) return std::nullopt;
  return std::pair(Issuer(*issuer), *id);
}

Result<model::Client> read_client(const Revocations& revocations, std::string_view document) {
  auto read = client_from(document);
  if (!read) return unreadable("clients");
  const auto floor = revocations.floor(FloorKind::client, read->issuer, read->id.value);
  read->tokens_valid_from = std::max(read->tokens_valid_from, floor);
  return *std::move(read);
}

Result<void> add_entry(ports::Directory& directory, const Revocations& revocations, bool server,
                       std::string_view document) {
  if (server) {
    auto read = resource_server_from(document);
    if (!read) return unreadable("resource_servers");
    directory.add(std::move(*read));
    return {};
  }
  if (const auto named = named_client(document)) {
    const auto& [issuer, id] = *named;
    directory.add(issuer, id, std::string(document), client_from, revocations.floor(FloorKind::client, issuer, id));
    return {};
  }
  MITRAL_TRY(auto read, read_client(revocations, document));
  directory.add(std::move(read));
  return {};
}

/// The entry of the directory that a line of the feed concerns.
std::optional<Remembered::Entry> entry_of(const model::Change& change) {
  std::string_view subject = change.subject;
  if (change.kind == model::ChangeKind::client_revoked) return Remembered::Entry{change.issuer, std::string(subject)};
  if (change.kind != model::ChangeKind::directory_changed) return std::nullopt;
  const bool server = subject.starts_with(kServerSubject);
  subject.remove_prefix(std::min(subject.size(), server ? kServerSubject.size() : kClientSubject.size()));
  return Remembered::Entry{change.issuer, std::string(subject), server};
}

}  // namespace

Result<void> Remembered::Loading::document(bool server, std::string_view document) {
  return add_entry(directory_, revocations_, server, document);
}

Result<model::Client> Remembered::client_of(std::string_view document) const {
  return read_client(revocations_, document);
}

Result<void> Remembered::load(Source& source) {
  const std::lock_guard lock(feed_mutex_);
  const auto asked = steady_now();
  MITRAL_CHECK(load_locked(source));
  followed_.store(asked.count(), std::memory_order_release);
  return {};
}

Result<void> Remembered::load_locked(Source& source) {
  Loading loading(revocations_);
  MITRAL_CHECK(source.everything(loading));
  set_directory(std::make_shared<const ports::Directory>(std::move(loading.directory_)));
  grants_.clear();
  applied_.store(loading.newest, std::memory_order_release);
  stale_ = false;
  return {};
}

Result<void> Remembered::follow(Source& source) {
  bool news = false;
  {
    const std::lock_guard lock(feed_mutex_);
    const auto asked = steady_now();
    const auto applied = applied_.load(std::memory_order_relaxed);
    MITRAL_TRY(const auto lines, source.after(applied));
    const auto promised =
        std::ranges::count_if(lines.changes, [&](const auto& change) { return change.seq <= lines.newest; });
    // Lines that were swept before this process saw them, a database that was restored from a backup: nothing in memory
    // can be trusted.
    if (stale_ || lines.newest - applied != promised) {
      MITRAL_CHECK(load_locked(source));
      news = true;
    } else if (!lines.changes.empty()) {
      apply_locked(source, lines.changes);
      applied_.store(lines.changes.back().seq, std::memory_order_release);
      news = true;
    }
    if (!stale_) followed_.store(asked.count(), std::memory_order_release);
  }
  if (news) notify();
  return {};
}

void Remembered::committed(Source& source, std::vector<model::Change> changes) {
  {
    const std::lock_guard lock(feed_mutex_);
    // Some may have been read from the database already.
    const auto applied = applied_.load(std::memory_order_relaxed);
    std::erase_if(changes, [applied](const auto& change) { return change.seq <= applied; });
    if (changes.empty()) return;
    apply_locked(source, changes);
    // Lines of other nodes that were committed before may still be unknown here: then the next look at the feed moves
    // on, over these too.
    if (changes.front().seq == applied + 1) applied_.store(changes.back().seq, std::memory_order_release);
  }
  notify();
}

void Remembered::apply_locked(Source& source, const std::vector<model::Change>& changes) {
  std::vector<Entry> touched;
  for (const auto& change : changes) {
    revocations_.apply(change);
    if (change.kind == model::ChangeKind::grant_revoked) {
      if (const auto id = Id128::parse(change.subject)) grants_.revoke(*id, change.at);
    }
    if (auto entry = entry_of(change)) touched.push_back(std::move(*entry));
  }
  if (touched.empty()) return;
  if (auto loaded = refresh_directory(source, touched); !loaded) {
    stale_ = true;
    log::error("store.directory_reload_failed", {{"detail", loaded.error().detail}});
  }
}

/// A new snapshot with these entries read again: a thousand clients are not parsed anew because one was changed. Where
/// clients are read when they are asked for, it is enough that this one is forgotten.
Result<void> Remembered::refresh_directory(Source& source, const std::vector<Entry>& entries) {
  auto fresh = std::make_shared<ports::Directory>(*directory());
  for (const auto& entry : entries) {
    if (!entry.server && fresh->reads_clients()) {
      fresh->remove_client(entry.issuer, entry.id);
      continue;
    }
    MITRAL_TRY(const auto document, source.document(entry));
    if (entry.server) {
      fresh->remove_resource_server(entry.issuer, entry.id);
    } else {
      fresh->remove_client(entry.issuer, entry.id);
    }
    if (document) MITRAL_CHECK(add_entry(*fresh, revocations_, entry.server, *document));
  }
  set_directory(std::move(fresh));
  return {};
}

void Remembered::set_directory(std::shared_ptr<const ports::Directory> fresh) {
  const std::unique_lock lock(directory_mutex_);
  directory_ = std::move(fresh);
}

std::shared_ptr<const ports::Directory> Remembered::directory() const {
  const std::shared_lock lock(directory_mutex_);
  return directory_;
}

Result<void> Remembered::current() const {
  const auto age = steady_now() - std::chrono::nanoseconds(followed_.load(std::memory_order_acquire));
  if (age <= limits::kFeedStale) return {};
  return fail(ErrorCode::unavailable, {}, "the change feed can't be followed: memory may be out of date");
}

std::optional<model::Grant> Remembered::grant(const Issuer& issuer, const Id128& id) {
  if (!current()) return std::nullopt;
  auto known = grants_.find(issuer, id);
  if (known) revocations_.overlay(*known);
  return known;
}

void Remembered::on_change(std::function<void()> callback) {
  const std::lock_guard lock(callbacks_mutex_);
  callbacks_.push_back(std::move(callback));
}

void Remembered::notify() {
  const std::lock_guard lock(callbacks_mutex_);
  for (const auto& callback : callbacks_) callback();
}

}  // namespace mitral::store
