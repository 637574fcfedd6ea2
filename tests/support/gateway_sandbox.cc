#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {

TokenSpec maria(std::string scope) {
  TokenSpec out;
  out.scope = std::move(scope);
  return out;
}

TokenSpec practitioner(std::string scope) {
  TokenSpec out;
  out.scope = std::move(scope);
  out.patient.clear();
  out.fhir_user = std::string(kPublic) + "/Practitioner/" + std::string(sandbox::sample::kPractitioner);
  out.subject = "u_ada";
  out.grant = "grant-ada";
  out.jti = "jti-ada";
  return out;
}

TokenSpec backend(std::string scope) {
  TokenSpec out;
  out.scope = std::move(scope);
  out.patient.clear();
  out.fhir_user.clear();
  out.client = out.subject = "backend";
  out.grant.clear();
  out.jti = "jti-backend";
  return out;
}

SandboxRig::SandboxRig(std::function<void(Config&)> change)
    : Rig(std::move(change)),
      sandbox({.base_url = kUpstream,
               .required_authorization = "Bearer upstream-credential",
               .clock = &clock,
               .random = &ids_,
               .sleep = {}}) {
  log::configure(log::Level::off, log::Format::text);
  whole_answers = true;
  EXPECT_TRUE(sandbox::sample::load_samples(sandbox));
  world.upstream = [this](Request request) { return sandbox.handle(std::move(request)); };
}

Response SandboxRig::unguarded(std::string_view target, Method method) {
  Request request;
  request.method = method;
  request.set_target("/r4" + std::string(target));
  request.headers.add("Host", "fhir.internal:8090");
  request.headers.add("Authorization", "Bearer upstream-credential");
  request.headers.add("Accept", "application/fhir+json");
  return run_sync(sandbox.handle(std::move(request)));
}

std::vector<Json> SandboxRig::all_pages(std::string_view target, const std::string& token, int* status) {
  std::vector<Json> out;
  std::string next(target);
  for (int page = 0; page < 200 && !next.empty(); ++page) {
    const auto response = get(next, token);
    if (status != nullptr) *status = response.status;
    if (response.status != 200) return out;
    const auto json = Json::parse(response.body).value();
    for (const auto& entry : json["entry"].items()) out.push_back(entry);
    next = below_base(link(response, "next"));
  }
  return out;
}

policy::Access access_of(const TokenSpec& spec) {
  policy::TokenFacts facts;
  facts.scopes = spec::smart::ScopeSet::parse_known(spec.scope, policy::scope_rules()).value();
  facts.client = spec.client;
  facts.subject = spec.subject;
  facts.patient = spec.patient;
  facts.fhir_user = spec.fhir_user;
  facts.own_base = kPublic;
  return policy::Access::compile(facts);
}

}  // namespace mitral::gateway::rig
