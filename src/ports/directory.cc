#include "ports/directory.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

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
  [[nodiscard]] bool may_be(Clients which) const {
    return which == Clients::all || reader == nullptr || document.find("\"origins\"") != std::string::npos;
  }

  std::string document;
  ClientReader reader = nullptr;
  Instant valid_from;
  mutable std::atomic<const model::Client*> known{nullptr};
};

Directory::Directory(const Directory& other)
    : clients_(other.clients_), source_(other.source_), servers_(other.servers_), audiences_(other.audiences_) {
  const std::shared_lock lock(other.mutex_);
  clients_.insert(other.read_.begin(), other.read_.end());
}

Directory::Directory(Directory&& other) noexcept { *this = std::move(other); }

// Only a directory that nobody else knows yet is moved: no lock.
Directory& Directory::operator=(Directory&& other) noexcept {
  clients_ = std::move(other.clients_);
  source_ = other.source_;
  read_ = std::move(other.read_);
  servers_ = std::move(other.servers_);
  audiences_ = std::move(other.audiences_);
  return *this;
}

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

// Of two threads that read one client at once, one result stays. Whoever read before a change and comes here after it
// keeps what it read in this snapshot only: the new one was made without.
const model::Client* Directory::keep(std::string key, model::Client read) const {
  auto slot = std::make_shared<const Slot>(std::move(read));
  const std::unique_lock lock(mutex_);
  return read_.try_emplace(std::move(key), std::move(slot)).first->second->get();
}

Result<const model::Client*> Directory::find(const Issuer& issuer, std::string_view id) const {
  auto k = key(issuer, id);
  if (const auto at = clients_.find(k); at != clients_.end()) return at->second->get();
  if (source_ == nullptr) return nullptr;
  {
    const std::shared_lock lock(mutex_);
    if (const auto at = read_.find(k); at != read_.end()) return at->second->get();
  }
  MITRAL_TRY(auto read, source_->find(issuer, id));
  if (!read) return nullptr;  // not remembered: whoever asks for names that don't exist must not fill memory
  return keep(std::move(k), *std::move(read));
}

const model::Client* Directory::client(const Issuer& issuer, std::string_view id) const {
  const auto found = find(issuer, id);
  if (!found) log::error("directory.client_unreadable", {{"detail", found.error().detail}});
  return found.value_or(nullptr);
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

Result<std::vector<const model::Client*>> Directory::clients(const Issuer& issuer, Clients which) const {
  const std::string mine = key(issuer, {});
  std::vector<const model::Client*> out;
  for (const auto& [k, slot] : clients_) {
    if (!k.starts_with(mine) || !slot->may_be(which)) continue;
    if (const auto* client = slot->get()) out.push_back(client);
  }
  if (source_ == nullptr) return out;
  MITRAL_CHECK(source_->each(issuer, which, [&](model::Client read) {
    auto k = key(issuer, read.id.value);
    if (!clients_.contains(k)) out.push_back(keep(std::move(k), std::move(read)));
  }));
  return out;
}

std::vector<const model::ResourceServer*> Directory::resource_servers(const Issuer& issuer) const {
  std::vector<const model::ResourceServer*> out;
  for (const auto& [k, server] : servers_) {
    if (server.issuer == issuer) out.push_back(&server);
  }
  return out;
}

}  // namespace mitral::ports
