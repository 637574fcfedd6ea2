// Style: the one stylesheet of all pages, and the SMART style document (SMART App Launch 2.2, smart_style_url).
//
// Both are served under a name that holds a hash of their bytes, so they can be cached forever and never disagree with
// the pages that ask for them. Nothing is loaded from elsewhere (threat B-4.2). Thread rules: constants; any thread.
#pragma once

#include <string>
#include <string_view>

namespace mitral::web {

[[nodiscard]] std::string_view stylesheet() noexcept;
/// "style-<hash>.css"
[[nodiscard]] const std::string& stylesheet_name();

/// JSON with the keys of the standard.
[[nodiscard]] std::string_view smart_style() noexcept;
/// "smart-style-<hash>.json"
[[nodiscard]] const std::string& smart_style_name();

}  // namespace mitral::web
