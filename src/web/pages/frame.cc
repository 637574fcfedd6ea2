#include "web/pages/frame.h"

#include "codec/text.h"
#include "web/pages/render.h"
#include "web/pages/style.h"
#include "web/pages/templates.h"
#include "web/pages/texts_en.h"

namespace mitral::web {
namespace {

using codec::Json;

const Json& text_table() {
  static const Json table = [] {
    Json out = Json::object();
    for (const auto& text : texts_en()) out.set(text.key, Json(text.text));
    return out;
  }();
  return table;
}

}  // namespace

std::string organization(const flow::IssuerRuntime& issuer) {
  return issuer.config().display_name.empty() ? issuer.authority() : issuer.config().display_name;
}

std::string first_letter(std::string_view name) {
  const auto length = codec::utf8_sequence_length(name);
  if (length == 0) return "•";
  std::string letter(name.substr(0, length));
  if (length == 1 && letter[0] >= 'a' && letter[0] <= 'z') letter[0] = static_cast<char>(letter[0] - 'a' + 'A');
  return letter;
}

codec::Response framed(const flow::IssuerRuntime& issuer, std::string_view page_template, Json values,
                       const Frame& frame) {
  values.set("t", text_table());
  Json layout = Json::object({{"lang", "en"},
                              {"title", frame.title},
                              {"org", organization(issuer)},
                              {"style", issuer.base_path() + "/assets/" + stylesheet_name()},
                              {"foot", frame.foot},
                              {"body", render(page_template, values)}});
  layout.set("wide", frame.wide);
  layout.set("t", text_table());
  codec::Response response =
      codec::Response::with(frame.status, "text/html; charset=utf-8", render(templates::kLayout, layout));
  add_page_headers(response, issuer, frame.policy);
  return response;
}

}  // namespace mitral::web
