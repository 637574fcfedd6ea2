// Form: application/x-www-form-urlencoded, for request bodies and for query strings (RFC 6749 appendix B).
//
// Strict: a '%' without two hex digits, a raw control character, a NUL however spelled and invalid UTF-8 are malformed.
// Empty segments ("a=1&&b=2") are skipped. A parameter with an empty value counts as absent (RFC 6749 §3.1) for get()
// and all(), yet its repetition is still a duplicate.
//
//   MITRAL_TRY(const auto form, Form::parse(request.body));
//   MITRAL_CHECK(form.refuse_duplicates({"resource", "audience"}));
//   const auto code = form.get("code");   // optional<string_view>, views into form
//
// Errors: malformed (told as invalid_request) and too_large. Limits: kFormBytesMax, kFormParametersMax.
// Thread rules: values; concurrent reads are fine.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace mitral::codec {

class Form {
 public:
  struct Parameter {
    std::string name;
    std::string value;
    friend bool operator==(const Parameter&, const Parameter&) = default;
  };

  Form() = default;
  Form(std::initializer_list<Parameter> parameters) : list_(parameters) {}

  [[nodiscard]] static Result<Form> parse(std::string_view text, std::size_t max_bytes = limits::kFormBytesMax,
                                          std::size_t max_parameters = limits::kFormParametersMax);

  /// First value that is not empty, or nullopt. Call refuse_duplicates() before relying on "first".
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// Every value that is not empty, in order.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
  /// True when the name occurs at all, even with an empty value.
  [[nodiscard]] bool has(std::string_view name) const noexcept { return count(name) != 0; }
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

  /// Names that occur more than once and are not among those allowed to; each once. Views into this form.
  [[nodiscard]] std::vector<std::string_view> duplicates(std::initializer_list<std::string_view> allowed = {}) const;
  /// invalid_request when duplicates() has any (RFC 6749 §3.1, §3.2).
  [[nodiscard]] Result<void> refuse_duplicates(std::initializer_list<std::string_view> allowed = {}) const;

  Form& add(std::string_view name, std::string_view value) {
    list_.push_back({std::string(name), std::string(value)});
    return *this;
  }
  /// add() when there is a value.
  Form& add_if(std::string_view name, const std::optional<std::string_view>& value) {
    return value ? add(name, *value) : *this;
  }
  /// Replaces every parameter of the name by one.
  Form& set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  [[nodiscard]] const std::vector<Parameter>& list() const noexcept { return list_; }
  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }

  /// "a=1&b=x%20y": every byte but the unreserved ones is percent-encoded, so it fits a query, a body and a fragment.
  [[nodiscard]] std::string serialize() const;

  friend bool operator==(const Form&, const Form&) = default;

 private:
  std::vector<Parameter> list_;
};

/// Every byte but RFC 3986 unreserved becomes %XX; a space becomes %20.
[[nodiscard]] std::string percent_encode(std::string_view text);
void percent_encode_to(std::string& out, std::string_view text);
/// Strict: nullopt on a broken escape, NUL or invalid UTF-8. '+' stays '+'.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// The same, and '+' becomes a space (form encoding, and the two halves of client_secret_basic, RFC 6749 §2.3.1).
[[nodiscard]] std::optional<std::string> form_decode(std::string_view text);

}  // namespace mitral::codec
