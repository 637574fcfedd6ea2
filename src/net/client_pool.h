// ClientPool: idle outbound connections and TLS contexts of one loop. Private to net/.
//
// Thread rules: its loop only.
#pragma once

#include <list>
#include <string>
#include <unordered_map>

#include "net/client.h"
#include "net/stream.h"

namespace mitral::net {

class ClientPool final : public Timer, public std::enable_shared_from_this<ClientPool> {
 public:
  explicit ClientPool(Loop& loop) noexcept : loop_(loop) {}

  /// Everything that must be equal for a connection to be used again.
  [[nodiscard]] static std::string key_of(const Url& url, const ClientOptions& options);
  /// An idle connection that still is one, or null.
  [[nodiscard]] std::unique_ptr<Stream> take(const std::string& key);
  void give_back(const std::string& key, std::unique_ptr<Stream> stream);
  /// The TLS context for these options, made once.
  [[nodiscard]] Result<SSL_CTX*> tls_for(const ClientOptions& options);
  void clear();

 private:
  struct Idle {
    std::unique_ptr<Stream> stream;
    std::int64_t until = 0;  // tick
  };
  void expired() noexcept override;

  Loop& loop_;
  std::unordered_map<std::string, std::list<Idle>> idle_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, SslCtxPtr> contexts_;
};

}  // namespace mitral::net
