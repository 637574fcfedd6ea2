#include "model/emergency.h"

namespace mitral::model {
namespace {

constexpr std::string_view kReasons[] = {"life_at_risk", "cannot_consent", "urgent_treatment", "other"};
constexpr std::string_view kVerdicts[] = {"justified", "unjustified"};

template <class E>
std::optional<E> find(const auto& names, std::string_view text) noexcept {
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == text) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(EmergencyReason reason) noexcept { return kReasons[static_cast<std::size_t>(reason)]; }

std::optional<EmergencyReason> parse_emergency_reason(std::string_view text) noexcept {
  return find<EmergencyReason>(kReasons, text);
}

std::string_view name(EmergencyVerdict verdict) noexcept { return kVerdicts[static_cast<std::size_t>(verdict)]; }

std::optional<EmergencyVerdict> parse_emergency_verdict(std::string_view text) noexcept {
  return find<EmergencyVerdict>(kVerdicts, text);
}

}  // namespace mitral::model
