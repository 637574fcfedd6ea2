#include "gateway/outcome.h"

#include "codec/fields.h"

namespace mitral::gateway {

using codec::Json;

Json outcome(std::string_view severity, std::string_view code, ClientText text, std::string_view parameter) {
  Json issue = Json::object({{"severity", severity}, {"code", code}});
  std::string diagnostics(text.view());
  if (!parameter.empty()) diagnostics.append(" (").append(parameter).append(")");
  issue.set("diagnostics", Json(diagnostics));
  Json issues = Json::array();
  issues.push_back(std::move(issue));
  Json out = Json::object({{"resourceType", "OperationOutcome"}});
  out.set("issue", std::move(issues));
  return out;
}

codec::Response outcome_response(int status, std::string_view code, ClientText text, std::string_view parameter) {
  return codec::Response::with(status, kFhirJson, outcome("error", code, text, parameter).dump());
}

codec::Response not_found() {
  return outcome_response(404, "not-found", "There is no such resource, or you may not see it");
}

std::string challenge(std::string_view resource_metadata, std::string_view error, ClientText description,
                      std::string_view scope) {
  return codec::Challenge("Bearer")
      .param_if("error", error)
      .param_if("error_description", description.view())
      .param_if("scope", scope)
      .param_if("resource_metadata", resource_metadata)
      .text();
}

}  // namespace mitral::gateway
