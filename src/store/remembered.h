// Remembered: what a process keeps in memory of a database that others write too (directory, revocations, grants and
// codes that were used lately), and how it follows the change feed. Both adapters for servers share it.
//
// The feed is the only way in: a line is applied when this process committed it, and when it is read from the database,
// whichever is first; applying one twice does no harm. `latest()` moves on only when every line before is applied too.
//
// Limits: memory grows with the directory and the living revocations; grants and codes are bounded. Errors: those of
// the Source. Thread rules: any thread. Changes of memory are ordered by one lock, under which the Source is asked;
// callbacks run on the thread that brought the news, outside of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "model/grant.h"
#include "ports/directory.h"
#include "store/fresh_codes.h"
#include "store/grant_cache.h"
#include "store/revocations.h"

namespace mitral::store {

/// Subjects of directory_changed lines: this store's own spelling.
inline constexpr std::string_view kClientSubject = "client:";
inline constexpr std::string_view kServerSubject = "server:";

/// When a line of the feed may be forgotten.
[[nodiscard]] inline Instant change_end(Instant now) { return now + limits::kChangeLifetime; }

class Remembered {
 public:
  Remembered(std::size_t grants, std::size_t codes) : grants_(grants), codes_(codes) {}

  /// A client or resource server.
  struct Entry {
    Issuer issuer;
    std::string id;
    bool server = false;
  };
  /// Takes in everything; floors before the clients that they concern.
  class Loading {
   public:
    void floor(FloorKind kind, const Issuer& issuer, std::string_view subject, Instant at) {
      revocations_.raise(kind, issuer, subject, at);
    }
    void token(const Issuer& issuer, std::string_view token, Instant expires) {
      revocations_.revoke_token(issuer, token, expires);
    }
    [[nodiscard]] Result<void> document(bool server, std::string_view document);
    /// Instead of the documents of clients: they are read from there when somebody asks for them.
    void clients_from(const ports::Directory::Source* source) { directory_.read_from(source); }
    std::int64_t newest = 0;  ///< the feed's counter, not its last line: swept lines count; no later than the rest

   private:
    friend class Remembered;
    explicit Loading(Revocations& revocations) : revocations_(revocations) {}
    Revocations& revocations_;
    ports::Directory directory_;
  };
  /// How the database is read, by whoever has a connection at hand.
  class Source {
   public:
    struct Lines {
      std::int64_t newest = 0;  ///< the feed's counter, no later than `changes`
      std::vector<model::Change> changes;
    };
    virtual ~Source() = default;
    [[nodiscard]] virtual Result<void> everything(Loading& to) = 0;
    [[nodiscard]] virtual Result<Lines> after(std::int64_t seq) = 0;
    [[nodiscard]] virtual Result<std::optional<std::string>> document(const Entry& entry) = 0;
  };

  /// What stands in a document, with what revocations mean for it.
  [[nodiscard]] Result<model::Client> client_of(std::string_view document) const;

  [[nodiscard]] Result<void> load(Source& source);
  /// Applies what is new; everything anew when lines are missing, or the database went back in time.
  [[nodiscard]] Result<void> follow(Source& source);
  /// Applies what this process committed.
  void committed(Source& source, std::vector<model::Change> changes);

  [[nodiscard]] std::shared_ptr<const ports::Directory> directory() const;
  [[nodiscard]] std::int64_t latest() const noexcept { return applied_.load(std::memory_order_acquire); }
  /// unavailable when the feed was not followed for limits::kFeedStale.
  [[nodiscard]] Result<void> current() const;
  void on_change(std::function<void()> callback);

  /// A grant from memory with what revocations mean for it; nothing when memory is not current().
  [[nodiscard]] std::optional<model::Grant> grant(const Issuer& issuer, const Id128& id);
  [[nodiscard]] GrantCache& grants() noexcept { return grants_; }
  [[nodiscard]] FreshCodes& codes() noexcept { return codes_; }
  [[nodiscard]] Revocations& revocations() noexcept { return revocations_; }
  [[nodiscard]] const Revocations& revocations() const noexcept { return revocations_; }

 private:
  [[nodiscard]] Result<void> load_locked(Source& source);
  void apply_locked(Source& source, const std::vector<model::Change>& changes);
  [[nodiscard]] Result<void> refresh_directory(Source& source, const std::vector<Entry>& entries);
  void set_directory(std::shared_ptr<const ports::Directory> fresh);
  void notify();

  Revocations revocations_;
  GrantCache grants_;
  FreshCodes codes_;
  mutable std::shared_mutex directory_mutex_;
  std::shared_ptr<const ports::Directory> directory_ = std::make_shared<const ports::Directory>();

  std::mutex feed_mutex_;
  std::atomic<std::int64_t> applied_{0};
  std::atomic<std::int64_t> followed_{0};  ///< steady time of the last look at the feed that succeeded, in nanoseconds
  bool stale_ = false;                     ///< a part could not be read: everything is read anew at the next look
  std::mutex callbacks_mutex_;
  std::vector<std::function<void()>> callbacks_;
};

}  // namespace mitral::store
