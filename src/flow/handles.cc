#include "flow/handles.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "codec/base64url.h"
#include "crypto/hash.h"

namespace mitral::flow {

namespace {

constexpr std::size_t kTime = std::tuple_size_v<decltype(time_prefix({}))>;
using Bytes = std::array<std::uint8_t, 32>;

Hash256 stored_form(std::string_view text, const Bytes& bytes) {
  Hash256 out = crypto::sha256(text);
  std::copy_n(bytes.begin(), kTime, out.begin());
  return out;
}

}  // namespace

NewHandle make_handle(Random& random, std::string_view prefix, Instant now) {
  Bytes bytes{};
  random.fill(bytes);
  std::ranges::copy(time_prefix(now), bytes.begin());
  NewHandle out;
  out.text.reserve(prefix.size() + 43);
  out.text = prefix;
  codec::base64url_append(out.text, as_view(bytes));
  out.stored = stored_form(out.text, bytes);
  return out;
}

std::optional<Hash256> stored_handle(std::string_view text, std::string_view prefix) {
  Bytes bytes{};
  if (!text.starts_with(prefix) || text.size() != prefix.size() + 43 ||
      !codec::base64url_decode_into(text.substr(prefix.size()), bytes)) {
    return std::nullopt;
  }
  return stored_form(text, bytes);
}

Hash256 hash_of(std::string_view text) { return crypto::sha256(text); }

std::string hash_text(const Hash256& hash) { return codec::base64url_encode(hash); }

std::optional<Hash256> parse_hash_text(std::string_view text) {
  Hash256 out{};
  if (!codec::base64url_decode_into(text, out)) return std::nullopt;
  return out;
}

}  // namespace mitral::flow
