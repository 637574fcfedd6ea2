// Render: a template and its values to HTML. The one place that knows the template library.
//
// Values are JSON: strings, booleans, and arrays of objects for sections. An empty string counts as absent in a
// section. Every {{value}} is escaped for HTML text and quoted attributes. Thread rules: pure function; any thread.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace mitral::web {

[[nodiscard]] std::string render(std::string_view page_template, const codec::Json& values);

}  // namespace mitral::web
