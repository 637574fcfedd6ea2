#include "ports/directory.h"

namespace mitral::ports {
namespace {

std::string key(const Issuer& issuer, std::string_view id) {
  std::string out;
  out.reserve(issuer.value.size() + 1 + id.size());
  out.append(issuer.value).append(1, '\n').append(id);
  return out;
}

}  // namespace

void Directory::add(model::Client client) {
  auto k = key(client.issuer, client.id.value);
  clients_.insert_or_assign(std::move(k), std::move(client));
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
  return at == clients_.end() ? nullptr : &at->second;
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

std::vector<const model::Client*> Directory::clients(const Issuer& issuer) const {
  std::vector<const model::Client*> out;
  for (const auto& [k, client] : clients_) {
    if (client.issuer == issuer) out.push_back(&client);
  }
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
