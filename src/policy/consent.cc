#include "policy/consent.h"

#include <algorithm>

#include "base/limits.h"
#include "policy/consent_model.h"

namespace mitral::policy {
namespace {

/// What a provision comes to, where it applies, with its exceptions.
Effect outcome(const Provision& provision, const ConsentQuestion& question, std::vector<const Label*>& named) {
  bool denied = false;
  bool permitted = false;
  std::vector<const Label*> inner;
  for (const auto& exception : provision.exceptions) {
    const auto match = matches(exception, question);
    if (match == Match::no) continue;
    std::vector<const Label*> labels;
    const auto effect = outcome(exception, question, labels);
    if (effect == Effect::deny) {
      denied = true;
    } else if (match == Match::yes) {
      permitted = true;
      inner.insert(inner.end(), labels.begin(), labels.end());
    }
  }
  if (denied || (!permitted && provision.effect == Effect::deny)) return Effect::deny;
  named.insert(named.end(), inner.begin(), inner.end());
  if (provision.effect == Effect::permit) {
    for (const auto& label : provision.labels) named.push_back(&label);
  }
  return Effect::permit;
}

Effect outcome(const Directive& directive, const ConsentQuestion& question, std::vector<const Label*>& named) {
  if (directive.unreadable) return Effect::deny;
  if (!directive.root) return directive.base;
  const auto match = matches(*directive.root, question);
  if (match == Match::no) return directive.base;
  std::vector<const Label*> labels;
  const auto inside = outcome(*directive.root, question, labels);
  if (match == Match::unknown) {
    // Whether it applies, nobody can say: what is allowed must be allowed both ways.
    return inside == Effect::deny ? Effect::deny : directive.base;
  }
  if (inside == Effect::permit) named.insert(named.end(), labels.begin(), labels.end());
  return inside;
}

}  // namespace

PatientDirectives::PatientDirectives() = default;
PatientDirectives::~PatientDirectives() = default;

PatientDirectives::PatientDirectives(std::string_view patient, std::span<const codec::Json> consents,
                                     std::string_view own_base) {
  for (const auto& consent : consents) {
    auto directive = parse_directive(consent, patient, own_base);
    if (!directive) continue;
    if (directives_.size() == limits::kConsentsPerPatientMax) {
      // Nobody knows what the others say.
      directives_.assign(1, Directive{.unreadable = true, .base = Effect::deny, .root = std::nullopt});
      return;
    }
    directives_.push_back(std::move(*directive));
  }
}

PatientDirectives::Answer PatientDirectives::judge(const ConsentQuestion& question) const {
  Answer out;
  for (const auto& directive : directives_) {
    if (outcome(directive, question, out.named) == Effect::permit) continue;
    out.denied = true;
    out.named.clear();
    break;
  }
  return out;
}

std::size_t PatientDirectives::size() const noexcept { return directives_.size(); }

bool PatientDirectives::readable() const noexcept {
  return std::ranges::none_of(directives_, [](const Directive& directive) { return directive.unreadable; });
}

}  // namespace mitral::policy
