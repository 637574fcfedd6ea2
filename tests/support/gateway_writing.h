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
                 const WriteOptions& options = {}) {
    auto out = Rig::request(target, token, method);
    if (!body.empty()) out.headers.add("Content-Type", options.type);
    for (const auto& header : options.headers) out.headers.add(header.name, header.value);
    out.body = std::move(body);
    return send(std::move(out));
  }
  Response post(std::string_view target, std::string body, const std::string& token, const WriteOptions& options = {}) {
    return write(Method::post, target, std::move(body), token, options);
  }
  Response put(std::string_view target, std::string body, const std::string& token, const WriteOptions& options = {}) {
    return write(Method::put, target, std::move(body), token, options);
  }
  Response json_patch(std::string_view target, std::string body, const std::string& token,
                      std::vector<codec::Header> headers = {}) {
    return write(Method::patch, target, std::move(body), token,
                 {.headers = std::move(headers), .type = "application/json-patch+json"});
  }
  Response remove(std::string_view target, const std::string& token, const WriteOptions& options = {}) {
    return write(Method::del, target, {}, token, options);
  }

  /// Requests that reached upstream and could have changed something.
  [[nodiscard]] std::size_t writes() const {
    std::size_t out = 0;
    for (const auto& request : world.upstream_log) {
      const bool search = request.path.ends_with("/_search");
      if (request.method != Method::get && request.method != Method::head && !search) ++out;
    }
    return out;
  }
  /// Everything that is stored, as one text: it must be the same after an attack.
  [[nodiscard]] std::string stored(std::string_view type, std::string_view id) const {
    return sandbox.current(type, id).dump();
  }
};

/// An Observation as a client sends it.
inline std::string an_observation(std::string_view subject, std::string_view extra = {}) {
  return R"({"resourceType":"Observation","status":"final","code":{"text":"weight"},"subject":{"reference":")" +
         std::string(subject) + R"("})" + std::string(extra) + "}";
}
inline std::string an_observation_with_id(std::string_view id, std::string_view subject, std::string_view extra = {}) {
  auto out = an_observation(subject, extra);
  out.insert(1, R"("id":")" + std::string(id) + R"(",)");
  return out;
}

struct EntrySpec {
  std::string method;
  std::string url;
  std::string resource{};
  std::string full_url{};
  std::string more{};  ///< further members of request
};
inline std::string a_bundle(std::string_view type, const std::vector<EntrySpec>& entries) {
  std::string out = R"({"resourceType":"Bundle","type":")" + std::string(type) + R"(","entry":[)";
  for (const auto& entry : entries) {
    if (out.back() != '[') out += ',';
    out += R"({"request":{"method":")" + entry.method + R"(","url":")" + entry.url + "\"" +
           (entry.more.empty() ? "" : "," + entry.more) + "}";
    if (!entry.full_url.empty()) out += R"(,"fullUrl":")" + entry.full_url + "\"";
    if (!entry.resource.empty()) out += R"(,"resource":)" + entry.resource;
    out += "}";
  }
  return out + "]}";
}
/// "200 OK" of each entry of a response Bundle.
inline std::vector<std::string> statuses(const Response& response) {
  std::vector<std::string> out;
  const auto json = Json::parse(response.body);
  if (!json) return {"not json"};
  for (const auto& entry : (*json)["entry"].items()) {
    out.push_back(std::string(entry["response"]["status"].string_or().substr(0, 3)));
  }
  return out;
}
inline Json body_of(const Response& response) { return Json::parse(response.body).value_or(Json()); }

/// All that a client can see of an answer, for comparing two.
inline std::string all_of(const Response& response) {
  std::string out = std::to_string(response.status) + "\n";
  for (const auto& header : response.headers.list()) out += header.name + ": " + header.value + "\n";
  return out + response.body;
}

}  // namespace mitral::gateway::rig
