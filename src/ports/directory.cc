#include "ports/directory.h"

#include <algorithm>
#include <atomic>

#include "base/log.h"

namespace mitral::ports {
namespace {

std::string key(const Issuer& issuer, std::string_view id) {
  std::string out;
  out.reserve(issuer.value.size() + 1 + id.size());
  out.append(issuer.value).append(1, '\n').append(id);
  return out;
}

}  // namespace

/// Either read already, or what it can be read from. The first thread that asks reads; of two at once, one result
/// stays.
struct Directory::Slot {
  explicit Slot(model::Client client) : known(new model::Client(std::move(client))) {}
  Slot(std::string text, ClientReader how, Instant from) : document(std::move(text)), reader(how), valid_from(from) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { delete known.load(std::memory_order_relaxed); }

  [[nodiscard]] const model::Client* get() const {
    const model::Client* there = known.load(std::memory_order_acquire);
    if (there != nullptr) return there;
    auto read = reader(document);
    if (!read) {
      log::error("directory.client_unreadable");
      return nullptr;
    }
    read->tokens_valid_from = std::max(read->tokens_valid_from, valid_from);
    auto fresh = std::make_unique<const model::Client>(std::move(*read));
    if (known.compare_exchange_strong(there, fresh.get(), std::memory_order_acq_rel)) there = fresh.release();
    return there;
  }
  [[nodiscard]] bool may_have(std::string_view member) const {
    return reader == nullptr || document.find(member) != std::string::npos;
  }

  std::string document;
  ClientReader reader = nullptr;
  Instant valid_from;
  mutable std::atomic<const model::Client*> known{nullptr};
};

void Directory::add(model::Client client) {
  auto k = key(client.issuer, client.id.value);
  clients_.insert_or_assign(std::move(k), std::make_shared<const Slot>(std::move(client)));
}

void Directory::add(const Issuer& issuer, std::string_view id, std::string document, ClientReader reader,
                    Instant valid_from) {
  clients_.insert_or_assign(key(issuer, id), std::make_shared<const Slot>(std::move(document), reader, valid_from));
}

void Directory::remove_client(const Issuer& issuer, std::string_view id) { clients_.erase(key(issuer, id)); }

void Directory::remove_resource_server(const Issuer& issuer, std::string_view id) {
  const auto at = servers_.find(key(issuer, id));
  if (at == servers_.end()) return;
  const auto audience = audiences_.find(key(issuer, at->second.audience));
  if (audience != audiences_.end() && audience->second == at->first) audiences_.erase(audience);
  servers_.erase(at);
}

void Directory::add(model::ResourceServer server) {
  remove_resource_server(server.issuer, server.id);
  auto k = key(server.issuer, server.id);
  audiences_.insert_or_assign(key(server.issuer, server.audience), k);
  servers_.insert_or_assign(std::move(k), std::move(server));
}

const model::Client* Directory::client(const Issuer& issuer, std::string_view id) const {
  const auto at = clients_.find(key(issuer, id));
  return at == clients_.end() ? nullptr : at->second->get();
}

const model::ResourceServer* Directory::resource_server(const Issuer& issuer, std::string_view id) const {
  const auto at = servers_.find(key(issuer, id));
  return at == servers_.end() ? nullptr : &at->second;
}

const model::ResourceServer* Directory::by_audience(const Issuer& issuer, std::string_view audience) const {
  const auto at = audiences_.find(key(issuer, audience));
  if (at == audiences_.end()) return nullptr;
  const auto server = servers_.find(at->second);
  return server == servers_.end() ? nullptr : &server->second;
}

std::vector<const model::Client*> Directory::select(const Issuer& issuer, std::string_view member) const {
  const std::string mine = key(issuer, {});
  std::vector<const model::Client*> out;
  for (const auto& [k, slot] : clients_) {
    if (!k.starts_with(mine) || !slot->may_have(member)) continue;
    if (const auto* client = slot->get()) out.push_back(client);
  }
  return out;
}

std::vector<const model::Client*> Directory::clients(const Issuer& issuer) const { return select(issuer, {}); }

std::vector<const model::Client*> Directory::clients_with(const Issuer& issuer, std::string_view member) const {
  return select(issuer, member);
}

std::vector<const model::ResourceServer*> Directory::resource_servers(const Issuer& issuer) const {
  std::vector<const model::ResourceServer*> out;
  for (const auto& [k, server] : servers_) {
    if (server.issuer == issuer) out.push_back(&server);
  }
  return out;
}

}  // namespace mitral::ports
