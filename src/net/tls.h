// TlsContext: a server's certificate, key and TLS policy (threat W-22; FAPI 2 security profile §5.2.1).
//
// TLS 1.2 and 1.3 only, with ephemeral key agreement and AEAD; no renegotiation, no compression, no early data (0-RTT).
// ALPN answers "http/1.1". TLS 1.3 sessions may be resumed by ticket, on every node that has the same secret,
// certificate and scope (net/ticket_keys.h); not where client certificates are asked for: there each connection shows
// its certificate anew, so that a check never rests on an old handshake.
//
// reload() reads the files again and swaps them in for new connections; old ones go on with what they began with. Files
// that do not fit together leave the old state in place.
//
// Thread rules: every member from any thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

namespace mitral::net {

enum class ClientCertificates : std::uint8_t {
  none,     ///< not asked for
  request,  ///< asked for; anything the client can prove to own is taken, chain_verified says whether client_ca_file
            ///< vouches for it (RFC 8705 §2: self-signed certificates are matched by the flow, not here)
  require,  ///< handshake fails without a certificate that client_ca_file vouches for
};

struct TlsOptions {
  std::string certificate_file;  ///< PEM, leaf first, then intermediates
  std::string key_file;          ///< PEM, not encrypted; a warning is logged when others may read it
  ClientCertificates client_certificates = ClientCertificates::none;
  std::string client_ca_file;    ///< PEM bundle; may be empty unless `require`
  Secret ticket_secret{};        ///< 32 bytes that all nodes share; empty: tickets are good in this context only
  std::string ticket_scope{};    ///< what listens ("server", "gateway"): a ticket of one is no ticket of another
  const Clock* clock = nullptr;  ///< by which ticket keys change; null: the system's. Outlives the context
};

class TlsContext {
 public:
  [[nodiscard]] static Result<std::shared_ptr<TlsContext>> create(TlsOptions options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// Reads the files again, whether they changed or not.
  [[nodiscard]] Result<> reload();
  /// The same when a file's time or size changed since the last look; true when it was reloaded. Poll it each second.
  [[nodiscard]] Result<bool> reload_if_changed();

  struct State;  // one SSL_CTX: for net/ itself
  [[nodiscard]] std::shared_ptr<State> state() const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::net
