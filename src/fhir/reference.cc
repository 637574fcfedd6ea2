#include "fhir/reference.h"

#include "fhir/r4.h"

namespace mitral::fhir {
namespace {

/// "Type/id" or "Type/id/_history/version", nothing before or after.
Reference parse_relative(std::string_view text) noexcept {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  Reference out;
  out.type = text.substr(0, slash);
  auto rest = text.substr(slash + 1);
  if (const auto next = rest.find('/'); next != std::string_view::npos) {
    constexpr std::string_view kHistory = "/_history/";
    if (!rest.substr(next).starts_with(kHistory)) return {};
    out.version = rest.substr(next + kHistory.size());
    rest = rest.substr(0, next);
    if (!is_id(out.version)) return {};
  }
  out.id = rest;
  if (!is_resource_type(out.type) || !is_id(out.id)) return {};
  out.kind = ReferenceKind::local;
  return out;
}

/// A scheme of RFC 3986 and its colon at the start.
bool has_scheme(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == ':') return i > 0;
    if (!alpha && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) return false;
  }
  return false;
}

}  // namespace

Reference parse_reference(std::string_view text, std::string_view own_base) noexcept {
  if (text.empty()) return {};
  if (text.front() == '#') {
    Reference out;
    out.kind = ReferenceKind::contained;
    out.id = text.substr(1);
    return out;
  }
  if (text.starts_with("urn:")) {
    Reference out;
    out.kind = ReferenceKind::urn;
    out.id = text;
    return out;
  }
  if (!own_base.empty() && text.size() > own_base.size() && text.starts_with(own_base) &&
      text[own_base.size()] == '/') {
    return parse_relative(text.substr(own_base.size() + 1));
  }
  if (has_scheme(text)) {
    Reference out;
    out.kind = ReferenceKind::foreign;
    out.id = text;
    return out;
  }
  return parse_relative(text);
}

}  // namespace mitral::fhir
