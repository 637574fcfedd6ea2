// Directory: clients and resource servers of all issuers, as an immutable snapshot that requests read without a lock.
//
// Writing goes through DirectoryStore; a committed change makes a new snapshot in every process within
// limits::kRevocationBound.
//
// Clients may stay in the store until somebody asks for them (Source): most of very many never are, and neither the
// start nor memory should pay for them. Such a client is as it was stored when it was first asked for: never older than
// the snapshot, but perhaps newer. A change of it makes a new snapshot, which does not take over what was read before.
//
// Errors: those of the Source, where there is one. Thread rules: a Directory is const and shared, any thread may ask
// it; with a Source, no later than the store's end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "model/audit_event.h"
#include "model/client.h"

namespace mitral::ports {

enum class Clients : std::uint8_t { all, with_origins };

class Directory {
 public:
  /// Where clients are read that nobody asked for yet; any thread.
  class Source {
   public:
    virtual ~Source() = default;
    /// As it is stored now, with what revocations mean for it.
    [[nodiscard]] virtual Result<std::optional<model::Client>> find(const Issuer& issuer,
                                                                    std::string_view id) const = 0;
    [[nodiscard]] virtual Result<void> each(const Issuer& issuer, Clients which,
                                            const std::function<void(model::Client)>& take) const = 0;
  };

  Directory() = default;
  /// Takes over what was read from the Source until now: it was as new as the other, and stays so until it is removed.
  Directory(const Directory& other);
  Directory(Directory&& other) noexcept;
  Directory& operator=(const Directory&) = delete;
  Directory& operator=(Directory&& other) noexcept;
  ~Directory() = default;

  /// Clients that were not added are read from there.
  void read_from(const Source* source) noexcept { source_ = source; }
  [[nodiscard]] bool reads_clients() const noexcept { return source_ != nullptr; }
  void add(model::Client client);
  using ClientReader = std::optional<model::Client> (*)(std::string_view document);
  /// A client as it is stored, read when somebody first asks for it: most of very many never are, and the start should
  /// not wait for them. One that can't be read is unknown, and the log says so. `valid_from` raises what it says
  /// itself.
  void add(const Issuer& issuer, std::string_view id, std::string document, ClientReader reader, Instant valid_from);
  /// Takes the place of an earlier one of the same id; the earlier one's audience no longer leads here.
  void add(model::ResourceServer server);
  void remove_client(const Issuer& issuer, std::string_view id);
  void remove_resource_server(const Issuer& issuer, std::string_view id);
  /// nullptr when unknown; a disabled client is returned, the caller refuses it. Lives as long as the snapshot.
  [[nodiscard]] Result<const model::Client*> find(const Issuer& issuer, std::string_view id) const;
  /// The same where unknown and unreadable mean the same: nullptr, and the log has the error.
  [[nodiscard]] const model::Client* client(const Issuer& issuer, std::string_view id) const;
  [[nodiscard]] const model::ResourceServer* resource_server(const Issuer& issuer, std::string_view id) const;
  [[nodiscard]] const model::ResourceServer* by_audience(const Issuer& issuer, std::string_view audience) const;
  /// All of them, or those that may have browser origins: the rest need not be read for them.
  [[nodiscard]] Result<std::vector<const model::Client*>> clients(const Issuer& issuer,
                                                                  Clients which = Clients::all) const;
  [[nodiscard]] std::vector<const model::ResourceServer*> resource_servers(const Issuer& issuer) const;

 private:
  struct Slot;
  using Slots = std::unordered_map<std::string, std::shared_ptr<const Slot>>;
  [[nodiscard]] const model::Client* keep(std::string key, model::Client read) const;
  // Keys are issuer + '\n' + id: neither can contain a newline. Snapshots share the entries that did not change.
  Slots clients_;
  const Source* source_ = nullptr;
  mutable std::shared_mutex mutex_;
  mutable Slots read_;  ///< from the Source since this snapshot was made; entries stay until it ends
  std::unordered_map<std::string, model::ResourceServer> servers_;
  std::unordered_map<std::string, std::string> audiences_;
};

class DirectoryStore {
 public:
  virtual ~DirectoryStore() = default;
  /// The newest snapshot that this process has seen; never nullptr.
  [[nodiscard]] virtual std::shared_ptr<const Directory> directory() const = 0;
  /// Creates or replaces, durable with its audit event before it returns; the local snapshot is new when it returns.
  virtual Task<Result<void>> put_client(model::Client client, model::AuditEvent event) = 0;
  virtual Task<Result<void>> put_resource_server(model::ResourceServer server, model::AuditEvent event) = 0;
  /// conflict when it is unknown. Its grants are revoked in the same act.
  virtual Task<Result<void>> delete_client(Issuer issuer, ClientId id, model::AuditEvent event) = 0;
};

}  // namespace mitral::ports
