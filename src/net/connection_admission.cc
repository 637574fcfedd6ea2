// The part of a Connection that decides whether a request is served at all, and counts the memory that bodies take.
#include "net/connection.h"

namespace mitral::net {
namespace {

// Only a client's own credential stands for it (RFC 7617): of bearer tokens one caller may hold any number.
std::string_view credential_of(const codec::Request& head) noexcept {
  constexpr std::string_view kBasic = "Basic ";
  const auto value = head.headers.get("Authorization");
  if (!value || value->size() <= kBasic.size() || !codec::iequals(value->substr(0, kBasic.size()), kBasic)) return {};
  return value->substr(kBasic.size());
}

bool wants_page(const codec::Request& head) noexcept {
  const auto accept = head.headers.get("Accept");
  return accept && accept->find("text/html") != std::string_view::npos;
}

}  // namespace

std::string_view name(Shed shed) noexcept {
  switch (shed) {
    case Shed::overload: return "overload";
    case Shed::unfair: return "unfair";
    case Shed::brake: return "brake";
    case Shed::in_flight: return "in_flight";
    case Shed::buffer: return "buffer";
    case Shed::handshake: return "handshake";
  }
  return "overload";
}

std::optional<Shed> Connection::admit() {
  loop_.arrived();
  const codec::Request& head = parser_.head();
  importance_ = options_.importance ? options_.importance(head) : Importance::normal;
  LoadControl& load = loop_.load();
  credential_ = 0;
  if (load.engaged()) {
    const auto credential = credential_of(head);
    if (!credential.empty()) credential_ = load.key_of(credential);
  }
  switch (load.judge(importance_, load.caller(caller_, credential_))) {
    case LoadControl::Verdict::serve: break;
    case LoadControl::Verdict::overload: return Shed::overload;
    case LoadControl::Verdict::unfair: return Shed::unfair;
    case LoadControl::Verdict::brake: return Shed::brake;
  }
  if (importance_ != Importance::vital && shard_->suspended >= options_.handling_max) return Shed::in_flight;
  return std::nullopt;
}

// True when the connection goes on with its next request.
bool Connection::turn_away(Shed why) {
  shard_->counters.shed[static_cast<std::size_t>(why)].add();
  release();
  const auto retry_after =
      1 + static_cast<unsigned>(shard_->counters.requests.get() + serial_++) % limits::kRetryAfterMax;
  const BusyFacts facts{.head_request = parser_.method() == codec::Method::head,
                        .close = !keep_,
                        .page = wants_page(parser_.head()),
                        .retry_after = retry_after,
                        .date = loop_.http_date(loop_.clock().now())};
  parser_.drop();
  head_.clear();
  body_.clear();
  sent_ = 0;
  waiting_ = Waiting::idle;
  append_busy_answer(head_, options_.busy, facts);
  phase_ = Phase::writing;
  const bool goes_on = go_on();
  if (loop_.load().engaged()) {
    const auto now = std::chrono::steady_clock::now();
    loop_.load().refused(now - std::exchange(turn_began_, now));
  }
  return goes_on;
}

// The body is still to come: nobody will read it.
void Connection::turn_away_unread(Shed why) {
  keep_ = false;
  linger_after_ = true;
  shard_->waits_no_more(*this);
  (void)turn_away(why);
}

bool Connection::hold(std::size_t bytes) {
  if (bytes <= held_) return true;
  const auto wanted = (bytes / limits::kBufferedStep + 1) * limits::kBufferedStep;
  if (!shard_->shared->hold(address_key_, wanted - held_)) return false;
  held_ = wanted;
  return true;
}

void Connection::release() noexcept {
  if (held_ > 0) shard_->shared->release(address_key_, std::exchange(held_, 0));
}

}  // namespace mitral::net
