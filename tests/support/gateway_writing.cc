#include "support/gateway_writing.h"

namespace mitral::gateway::rig {

Response WritingRig::write(Method method, std::string_view target, std::string body, const std::string& token,
                           const WriteOptions& options) {
  auto out = Rig::request(target, token, method);
  if (!body.empty()) out.headers.add("Content-Type", options.type);
  for (const auto& header : options.headers) out.headers.add(header.name, header.value);
  out.body = std::move(body);
  return send(std::move(out));
}

Response WritingRig::post(std::string_view target, std::string body, const std::string& token,
                          const WriteOptions& options) {
  return write(Method::post, target, std::move(body), token, options);
}

Response WritingRig::put(std::string_view target, std::string body, const std::string& token,
                         const WriteOptions& options) {
  return write(Method::put, target, std::move(body), token, options);
}

Response WritingRig::json_patch(std::string_view target, std::string body, const std::string& token,
                                std::vector<codec::Header> headers) {
  return write(Method::patch, target, std::move(body), token,
               {.headers = std::move(headers), .type = "application/json-patch+json"});
}

Response WritingRig::remove(std::string_view target, const std::string& token, const WriteOptions& options) {
  return write(Method::del, target, {}, token, options);
}

std::size_t WritingRig::writes() const {
  std::size_t out = 0;
  for (const auto& request : world.upstream_log) {
    const bool search = request.path.ends_with("/_search");
    if (request.method != Method::get && request.method != Method::head && !search) ++out;
  }
  return out;
}

std::string WritingRig::stored(std::string_view type, std::string_view id) const {
  return sandbox.current(type, id).dump();
}

std::string an_observation(std::string_view subject, std::string_view extra) {
  return R"({"resourceType":"Observation","status":"final","code":{"text":"weight"},"subject":{"reference":")" +
         std::string(subject) + R"("})" + std::string(extra) + "}";
}

std::string an_observation_with_id(std::string_view id, std::string_view subject, std::string_view extra) {
  auto out = an_observation(subject, extra);
  out.insert(1, R"("id":")" + std::string(id) + R"(",)");
  return out;
}

std::string a_bundle(std::string_view type, const std::vector<EntrySpec>& entries) {
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

std::vector<std::string> statuses(const Response& response) {
  std::vector<std::string> out;
  const auto json = Json::parse(response.body);
  if (!json) return {"not json"};
  for (const auto& entry : (*json)["entry"].items()) {
    out.push_back(std::string(entry["response"]["status"].string_or().substr(0, 3)));
  }
  return out;
}

Json body_of(const Response& response) { return Json::parse(response.body).value_or(Json()); }

std::string all_of(const Response& response) {
  std::string out = std::to_string(response.status) + "\n";
  for (const auto& header : response.headers.list()) out += header.name + ": " + header.value + "\n";
  return out + response.body;
}

}  // namespace mitral::gateway::rig
