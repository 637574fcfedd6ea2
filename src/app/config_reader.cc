#include "app/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace mitral::app {
namespace {

// Edit distance, small inputs only: to guess which key was meant.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  if (unit == "ms") return std::chrono::milliseconds(number);
  if (unit == "s") return std::chrono::seconds(number);
  if (unit == "m") return std::chrono::minutes(number);
  if (unit == "h") return std::chrono::hours(number);
  if (unit == "d") return std::chrono::hours(number * 24);
  return std::nullopt;
}

}  // namespace

const toml::node* ConfigReader::take(std::string_view key) {
  known_.emplace_back(key);
  return table_.get(key);
}

void ConfigReader::problem(std::string_view key, std::string text) {
  const toml::node* node = table_.get(key);
  const auto line = node != nullptr ? node->source().begin.line : table_.source().begin.line;
  problems_.push_back({file_, static_cast<std::uint32_t>(line), fmt::format("'{}' in {} {}", key, name_, text)});
}

void ConfigReader::text(std::string_view key, std::string& out, bool required) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    if (required) problem(key, "is missing");
    return;
  }
  const auto value = node->value_exact<std::string>();
  if (!value) return problem(key, "must be a text in quotes");
  if (required && value->empty()) return problem(key, "must not be empty");
  out = *value;
}

void ConfigReader::flag(std::string_view key, bool& out) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<bool>();
  if (!value) return problem(key, "must be true or false");
  out = *value;
}

void ConfigReader::number(std::string_view key, unsigned& out, unsigned min, unsigned max) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<std::int64_t>();
  if (!value || *value < min || *value > max)
    return problem(key, fmt::format("must be a whole number from {} to {}", min, max));
  out = static_cast<unsigned>(*value);
}

void ConfigReader::duration(std::string_view key, Duration& out, Duration min, Duration max) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<std::string>();
  const auto parsed = value ? parse_duration(*value) : std::nullopt;
  if (!parsed) return problem(key, R"(must be a time like "250ms", "90s", "15m", "12h" or "30d")");
  if (*parsed < min || *parsed > max) {
    using seconds = std::chrono::duration<double>;
    return problem(key, fmt::format("must be from {} s to {} s", seconds(min).count(), seconds(max).count()));
  }
  out = *parsed;
}

void ConfigReader::texts(std::string_view key, std::vector<std::string>& out) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) return problem(key, R"(must be a list like ["a", "b"])");
  std::vector<std::string> values;
  for (const auto& element : *array) {
    const auto value = element.value_exact<std::string>();
    if (!value) return problem(key, "must hold texts only");
    values.push_back(*value);
  }
  out = std::move(values);
}

void ConfigReader::address(std::string_view key, Endpoint& out, bool required) {
  std::string text;
  this->text(key, text, required);
  if (!text.empty() && !parse_endpoint(text, out))
    problem(key, R"(must be an address with a port, like "127.0.0.1:8080" or "[::]:443")");
}

void ConfigReader::finish() {
  for (const auto& [key, node] : table_) {
    const std::string_view name = key.str();
    if (std::ranges::find(known_, name) != known_.end()) continue;
    const std::string* nearest = nullptr;
    std::size_t best = 4;
    for (const auto& candidate : known_) {
      const auto d = distance(name, candidate);
      if (d < best) {
        best = d;
        nearest = &candidate;
      }
    }
    auto text = fmt::format("unknown key '{}' in {}", name, name_);
    if (nearest != nullptr) text += fmt::format("; did you mean '{}'?", *nearest);
    problems_.push_back({file_, static_cast<std::uint32_t>(node.source().begin.line), std::move(text)});
  }
}

bool parse_endpoint(std::string_view text, Endpoint& out) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port > 65535) return false;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  out.address = std::string(host);
  out.port = static_cast<std::uint16_t>(port);
  return true;
}

}  // namespace mitral::app
