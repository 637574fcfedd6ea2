#include "policy/labels.h"

#include <algorithm>
#include <array>

namespace mitral::policy {
namespace {

using codec::Json;

constexpr std::string_view kConfidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
constexpr std::string_view kActCode = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
constexpr std::string_view kInlineLabel =
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";
constexpr std::string_view kProcessInline = "PROCESSINLINELABEL";
constexpr std::size_t kLabelTextMax = 300;

constexpr std::array<std::string_view, 6> kRanks{"U", "L", "M", "N", "R", "V"};

struct Child {
  std::string_view code, parent;
};
// Sensitivity codes below others in v3-ActCode (_InformationSensitivityPolicy).
constexpr auto kSensitivity = std::to_array<Child>({{"BH", "SPI"},
                                                    {"COGN", "BH"},
                                                    {"DVD", "BH"},
                                                    {"EMOTDIS", "BH"},
                                                    {"MH", "BH"},
                                                    {"PSY", "BH"},
                                                    {"PSYTHPN", "BH"},
                                                    {"SUD", "BH"},
                                                    {"ETHUD", "SUD"},
                                                    {"OPIOIDUD", "SUD"}});

constexpr auto kDefaultHidden = std::to_array<std::string_view>(
    {"R",    "V",   "42CFRPart2", "ETH",  "ETHUD",  "OPIOIDUD", "SUD",      "SPI", "BH",
     "COGN", "DVD", "EMOTDIS",    "MH",   "PSY",    "PSYTHPN",  "HIV",      "STD", "SEX",
     "SDV",  "MST", "VIO",        "GDIS", "SICKLE", "TBOO",     "PREGNANT", "IDS"});

bool is_confidentiality(std::string_view system) noexcept { return canonical_system(system) == kConfidentiality; }

/// Is `code` `ancestor`, or below it?
bool below(std::string_view code, std::string_view ancestor) noexcept {
  while (code != ancestor) {
    const auto* const row = std::ranges::find(kSensitivity, code, &Child::code);
    if (row == kSensitivity.end()) return false;
    code = row->parent;
  }
  return true;
}

void add_coding(const Json& coding, std::vector<LabelView>& out) {
  out.push_back({coding["system"].string_or(), coding["code"].string_or()});
}

/// Every item of what ought to be a list of Codings; anything else is one label that can't be read.
void add_codings(const Json* list, std::vector<LabelView>& out) {
  if (list == nullptr) return;
  if (!list->is_array()) return out.push_back({});
  for (const auto& coding : list->items()) add_coding(coding, out);
}

void add_concepts(const Json* list, std::vector<LabelView>& out) {
  if (list == nullptr) return;
  if (!list->is_array()) return out.push_back({});
  for (const auto& concept_ : list->items()) {
    const auto& codings = concept_["coding"];
    if (codings.empty()) out.push_back({});  // text alone
    for (const auto& coding : codings.items()) add_coding(coding, out);
  }
}

void add_inline(const Json& value, std::vector<LabelView>& out) {
  for (const auto& item : value.items()) add_inline(item, out);
  if (value["url"].string_or() == kInlineLabel) add_coding(value["valueCoding"], out);
  for (const auto& [key, member] : value.members()) {
    if (member.is_object() || member.is_array()) add_inline(member, out);
  }
}

void add_own(const Json& resource, std::vector<LabelView>& out) {
  if (const auto* const meta = resource.find("meta")) add_codings(meta->find("security"), out);
  const auto type = resource["resourceType"].string_or();
  if (type == "DocumentReference") add_concepts(resource.find("securityLabel"), out);
  if (type == "Composition" && resource.contains("confidentiality")) {
    out.push_back({kConfidentiality, resource["confidentiality"].string_or()});
  }
  for (const auto& inner : resource["contained"].items()) add_own(inner, out);
}

}  // namespace

std::string_view canonical_system(std::string_view system) noexcept {
  if (system == "http://hl7.org/fhir/v3/ActCode" || system == "urn:oid:2.16.840.1.113883.5.4") return kActCode;
  if (system == "http://hl7.org/fhir/v3/Confidentiality" || system == "urn:oid:2.16.840.1.113883.5.25") {
    return kConfidentiality;
  }
  return system;
}

bool is_act_code(std::string_view system) noexcept { return canonical_system(system) == kActCode; }

int confidentiality_rank(std::string_view system, std::string_view code) noexcept {
  if (!system.empty() && !is_confidentiality(system)) return 0;
  const auto* const found = std::ranges::find(kRanks, code);
  return found == kRanks.end() ? 0 : static_cast<int>(found - kRanks.begin()) + 1;
}

std::optional<Label> Label::parse(std::string_view text) {
  const auto bar = text.rfind('|');
  Label out;
  if (bar != std::string_view::npos) out.system = text.substr(0, bar);
  out.code = bar == std::string_view::npos ? text : text.substr(bar + 1);
  const auto plain = [](char c) { return c > 0x20 && c < 0x7f && c != '|'; };
  if (out.code.empty() || text.size() > kLabelTextMax || !std::ranges::all_of(out.code, plain) ||
      !std::ranges::all_of(out.system, plain)) {
    return std::nullopt;
  }
  return out;
}

std::vector<LabelView> labels_of(const Json& resource) {
  std::vector<LabelView> out;
  add_own(resource, out);
  if (std::ranges::find(out, kProcessInline, &LabelView::code) != out.end()) add_inline(resource, out);
  return out;
}

bool names_label(const Label& named, const LabelView& found) noexcept {
  if (found.code.empty()) return false;
  const auto wanted = confidentiality_rank(named.system, named.code);
  const auto rank = confidentiality_rank(found.system, found.code);
  if (wanted != 0 && rank != 0) return wanted >= rank;
  if (!named.system.empty() && canonical_system(named.system) != canonical_system(found.system)) return false;
  return named.code == found.code || (is_act_code(found.system) && below(found.code, named.code));
}

LabelPolicy::LabelPolicy(std::vector<Label> hidden) : hidden_(std::move(hidden)) {
  for (const auto& label : hidden_) {
    const auto rank = confidentiality_rank(label.system, label.code);
    if (rank != 0 && (lowest_rank_ == 0 || rank < lowest_rank_)) lowest_rank_ = rank;
  }
}

bool LabelPolicy::hides(const LabelView& label) const noexcept {
  if (hidden_.empty()) return false;
  if (label.code.empty()) return true;
  const auto rank = confidentiality_rank(label.system, label.code);
  if (rank != 0 && lowest_rank_ != 0 && rank >= lowest_rank_) return true;
  return std::ranges::any_of(hidden_, [&](const Label& hidden) {
    const bool system_fits = hidden.system.empty() || label.system.empty() ||
                             canonical_system(hidden.system) == canonical_system(label.system);
    const bool act_code = label.system.empty() || is_act_code(label.system);
    return system_fits && (hidden.code == label.code || (act_code && below(label.code, hidden.code)));
  });
}

std::vector<LabelView> LabelPolicy::hidden_in(const Json& resource) const {
  if (hidden_.empty()) return {};
  auto out = labels_of(resource);
  std::erase_if(out, [&](const LabelView& label) { return !hides(label); });
  return out;
}

std::span<const std::string_view> default_hidden_labels() noexcept { return kDefaultHidden; }

}  // namespace mitral::policy
