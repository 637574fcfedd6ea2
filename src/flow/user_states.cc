#include "flow/user_states.h"

#include "base/limits.h"

namespace mitral::flow {
namespace {

std::string key_of(const Issuer& issuer, std::string_view user) {
  std::string out;
  out.reserve(issuer.value.size() + 1 + user.size());
  out += issuer.value;
  out += '\n';
  out += user;
  return out;
}

}  // namespace

UserStates::UserStates(ports::UserStore& store, ChangeFeed& feed) : store_(store) {
  feed.on_line([this](const model::Change& line) {
    if (line.kind != model::ChangeKind::user_changed && line.kind != model::ChangeKind::user_revoked) return;
    const std::lock_guard lock(mutex_);
    ++epoch_;
    entries_.erase(key_of(line.issuer, line.subject));
  });
}

std::optional<UserState> UserStates::known(const Issuer& issuer, const UserId& user, Instant now) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(key_of(issuer, user.value));
  if (it == entries_.end() || now >= it->second.read + limits::kUserStateMax || now < it->second.read)
    return std::nullopt;
  return it->second.state;
}

std::uint64_t UserStates::mark() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

UserState UserStates::remember(const Issuer& issuer, const UserId& id, const std::optional<model::User>& user,
                               std::uint64_t mark, Instant now) {
  UserState state;
  if (user) state = {true, user->enabled, user->tokens_valid_from};
  const std::lock_guard lock(mutex_);
  // A change that was announced while it was read may be newer than what was read.
  if (mark == epoch_) {
    if (entries_.size() >= limits::kUserStatesEntries) entries_.erase(entries_.begin());
    entries_[key_of(issuer, id.value)] = {state, now};
  }
  return state;
}

Task<Result<UserState>> UserStates::get(Issuer issuer, UserId user, Instant now) {
  if (const auto state = known(issuer, user, now)) co_return *state;
  const auto before = mark();
  auto read = co_await store_.find_user(issuer, user);
  if (!read) co_return fail(read.error());
  co_return remember(issuer, user, *read, before, now);
}

Task<Result<std::optional<model::Grant>>> UserStates::grant(ports::GrantStore& grants, Issuer issuer, Id128 id,
                                                            Instant now) {
  const auto before = mark();
  auto found = co_await grants.find_grant_of_user(issuer, id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return std::nullopt;
  if ((*found)->user_read) remember(issuer, (*found)->grant.user, (*found)->user, before, now);
  co_return std::move((*found)->grant);
}

}  // namespace mitral::flow
