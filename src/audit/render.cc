#include "audit/render.h"

#include <fmt/format.h>

#include <algorithm>

#include "audit/chain.h"
#include "codec/base64url.h"

namespace mitral::audit {
namespace {

/// As it is when it is one plain word, else as a JSON string, whose escapes keep the line one line.
void append_value(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && std::ranges::all_of(value, [](char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
  });
  if (plain) {
    out += value;
    return;
  }
  std::string quoted;
  codec::append_json_string(quoted, value);
  for (const char c : quoted) {
    if (static_cast<unsigned char>(c) == 0x7f) {
      out += "\\u007f";
    } else {
      out += c;
    }
  }
}

void append_field(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out += ' ';
  append_value(out, key);
  out += '=';
  append_value(out, value);
}

}  // namespace

std::string render_line(const ports::AuditStore::Record& record) {
  const auto& event = record.event;
  std::string out =
      fmt::format("{} #{} {} {}", to_rfc3339(event.at), record.seq, name(event.kind), name(event.outcome));
  append_field(out, "reason", event.reason);
  append_field(out, "client", event.client);
  append_field(out, "user", event.user);
  append_field(out, "patient", event.patient);
  append_field(out, "grant", event.grant);
  append_field(out, "token", event.token);
  append_field(out, "address", event.address);
  for (const auto& [key, value] : event.details) append_field(out, key, value);
  append_field(out, "issuer", event.issuer.value);
  return out;
}

codec::Json render_json(const ports::AuditStore::Record& record) {
  const auto& event = record.event;
  auto out = codec::Json::object();
  out.set("seq", record.seq);
  out.set("at", to_rfc3339(event.at));
  out.set("kind", name(event.kind));
  out.set("outcome", name(event.outcome));
  const auto put = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) out.set(key, value);
  };
  put("issuer", event.issuer.value);
  put("reason", event.reason);
  put("client", event.client);
  put("user", event.user);
  put("patient", event.patient);
  put("grant", event.grant);
  put("token", event.token);
  put("address", event.address);
  if (!event.details.empty()) {
    auto details = codec::Json::array();
    for (const auto& [key, value] : event.details) details.push_back(codec::Json::array({key, value}));
    out.set("details", std::move(details));
  }
  // The exact bytes that were hashed: an export can be verified without knowing how this program writes JSON.
  out.set("canonical", canonical(event));
  out.set("previous", codec::base64url_encode(ByteSpan(record.previous)));
  out.set("hash", codec::base64url_encode(ByteSpan(record.hash)));
  put("checkpoint", record.checkpoint);
  return out;
}

}  // namespace mitral::audit
