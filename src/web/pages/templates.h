// Templates: the pages as mustache text. {{name}} is always HTML-escaped; {{{name}}} stands in the layout only, for a
// body that was rendered before, and for nothing else (threat W-4; a test looks).
//
// Element ids are stable: tests and assistive tools rely on them. No script, no style attribute, nothing from
// elsewhere; the one exception is the line of the form_post page that its Content-Security-Policy names by hash. Thread
// rules: constants.
#pragma once

#include <string_view>

namespace mitral::web::templates {

extern const std::string_view kLayout;
extern const std::string_view kSignIn;
extern const std::string_view kPicker;
extern const std::string_view kConsent;
extern const std::string_view kError;
extern const std::string_view kFormPost;
extern const std::string_view kSignOut;
extern const std::string_view kSignedOut;
extern const std::string_view kHome;

/// The one script there is: submits the form_post form when the page has loaded.
extern const std::string_view kFormPostScript;

}  // namespace mitral::web::templates
