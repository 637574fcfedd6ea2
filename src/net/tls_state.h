// OpenSSL's objects behind TlsContext and the client, with owners. Private to net/.
//
// Thread rules: an SSL_CTX is shared and immutable once made; an SSL belongs to its connection.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/message.h"
#include "net/ticket_keys.h"
#include "net/tls.h"

namespace mitral::net {

struct SslFree {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, SslFree>;

struct TlsContext::State {
  std::unique_ptr<TicketKeys> tickets;  // outlives the context that uses it
  SslCtxPtr context;
  ClientCertificates client_certificates = ClientCertificates::none;
  bool has_client_ca = false;

  /// A server-side SSL on the socket; null when memory is short.
  [[nodiscard]] SslPtr accept(int socket) const;
  /// After the handshake: what the client showed.
  [[nodiscard]] std::optional<codec::PeerCertificate> peer_certificate(SSL* ssl) const;
};

/// What both directions share: versions, ciphers, groups, no renegotiation, no compression.
[[nodiscard]] Result<SslCtxPtr> make_base_context(const SSL_METHOD* method);
/// Loads chain and key, and checks that they belong together.
[[nodiscard]] Result<> use_certificate(SSL_CTX* context, const std::string& certificate_file,
                                       const std::string& key_file);
/// The first error of OpenSSL's queue as text for the operator; empties the queue.
[[nodiscard]] std::string tls_error_text();

/// A context for outbound connections: verifies against the system's roots and the extra bundle.
[[nodiscard]] Result<SslCtxPtr> make_client_context(const std::string& extra_ca_file,
                                                    const std::string& certificate_file, const std::string& key_file);
/// An SSL for one outbound connection; the peer must prove to be `host` (a name or an IP literal).
[[nodiscard]] SslPtr connect_ssl(SSL_CTX* context, int socket, const std::string& host);

}  // namespace mitral::net
