// The gateway rig with the real sandbox as its upstream, sample patients loaded, faults to be switched on.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/log.h"
#include "sandbox/sample_data.h"
#include "sandbox/sandbox.h"
#include "support/gateway_rig.h"

namespace mitral::gateway::rig {

/// Tokens of the sample people.
TokenSpec maria(std::string scope = "patient/*.rs");
TokenSpec practitioner(std::string scope = "user/*.rs");
TokenSpec backend(std::string scope = "system/*.rs");

class SandboxRig : public Rig {
 public:
  explicit SandboxRig(std::function<void(Config&)> change = {});

  /// The same request straight to the sandbox: what an unguarded client would see.
  Response unguarded(std::string_view target, Method method = Method::get);

  /// Every entry of all pages, by following "next".
  std::vector<Json> all_pages(std::string_view target, const std::string& token, int* status = nullptr);

 private:
  SequenceRandom ids_;

 public:
  sandbox::Sandbox sandbox;
};

/// The rules of a token, for asking the predicate directly.
policy::Access access_of(const TokenSpec& spec);

}  // namespace mitral::gateway::rig
