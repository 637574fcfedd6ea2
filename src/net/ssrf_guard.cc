#include "net/ssrf_guard.h"

namespace mitral::net {

bool allowed(AddressRule rule, const codec::IpAddress& address) noexcept {
  switch (rule) {
    case AddressRule::public_only: return codec::is_public(address);
    case AddressRule::public_or_loopback: return codec::is_public(address) || codec::is_loopback(address);
    case AddressRule::any: return true;
  }
  return false;
}

}  // namespace mitral::net
