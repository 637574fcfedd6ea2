// The sandbox behind the gateway as a Bulk Data server, with a storage host beside it, and short ways through an
// export.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {

/// Reads a streamed body to its end. False when it was cut.
bool drain(Response& response);

TokenSpec other_backend(std::string scope = "system/*.rs");

class BulkRig : public SandboxRig {
 public:
  explicit BulkRig(std::function<void(Config&)> change = {});

  Response kick_off(std::string_view target, const std::string& token, std::string_view prefer = "respond-async");
  Response kick_off_by_post(std::string_view target, const Json& parameters, const std::string& token);
  /// Any link of the gateway's.
  Response follow(std::string_view url, const std::string& token, Method method = Method::get);
  /// Status link of a new export; empty: not accepted.
  std::string begin(std::string_view target, const std::string& token);
  /// The manifest, after as many polls as it takes.
  Json manifest(std::string_view status_url, const std::string& token);
  /// Lines of all files of one list of a manifest.
  std::vector<Json> lines(const Json& files, const std::string& token);

  bool complete = true;                   ///< the last body ended as it should
  std::vector<Request> storage_requests;  ///< what the storage host was asked

 private:
  Task<Response> answer(Request request);
};

}  // namespace mitral::gateway::rig
