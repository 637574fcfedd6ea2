#include "audit/chain.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/json.h"
#include "codec/object_writer.h"
#include "codec/text.h"
#include "crypto/hash.h"

namespace mitral::audit {
namespace {

constexpr std::string_view kCheckpointTyp = "audit-checkpoint+jwt";
constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr codec::ParseOptions kEventJson{
    .max_depth = 4, .max_bytes = 2 * limits::kAuditEventMax, .max_nodes = 256, .allow_nul = true};

/// Valid UTF-8, and if it had to be cut, whole characters with a mark that something is missing.
std::string shortened(std::string_view text, std::size_t max) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = codec::utf8_sequence_length(text.substr(at));
    // A broken byte is replaced here and not by the serializer, so that the stored event reads back as the same event.
    const auto piece = length == 0 ? kReplacement : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
    out += piece;
    if (out.size() > max) {
      std::size_t end = 0;
      while (true) {
        const auto next = codec::utf8_sequence_length(std::string_view(out).substr(end));
        if (end + next + kEllipsis.size() > max) break;
        end += next;
      }
      out.resize(end);
      return out.append(kEllipsis);
    }
  }
  return out;
}

void append_shortened(std::string& out, std::string_view text, std::size_t max) {
  unsigned char bits = 0;  // no early exit: the loop becomes vector code
  for (const char c : text) bits |= static_cast<unsigned char>(c);
  if (text.size() <= max && bits < 0x80) return codec::append_json_string(out, text);
  codec::append_json_string(out, shortened(text, max));
}

// Written straight, without a tree in between: every act that is recorded pays for it.
std::string render(const model::AuditEvent& event, std::size_t detail_max) {
  std::string out;
  out.reserve(768);
  out += R"({"at":)";
  codec::append_number(out, to_micros(event.at));
  out += R"(,"kind":")";
  out += name(event.kind);
  out += R"(","outcome":")";
  out += name(event.outcome);
  out += '"';
  const auto put = [&](std::string_view key, const std::string& value) {
    if (value.empty()) return;
    out.append(",\"").append(key).append("\":");
    append_shortened(out, value, detail_max);
  };
  put("issuer", event.issuer.value);
  put("client", event.client);
  put("user", event.user);
  put("patient", event.patient);
  put("grant", event.grant);
  put("token", event.token);
  put("address", event.address);
  put("reason", event.reason);
  if (!event.details.empty()) {
    // An array of pairs: order and repeated keys are part of the event.
    out += ",\"details\":[";
    for (std::size_t i = 0; i < std::min(event.details.size(), limits::kAuditDetailsMax); ++i) {
      out += i == 0 ? "[" : ",[";
      append_shortened(out, event.details[i].first, detail_max);
      out += ',';
      append_shortened(out, event.details[i].second, detail_max);
      out += ']';
    }
    out += ']';
  }
  out += '}';
  return out;
}

bool take(const codec::Json& json, std::string_view key, std::string& out) {
  const auto* value = json.find(key);
  if (value == nullptr) return true;
  const auto text = value->as_string();
  if (text) out = *text;
  return text.has_value();
}

std::optional<Hash256> hash_of(std::string_view text) {
  Hash256 hash{};
  if (!codec::base64url_decode_into(text, hash)) return std::nullopt;
  return hash;
}

}  // namespace

std::string canonical(const model::AuditEvent& event) {
  // Escapes can make text grow sixfold: shorten until it fits rather than refuse the act that the event describes.
  for (std::size_t detail_max = limits::kAuditDetailMax;; detail_max /= 2) {
    auto text = render(event, detail_max);
    if (text.size() <= limits::kAuditEventMax || detail_max <= 16) return text;
  }
}

Result<model::AuditEvent> parse_canonical(std::string_view text) {
  const auto bad = [] { return fail(ErrorCode::malformed, {}, "audit event does not read back"); };
  const auto json = codec::Json::parse_object(text, kEventJson);
  if (!json) return bad();
  model::AuditEvent event;
  std::string kind;
  std::string outcome;
  const auto at = (*json)["at"].as_int64();
  if (!at || !take(*json, "kind", kind) || !take(*json, "outcome", outcome) ||
      !take(*json, "issuer", event.issuer.value) || !take(*json, "client", event.client) ||
      !take(*json, "user", event.user) || !take(*json, "patient", event.patient) ||
      !take(*json, "grant", event.grant) || !take(*json, "token", event.token) ||
      !take(*json, "address", event.address) || !take(*json, "reason", event.reason)) {
    return bad();
  }
  event.at = from_micros(*at);
  event.kind = model::parse_audit_kind(kind);
  for (const auto candidate :
       {model::AuditOutcome::success, model::AuditOutcome::denied, model::AuditOutcome::failure}) {
    if (name(candidate) == outcome) event.outcome = candidate;
  }
  for (const auto& pair : (*json)["details"].items()) {
    const auto key = pair[0].as_string();
    const auto value = pair[1].as_string();
    if (!key || !value) return bad();
    event.details.emplace_back(*key, *value);
  }
  // Unknown kinds, extra members and other spellings all show here.
  if (canonical(event) != text) return bad();
  return event;
}

Hash256 chain_hash(const Hash256& previous, std::int64_t seq, std::string_view canonical_event) noexcept {
  std::array<std::uint8_t, 8> number{};
  for (std::size_t i = 0; i < number.size(); ++i) {
    number[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(seq) >> (8 * (number.size() - 1 - i)));
  }
  std::string input;
  input.reserve(previous.size() + number.size() + canonical_event.size());
  input.append(as_view(previous)).append(as_view(number)).append(canonical_event);
  return crypto::sha256(input);
}

std::string checkpoint_payload(const Checkpoint& checkpoint) {
  return codec::Json::object({{"seq", checkpoint.seq},
                              {"hash", codec::base64url_encode(ByteSpan(checkpoint.hash))},
                              {"at", to_seconds(checkpoint.at)}})
      .dump();
}

Result<Checkpoint> parse_checkpoint_payload(std::string_view payload) {
  MITRAL_TRY(const auto json, codec::Json::parse_object(payload, kEventJson));
  const auto seq = json["seq"].as_int64();
  const auto at = json["at"].as_int64();
  const auto hash = hash_of(json["hash"].string_or());
  if (!seq || !at || !hash) return fail(ErrorCode::malformed, {}, "audit checkpoint without seq, hash or at");
  return Checkpoint{.seq = *seq, .hash = *hash, .at = from_seconds(*at)};
}

CheckpointSigner signer_of(jose::SigningKey key) {
  return [key = std::move(key)](std::string_view payload) -> Result<std::string> {
    return jose::sign_jws(key, jose::SignHeader{.typ = kCheckpointTyp, .cty = {}}, payload);
  };
}

CheckpointVerifier verifier_of(std::vector<jose::JwkSet> keys) {
  return [keys = std::move(keys)](std::string_view text) -> Result<std::string> {
    MITRAL_TRY(const auto jws, jose::Jws::parse(text, {jose::SignAlg::es256}));
    // The typ keeps a token that the same issuer signed from passing as a checkpoint (RFC 8725 §3.11).
    if (!jose::typ_is(jws.header().typ, kCheckpointTyp)) return fail(ErrorCode::crypto_failed, {}, "not a checkpoint");
    for (const auto& set : keys) {
      if (auto verified = jws.verify(set)) return verified->payload();
    }
    return fail(ErrorCode::crypto_failed, {}, "checkpoint does not verify with any audit key");
  };
}

}  // namespace mitral::audit
