// MasterKey: the file from which every key of an installation derives or by which it is wrapped.
//
// Format: one line per generation, "<id> <43 characters of base64url>", ids from 1 to 255, the last line seals; lines
// that begin with '#' are comments. The file must not be readable by group or others: a file that is, is refused.
// Rotation: add a line, restart every node; blobs are sealed again as they are written. An old line may go when no blob
// and no token of its time is left.
//
// Errors: config_invalid with what to do. Thread rules: values.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "crypto/keywrap.h"
#include "flow/issuer_config.h"

namespace mitral::app {

struct MasterKey {
  std::vector<flow::RootKey> roots;
  crypto::MasterKeyRing ring;
};

[[nodiscard]] Result<MasterKey> load_master_key(const std::string& path);
[[nodiscard]] Result<MasterKey> parse_master_key(std::string_view text);
/// Writes a new file with mode 0600; refuses to replace one.
[[nodiscard]] Result<void> create_master_key(const std::string& path, Random& random);
/// A fresh key that is written nowhere: the demo's.
[[nodiscard]] Result<MasterKey> ephemeral_master_key(Random& random);

/// The key that seals a gateway's paging links: the same in every gateway of an installation.
[[nodiscard]] Secret derive_page_key(const MasterKey& master, std::string_view public_base);

/// The secret of which the keys of TLS tickets derive: the same in every node of an installation.
[[nodiscard]] Secret derive_ticket_secret(const MasterKey& master);

/// A secret in a file of its own, without the newline at its end; refused when others may read it or it is empty.
[[nodiscard]] Result<Secret> load_secret_file(const std::string& path);

}  // namespace mitral::app
