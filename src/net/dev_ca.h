// Throw-away certificates for the demo and for tests: a CA made on the spot and a server certificate for localhost.
//
// Never for production: the CA's key is not kept at all, so that nothing else can ever be signed by it.
//
// Thread rules: any thread; files are replaced as a whole (written beside, then renamed).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace mitral::net {

struct DevCertificates {
  std::string ca_file;           ///< ca.pem: give it to clients
  std::string certificate_file;  ///< server.pem
  std::string key_file;          ///< server.key, mode 0600
};

struct DevCaOptions {
  std::vector<std::string> dns_names = {"localhost"};
  std::vector<std::string> ip_addresses = {"127.0.0.1", "::1"};
  Duration lifetime = std::chrono::hours(24 * 30);
  bool for_client = false;  ///< a client certificate (client.pem, client.key, client-ca.pem) instead
};

/// Writes ca.pem and the leaf's two files into the folder, which must exist. P-256 keys, mode 0600 for all files.
[[nodiscard]] Result<DevCertificates> make_dev_certificates(const std::string& folder, Instant now,
                                                            const DevCaOptions& options = {});

}  // namespace mitral::net
