#include "fhir/xml_selector.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"

namespace mitral::fhir {
namespace {

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::malformed, why); }
std::unexpected<Error> not_understood() {
  return bad("A selector uses more of XPath than XML Patch allows, or than has one meaning in FHIR");
}

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) noexcept { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

}  // namespace

std::optional<std::string>* attribute_of(FormElement& element, FormAttribute attribute) noexcept {
  switch (attribute) {
    case FormAttribute::id: return &element.id;
    case FormAttribute::url: return &element.url;
    case FormAttribute::value: return &element.value;
    case FormAttribute::none: break;
  }
  return nullptr;
}

FormAttribute form_attribute(std::string_view name) noexcept {
  if (name == "id") return FormAttribute::id;
  if (name == "url") return FormAttribute::url;
  return name == "value" ? FormAttribute::value : FormAttribute::none;
}

class SelectorParser {
 public:
  SelectorParser(std::string_view text, const std::vector<const codec::XmlElement*>& scopes)
      : rest_(codec::trim(text)), scopes_(scopes) {}

  Result<XmlSelector> parse() {
    XmlSelector out;
    if (take("id(")) {
      MITRAL_TRY(out.id_, literal());
      if (!take(")")) return not_understood();
      if (rest_.empty()) return out;
      if (!take("/")) return not_understood();
    } else {
      (void)take("/");  // relative selectors begin at the document as well (RFC 5261 §4.1)
    }
    for (;;) {
      if (rest_.starts_with('@')) {
        MITRAL_TRY(out.attribute_, attribute());
        break;
      }
      MITRAL_TRY(auto step_read, step());
      out.steps_.push_back(std::move(step_read));
      if (!take("/")) break;
    }
    if (!rest_.empty() || (out.steps_.empty() && !out.id_)) return not_understood();
    return check(std::move(out));
  }

 private:
  using Name = XmlSelector::Name;
  using Predicate = XmlSelector::Predicate;
  using Step = XmlSelector::Step;

  /// The narrative is one piece: it can be the target, nothing in it can.
  static Result<XmlSelector> check(XmlSelector out) {
    for (std::size_t i = 0; i < out.steps_.size(); ++i) {
      const bool last = i + 1 == out.steps_.size() && out.attribute_ == FormAttribute::none;
      const auto& name = out.steps_[i].name;
      if (name.xhtml && (!last || name.local != "div"))
        return bad("What lies inside a narrative can't be selected; replace its div");
    }
    return out;
  }

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void skip_space() {
    while (!rest_.empty() && codec::is_xml_space(rest_.substr(0, 1))) rest_.remove_prefix(1);
  }
  std::string_view plain_name() {
    if (rest_.empty() || !is_letter(rest_.front())) return {};
    std::size_t size = 1;
    while (size < rest_.size() && is_name_char(rest_[size])) ++size;
    const auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }

  Result<std::string> literal() {
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') return not_understood();
    const auto end = rest_.find(quote, 1);
    if (end == std::string_view::npos) return not_understood();
    std::string out(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return out;
  }

  /// The namespace of a prefix; an unprefixed name has the default one, other than in XPath 1.0 (RFC 5261 §4.2.2).
  [[nodiscard]] std::string_view space_of(std::string_view prefix) const {
    for (const auto* scope : scopes_) {
      for (const auto& binding : scope->bindings) {
        if (binding.prefix == prefix) return binding.space;
      }
    }
    return {};
  }

  Result<Name> name() {
    if (take("*")) return Name{};
    auto local = plain_name();
    std::string_view prefix;
    if (rest_.starts_with(':') && !rest_.starts_with("::")) {
      rest_.remove_prefix(1);
      prefix = local;
      local = plain_name();
      if (prefix.empty()) return not_understood();
    }
    // text(), node(), comment(), child:: and the like
    if (local.empty() || rest_.starts_with('(') || rest_.starts_with(':')) return not_understood();
    const auto space = space_of(prefix);
    if (space != kFhirSpace && space != kXhtmlSpace)
      return bad("A selector names elements of FHIR by a prefix or the default namespace of the patch");
    return Name{std::string(local), space == kXhtmlSpace};
  }

  Result<FormAttribute> attribute() {
    rest_.remove_prefix(1);
    const auto out = form_attribute(plain_name());
    if (out == FormAttribute::none || rest_.starts_with(':'))
      return bad("FHIR has no attributes but value, id and url");
    return out;
  }

  Result<Step> step() {
    Step out;
    MITRAL_TRY(out.name, name());
    while (take("[")) {
      MITRAL_TRY(auto one, predicate());
      out.predicates.push_back(std::move(one));
    }
    return out;
  }

  Result<Predicate> predicate() {
    Predicate out;
    skip_space();
    if (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      const auto digits = rest_.substr(0, rest_.find_first_not_of("0123456789"));
      const auto number = codec::parse_uint(digits);
      if (!number || *number == 0) return not_understood();
      out.position = static_cast<std::size_t>(*number);
      rest_.remove_prefix(digits.size());
    } else {
      MITRAL_CHECK(comparison(out));
    }
    skip_space();
    if (!take("]")) return not_understood();
    return out;
  }

  Result<void> comparison(Predicate& out) {
    while (!rest_.starts_with('@')) {
      MITRAL_TRY(auto one, name());
      if (one.xhtml) return bad("What lies inside a narrative can't be selected; replace its div");
      out.path.push_back(std::move(one));
      if (!take("/")) return bad("FHIR keeps values in attributes: compare with an element's @value");
    }
    MITRAL_TRY(out.attribute, attribute());
    skip_space();
    if (!take("=")) return not_understood();
    skip_space();
    MITRAL_TRY(out.literal, literal());
    return {};
  }

  std::string_view rest_;
  const std::vector<const codec::XmlElement*>& scopes_;
};

/// Finds the elements that a selector meets; every one it looks at is counted.
class SelectorWalk {
 public:
  SelectorWalk(FormElement& root, std::size_t& steps) : root_(root), steps_(steps) {}

