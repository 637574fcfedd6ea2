#include "flow/token_sealer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/limits.h"
#include "codec/base64url.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keywrap.h"

namespace mitral::flow {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kClear = 1 + 1 + 16;    // version, key id, jti
constexpr std::size_t kTokenMax = 48 * 1024;  // longer text is no token of ours

enum Flag : std::uint8_t { kHasGrant = 1, kAllScopes = 2, kScopeText = 4, kBound = 8 };

// A key per token, so the nonce may stand still.
constexpr std::array<char, crypto::kGcmNonceSize> kNonce{};

// SHA-256(key || jti). A plain prefix is a sound PRF here, where HMAC would cost three times as much: both parts have
// one fixed length (checked when keys are made, and by Id128), together less than a block, so nothing can be extended.
Hash256 token_key(const Secret& key, const Id128& jti) {
  std::array<char, crypto::kMasterKeySize + sizeof(Id128::bytes)> input{};
  std::memcpy(input.data(), key.reveal().data(), crypto::kMasterKeySize);
  std::memcpy(input.data() + crypto::kMasterKeySize, jti.bytes.data(), jti.bytes.size());
  return crypto::sha256({input.data(), input.size()});
}

void put_u16(std::string& out, std::size_t v) {
  out += static_cast<char>((v >> 8) & 0xff);
  out += static_cast<char>(v & 0xff);
}
void put_u40(std::string& out, std::int64_t v) {
  for (int shift = 32; shift >= 0; shift -= 8) out += static_cast<char>((v >> shift) & 0xff);
}
void put_text(std::string& out, std::string_view text) {
  put_u16(out, text.size());
  out += text;
}

// Reads what put_* wrote; once something is missing it stays bad.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  std::string_view take(std::size_t n) {
    if (!good_ || data_.size() < n) {
      good_ = false;
      return {};
    }
    const auto out = data_.substr(0, n);
    data_.remove_prefix(n);
    return out;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t v = 0;
    for (const char c : take(bytes)) v = (v << 8) | static_cast<std::uint8_t>(c);
    return v;
  }
  std::string_view text() { return take(number(2)); }
  [[nodiscard]] bool done() const { return good_ && data_.empty(); }

 private:
  std::string_view data_;
  bool good_ = true;
};

std::string aad_of(std::string_view issuer, std::string_view clear) {
  std::string out;
  out.reserve(issuer.size() + 1 + clear.size());
  out += issuer;
  out += '\n';
  out += clear;
  return out;
}

std::string encode(const SealedToken& token) {
  std::string out;
  out.reserve(64 + token.client.size() + token.audience.size() + (token.scope_text ? token.scope_text->size() : 0));
  const bool grant = !token.grant.is_zero();
  const int flags = (grant ? kHasGrant : 0) | (token.all_scopes ? kAllScopes : 0) |
                    (token.scope_text ? kScopeText : 0) | (token.jkt ? kBound : 0);
  out += static_cast<char>(flags);
  put_u40(out, token.issued);
  put_u40(out, token.expires);
  if (grant) {
    out += token.grant.view();
    out += static_cast<char>(token.audience_index);
  } else {
    put_text(out, token.client);
    put_text(out, token.audience);
  }
  if (token.scope_text) {
    put_text(out, *token.scope_text);
  } else if (!token.all_scopes) {
    put_text(out, as_view(token.scope_bits));
  }
  if (token.jkt) out += as_view(*token.jkt);
  return out;
}

std::optional<SealedToken> decode(const Id128& jti, std::string_view plain) {
  SealedToken out;
  out.jti = jti;
  Reader in(plain);
  const auto flags = in.number(1);
  out.issued = static_cast<std::int64_t>(in.number(5));
  out.expires = static_cast<std::int64_t>(in.number(5));
  if ((flags & kHasGrant) != 0) {
    const auto grant = in.take(16);
    if (grant.size() == 16) std::memcpy(out.grant.bytes.data(), grant.data(), 16);
    out.audience_index = static_cast<std::uint8_t>(in.number(1));
  } else {
    out.client = in.text();
    out.audience = in.text();
  }
  out.all_scopes = (flags & kAllScopes) != 0;
  if ((flags & kScopeText) != 0) {
    out.scope_text = std::string(in.text());
  } else if (!out.all_scopes) {
    const auto bits = in.text();
    out.scope_bits.assign(bits.begin(), bits.end());
  }
  if ((flags & kBound) != 0) {
    const auto jkt = in.take(32);
    if (jkt.size() == 32) std::memcpy(out.jkt.emplace().data(), jkt.data(), 32);
  }
  if (!in.done()) return std::nullopt;
  return out;
}

}  // namespace

Result<std::string> TokenSealer::seal(const SealedToken& token) const {
  const DerivedKey& root = keys_.back();
  if (token.scope_text && token.scope_text->size() > limits::kScopeMax)
    return fail(ErrorCode::invalid_scope, "Too many scopes");
  const std::string plain = encode(token);
  std::string raw;
  raw.reserve(kClear + plain.size() + crypto::kGcmTagSize);
  raw += kVersion;
  raw += static_cast<char>(root.id);
  raw += token.jti.view();
  const auto key = token_key(root.key, token.jti);
  MITRAL_TRY(const std::string sealed, crypto::seal(crypto::Aead::aes256_gcm, as_view(key),
                                                    {kNonce.data(), kNonce.size()}, aad_of(issuer_, raw), plain));
  raw += sealed;
  std::string out;
  out.reserve(kAccessTokenPrefix.size() + (raw.size() * 4 + 2) / 3);
  out += kAccessTokenPrefix;
  codec::base64url_append(out, raw);
  return out;
}

std::optional<SealedToken> TokenSealer::open(std::string_view text) const {
  if (!text.starts_with(kAccessTokenPrefix) || text.size() > kTokenMax) return std::nullopt;
  const auto raw = codec::base64url_decode(text.substr(kAccessTokenPrefix.size()));
  if (!raw || raw->size() < kClear + crypto::kGcmTagSize || raw->front() != kVersion) return std::nullopt;
  const std::string_view bytes(*raw);
  const auto id = static_cast<std::uint8_t>(bytes[1]);
  const auto root = std::ranges::find(keys_, id, &DerivedKey::id);
  if (root == keys_.end()) return std::nullopt;
  Id128 jti;
  std::memcpy(jti.bytes.data(), bytes.data() + 2, jti.bytes.size());
  const auto key = token_key(root->key, jti);
  const auto plain = crypto::open(crypto::Aead::aes256_gcm, as_view(key), {kNonce.data(), kNonce.size()},
                                  aad_of(issuer_, bytes.substr(0, kClear)), bytes.substr(kClear));
  if (!plain) return std::nullopt;
  return decode(jti, *plain);
}

}  // namespace mitral::flow
