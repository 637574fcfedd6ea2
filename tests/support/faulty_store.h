// FaultyStore: any store, with a switch that makes every act and every read fail as a full disk or a lost connection
// would.
#pragma once

#include <memory>

#include "ports/stores.h"

namespace mitral::testing {

class FaultyStore : public ports::Store {
 public:
  [[nodiscard]] static std::unique_ptr<FaultyStore> around(std::unique_ptr<ports::Store> inner);
  ~FaultyStore() override;
  FaultyStore(const FaultyStore&) = delete;
  FaultyStore& operator=(const FaultyStore&) = delete;

  bool writes_fail = false;
  bool reads_fail = false;
  bool stale = false;  ///< everything works, but the change feed can't be followed

 protected:
  FaultyStore() = default;
};

}  // namespace mitral::testing
