// Directory: clients and resource servers of all issuers, as an immutable snapshot that requests read without a lock.
//
// Writing goes through DirectoryStore; a committed change makes a new snapshot in every process within
// limits::kRevocationBound.
//
// Thread rules: a Directory is const and shared; current() may be called from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/task.h"
#include "model/audit_event.h"
#include "model/client.h"

namespace mitral::ports {

class Directory {
 public:
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
  /// nullptr when unknown; a disabled client is returned, the caller refuses it.
  [[nodiscard]] const model::Client* client(const Issuer& issuer, std::string_view id) const;
  [[nodiscard]] const model::ResourceServer* resource_server(const Issuer& issuer, std::string_view id) const;
  [[nodiscard]] const model::ResourceServer* by_audience(const Issuer& issuer, std::string_view audience) const;
  [[nodiscard]] std::vector<const model::Client*> clients(const Issuer& issuer) const;
  /// Those whose record may have this member ("origins"): the rest need not be read for it.
  [[nodiscard]] std::vector<const model::Client*> clients_with(const Issuer& issuer, std::string_view member) const;
  [[nodiscard]] std::vector<const model::ResourceServer*> resource_servers(const Issuer& issuer) const;

 private:
  struct Slot;
  [[nodiscard]] std::vector<const model::Client*> select(const Issuer& issuer, std::string_view member) const;
  // Keys are issuer + '\n' + id: neither can contain a newline. Snapshots share the entries that did not change.
  std::unordered_map<std::string, std::shared_ptr<const Slot>> clients_;
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
