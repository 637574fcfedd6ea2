#include "policy/decision.h"

namespace mitral::policy {

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::permit: return "permit";
    case Verdict::deny: return "deny";
    case Verdict::indeterminate: break;
  }
  return "indeterminate";
}

std::string_view name(Reason reason) noexcept {
  switch (reason) {
    case Reason::permitted: return "permitted";
    case Reason::insufficient_scope: return "insufficient_scope";
    case Reason::missing_context: return "missing_context";
    case Reason::scope_not_evaluable: return "scope_not_evaluable";
    case Reason::foreign_patient: return "foreign_patient";
    case Reason::parameter_unknown: return "parameter_unknown";
    case Reason::parameter_malformed: return "parameter_malformed";
    case Reason::parameter_denied: return "parameter_denied";
    case Reason::parameter_unsupported: return "parameter_unsupported";
    case Reason::interaction_not_offered: return "interaction_not_offered";
    case Reason::interaction_unknown: return "interaction_unknown";
    case Reason::resource_not_in_scope: return "resource_not_in_scope";
    case Reason::resource_not_in_bound: return "resource_not_in_bound";
    case Reason::resource_malformed: return "resource_malformed";
    case Reason::consent_denied: return "consent_denied";
    case Reason::consent_unknown: return "consent_unknown";
    case Reason::label_hidden: return "label_hidden";
    case Reason::operation_denied: return "operation_denied";
    case Reason::write_denied: return "write_denied";
    case Reason::link_changed: return "link_changed";
    case Reason::label_changed: return "label_changed";
    case Reason::reference_denied: return "reference_denied";
  }
  return "interaction_unknown";
}

}  // namespace mitral::policy
