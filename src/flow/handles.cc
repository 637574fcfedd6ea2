#include "flow/handles.h"

#include <array>

#include "codec/base64url.h"
#include "crypto/hash.h"

namespace mitral::flow {

std::string make_handle(Random& random, std::string_view prefix) {
  std::array<std::uint8_t, 32> bytes{};
  random.fill(bytes);
  std::string out;
  out.reserve(prefix.size() + 43);
  out = prefix;
  codec::base64url_append(out, as_view(bytes));
  return out;
}

std::optional<Hash256> handle_hash(std::string_view text, std::string_view prefix) {
  std::array<std::uint8_t, 32> bytes{};
  if (!text.starts_with(prefix) || text.size() != prefix.size() + 43 ||
      !codec::base64url_decode_into(text.substr(prefix.size()), bytes)) {
    return std::nullopt;
  }
  return crypto::sha256(text);
}

Hash256 hash_of(std::string_view text) { return crypto::sha256(text); }

std::string hash_text(const Hash256& hash) { return codec::base64url_encode(hash); }

std::optional<Hash256> parse_hash_text(std::string_view text) {
  Hash256 out{};
  if (!codec::base64url_decode_into(text, out)) return std::nullopt;
  return out;
}

}  // namespace mitral::flow
