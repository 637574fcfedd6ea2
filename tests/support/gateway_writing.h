// Writing through the gateway rig: requests with bodies, Bundles, and what upstream holds afterwards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {

struct WriteOptions {
  std::vector<codec::Header> headers{};
  std::string type = "application/fhir+json";
};

struct WritingRig : SandboxRig {
  Response write(Method method, std::string_view target, std::string body, const std::string& token,
                 const WriteOptions& options = {});
  Response post(std::string_view target, std::string body, const std::string& token, const WriteOptions& options = {});
  Response put(std::string_view target, std::string body, const std::string& token, const WriteOptions& options = {});
  Response json_patch(std::string_view target, std::string body, const std::string& token,
                      std::vector<codec::Header> headers = {});
  Response remove(std::string_view target, const std::string& token, const WriteOptions& options = {});

  /// Requests that reached upstream and could have changed something.
  [[nodiscard]] std::size_t writes() const;
  /// Everything that is stored, as one text: it must be the same after an attack.
  [[nodiscard]] std::string stored(std::string_view type, std::string_view id) const;
};

/// An Observation as a client sends it.
std::string an_observation(std::string_view subject, std::string_view extra = {});
std::string an_observation_with_id(std::string_view id, std::string_view subject, std::string_view extra = {});

struct EntrySpec {
  std::string method;
  std::string url;
  std::string resource{};
  std::string full_url{};
  std::string more{};  ///< further members of request
};
std::string a_bundle(std::string_view type, const std::vector<EntrySpec>& entries);
/// "200 OK" of each entry of a response Bundle.
std::vector<std::string> statuses(const Response& response);
Json body_of(const Response& response);

/// All that a client can see of an answer, for comparing two.
std::string all_of(const Response& response);

}  // namespace mitral::gateway::rig
