// AddressShares: how much of something each caller's address has in hand, so that one noisy caller leaves room for the
// others. An IPv6 caller is its /64, which is what one customer has.
//
// Errors: none. Thread rules: any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mitral::gateway {

class AddressShares {
 public:
  explicit AddressShares(std::size_t share) noexcept : share_(share) {}

  /// One held unit; `granted` false: the address has its share already.
  class Hold {
   public:
    Hold(AddressShares& shares, std::string_view address);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    [[nodiscard]] bool granted() const noexcept { return granted_; }

   private:
    AddressShares& shares_;
    std::string key_;
    bool granted_;
  };

 private:
  const std::size_t share_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> held_;  ///< only addresses that hold something
};

}  // namespace mitral::gateway
