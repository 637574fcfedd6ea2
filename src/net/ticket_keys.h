// TicketKeys: the keys that seal TLS 1.3 session tickets, the same in every node of an installation (RFC 8446 §4.6.1).
//
// A key belongs to one hour and is derived by HKDF (RFC 5869) from a secret that the nodes share and from what the
// tickets are good for (certificate, listener): nothing is passed around, and a ticket of one node resumes on another.
// The keys of the hour before and after are accepted as well, for tickets that were given shortly before the hour's end
// and for clocks that differ.
//
// TLS 1.2 gets no tickets. There the ticket holds the secret of the very connection that it was given on, so whoever
// learned the shared secret later could read every recorded one; TLS 1.3 with (EC)DHE keeps forward secrecy.
//
// Thread rules: any thread.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time.h"

namespace mitral::net {

struct TicketKey {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher{};
  std::array<unsigned char, 32> mac{};
};

/// The key of one hour (counted from the Unix epoch).
[[nodiscard]] TicketKey derive_ticket_key(const Secret& secret, std::string_view scope, std::int64_t hour);

class TicketKeys {
 public:
  TicketKeys(Secret secret, std::string scope, const Clock& clock);

  /// Seals and opens the tickets of this context from now on; the object must outlive it.
  [[nodiscard]] bool use_in(SSL_CTX* context);

 private:
  /// Of the hour before, this one, and the next.
  using Hours = std::array<TicketKey, 3>;
  [[nodiscard]] std::shared_ptr<const Hours> now();
  static int callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                      int sealing);

  const Secret secret_;
  const std::string scope_;
  const Clock& clock_;
  std::mutex mutex_;
  std::int64_t hour_ = -1;
  std::shared_ptr<const Hours> hours_;
};

}  // namespace mitral::net
