// Scope texts: the lines of the consent page: which words, in which group, in which order.
//
// Words come from spec/smart/words.h by key; this file adds the grouping and what depends on the page (whose record,
// what "everything else" means). Thread rules: pure functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "login/consent_model.h"

namespace mitral::web {

/// The `sections` of the consent template: one for seeing, one for changing, each with groups of rows.
/// `about_you`: the reader is the patient (or acts for her), so the explanations, which say "you", are shown.
/// Ids are "scope-<n>" in the order of the page, and "scope-<n>-<m>" for kinds.
[[nodiscard]] codec::Json consent_sections(const login::ConsentForm& form,
                                           const std::function<bool(std::string_view)>& ticked, bool about_you);

/// Text key of the group that a resource type belongs to.
[[nodiscard]] std::string_view group_of(std::string_view type) noexcept;

}  // namespace mitral::web
