// Labels: security labels of resources (FHIR R4 security-labels.html), which of them a deployment hides, and what it
// means to name one.
//
// Labels of a resource: meta.security, also of contained resources; DocumentReference.securityLabel;
// Composition.confidentiality; and, where meta.security announces them (PROCESSINLINELABEL, DS4P), labels on single
// elements, which then count for the whole resource. A label that can't be read is one that hides.
//
// Hidden labels are shown to nobody by scopes alone. A hidden label is overcome when the user is the patient herself,
// when the scope that justifies the resource names it (patient/Observation.rs?_security=…), when the patient's own
// directives name it for this requester (policy/consent.h), or in emergency access. Every hidden label of a resource
// must be overcome, but one: confidentiality R is what a sensitivity label brings with it, so it is overcome together
// with the sensitivity labels beside it. V must be named.
//
// Naming: the confidentiality codes are ordered, and naming one names those below it; a sensitivity code names those
// that HL7 puts under it (SUD: ETHUD, OPIOIDUD). Hiding works the other way round: hiding R hides V, hiding SUD hides
// ETHUD.
//
// Limits: kLabelsHiddenMax. Errors: none; what is not understood hides. Thread rules: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace mitral::policy {

/// A label as configured or named in a scope or directive.
struct Label {
  std::string system;  ///< empty: any
  std::string code;

  /// "ETH" or "system|ETH". nullopt: no code, or characters that no code has.
  [[nodiscard]] static std::optional<Label> parse(std::string_view text);
  friend bool operator==(const Label&, const Label&) = default;
};

/// A label as found on data; views into the resource. An empty code: there is a label, but it can't be read.
struct LabelView {
  std::string_view system;
  std::string_view code;
};

/// All labels of a resource.
[[nodiscard]] std::vector<LabelView> labels_of(const codec::Json& resource);

/// Old and new names of one HL7 code system made one.
[[nodiscard]] std::string_view canonical_system(std::string_view system) noexcept;
/// v3-ActCode by any of its names.
[[nodiscard]] bool is_act_code(std::string_view system) noexcept;
/// Rank of a v3-Confidentiality code, U lowest, V highest; 0: none. An empty system is taken for it.
[[nodiscard]] int confidentiality_rank(std::string_view system, std::string_view code) noexcept;

/// Does naming `named` speak of data labelled `found`?
[[nodiscard]] bool names_label(const Label& named, const LabelView& found) noexcept;

/// What one deployment hides.
class LabelPolicy {
 public:
  LabelPolicy() = default;
  explicit LabelPolicy(std::vector<Label> hidden);

  [[nodiscard]] bool hides_any() const noexcept { return !hidden_.empty(); }
  [[nodiscard]] bool hides(const LabelView& label) const noexcept;
  /// The labels of the resource that are hidden.
  [[nodiscard]] std::vector<LabelView> hidden_in(const codec::Json& resource) const;

 private:
  std::vector<Label> hidden_;
  int lowest_rank_ = 0;  ///< of hidden confidentiality codes; 0: none
};

/// Are all these hidden labels overcome, given which ones somebody named?
template <class Named>
[[nodiscard]] bool labels_overcome(std::span<const LabelView> hidden, const Named& named) {
  bool sensitivity = false;
  bool restricted = false;  // R that nobody named
  for (const auto& label : hidden) {
    const bool ok = !label.code.empty() && named(label);
    const auto rank = confidentiality_rank(label.system, label.code);
    if (rank == 0) {
      if (!ok) return false;
      sensitivity = true;
    } else if (!ok) {
      if (label.code != "R") return false;
      restricted = true;
    }
  }
  return !restricted || sensitivity;
}

/// Codes that are hidden when the operator says nothing: confidentiality R and V, the HL7 sensitivity codes for what
/// laws single out (substance use, mental health, HIV, sexual and reproductive health, violence, genetics …) and
/// 42CFRPart2.
[[nodiscard]] std::span<const std::string_view> default_hidden_labels() noexcept;

}  // namespace mitral::policy
