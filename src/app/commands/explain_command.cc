// mitral explain …: why a request is permitted or denied.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>

#include "app/cli.h"
#include "app/explain.h"
#include "app/installation.h"
#include "policy/consent.h"

namespace mitral::app {
namespace {

struct ExplainOptions {
  ExplainedToken token;
  std::string claims, body, base, grant;
  std::vector<std::string> resources, consents;
  std::vector<std::string> request;
  bool if_none_exist = false;
  std::int64_t audit = 0;
};

Result<codec::Json> read_json(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::config_invalid, {}, path + ": can't be opened");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto json = codec::Json::parse_object(text);
  if (!json) return fail(ErrorCode::config_invalid, {}, path + ": " + json.error().detail);
  return json;
}

/// Resources one by one; of a Bundle those that are in it.
Result<void> add_resources(const std::vector<std::string>& paths, std::vector<codec::Json>& out) {
  for (const auto& path : paths) {
    MITRAL_TRY(auto json, read_json(path));
    if (json["resourceType"].string_or() != "Bundle") {
      out.push_back(std::move(json));
      continue;
    }
    for (const auto& entry : json["entry"].items()) {
      if (entry.contains("resource")) out.push_back(entry["resource"]);
    }
  }
  return {};
}

/// A record of the gateway's audit, and the grant behind it where the authorization server's store is at hand.
Result<void> recall(const Cli& cli, const ExplainOptions& options, ExplainInput& input) {
  std::string grant_id;
  Issuer issuer;
  {
    MITRAL_TRY(const auto gateway, open_gateway_audit(cli.config));
    if (options.base.empty()) input.base = gateway->config.gateway->public_base;
    MITRAL_TRY(const auto records, run_sync(gateway->store->read(options.audit - 1, 1)));
    if (records.empty() || records.front().seq != options.audit)
      return fail(ErrorCode::not_found, {}, fmt::format("there is no audit record {}", options.audit));
    const auto& event = records.front().event;
    const auto request = ExplainedRequest::from_audit(event);
    if (!request)
      return fail(ErrorCode::not_found, {},
                  fmt::format("audit record {} is not about a FHIR request that was understood", options.audit));
    input.request.method = request->method;
    input.request.target = request->target;
    input.request.if_none_exist = request->if_none_exist;
    if (input.token.client == "client") input.token.client = event.client;
    if (input.token.subject.empty()) input.token.subject = event.user.empty() ? event.client : event.user;
    if (input.token.patient.empty()) input.token.patient = event.patient;
    grant_id = event.grant;
    issuer = event.issuer;
  }
  if (!input.token.scope.empty()) return {};
  const auto id = Id128::parse(grant_id);
  if (!id)
    return fail(ErrorCode::config_invalid, {}, "the record names no grant: give the token's scopes with --scope");
  const auto installation = open_installation(cli.config);
  if (!installation)
    return fail(ErrorCode::config_invalid, {},
                "the grant is kept by the authorization server, whose store is not in this configuration: give --scope "
                "(and --fhir-user)");
  MITRAL_TRY(const auto grant, run_sync((*installation)->store->find_grant(issuer, *id)));
  if (!grant) return fail(ErrorCode::not_found, {}, "the record's grant is gone: give the token's scopes with --scope");
  for (const auto& scope : grant->scopes) input.token.scope.append(input.token.scope.empty() ? "" : " ").append(scope);
  if (input.token.fhir_user.empty()) input.token.fhir_user = grant->fhir_user;
  return {};
}

Result<int> run(const Cli& cli, const ExplainOptions& options) {
  ExplainInput input;
  input.now = SystemClock().now();
  input.token = options.token;
  if (!options.base.empty()) input.base = options.base;
  while (input.base.ends_with('/')) input.base.pop_back();
  if (!options.claims.empty()) {
    MITRAL_TRY(const auto claims, read_json(options.claims));
    input.token = ExplainedToken::from_claims(claims);
  }
  if (options.audit > 0) {
    MITRAL_CHECK(recall(cli, options, input));
  } else {
    if (options.request.size() != 2)
      return fail(ErrorCode::config_invalid, {},
                  "say which request: mitral explain --scope 'patient/*.rs' --patient 1 GET /Observation?code=1-8");
    input.request.method = options.request[0];
    input.request.target = options.request[1];
    input.request.if_none_exist = options.if_none_exist;
  }
  if (!input.request.target.starts_with('/')) input.request.target.insert(0, "/");
  if (!options.body.empty()) {
    MITRAL_TRY(input.request.body, read_json(options.body));
  }
  MITRAL_CHECK(add_resources(options.resources, input.resources));
  MITRAL_CHECK(add_resources(options.consents, input.consents));
  if (!options.consents.empty()) {
    policy::DataPolicy data;
    data.consents = true;
    input.data_policy = std::make_shared<const policy::DataPolicy>(std::move(data));
  }
  MITRAL_TRY(const auto report, explain(input));
  if (cli.json) {
    fmt::print("{}\n", report.dump_pretty());
  } else {
    fmt::print("{}", explain_text(report));
  }
  return report["decision"]["verdict"].string_or() == "permit" ? kExitDone : kExitFound;
}

}  // namespace

void add_explain_command(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<ExplainOptions>();
  auto* command = app.add_subcommand(
      "explain", "why the gateway permits or denies a FHIR request; exit code 3 if it denies. Nothing is sent.");
  command->add_option("--scope", options->token.scope, "scopes of the token, separated by spaces");
  command->add_option("--patient", options->token.patient, "patient of the launch context");
  command->add_option("--fhir-user", options->token.fhir_user, "who the user is: Practitioner/1");
  command->add_option("--client", options->token.client, "client_id")->capture_default_str();
  command->add_option("--subject", options->token.subject, "sub; default: a user if --patient or --fhir-user is given");
  command->add_option("--purpose", options->token.purpose, "purpose of use (ETREAT)");
  command->add_option("--claims", options->claims, "an introspection answer or a token's claims, as a JSON file");
  command->add_option("--base", options->base, "FHIR base URL that clients use");
  command->add_option("--body", options->body, "resource to be stored, as a JSON file");
  command->add_option("--resource", options->resources,
                      "what the FHIR server has: a resource or a Bundle, as a JSON file; each is judged");
  command->add_option("--consent", options->consents, "FHIR Consent resources in force, as JSON files");
  command->add_flag("--if-none-exist", options->if_none_exist, "the request carries If-None-Exist");
  command->add_option("--audit", options->audit, "the request of this record of the gateway's audit");
  command->add_option("request", options->request, "METHOD and path below the FHIR base")->expected(0, 2);
  command->callback([&cli, options] { cli.with([&cli, options] { return run(cli, *options); }); });
}

}  // namespace mitral::app
