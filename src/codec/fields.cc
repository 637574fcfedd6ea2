#include "codec/fields.h"

#include <algorithm>
#include <array>

#include "codec/base64url.h"
#include "codec/form.h"
#include "codec/text.h"

namespace mitral::codec {
namespace {

constexpr bool is_alnum(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_tchar(char c) noexcept {
  return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

consteval std::array<bool, 256> make_token68() {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 0x80; ++i) {
    const char c = static_cast<char>(i);
    table[i] = is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
  }
  return table;
}
constexpr auto kToken68 = make_token68();

constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Takes a token off the front; empty when there is none.
std::string_view take_token(std::string_view& text) noexcept {
  std::size_t n = 0;
  while (n < text.size() && is_tchar(text[n])) ++n;
  const auto out = text.substr(0, n);
  text.remove_prefix(n);
  return out;
}

void skip_blank(std::string_view& text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

bool take(std::string_view& text, char c) noexcept {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Quoted-string (RFC 9110 §5.6.4) at the front, unescaped.
std::optional<std::string> take_quoted(std::string_view& text) {
  if (!take(text, '"')) return std::nullopt;
  std::string out;
  while (!text.empty()) {
    char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return out;
    if (c == '\\') {
      if (text.empty()) return std::nullopt;
      c = text.front();
      text.remove_prefix(1);
    }
    if (is_control(c) && c != '\t') return std::nullopt;
    out.push_back(c);
  }
  return std::nullopt;
}

// A media type or media range at the front of the text, up to a comma or the end.
std::optional<MediaType> take_media_type(std::string_view& text) {
  MediaType out;
  const auto type = take_token(text);
  if (type.empty() || !take(text, '/')) return std::nullopt;
  const auto subtype = take_token(text);
  if (subtype.empty()) return std::nullopt;
  out.type = to_lower(type) + "/" + to_lower(subtype);
  for (;;) {
    skip_blank(text);
    if (!take(text, ';')) break;
    skip_blank(text);
    auto name = to_lower(take_token(text));
    if (name.empty()) continue;  // ";;" and a trailing ";" are allowed by the grammar
    if (!take(text, '=')) return std::nullopt;
    std::string value;
    if (text.starts_with('"')) {
      auto quoted = take_quoted(text);
      if (!quoted) return std::nullopt;
      value = std::move(*quoted);
    } else {
      value = take_token(text);
      if (value.empty()) return std::nullopt;
    }
    if (out.parameter(name)) return std::nullopt;
    out.parameters.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

// qvalue (RFC 9110 §12.4.2) in thousandths, or -1.
int parse_weight(std::string_view text) noexcept {
  if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) return -1;
  int out = (text[0] - '0') * 1000;
  if (text.size() == 1) return out;
  if (text[1] != '.') return -1;
  int step = 100;
  for (char c : text.substr(2)) {
    if (c < '0' || c > '9') return -1;
    out += (c - '0') * step;
    step /= 10;
  }
  return out > 1000 ? -1 : out;
}

// How closely a range names the type: 3 exactly, 2 type/*, 1 */*, 0 not at all.
int specificity(const MediaType& range, std::string_view media_type) noexcept {
  if (range.type == media_type) return 3;
  if (range.type == "*/*") return 1;
  if (range.type.ends_with("/*") &&
      media_type.starts_with(std::string_view(range.type).substr(0, range.type.size() - 1))) {
    return 2;
  }
  return 0;
}

struct Match {
  int specificity = 0;
  int weight = 0;
};

Match best_match(std::string_view accept, std::string_view media_type) {
  Match best;
  while (!accept.empty()) {
    skip_blank(accept);
    if (take(accept, ',')) continue;
    const auto range = take_media_type(accept);
    skip_blank(accept);
    if (!range || (!accept.empty() && accept.front() != ',')) {
      accept.remove_prefix(std::min(accept.find(','), accept.size()));  // this element does not parse: on to the next
      continue;
    }
    const int weight = parse_weight(range->parameter("q").value_or("1"));
    const int close = specificity(*range, media_type);
    if (weight < 0 || close == 0) continue;
    if (close > best.specificity || (close == best.specificity && weight > best.weight)) best = {close, weight};
  }
  return best;
}

}  // namespace

bool is_token(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, is_tchar); }

bool is_token68(std::string_view text) noexcept {
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return kToken68[static_cast<unsigned char>(c)]; });
}

bool is_safe_header_value(std::string_view value) noexcept {
  return !value.starts_with(' ') && !value.ends_with(' ') && std::ranges::all_of(value, is_vschar);
}

Result<Authorization> parse_authorization(std::string_view value) {
  const auto scheme = take_token(value);
  if (scheme.empty() || !value.starts_with(' ')) {
    return fail(ErrorCode::malformed, "the Authorization header is malformed");
  }
  while (value.starts_with(' ')) value.remove_prefix(1);
  Authorization out;
  if (iequals(scheme, "Basic")) out.scheme = AuthScheme::basic;
  if (iequals(scheme, "Bearer")) out.scheme = AuthScheme::bearer;
  if (iequals(scheme, "DPoP")) out.scheme = AuthScheme::dpop;
  out.credentials = value;
  if (out.scheme != AuthScheme::other && !is_token68(value)) {
    return fail(ErrorCode::malformed, "the Authorization header is malformed");
  }
  return out;
}

Result<std::optional<Authorization>> authorization_of(const Headers& headers) {
  const auto count = headers.count("Authorization");
  if (count == 0) return std::optional<Authorization>{};
  if (count > 1) return fail(ErrorCode::invalid_request, "more than one Authorization header");
  MITRAL_TRY(auto out, parse_authorization(*headers.get("Authorization")));
  return std::optional<Authorization>(out);
}

Result<BasicCredentials> parse_basic(std::string_view credentials) {
  const auto bad = [] { return fail(ErrorCode::malformed, "the Basic credentials are malformed"); };
  auto text = base64_decode(credentials);
  if (!text) return bad();
  const Secret wiped(std::move(*text));
  const auto pair = wiped.reveal();
  const auto colon = pair.find(':');
  if (colon == std::string_view::npos) return bad();
  auto id = form_decode(pair.substr(0, colon));
  auto secret = form_decode(pair.substr(colon + 1));
  if (!id || id->empty() || !secret) return bad();
  BasicCredentials out{std::move(*id), Secret(std::move(*secret))};
  if (std::ranges::any_of(out.id, is_control) || std::ranges::any_of(out.secret.reveal(), is_control)) return bad();
  return out;
}

Challenge& Challenge::param(std::string_view name, std::string_view value) {
  text_ += first_ ? " " : ", ";
  first_ = false;
  text_ += name;
  text_ += "=\"";
  for (char c : value) {
    if (!is_vschar(c)) continue;
    if (c == '"' || c == '\\') text_.push_back('\\');
    text_.push_back(c);
  }
  text_.push_back('"');
  return *this;
}

std::optional<std::string_view> MediaType::parameter(std::string_view name) const noexcept {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<MediaType> parse_media_type(std::string_view value) {
  value = trim(value);
  auto out = take_media_type(value);
  if (!out || !value.empty() || out->type.find('*') != std::string::npos) return std::nullopt;
  return out;
}

bool is_media_type(std::string_view content_type, std::string_view wanted) {
  const auto parsed = parse_media_type(content_type);
  if (!parsed || parsed->type != wanted) return false;
  const auto charset = parsed->parameter("charset");
  return !charset || iequals(*charset, "utf-8");
}

bool has_media_type(const Headers& headers, std::string_view wanted) {
  return headers.count("Content-Type") == 1 && is_media_type(*headers.get("Content-Type"), wanted);
}

int accept_weight(std::string_view accept, std::string_view media_type) {
  if (trim(accept).empty()) return 1000;
  return best_match(accept, media_type).weight;
}

std::optional<std::string_view> preferred(std::string_view accept, std::span<const std::string_view> offered) {
  std::optional<std::string_view> out;
  int best = 0;
  for (const auto type : offered) {
    if (const int weight = accept_weight(accept, type); weight > best) {
      best = weight;
      out = type;
    }
  }
  return out;
}

std::optional<std::string_view> preferred(std::string_view accept, std::initializer_list<std::string_view> offered) {
  return preferred(accept, std::span<const std::string_view>(offered.begin(), offered.size()));
}

bool accepts_explicitly(std::string_view accept, std::string_view media_type) {
  const auto match = best_match(accept, media_type);
  return match.specificity == 3 && match.weight > 0;
}

}  // namespace mitral::codec
