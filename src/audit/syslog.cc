#include "audit/syslog.h"

#include <fmt/format.h>

#include <algorithm>

#include "audit/chain.h"
#include "codec/base64url.h"
#include "codec/text.h"

namespace mitral::audit {
namespace {

constexpr int kFacility = 13;  // log audit
constexpr std::size_t kHostMax = 255;
constexpr std::size_t kProcessMax = 128;
// No number of our own is registered with IANA: this one is set aside for those who have none.
constexpr std::string_view kStructure = "mitral@32473";

int severity(model::AuditOutcome outcome) noexcept {
  switch (outcome) {
    case model::AuditOutcome::success: return 6;
    case model::AuditOutcome::denied: return 4;
    case model::AuditOutcome::failure: return 3;
  }
  return 3;
}

/// U+0000 to U+001F, U+007F to U+009F, U+2028, U+2029.
bool ends_lines(std::string_view sequence) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (sequence.size() == 2) return byte(0) == 0xc2 && byte(1) < 0xa0;
  return sequence.size() == 3 && byte(0) == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9);
}

unsigned code_point(std::string_view sequence) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(sequence[i])); };
  if (sequence.size() == 1) return byte(0);
  if (sequence.size() == 2) return ((byte(0) & 0x1fU) << 6U) | (byte(1) & 0x3fU);
  return ((byte(0) & 0x0fU) << 12U) | ((byte(1) & 0x3fU) << 6U) | (byte(2) & 0x3fU);
}

template <class Escape>
void append_clean(std::string& out, std::string_view text, Escape escape) {
  while (!text.empty()) {
    const std::size_t length = codec::utf8_sequence_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
      continue;
    }
    const auto sequence = text.substr(0, length);
    if (ends_lines(sequence)) {
      out += fmt::format("\\u{:04x}", code_point(sequence));
    } else {
      if (escape(sequence.front())) out += '\\';
      out += sequence;
    }
    text.remove_prefix(length);
  }
}

void append_param(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(" ").append(name).append("=\"");
  append_clean(out, value, [](char c) { return c == '"' || c == '\\' || c == ']'; });
  out += '"';
}

std::string header_field(std::string_view text, std::size_t max) {
  const bool good =
      !text.empty() && text.size() <= max && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  return good ? std::string(text) : "-";
}

}  // namespace

std::string to_syslog(const ports::AuditStore::Record& record, const SyslogOrigin& origin) {
  const auto& event = record.event;
  std::string out =
      fmt::format("<{}>1 {} {} mitral {} {} [{} seq=\"{}\" hash=\"{}\"", kFacility * 8 + severity(event.outcome),
                  to_rfc3339(event.at), header_field(origin.host, kHostMax), header_field(origin.process, kProcessMax),
                  name(event.kind), kStructure, record.seq, codec::base64url_encode(ByteSpan(record.hash)));
  append_param(out, "outcome", name(event.outcome));
  append_param(out, "issuer", event.issuer.value);
  append_param(out, "client", event.client);
  append_param(out, "user", event.user);
  append_param(out, "patient", event.patient);
  append_param(out, "address", event.address);
  append_param(out, "reason", event.reason);
  out += "] ";
  append_clean(out, canonical(event), [](char) { return false; });
  return out;
}

std::string framed(std::string_view message) { return fmt::format("{} {}", message.size(), message); }

}  // namespace mitral::audit
