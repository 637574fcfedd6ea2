// ConfigReader: one TOML table read strictly: each key is asked for once by name and type, and what was not asked for
// is a problem. Source of the format: TOML 1.0 by toml++.
//
// Thread rules: used on one thread.
#pragma once

#include <toml++/toml.h>

#include <optional>
#include <string>
#include <vector>

#include "app/config.h"

namespace mitral::app {

class ConfigReader {
 public:
  ConfigReader(const toml::table& table, std::string name, std::string file, std::vector<ConfigProblem>& problems)
      : table_(table), name_(std::move(name)), file_(std::move(file)), problems_(problems) {}

  void text(std::string_view key, std::string& out, bool required = false);
  void flag(std::string_view key, bool& out);
  void number(std::string_view key, unsigned& out, unsigned min, unsigned max);
  /// "90s", "15m", "12h", "30d", "250ms"
  void duration(std::string_view key, Duration& out, Duration min, Duration max);
  void texts(std::string_view key, std::vector<std::string>& out);
  /// "127.0.0.1:8080", "[::1]:8080"
  void address(std::string_view key, Endpoint& out, bool required);
  template <class E>
  void choice(std::string_view key, E& out, std::initializer_list<std::pair<std::string_view, E>> values);

  void problem(std::string_view key, std::string text);
  /// A key that is read elsewhere (a section of its own).
  void known(std::string_view key) { known_.emplace_back(key); }
  /// Reports every key that nobody asked for.
  void finish();

 private:
  const toml::node* take(std::string_view key);

  const toml::table& table_;
  std::string name_;
  std::string file_;
  std::vector<ConfigProblem>& problems_;
  std::vector<std::string> known_;
};

template <class E>
void ConfigReader::choice(std::string_view key, E& out, std::initializer_list<std::pair<std::string_view, E>> values) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto value = node->value<std::string>();
  std::string allowed;
  for (const auto& [text, meaning] : values) {
    if (value && *value == text) {
      out = meaning;
      return;
    }
    allowed += allowed.empty() ? "" : ", ";
    allowed += text;
  }
  problem(key, "must be one of: " + allowed);
}

}  // namespace mitral::app
