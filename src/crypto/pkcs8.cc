#include "crypto/pkcs8.h"

#include <cstdint>
#include <string>

namespace mitral::crypto {
namespace {

using namespace std::string_view_literals;

enum Tag : std::uint8_t {
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kNull = 0x05,
  kObject = 0x06,
  kSequence = 0x30,
  kPublicPoint = 0xa1,  // [1] of an ECPrivateKey
};

constexpr std::string_view kRsa = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv;
constexpr std::string_view kEc = "\x2a\x86\x48\xce\x3d\x02\x01"sv;
constexpr std::string_view kP256 = "\x2a\x86\x48\xce\x3d\x03\x01\x07"sv;
constexpr std::string_view kP384 = "\x2b\x81\x04\x00\x22"sv;
constexpr std::string_view kP521 = "\x2b\x81\x04\x00\x23"sv;

/// Takes elements off the front; once something does not fit, nothing fits any more.
class Der {
 public:
  explicit Der(std::string_view text) : rest_(text) {}

  std::string_view take(Tag tag) noexcept {
    if (rest_.size() < 2 || byte(0) != tag) return fail();
    std::size_t size = byte(1), head = 2;
    if (size >= 0x80) {
      // Definite and shortest (X.690 §10.1): one or two bytes, for no key is longer.
      const std::size_t more = size & 0x7f;
      if (more == 0 || more > 2 || rest_.size() < 2 + more) return fail();
      size = more == 1 ? byte(2) : std::size_t{byte(2)} << 8 | byte(3);
      if (size < (more == 1 ? 0x80U : 0x100U)) return fail();
      head += more;
    }
    if (rest_.size() - head < size) return fail();
    const auto out = rest_.substr(head, size);
    rest_.remove_prefix(head + size);
    return out;
  }
  Der into(Tag tag) noexcept {
    Der out(take(tag));
    out.good_ = good_;
    return out;
  }
  void expect(Tag tag, std::string_view value) noexcept {
    if (take(tag) != value) fail();
  }
  /// Without the zero that keeps it positive.
  std::string_view number() noexcept {
    auto out = take(kInteger);
    if (out.empty() || (out.front() & 0x80) != 0) return fail();
    if (out.front() == '\0') {
      out.remove_prefix(1);
      if (out.empty() || (out.front() & 0x80) == 0) return fail();
    }
    return out;
  }
  [[nodiscard]] bool ended() const noexcept { return good_ && rest_.empty(); }

 private:
  [[nodiscard]] std::uint8_t byte(std::size_t at) const noexcept { return static_cast<std::uint8_t>(rest_[at]); }
  std::string_view fail() noexcept {
    good_ = false;
    return rest_ = {};
  }
  std::string_view rest_;
  bool good_ = true;
};

std::optional<PrivateComponents> rsa(std::string_view text) {
  Der whole(text);
  Der key = whole.into(kSequence);
  key.expect(kInteger, "\0"sv);  // two primes
  PrivateComponents out;
  out.pub.kind = KeyKind::rsa;
  out.pub.n = key.number();
  out.pub.e = key.number();
  for (Secret* part : {&out.d, &out.p, &out.q, &out.dp, &out.dq, &out.qi}) *part = Secret(std::string(key.number()));
  if (!key.ended() || !whole.ended()) return std::nullopt;
  return out;
}

std::optional<PrivateComponents> ec(KeyKind kind, std::string_view text) {
  const std::size_t size = coordinate_size(kind);
  Der whole(text);
  Der key = whole.into(kSequence);
  key.expect(kInteger, "\1"sv);
  const auto d = key.take(kOctetString);
  Der tagged = key.into(kPublicPoint);
  const auto point = tagged.take(kBitString);
  if (!key.ended() || !tagged.ended() || !whole.ended() || d.size() != size) return std::nullopt;
  // No unused bits, and the point uncompressed.
  if (point.size() != 2 + 2 * size || !point.starts_with("\0\4"sv)) return std::nullopt;
  PrivateComponents out;
  out.pub.kind = kind;
  out.pub.x = point.substr(2, size);
  out.pub.y = point.substr(2 + size);
  out.d = Secret(std::string(d));
  return out;
}

}  // namespace

std::optional<PrivateComponents> usual_pkcs8(std::string_view der) {
  Der whole(der);
  Der info = whole.into(kSequence);
  info.expect(kInteger, "\0"sv);
  Der algorithm = info.into(kSequence);
  const auto name = algorithm.take(kObject);
  std::string_view curve;
  if (name == kEc) {
    curve = algorithm.take(kObject);
  } else {
    algorithm.expect(kNull, {});
  }
  const auto key = info.take(kOctetString);
  if (!algorithm.ended() || !info.ended() || !whole.ended()) return std::nullopt;
  if (name == kRsa) return rsa(key);
  if (curve == kP256) return ec(KeyKind::p256, key);
  if (curve == kP384) return ec(KeyKind::p384, key);
  if (curve == kP521) return ec(KeyKind::p521, key);
  return std::nullopt;
}

}  // namespace mitral::crypto
