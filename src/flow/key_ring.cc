#include "flow/key_ring.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "codec/json.h"

namespace mitral::flow {
namespace {

using jose::SignAlg;
using model::SigningKeyRecord;

constexpr std::string_view kToken = "token";
constexpr std::string_view kAudit = "audit";
constexpr std::size_t kRsaBits = 2048;

crypto::KeyKind kind_of(SignAlg alg) noexcept {
  switch (alg) {
    case SignAlg::es256: return crypto::KeyKind::p256;
    case SignAlg::es384: return crypto::KeyKind::p384;
    case SignAlg::es512: return crypto::KeyKind::p521;
    case SignAlg::eddsa:
    case SignAlg::ed25519: return crypto::KeyKind::ed25519;
    default: return crypto::KeyKind::rsa;
  }
}

// At most one per algorithm signs: the newest whose time has come. It goes on past its planned end until a successor
// is ready, so that a server that slept still signs.
const SigningKeyRecord* current_of(const std::vector<SigningKeyRecord>& records, std::string_view purpose,
                                   std::string_view alg, Instant now) {
  const SigningKeyRecord* out = nullptr;
  for (const auto& r : records) {
    if (r.revoked || r.purpose != purpose || r.alg != alg || r.active_from > now) continue;
    if (out == nullptr || r.active_from > out->active_from) out = &r;
  }
  return out;
}

const SigningKeyRecord* newest_of(const std::vector<SigningKeyRecord>& records, std::string_view purpose,
                                  std::string_view alg, bool with_revoked) {
  const SigningKeyRecord* out = nullptr;
  for (const auto& r : records) {
    if ((r.revoked && !with_revoked) || r.purpose != purpose || r.alg != alg) continue;
    if (out == nullptr || r.active_from > out->active_from) out = &r;
  }
  return out;
}

// Checkpoints of the audit chain must verify for as long as the record is kept: audit keys never leave.
bool is_published(const std::vector<SigningKeyRecord>& records, const SigningKeyRecord& r, Instant now) {
  if (r.revoked || r.published > now) return false;
  return r.purpose == kAudit || r.removed_from > now || current_of(records, r.purpose, r.alg, now) == &r;
}

std::string fingerprint_of(const std::vector<SigningKeyRecord>& records, Instant now) {
  std::string out;
  for (const auto& r : records) {
    if (!is_published(records, r, now)) continue;
    out += r.kid;
    out += current_of(records, r.purpose, r.alg, now) == &r ? '+' : '-';
  }
  return out;
}

std::string wrap_purpose(const SigningKeyRecord& r) { return "signing-key:" + r.issuer.value + ":" + r.kid; }

model::AuditEvent rotation_event(const SigningKeyRecord& r, std::string_view reason, Instant now) {
  model::AuditEvent event;
  event.issuer = r.issuer;
  event.kind = model::AuditKind::administration;
  event.at = now;
  event.reason = reason;
  event.details = {{"kid", r.kid}, {"alg", r.alg}, {"purpose", r.purpose}};
  return event;
}

ports::Events one(model::AuditEvent event) {
  ports::Events out;
  out.push_back(std::move(event));
  return out;
}

}  // namespace

std::string_view typ_text(TokenTyp typ) noexcept {
  switch (typ) {
    case TokenTyp::access_token: return "at+jwt";
    case TokenTyp::wrapped: return "wrapped+jwt";
    case TokenTyp::id_token: return "JWT";
  }
  return "JWT";
}

const jose::JwsSigner* KeySnapshot::signer(SignAlg alg, TokenTyp typ) const noexcept {
  for (const Entry& entry : signers) {
    if (entry.alg == alg && entry.typ == typ) return &entry.signer;
  }
  return nullptr;
}

KeyRing::KeyRing(ports::KeyStore& store, const crypto::MasterKeyRing& master, Clock& clock, Random& random,
                 Metrics& metrics, std::vector<Issuer> issuers, jose::SignAlgs algs)
    : store_(store), master_(master), clock_(clock), random_(random), metrics_(metrics), algs_(algs) {
  for (auto& issuer : issuers) {
    auto slot = std::make_unique<Slot>();
    slot->issuer = std::move(issuer);
    slot->snapshot.store(std::make_shared<const KeySnapshot>());
    slots_.push_back(std::move(slot));
  }
}

KeyRing::Slot* KeyRing::slot(const Issuer& issuer) const noexcept {
  for (const auto& slot : slots_) {
    if (slot->issuer == issuer) return slot.get();
  }
  return nullptr;
}

std::shared_ptr<const KeySnapshot> KeyRing::snapshot(const Issuer& issuer) const {
  static const auto kEmpty = std::make_shared<const KeySnapshot>();
  const Slot* const found = slot(issuer);
  return found == nullptr ? kEmpty : found->snapshot.load(std::memory_order_acquire);
}

Task<Result<void>> KeyRing::tick() {
  for (const auto& slot : slots_) {
    MITRAL_CO_CHECK(co_await refresh(*slot));
  }
  co_return Result<void>{};
}

Task<Result<void>> KeyRing::refresh(Slot& slot) {
  const Instant now = clock_.now();
  MITRAL_CO_TRY(auto records, co_await store_.keys(slot.issuer));
  bool changed = false;
  for (const auto& alg_name : algs_.names()) {
    MITRAL_CO_TRY(const bool made,
                  co_await ensure(slot.issuer, std::string(kToken), *jose::parse_sign_alg(alg_name), records, now));
    changed |= made;
  }
  MITRAL_CO_TRY(const bool made_audit, co_await ensure(slot.issuer, std::string(kAudit), SignAlg::es256, records, now));
  MITRAL_CO_TRY(const bool resealed, co_await reseal(records));
  if (changed || made_audit || resealed) {
    MITRAL_CO_TRY(records, co_await store_.keys(slot.issuer));
  }
  // Oldest first, so that the order of the published set does not jump about.
  std::ranges::sort(records, [](const auto& a, const auto& b) {
    return std::tie(a.active_from, a.kid) < std::tie(b.active_from, b.kid);
  });
  auto fingerprint = fingerprint_of(records, now);
  if (slot.snapshot.load()->fingerprint == fingerprint) co_return Result<void>{};
  MITRAL_CO_TRY(auto snapshot, build(records, now, std::move(fingerprint)));
  slot.snapshot.store(std::move(snapshot), std::memory_order_release);
  co_return Result<void>{};
}

Task<Result<bool>> KeyRing::ensure(Issuer issuer, std::string purpose, SignAlg alg,
                                   const std::vector<SigningKeyRecord>& records, Instant now) {
  const auto alg_text = jose::alg_name(alg);
  const SigningKeyRecord* const last = newest_of(records, purpose, alg_text, false);
  if (last != nullptr && now < last->retired_from - limits::kKeyPublishLead) co_return false;

  const Instant active_from = last == nullptr ? now : std::max(last->retired_from, now + limits::kKeyPublishLead);
  MITRAL_CO_TRY(auto key, make_key(issuer, purpose, alg, now, active_from));
  const SigningKeyRecord* const any = newest_of(records, purpose, alg_text, true);
  const Instant unless = any == nullptr ? Instant{} : any->active_from + Duration(1);
  auto event = rotation_event(key, last == nullptr ? "key_created" : "key_rotated", now);
  MITRAL_CO_TRY(const auto claim, co_await store_.add_key_once(std::move(key), unless, one(std::move(event))));
  if (claim != ports::Claim::won) co_return true;  // another node made it: read again
  metrics_.key_rotations.add();
  log::info("key.created", {{"issuer", issuer.value}, {"alg", alg_text}, {"purpose", purpose}});
  if (last != nullptr) {
    SigningKeyRecord old = *last;
    old.retired_from = active_from;
    old.removed_from = active_from + limits::kKeyRetain;
    MITRAL_CO_CHECK(co_await store_.update_key(std::move(old), {}));
  }
  co_return true;
}

Result<SigningKeyRecord> KeyRing::make_key(const Issuer& issuer, std::string purpose, SignAlg alg, Instant now,
                                           Instant active_from) {
  MITRAL_TRY(const auto key, crypto::PrivateKey::generate(kind_of(alg), kRsaBits));
  SigningKeyRecord out;
  out.issuer = issuer;
  out.alg = jose::alg_name(alg);
  out.purpose = std::move(purpose);
  out.kid = jose::thumbprint(key.public_key());
  out.public_jwk = jose::Jwk::from_key(key.public_key(), out.kid, out.alg, jose::KeyUse::sig).to_json().dump();
  MITRAL_TRY(out.wrapped_private, master_.seal(random_, wrap_purpose(out), key.pkcs8_der()));
  out.published = now;
  out.active_from = active_from;
  out.retired_from = active_from + limits::kKeyActive;
  out.removed_from = out.retired_from + limits::kKeyRetain;
  return out;
}

Task<Result<bool>> KeyRing::reseal(const std::vector<SigningKeyRecord>& records) {
  bool changed = false;
  for (const SigningKeyRecord& record : records) {
    if (record.revoked || !master_.is_stale(record.wrapped_private)) continue;
    const auto der = master_.open(wrap_purpose(record), record.wrapped_private);
    if (!der) continue;  // under a master key that is gone; whether that matters, build() says
    SigningKeyRecord fresh = record;
    MITRAL_CO_TRY(fresh.wrapped_private, master_.seal(random_, wrap_purpose(record), *der));
    MITRAL_CO_CHECK(co_await store_.update_key(std::move(fresh), {}));
    log::info("key.resealed", {{"issuer", record.issuer.value}, {"kid", record.kid}, {"purpose", record.purpose}});
    changed = true;
  }
  co_return changed;
}

Result<jose::SigningKey> KeyRing::open_key(const SigningKeyRecord& record) const {
  MITRAL_TRY(const auto der, master_.open(wrap_purpose(record), record.wrapped_private));
  MITRAL_TRY(auto key, crypto::PrivateKey::from_pkcs8_der(der.reveal()));
  const auto alg = jose::parse_sign_alg(record.alg);
  if (!alg) return fail(ErrorCode::crypto_failed, {}, "signing key of an unknown algorithm");
  return jose::SigningKey{record.kid, *alg, std::move(key)};
}

Result<std::shared_ptr<const KeySnapshot>> KeyRing::build(const std::vector<SigningKeyRecord>& records, Instant now,
                                                          std::string fingerprint) const {
  auto out = std::make_shared<KeySnapshot>();
  for (const SigningKeyRecord& record : records) {
    if (!is_published(records, record, now)) continue;
    MITRAL_TRY(const auto json, codec::Json::parse_object(record.public_jwk, codec::kJoseJson));
    MITRAL_TRY(auto jwk, jose::Jwk::parse(json));
    const bool audit = record.purpose == kAudit;
    MITRAL_CHECK((audit ? out->audit_published : out->published).add(std::move(jwk)));
    if (current_of(records, record.purpose, record.alg, now) != &record) continue;
    MITRAL_TRY(auto key, open_key(record));
    if (audit) {
      out->audit = std::move(key);
      continue;
    }
    out->algs.add(key.alg);
    for (const TokenTyp typ : {TokenTyp::access_token, TokenTyp::wrapped, TokenTyp::id_token}) {
      MITRAL_TRY(auto signer, jose::JwsSigner::create(key, typ_text(typ)));
      out->signers.push_back({key.alg, typ, std::move(signer)});
    }
  }
  out->jwks_json = out->published.to_json().dump();
  out->fingerprint = std::move(fingerprint);
  return std::shared_ptr<const KeySnapshot>(std::move(out));
}

Task<Result<void>> KeyRing::rotate_now(Issuer issuer, bool revoke_old) {
  Slot* const found = slot(issuer);
  if (found == nullptr) co_return fail(ErrorCode::not_found, {}, "no such issuer");
  const Instant now = clock_.now();
  MITRAL_CO_TRY(const auto records, co_await store_.keys(issuer));
  for (const auto& alg_name : algs_.names()) {
    MITRAL_CO_TRY(auto key, make_key(issuer, std::string(kToken), *jose::parse_sign_alg(alg_name), now, now));
    auto event = rotation_event(key, revoke_old ? "key_replaced_and_revoked" : "key_replaced", now);
    MITRAL_CO_TRY(const auto claim, co_await store_.add_key_once(std::move(key), now, one(std::move(event))));
    if (claim == ports::Claim::won) metrics_.key_rotations.add();
    for (const SigningKeyRecord& record : records) {
      if (record.purpose != kToken || record.alg != alg_name || record.revoked || record.removed_from <= now) continue;
      SigningKeyRecord old = record;
      old.retired_from = now;
      old.removed_from = now + limits::kKeyRetain;
      old.revoked = revoke_old;
      // A key that was waiting for its turn has none any more.
      if (old.active_from > now) old.active_from = now - Duration(1);
      MITRAL_CO_CHECK(co_await store_.update_key(std::move(old), {}));
    }
  }
  co_return co_await refresh(*found);
}

}  // namespace mitral::flow
