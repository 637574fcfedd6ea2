// Bytes: the vocabulary for binary data. Owned bytes are std::string (small-buffer, cheap to pass to libraries);
// views are std::string_view or std::span. as_span()/as_view() convert without copying.
//
// Thread rules: values; no shared state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mitral {

using ByteSpan = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteSpan as_span(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT
}
[[nodiscard]] inline std::string_view as_view(ByteSpan bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}
[[nodiscard]] inline std::string to_string(ByteSpan bytes) { return std::string(as_view(bytes)); }

/// SHA-256 output, used as the stored form of secrets and handles.
using Hash256 = std::array<std::uint8_t, 32>;

}  // namespace mitral
