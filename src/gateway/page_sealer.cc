#include "gateway/page_sealer.h"

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/json.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace mitral::gateway {
namespace {

using codec::Json;

/// Everything that the link is bound to, as one value: the additional data of the seal.
std::string binding(std::string_view audience, const VerifiedToken& token) {
  Json fields = Json::array();
  for (const std::string_view part :
       {std::string_view("mitral page 1"), audience, std::string_view(token.client), std::string_view(token.subject),
        std::string_view(token.grant), std::string_view(token.patient)}) {
    fields.push_back(Json(part));
  }
  fields.push_back(Json(codec::base64url_encode(ByteSpan(token.scope_hash))));
  return fields.dump();
}

}  // namespace

std::optional<std::string> PageSealer::seal(const Page& page, const VerifiedToken& token, Instant now) const {
  const auto text = Json::array({Json(page.path), Json(page.query), Json(page.target),
                                 Json(to_seconds(now + limits::kPageLinkLifetime))})
                        .dump();
  const auto nonce = crypto::random_bytes(random_, crypto::kGcmNonceSize);
  const auto sealed = crypto::seal(crypto::Aead::aes256_gcm, key_.reveal(), nonce, binding(audience_, token), text);
  if (!sealed) return std::nullopt;
  auto out = codec::base64url_encode(nonce + *sealed);
  if (out.size() > limits::kPageLinkMax) return std::nullopt;
  return out;
}

std::optional<Page> PageSealer::open(std::string_view sealed, const VerifiedToken& token, Instant now) const {
  if (sealed.size() > limits::kPageLinkMax) return std::nullopt;
  const auto bytes = codec::base64url_decode(sealed);
  if (!bytes || bytes->size() < crypto::kGcmNonceSize + crypto::kGcmTagSize) return std::nullopt;
  const std::string_view view(*bytes);
  const auto text = crypto::open(crypto::Aead::aes256_gcm, key_.reveal(), view.substr(0, crypto::kGcmNonceSize),
                                 binding(audience_, token), view.substr(crypto::kGcmNonceSize));
  if (!text) return std::nullopt;
  const auto fields = Json::parse(*text);
  if (!fields || fields->size() != 4 || (*fields)[3].int_or(0) <= to_seconds(now)) return std::nullopt;
  return Page{std::string((*fields)[0].string_or()), std::string((*fields)[1].string_or()),
              std::string((*fields)[2].string_or())};
}

}  // namespace mitral::gateway
