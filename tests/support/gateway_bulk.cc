#include "support/gateway_bulk.h"

namespace mitral::gateway::rig {

bool drain(Response& response) {
  while (response.stream) {
    auto piece = run_sync(response.stream->next());
    if (!piece) return false;
    if (piece->empty()) response.stream.reset();
    response.body += *piece;
  }
  return true;
}

TokenSpec other_backend(std::string scope) {
  auto out = backend(std::move(scope));
  out.client = out.subject = "other";
  out.jti = "jti-other";
  return out;
}

BulkRig::BulkRig(std::function<void(Config&)> change) : SandboxRig(std::move(change)) {
  whole_answers = false;  // follow() tells whether a file was cut
  world.upstream = [this](Request request) -> Task<Response> { return answer(std::move(request)); };
}

Response BulkRig::kick_off(std::string_view target, const std::string& token, std::string_view prefer) {
  auto out = request(target, token);
  out.headers.add("Accept", "application/fhir+json");
  if (!prefer.empty()) out.headers.add("Prefer", prefer);
  return send(std::move(out));
}

Response BulkRig::kick_off_by_post(std::string_view target, const Json& parameters, const std::string& token) {
  auto out = request(target, token, Method::post);
  out.headers.add("Prefer", "respond-async");
  out.headers.add("Content-Type", "application/fhir+json");
  out.body = Json::object({{"resourceType", "Parameters"}, {"parameter", parameters}}).dump();
  return send(std::move(out));
}

Response BulkRig::follow(std::string_view url, const std::string& token, Method method) {
  EXPECT_TRUE(url.starts_with(kPublic)) << url;
  auto response = send(request(below_base(url), token, method));
  complete = drain(response);
  return response;
}

std::string BulkRig::begin(std::string_view target, const std::string& token) {
  const auto response = kick_off(target, token);
  EXPECT_EQ(response.status, 202) << target << " " << response.body;
  return std::string(response.headers.get("Content-Location").value_or(""));
}

Json BulkRig::manifest(std::string_view status_url, const std::string& token) {
  for (int polls = 0; polls < 5; ++polls) {
    const auto response = follow(status_url, token);
    if (response.status == 202) continue;
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body).value();
  }
  return {};
}

std::vector<Json> BulkRig::lines(const Json& files, const std::string& token) {
  std::vector<Json> out;
  for (const auto& file : files.items()) {
    const auto response = follow(file["url"].string_or(), token);
    EXPECT_EQ(response.status, 200) << response.body;
    std::string_view rest = response.body;
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      if (end != 0) out.push_back(Json::parse(rest.substr(0, end)).value());
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  return out;
}

Task<Response> BulkRig::answer(Request request) {
  if (request.headers.get("Host").value_or("") == "storage.example") {
    storage_requests.push_back(request);
    // The storage host knows no credentials of the FHIR server: what it has is found behind it all the same.
    const auto path = request.target.substr(std::string_view("/bucket").size());
    request.set_target("/r4" + path.substr(0, path.find('?')));
    request.headers.set("Authorization", "Bearer upstream-credential");
  }
  co_return co_await sandbox.handle(std::move(request));
}

}  // namespace mitral::gateway::rig
