#include "gateway/bulk_sealer.h"

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/json.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace mitral::gateway {
namespace {

using codec::Json;

constexpr std::string_view kJob = "mitral bulk job 1";
constexpr std::string_view kFile = "mitral bulk file 1";
constexpr std::size_t kJobFields = 6;
constexpr std::size_t kFileFields = 7;

std::string binding(std::string_view kind, std::string_view audience, std::string_view client) {
  return Json::array({Json(kind), Json(audience), Json(client)}).dump();
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.emplace_back(item.string_or());
  return out;
}

}  // namespace

BulkSealer::BulkSealer(const Secret& key, std::string audience, Random& random)
    : key_(std::string(as_view(crypto::hmac_sha256(key.reveal(), "mitral bulk links")))),
      audience_(std::move(audience)),
      random_(random) {}

std::optional<std::string> BulkSealer::seal_text(std::string_view kind, std::string_view client,
                                                 std::string_view text) const {
  const auto nonce = crypto::random_bytes(random_, crypto::kGcmNonceSize);
  const auto sealed =
      crypto::seal(crypto::Aead::aes256_gcm, key_.reveal(), nonce, binding(kind, audience_, client), text);
  if (!sealed) return std::nullopt;
  auto out = codec::base64url_encode(nonce + *sealed);
  if (out.size() > limits::kBulkLinkMax) return std::nullopt;
  return out;
}

std::optional<std::string> BulkSealer::open_text(std::string_view kind, std::string_view client,
                                                 std::string_view sealed) const {
  if (sealed.size() > limits::kBulkLinkMax) return std::nullopt;
  const auto bytes = codec::base64url_decode(sealed);
  if (!bytes || bytes->size() < crypto::kGcmNonceSize + crypto::kGcmTagSize) return std::nullopt;
  const std::string_view view(*bytes);
  auto text = crypto::open(crypto::Aead::aes256_gcm, key_.reveal(), view.substr(0, crypto::kGcmNonceSize),
                           binding(kind, audience_, client), view.substr(crypto::kGcmNonceSize));
  if (!text) return std::nullopt;
  return std::move(*text);
}

std::optional<std::string> BulkSealer::seal(const BulkJob& job, std::string_view client) const {
  const auto text = Json::array({Json(job.id), Json(job.path), Json(job.request), Json::array_of(job.types),
                                 Json(job.target), Json(to_seconds(job.expires))});
  return seal_text(kJob, client, text.dump());
}

std::optional<std::string> BulkSealer::seal(const BulkFile& file, std::string_view client) const {
  const auto text =
      Json::array({Json(static_cast<int>(file.kind)), Json(file.job), Json(file.path), Json::array_of(file.types),
                   Json(file.storage), Json(file.location), Json(to_seconds(file.expires))});
  return seal_text(kFile, client, text.dump());
}

std::optional<BulkJob> BulkSealer::open_job(std::string_view sealed, std::string_view client, Instant now) const {
  const auto text = open_text(kJob, client, sealed);
  if (!text) return std::nullopt;
  const auto fields = Json::parse(*text);
  if (!fields || fields->size() != kJobFields) return std::nullopt;
  const auto& f = *fields;
  BulkJob out{.id = std::string(f[0].string_or()),
              .path = std::string(f[1].string_or()),
              .request = std::string(f[2].string_or()),
              .types = texts(f[3]),
              .target = std::string(f[4].string_or()),
              .expires = from_seconds(f[5].int_or(0))};
  if (out.expires <= now) return std::nullopt;
  return out;
}

std::optional<BulkFile> BulkSealer::open_file(std::string_view sealed, std::string_view client, Instant now) const {
  const auto text = open_text(kFile, client, sealed);
  if (!text) return std::nullopt;
  const auto fields = Json::parse(*text);
  if (!fields || fields->size() != kFileFields) return std::nullopt;
  const auto& f = *fields;
  const auto kind = f[0].int_or(-1);
  if (kind < 0 || kind > static_cast<int>(BulkFileKind::error)) return std::nullopt;
  BulkFile out{.kind = static_cast<BulkFileKind>(kind),
               .job = std::string(f[1].string_or()),
               .path = std::string(f[2].string_or()),
               .types = texts(f[3]),
               .storage = f[4].bool_or(false),
               .location = std::string(f[5].string_or()),
               .expires = from_seconds(f[6].int_or(0))};
  if (out.expires <= now) return std::nullopt;
  return out;
}

}  // namespace mitral::gateway
