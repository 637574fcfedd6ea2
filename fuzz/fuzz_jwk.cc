// JWK and JWK Set parsing of anything at all. What parses must come out without private members and parse again to the
// same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "jose/jwk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitral;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto set = jose::JwkSet::parse(text)) {
    const std::string out = set->to_json().dump();
    const auto again = jose::JwkSet::parse(out);
    if (!again || again->to_json().dump() != out) std::abort();
  }
  const auto json = codec::Json::parse_object(text, codec::kJoseJson);
  if (!json) return 0;
  if (const auto key = jose::Jwk::parse(*json)) {
    const codec::Json out = key->to_json();
    if (out.contains("d") || key->thumbprint().size() != 43 || !jose::Jwk::parse(out)) std::abort();
  }
  static_cast<void>(jose::PrivateJwk::parse(*json));
  return 0;
}
