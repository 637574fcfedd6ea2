#include "crypto/password.h"

#include <argon2.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <optional>

#include "base/limits.h"
#include "crypto/internal.h"
#include "crypto/random.h"

namespace mitral::crypto {

namespace {

constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kHashSize = 32;
constexpr std::string_view kPrefix = "$argon2id$v=19$m=";

/// A decimal number without sign or leading zero, off the front of the text.
std::optional<std::uint32_t> take_number(std::string_view& text) noexcept {
  std::uint64_t value = 0;
  std::size_t used = 0;
  while (used < text.size() && text[used] >= '0' && text[used] <= '9') {
    value = value * 10 + static_cast<unsigned>(text[used] - '0');
    if (++used > 9) return std::nullopt;
  }
  if (used == 0 || text.front() == '0') return std::nullopt;
  text.remove_prefix(used);
  return static_cast<std::uint32_t>(value);
}

bool take(std::string_view& text, std::string_view expected) noexcept {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool within_limits(const Argon2Params& params) noexcept {
  return params.lanes >= 1 && params.lanes <= limits::kArgonLanesMax && params.passes >= 1 &&
         params.passes <= limits::kArgonPassesMax && params.memory_kib >= 8 * params.lanes &&
         params.memory_kib <= limits::kArgonMemoryKibMax;
}

/// The parameters of a PHC string, in the one order that libargon2 writes them.
std::optional<Argon2Params> parse_phc(std::string_view text) noexcept {
  if (text.size() > 256 || !take(text, kPrefix)) return std::nullopt;
  Argon2Params params;
  const auto memory = take_number(text);
  if (!memory || !take(text, ",t=")) return std::nullopt;
  const auto passes = take_number(text);
  if (!passes || !take(text, ",p=")) return std::nullopt;
  const auto lanes = take_number(text);
  if (!lanes || !take(text, "$")) return std::nullopt;
  params = {.memory_kib = *memory, .passes = *passes, .lanes = *lanes};
  return within_limits(params) ? std::optional(params) : std::nullopt;
}

/// PHC strings leave out the padding.
std::string base64_unpadded(std::string_view data) {
  std::string out(4 * ((data.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(bytes(out), bytes(data), static_cast<int>(data.size()));
  out.resize(static_cast<std::size_t>(size));
  while (out.ends_with('=')) out.pop_back();
  return out;
}

}  // namespace

Result<PasswordHasher> PasswordHasher::create(Argon2Params params, Random& random) {
  if (!within_limits(params)) return fail(ErrorCode::config_invalid, {}, "Argon2 parameters out of range");
  // Salt and hash are random bytes: what costs is to compute a hash beside them, and nothing ever will equal them.
  // Making one by hashing would only cost the start of the program.
  return PasswordHasher(params, fmt::format("{}{},t={},p={}${}${}", kPrefix, params.memory_kib, params.passes,
                                            params.lanes, base64_unpadded(random_bytes(random, kSaltSize)),
                                            base64_unpadded(random_bytes(random, kHashSize))));
}

Result<std::string> PasswordHasher::hash(const Secret& password, Random& random) const {
  const std::string_view clear = password.reveal();
  if (clear.size() > limits::kPasswordMax) return fail(ErrorCode::too_large);
  if (clear.empty()) return fail(ErrorCode::invalid_request, "password is empty");
  const std::string salt = random_bytes(random, kSaltSize);
  std::string out(argon2_encodedlen(params_.passes, params_.memory_kib, params_.lanes, kSaltSize, kHashSize, Argon2_id),
                  '\0');
  const int status = argon2id_hash_encoded(params_.passes, params_.memory_kib, params_.lanes, clear.data(),
                                           clear.size(), salt.data(), salt.size(), kHashSize, out.data(), out.size());
  if (status != ARGON2_OK) return fail(ErrorCode::internal, {}, argon2_error_message(status));
  out.resize(out.find('\0'));
  return out;
}

Result<bool> PasswordHasher::verify(std::string_view stored, const Secret& password) const {
  const std::string_view clear = password.reveal();
  if (clear.size() > limits::kPasswordMax) return fail(ErrorCode::too_large);
  if (!parse_phc(stored)) return crypto_failure("stored password hash is no Argon2id string within limits");
  const std::string terminated(stored);
  const int status = argon2id_verify(terminated.c_str(), clear.data(), clear.size());
  if (status == ARGON2_OK) return true;
  if (status == ARGON2_VERIFY_MISMATCH) return false;
  if (status == ARGON2_MEMORY_ALLOCATION_ERROR || status == ARGON2_THREAD_FAIL) {
    return fail(ErrorCode::internal, {}, argon2_error_message(status));
  }
  return crypto_failure("stored password hash is no Argon2id string");
}

Result<bool> PasswordHasher::verify_unknown_user(const Secret& password) const {
  MITRAL_TRY(const bool ignored, verify(dummy_, password));
  static_cast<void>(ignored);
  return false;
}

bool PasswordHasher::needs_rehash(std::string_view stored) const noexcept {
  const auto params = parse_phc(stored);
  return !params || *params != params_;
}

}  // namespace mitral::crypto
