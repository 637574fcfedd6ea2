// Frame: what every page shares: the layout around it, its texts, its security headers.
//
// Private to web/pages. Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"
#include "codec/message.h"
#include "flow/issuer_config.h"
#include "web/security_headers.h"

namespace mitral::web {

struct Frame {
  std::string_view title;
  int status = 200;
  bool wide = false;
  std::string_view foot = {};
  PagePolicy policy = {};
};

/// The page of a template; `values` gets the texts as "t".
[[nodiscard]] codec::Response framed(const flow::IssuerRuntime& issuer, std::string_view page_template,
                                     codec::Json values, const Frame& frame);

/// What the issuer is called on its pages.
[[nodiscard]] std::string organization(const flow::IssuerRuntime& issuer);
/// First letter of a name for its tile: one whole UTF-8 sequence.
[[nodiscard]] std::string first_letter(std::string_view name);

}  // namespace mitral::web