  Result<FormPlace> find(const XmlSelector& selector) {
    std::vector<FormPlace> met;
    std::size_t done = 0;
    if (selector.id_) {
      MITRAL_CHECK(with_id({&root_, nullptr, 0, 0}, *selector.id_, met));
    } else {
      const FormPlace root{&root_, nullptr, 0, 0};
      if (is_named(root_, selector.steps_.front().name)) met.push_back(root);
      MITRAL_CHECK(filter(selector.steps_.front().predicates, met));
      done = 1;
    }
    for (; done < selector.steps_.size(); ++done) {
      std::vector<FormPlace> next;
      for (const auto& place : met) MITRAL_CHECK(enter(place, selector.steps_[done], next));
      met = std::move(next);
    }
    if (met.size() != 1) return fail(ErrorCode::conflict, "A selector does not meet exactly one element");
    return met.front();
  }

 private:
  Result<void> count() {
    if (++steps_ > limits::kXmlPatchStepsMax)
      return fail(ErrorCode::too_large, "The selectors of this patch look at too many elements");
    return {};
  }

  static bool is_named(const FormElement& element, const XmlSelector::Name& name) {
    return name.local.empty() || (element.xhtml == name.xhtml && element.name == name.local);
  }

  Result<void> with_id(const FormPlace& at, std::string_view id, std::vector<FormPlace>& out) {
    MITRAL_CHECK(count());
    if (at.element->id == id) out.push_back(at);
    auto& children = at.element->children;
    for (std::size_t i = 0; i < children.size(); ++i)
      MITRAL_CHECK(with_id({&children[i], at.element, i, at.depth + 1}, id, out));
    return {};
  }

  Result<void> enter(const FormPlace& at, const XmlSelector::Step& step, std::vector<FormPlace>& out) {
    // Its elements are there, only not here.
    if (at.element->xhtml)
      return fail(ErrorCode::conflict, "What lies inside a narrative can't be selected; replace its div");
    std::vector<FormPlace> found;
    auto& children = at.element->children;
    for (std::size_t i = 0; i < children.size(); ++i) {
      MITRAL_CHECK(count());
      if (is_named(children[i], step.name)) found.push_back({&children[i], at.element, i, at.depth + 1});
    }
    MITRAL_CHECK(filter(step.predicates, found));
    out.insert(out.end(), found.begin(), found.end());
    return {};
  }

  /// One after the other: a position counts what those before it have left (XPath 1.0 §2.4).
  Result<void> filter(const std::vector<XmlSelector::Predicate>& predicates, std::vector<FormPlace>& places) {
    for (const auto& predicate : predicates) {
      std::vector<FormPlace> left;
      for (std::size_t i = 0; i < places.size(); ++i) {
        MITRAL_CHECK(count());
        bool holds = i + 1 == predicate.position;
        if (predicate.position == 0) {
          MITRAL_TRY(holds, compares(*places[i].element, predicate, 0));
        }
        if (holds) left.push_back(places[i]);
      }
      places = std::move(left);
    }
    return {};
  }

  /// Does any node that the path meets have this value (XPath 1.0 §3.4)?
  Result<bool> compares(FormElement& element, const XmlSelector::Predicate& predicate, std::size_t depth) {
    if (element.xhtml) return false;
    if (depth == predicate.path.size()) return *attribute_of(element, predicate.attribute) == predicate.literal;
    for (auto& child : element.children) {
      MITRAL_CHECK(count());
      if (!is_named(child, predicate.path[depth])) continue;
      MITRAL_TRY(const bool found, compares(child, predicate, depth + 1));
      if (found) return true;
    }
    return false;
  }

  FormElement& root_;
  std::size_t& steps_;
};

Result<XmlSelector> XmlSelector::parse(std::string_view text, const std::vector<const codec::XmlElement*>& scopes) {
  if (text.size() > limits::kFhirParameterMax) return fail(ErrorCode::too_large, "A selector is too long");
  return SelectorParser(text, scopes).parse();
}

Result<FormPlace> XmlSelector::find(FormElement& root, std::size_t& steps) const {
  return SelectorWalk(root, steps).find(*this);
}

}  // namespace mitral::fhir
