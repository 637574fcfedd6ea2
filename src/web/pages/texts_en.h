// Texts: every sentence of the pages, in English. Another language is another table with the same keys.
//
// A template reads {{t.key}}. A text with {names} is filled by fill(); what is filled in is escaped by the template
// like any other value. Thread rules: constants and pure functions.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace mitral::web {

struct Text {
  std::string_view key;
  std::string_view text;
};

/// Sorted by key.
[[nodiscard]] std::span<const Text> texts_en() noexcept;
/// The text of a key; the key itself when there is none (a test sees to it that there is).
[[nodiscard]] std::string_view text_en(std::string_view key) noexcept;
/// "{app} asks" with {{"app", "Heart Diary"}} gives "Heart Diary asks".
[[nodiscard]] std::string fill(std::string_view text,
                               std::initializer_list<std::pair<std::string_view, std::string_view>> values);

}  // namespace mitral::web
