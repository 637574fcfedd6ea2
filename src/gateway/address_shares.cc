#include "gateway/address_shares.h"

#include "codec/ip.h"

namespace mitral::gateway {
namespace {

constexpr std::size_t kPrefixBytes = 8;

std::string key_of(std::string_view address) {
  const auto ip = codec::parse_ip(address);
  if (!ip || !ip->v6) return std::string(address);
  return std::string(ip->bytes.begin(), ip->bytes.begin() + kPrefixBytes);
}

}  // namespace

AddressShares::Hold::Hold(AddressShares& shares, std::string_view address) : shares_(shares), key_(key_of(address)) {
  const std::lock_guard lock(shares_.mutex_);
  auto& held = shares_.held_[key_];
  granted_ = held < shares_.share_;
  if (granted_) ++held;
}

AddressShares::Hold::~Hold() {
  if (!granted_) return;
  const std::lock_guard lock(shares_.mutex_);
  const auto found = shares_.held_.find(key_);
  if (--found->second == 0) shares_.held_.erase(found);
}

}  // namespace mitral::gateway
