#include "app/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "fhir/compartment.h"
#include "fhir/interaction.h"
#include "policy/consent.h"
#include "policy/fhir_operations.h"
#include "policy/scope_policy.h"

namespace mitral::app {
namespace {

using codec::Json;
using fhir::InteractionKind;

std::unexpected<Error> wrong(std::string why) { return fail(ErrorCode::config_invalid, {}, std::move(why)); }

Json lines_of(const policy::Explanation& lines) { return Json::array_of(lines); }

Json rule_of(const policy::AccessRule& rule) {
  Json out = Json::object({{"scope", rule.scope}, {"type", rule.type}});
  out.set("bound",
          rule.bound == policy::AccessRule::Bound::none ? Json("every patient") : Json::array_of(rule.patients));
  if (!rule.restrictions.empty()) {
    Json list = Json::array();
    for (const auto& restriction : rule.restrictions)
      list.push_back(Json(restriction.param + "=" + restriction.value()));
    out.set("restrictions", std::move(list));
  }
  return out;
}

Json verdict_of(const policy::Decision& decision, const policy::Explanation& lines) {
  return Json::object({{"verdict", policy::name(decision.verdict)},
                       {"reason", policy::name(decision.reason)},
                       {"because", lines_of(lines)}});
}

/// Scopes that were granted and give nothing: the reason is the decision's when it asks for them.
Json useless_scopes(const policy::TokenFacts& facts, const policy::Access& access) {
  std::set<std::string> used;
  for (const auto& rule : access.rules()) used.insert(rule.scope);
  Json out = Json::array();
  for (const auto& scope : facts.scopes.items()) {
    if (scope.kind != spec::smart::ScopeKind::resource || used.contains(scope.text)) continue;
    const auto type = scope.type == "*" ? std::string_view("Patient") : std::string_view(scope.type);
    for (const char letter : std::string_view("cruds")) {
      if (!scope.allows(letter, type)) continue;
      out.push_back(
          Json::object({{"scope", scope.text}, {"reason", policy::name(access.reason_without_rule(letter, type))}}));
      break;
    }
  }
  return out;
}

Result<fhir::Interaction> interaction_of(const ExplainedRequest& request) {
  const auto method = codec::parse_method(request.method);
  if (method == codec::Method::other) return wrong("the method is GET, HEAD, POST, PUT, PATCH or DELETE");
  const auto question = request.target.find('?');
  const auto path = std::string_view(request.target).substr(0, question);
  const auto query =
      question == std::string::npos ? std::string_view{} : std::string_view(request.target).substr(question + 1);
  auto out = fhir::classify({.method = method,
                             .path = path,
                             .query = query,
                             .content_type = path.ends_with("_search") ? "application/x-www-form-urlencoded" : "",
                             .body = {},
                             .if_none_exist = request.if_none_exist});
  if (!out) return wrong(fmt::format("the request is refused before any decision: {}", name(out.error().code)));
  return out;
}

char write_letter(InteractionKind kind) noexcept {
  const auto letters = fhir::letters_needed(kind);
  const auto at = letters.find_first_of("cud");
  return at == std::string_view::npos ? '\0' : letters[at];
}

policy::Circumstances circumstances_of(const ExplainInput& input, const policy::TokenFacts& facts) {
  policy::Circumstances out;
  out.now = input.now;
  if (!facts.data_policy || !facts.data_policy->consents) return out;
  auto book = std::make_shared<policy::ConsentBook>();
  std::set<std::string> patients{facts.patient};
  const auto add = [&](const Json& resource) {
    for (auto& id : fhir::member_patients(resource, input.base)) patients.insert(std::move(id));
  };
  for (const auto& resource : input.resources) add(resource);
  if (input.request.body) add(*input.request.body);
  for (const auto& patient : patients) {
    if (patient.empty()) continue;
    book->put(patient, std::make_shared<policy::PatientDirectives>(patient, input.consents, input.base));
  }
  out.consents = std::move(book);
  return out;
}

Json judged(const policy::Access& access, const ExplainInput& input, const fhir::Interaction& interaction,
            const policy::Circumstances& circumstances) {
  Json out = Json::array();
  const auto add = [&](const Json& resource, const policy::Decision& decision, const policy::Explanation& lines) {
    Json one = verdict_of(decision, lines);
    one.set("resource", Json(std::string(resource["resourceType"].string_or("?")) + "/" +
                             std::string(resource["id"].string_or("(new)"))));
    out.push_back(std::move(one));
  };
  if (const char letter = write_letter(interaction.kind); letter != '\0') {
    const Json* const before = input.resources.empty() ? nullptr : &input.resources.front();
    const Json* const after = input.request.body ? &*input.request.body : nullptr;
    if (before == nullptr && after == nullptr) return out;
    policy::Explanation lines;
    const auto decision = policy::write_allowed(access, letter, before, after, &lines, circumstances);
    add(after != nullptr ? *after : *before, decision, lines);
    return out;
  }
  std::set<std::string> seen;
  const bool read = fhir::letters_needed(interaction.kind) == "r";
  for (const auto& resource : input.resources) {
    policy::Explanation lines;
    const auto decision = policy::resource_visible(
        access, resource, read ? policy::Origin::read : policy::Origin::match,
        [&](std::string_view type, std::string_view id) {
          return seen.contains(std::string(type).append("/").append(id));
        },
        &lines, circumstances);
    if (decision.permitted()) {
      seen.insert(std::string(resource["resourceType"].string_or()) + "/" + std::string(resource["id"].string_or()));
    }
    add(resource, decision, lines);
  }
  return out;
}

Json plan_of(const policy::Plan& plan) {
  Json out = Json::object();
  Json forward = Json::array();
  for (const auto& param : plan.forward) forward.push_back(Json(param.name + "=" + param.value));
  if (!forward.empty()) out.set("asks_the_server_for", std::move(forward));
  if (!plan.left_out.empty()) out.set("leaves_out", Json::array_of(plan.left_out));
  if (!plan.types.empty()) out.set("types", Json::array_of(plan.types));
  out.set("shows_the_servers_totals", plan.unlimited);
  return out;
}

void append_lines(std::string& out, const Json& verdict, std::string_view indent) {
  for (const auto& line : verdict["because"].items()) {
    fmt::format_to(std::back_inserter(out), "{}because  {}\n", indent, line.string_or());
  }
}

}  // namespace

ExplainedToken ExplainedToken::from_claims(const Json& claims) {
  ExplainedToken out;
  out.scope = claims["scope"].string_or();
  out.client = claims["client_id"].string_or(claims["azp"].string_or("client"));
  out.subject = claims["sub"].string_or();
  out.patient = claims["patient"].string_or();
  out.fhir_user = claims["fhirUser"].string_or();
  out.purpose = claims["purpose_of_use"].string_or();
  return out;
}

std::optional<ExplainedRequest> ExplainedRequest::from_audit(const model::AuditEvent& event) {
  if (event.kind != model::AuditKind::fhir_access) return std::nullopt;
  std::string interaction, type, id;
  for (const auto& [key, value] : event.details) {
    if (key == "interaction") interaction = value;
    if (key == "resource") type = value;
    if (key == "id") id = value;
  }
  const auto with_id = "/" + type + "/" + id;
  const struct {
    std::string_view name, method;
    std::string target;
  } rows[] = {{"read", "GET", with_id},
              {"vread", "GET", with_id + "/_history/1"},
              {"history-instance", "GET", with_id + "/_history"},
              {"history-type", "GET", "/" + type + "/_history"},
              {"history-system", "GET", "/_history"},
              {"search-type", "GET", "/" + type},
              {"search-system", "GET", "/"},
              {"create", "POST", "/" + type},
              {"conditional-create", "POST", "/" + type},
              {"update", "PUT", with_id},
              {"patch", "PATCH", with_id},
              {"delete", "DELETE", with_id}};
  for (const auto& row : rows) {
    if (row.name != interaction) continue;
    ExplainedRequest out;
    out.method = row.method;
    out.target = row.target;
    out.if_none_exist = interaction == "conditional-create";
    return out;
  }
  return std::nullopt;
}

Result<Json> explain(const ExplainInput& input) {
  const auto& token = input.token;
  policy::TokenFacts facts;
  auto scopes = spec::smart::ScopeSet::parse_known(token.scope, policy::scope_rules());
  if (!scopes) return wrong("the scopes can't be read: " + scopes.error().detail);
  facts.scopes = std::move(*scopes);
  facts.client = token.client;
  const bool user = !token.fhir_user.empty() || !token.patient.empty();
  facts.subject = !token.subject.empty() ? token.subject : user ? "user" : token.client;
  facts.patient = token.patient;
  facts.fhir_user = token.fhir_user;
  facts.purpose = token.purpose;
  facts.own_base = input.base;
  facts.data_policy = input.data_policy;
  const auto access = policy::Access::compile(facts);
  MITRAL_TRY(const auto interaction, interaction_of(input.request));

  Json rules = Json::array();
  for (const auto& rule : access.rules()) rules.push_back(rule_of(rule));
  Json token_part = Json::object({{"rules", std::move(rules)}, {"without_effect", useless_scopes(facts, access)}});
  if (!access.self_id().empty()) token_part.set("own_resource", Json(access.self_type() + "/" + access.self_id()));

  policy::Explanation lines;
  const auto decided = policy::decide(access, interaction, &lines);
  Json decision = verdict_of(decided.decision, lines);
  if (!decided.parameter.empty()) decision.set("parameter", Json(decided.parameter));
  if (!decided.scope_hint.empty()) decision.set("scope_to_ask_for", Json(decided.scope_hint));
  if (decided.decision.permitted()) decision.set("plan", plan_of(decided.plan));

  Json request = Json::object({{"interaction", fhir::name(interaction.kind)},
                               {"type", interaction.type},
                               {"letters", fhir::letters_needed(interaction.kind)}});
  Json out = Json::object(
      {{"request", std::move(request)}, {"token", std::move(token_part)}, {"decision", std::move(decision)}});
  if (decided.decision.permitted()) {
    out.set("resources", judged(access, input, interaction, circumstances_of(input, facts)));
  }
  return out;
}

std::string explain_text(const Json& report) {
  std::string out;
  auto to = std::back_inserter(out);
  const auto& request = report["request"];
  fmt::format_to(to, "request   {} {} (needs {})\n", request["interaction"].string_or(), request["type"].string_or(),
                 request["letters"].string_or().empty() ? "no letter of its own" : request["letters"].string_or());
  for (const auto& rule : report["token"]["rules"].items()) {
    std::string bound;
    if (rule["bound"].is_string()) bound = rule["bound"].string_or();
    for (const auto& id : rule["bound"].items())
      bound.append(bound.empty() ? "Patient/" : ", Patient/").append(id.string_or());
    fmt::format_to(to, "scope     {}   bound to {}\n", rule["scope"].string_or(), bound);
  }
  for (const auto& lost : report["token"]["without_effect"].items()) {
    fmt::format_to(to, "scope     {}   no effect: {}\n", lost["scope"].string_or(), lost["reason"].string_or());
  }
  const auto& decision = report["decision"];
  fmt::format_to(to, "decision  {} ({})\n", decision["verdict"].string_or(), decision["reason"].string_or());
  append_lines(out, decision, "          ");
  if (decision.contains("parameter"))
    fmt::format_to(std::back_inserter(out), "          parameter  {}\n", decision["parameter"].string_or());
  if (decision.contains("scope_to_ask_for"))
    fmt::format_to(std::back_inserter(out), "          ask for  {}\n", decision["scope_to_ask_for"].string_or());
  for (const auto& param : decision["plan"]["asks_the_server_for"].items())
    fmt::format_to(std::back_inserter(out), "upstream  {}\n", param.string_or());
  for (const auto& resource : report["resources"].items()) {
    fmt::format_to(std::back_inserter(out), "resource  {}: {} ({})\n", resource["resource"].string_or(),
                   resource["verdict"].string_or(), resource["reason"].string_or());
    append_lines(out, resource, "          ");
  }
  return out;
}

}  // namespace mitral::app
