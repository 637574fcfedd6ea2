#include "app/config_gateway_data.h"

#include <algorithm>

#include "base/limits.h"
#include "fhir/reference.h"
#include "policy/consent.h"

namespace mitral::app {
namespace {

const toml::table* section(const toml::table& table, ConfigReader& reader, std::string_view key) {
  reader.known(key);
  const toml::node* const node = table.get(key);
  if (node == nullptr) return nullptr;
  const toml::table* const found = node->as_table();
  if (found == nullptr) reader.problem(key, "must be a section");
  return found;
}

bool is_organization(const std::string& text) {
  const auto reference = fhir::parse_reference(text, {});
  return reference.kind == fhir::ReferenceKind::local && reference.type == "Organization" && reference.version.empty();
}

void read_consent(const toml::table& t, const std::string& file, std::vector<ConfigProblem>& problems,
                  GatewayConfig& out) {
  ConfigReader s(t, "[gateway.consent]", file, problems);
  out.enforce_consent = true;
  s.choice<bool>("mode", out.enforce_consent, {{"enforce", true}, {"off", false}});
  s.texts("custodians", out.custodians);
  s.text("assumed_purpose", out.assumed_purpose);
  s.finish();
  if (!std::ranges::all_of(out.custodians, is_organization)) {
    s.problem("custodians", "must be a list of \"Organization/id\"");
  }
  const bool code = std::ranges::all_of(out.assumed_purpose, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!code || out.assumed_purpose == policy::kEmergencyPurpose) {
    s.problem("assumed_purpose", "must be a code of HL7 PurposeOfUse, and not that of emergencies: TREAT");
  }
}

void read_labels(const toml::table& t, const std::string& file, std::vector<ConfigProblem>& problems,
                 GatewayConfig& out) {
  ConfigReader s(t, "[gateway.labels]", file, problems);
  s.texts("hidden", out.hidden_labels);
  s.finish();
  const bool readable =
      std::ranges::all_of(out.hidden_labels, [](const auto& text) { return policy::Label::parse(text).has_value(); });
  if (!readable || out.hidden_labels.size() > limits::kLabelsHiddenMax) {
    s.problem("hidden", "must be a list of codes, or of \"code system|code\"");
  }
}

}  // namespace

void read_gateway_data(const toml::table& table, ConfigReader& reader, const std::string& file,
                       std::vector<ConfigProblem>& problems, GatewayConfig& out) {
  for (const auto code : policy::default_hidden_labels()) out.hidden_labels.emplace_back(code);
  if (const auto* const t = section(table, reader, "consent")) read_consent(*t, file, problems, out);
  if (const auto* const t = section(table, reader, "labels")) read_labels(*t, file, problems, out);
}

void apply_gateway_data(const GatewayConfig& in, gateway::Config& out) {
  out.enforce_consent = in.enforce_consent;
  out.custodians = in.custodians;
  out.assumed_purpose = in.assumed_purpose;
  for (const auto& text : in.hidden_labels) {
    if (auto label = policy::Label::parse(text)) out.hidden_labels.push_back(std::move(*label));
  }
}

}  // namespace mitral::app
