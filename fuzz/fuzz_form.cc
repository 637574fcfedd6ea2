// Form: whatever parses serializes and parses back to the same; duplicates() and get() agree with a count by hand;
// percent-encoding is undone by percent-decoding.
#include <cstdint>
#include <cstdlib>

#include "codec/form.h"
#include "codec/text.h"

using mitral::codec::Form;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_form(std::string_view text) {
  const auto form = Form::parse(text);
  if (!form) return;
  const auto again = Form::parse(form->serialize(), form->serialize().size(), form->size());
  // A pair of empty name and empty value is written "=", which is read as itself.
  require(again && *again == *form);
  bool repeated = false;
  for (const auto& parameter : form->list()) {
    require(mitral::codec::is_utf8(parameter.name) && mitral::codec::is_utf8(parameter.value));
    require(parameter.name.find('\0') == std::string::npos && parameter.value.find('\0') == std::string::npos);
    repeated = repeated || form->count(parameter.name) > 1;
    const auto all = form->all(parameter.name);
    const auto first = form->get(parameter.name);
    require(first.has_value() == !all.empty() && (!first || *first == all.front()));
  }
  require(form->duplicates().empty() == !repeated);
  require(form->refuse_duplicates().has_value() == !repeated);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_form(text);
  const auto back = mitral::codec::percent_decode(mitral::codec::percent_encode(text));
  const bool decodable = mitral::codec::is_utf8(text) && text.find('\0') == std::string_view::npos;
  require(back.has_value() == decodable && (!back || *back == text));
  return 0;
}
