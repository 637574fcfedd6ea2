// MemoryStore: one-time handles: pushed requests, launches, interactions, codes; and consents.
#include <tuple>

#include "base/limits.h"
#include "store/memory/memory_impl.h"
#include "store/prepared_event.h"

namespace mitral::store {

Task<Result<void>> MemoryStore::put_pushed_request(model::PushedRequest request) {
  const auto kept = act([&] {
    const auto at = pushed_.find(request.handle);
    const bool foreign = at != pushed_.end() && at->second.record.client != request.client;
    return foreign ? Result<void>(fail(ErrorCode::conflict, {}, "handle of another client"))
                   : put_once(pushed_, request);
  });
  co_return kept;
}

Task<Result<std::optional<model::PushedRequest>>> MemoryStore::find_pushed_request(Issuer issuer, Hash256 handle,
                                                                                   Instant now) {
  co_return find_once(pushed_, issuer, handle, now);
}

Task<Result<void>> MemoryStore::put_launch(model::LaunchTicket ticket, Events events) {
  const auto kept = act([&]() -> Result<void> {
    MITRAL_CHECK(put_once(launches_, ticket));
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<std::optional<model::LaunchTicket>>> MemoryStore::find_launch(Issuer issuer, Hash256 handle, Instant now) {
  co_return find_once(launches_, issuer, handle, now);
}

Task<Result<void>> MemoryStore::put_interaction(model::Interaction interaction) {
  const auto kept = act([&] { return put_once(interactions_, interaction); });
  co_return kept;
}

Task<Result<std::optional<model::Interaction>>> MemoryStore::find_interaction(Issuer issuer, Hash256 handle,
                                                                              Instant now) {
  co_return find_once(interactions_, issuer, handle, now);
}

Task<Result<Claim>> MemoryStore::complete_authorization(Issuer issuer, Completion completion, Events events,
                                                        Instant now) {
  const auto outcome = act([&]() -> Result<Claim> {
    // Look at everything first: nothing is written unless all of it can be.
    for (const auto claim : {claimable(interactions_, completion.interaction, issuer, now),
                             claimable(pushed_, completion.pushed_request, issuer, now),
                             claimable(launches_, completion.launch, issuer, now)}) {
      if (claim != Claim::won) return claim;
    }
    if (completion.code && codes_.contains(completion.code->handle))
      return fail(ErrorCode::conflict, {}, "code is taken");
    if (completion.emergency && emergencies_.contains(completion.emergency->id))
      return fail(ErrorCode::conflict, {}, "emergency access is taken");
    if (completion.interaction) interactions_.at(*completion.interaction).used = true;
    if (completion.pushed_request) pushed_.at(*completion.pushed_request).used = true;
    if (completion.launch) launches_.at(*completion.launch).used = true;
    if (completion.code) {
      const auto handle = completion.code->handle;
      completion.code->issuer = issuer;
      completion.code->grant.reset();
      codes_.emplace(handle, Once<model::AuthorizationCode>{std::move(*completion.code), false});
    }
    if (completion.consent) {
      completion.consent->issuer = issuer;
      const auto key = std::tuple(issuer, completion.consent->user, completion.consent->client);
      consents_.insert_or_assign(key, std::move(*completion.consent));
    }
    if (completion.emergency) emergencies_.put(issuer, std::move(*completion.emergency));
    audit(std::move(events));
    return Claim::won;
  });
  co_return outcome;
}

Task<Result<std::optional<model::AuthorizationCode>>> MemoryStore::find_code(Issuer issuer, Hash256 handle,
                                                                             Instant now) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  const auto at = codes_.find(handle);
  if (at == codes_.end() || at->second.used) co_return std::nullopt;
  const auto& code = at->second.record;
  const auto end = code.grant ? code.expires + limits::kCodeReuseMemory : code.expires;
  if (code.issuer != issuer || end <= now) co_return std::nullopt;
  co_return code;
}

/// In codes_, `used` means burned; a redeemed code has its grant.
Task<Result<Claim>> MemoryStore::redeem_code_once(Issuer issuer, Hash256 handle, model::Grant grant,
                                                  std::optional<model::RefreshFamily> family, Events events,
                                                  Events reuse_events, Instant now) {
  const auto outcome = act([&]() -> Result<Claim> {
    const auto at = codes_.find(handle);
    if (at == codes_.end()) return Claim::unknown;
    auto& [code, burned] = at->second;
    if (code.issuer != issuer || code.request.client != grant.client) return Claim::unknown;
    if (code.grant || burned) {
      if (code.expires + limits::kCodeReuseMemory <= now) return Claim::unknown;
      if (code.grant) {
        revoke(issuer, *code.grant, now);
        name_grant(reuse_events, *code.grant);
      }
      audit(std::move(reuse_events));
      return Claim::lost;
    }
    // A code from before its client's or user's tokens were revoked is as dead as they are.
    const bool dead = code.created <= revocations_.floor(issuer, grant.client.value, grant.user.value);
    if (code.expires <= now || code.user != grant.user || dead) return Claim::unknown;
    if (grants_.contains(grant.id)) return fail(ErrorCode::conflict, {}, "grant id is taken");
    code.grant = grant.id;
    if (family) families_.emplace(grant.id, std::move(*family));
    const auto id = grant.id;
    grants_.emplace(id, std::move(grant));
    audit(std::move(events));
    return Claim::won;
  });
  co_return outcome;
}

Task<Result<void>> MemoryStore::burn_code(Issuer issuer, Hash256 handle, Events events) {
  const auto kept = act([&]() -> Result<void> {
    const auto at = codes_.find(handle);
    if (at != codes_.end() && at->second.record.issuer == issuer && !at->second.record.grant) at->second.used = true;
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<std::optional<model::Consent>>> MemoryStore::find_consent(Issuer issuer, UserId user, ClientId client,
                                                                      Instant now) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  const auto at = consents_.find(std::tuple(issuer, user, client));
  if (at == consents_.end() || at->second.expires <= now) co_return std::nullopt;
  co_return at->second;
}

}  // namespace mitral::store
