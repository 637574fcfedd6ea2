#include "gateway/kept_call.h"

#include <utility>

#include "base/limits.h"

namespace mitral::gateway {
namespace {

codec::Request facts_of(const codec::Request& from) {
  codec::Request out;
  out.method = from.method;
  out.peer_address = from.peer_address;
  out.received = from.received;
  return out;
}

Task<Result<void>> write_down(const Exchange& exchange, std::shared_ptr<const KeptCall> kept, std::vector<Shown> shown,
                              std::size_t withheld) {
  const Release release{.reason = {}, .shown = std::move(shown), .withheld = withheld};
  co_return co_await exchange.write_down(kept->call, 200, release);
}

Task<Result<Moment>> moment_of(const Exchange& exchange, std::shared_ptr<const KeptCall> kept,
                               std::vector<std::string> patients) {
  MITRAL_CO_TRY(auto facts, co_await exchange.circumstances(kept->call, std::move(patients)));
  facts.now = exchange.now();
  co_return Moment{std::move(facts), kept};
}

class Continued final : public codec::BodySource {
 public:
  Continued(std::string beginning, std::shared_ptr<codec::BodySource> rest)
      : beginning_(std::move(beginning)), rest_(std::move(rest)) {}
  Task<Result<std::string>> next() override {
    if (!beginning_.empty()) co_return std::exchange(beginning_, {});
    co_return co_await rest_->next();
  }

 private:
  std::string beginning_;
  std::shared_ptr<codec::BodySource> rest_;
};

}  // namespace

KeptCall::KeptCall(const Call& from)
    : request(facts_of(from.request)),
      call{.request = request,
           .rest = {},
           .token = from.token,
           .now = from.now,
           .interaction = from.interaction,
           .classified = from.classified,
           .decision = from.decision,
           .path = from.path,
           .page_target = from.page_target} {}

StreamHooks hooks_of(const Exchange& exchange, std::shared_ptr<const KeptCall> kept) {
  return {.write_down = [&exchange, kept](
                            std::vector<Shown> shown,
                            std::size_t withheld) { return write_down(exchange, kept, std::move(shown), withheld); },
          .moment = [&exchange, kept](
                        std::vector<std::string> patients) { return moment_of(exchange, kept, std::move(patients)); },
          .nothing_shown = {}};
}

Task<Result<void>> read_beginning(codec::Response& upstream) {
  while (upstream.stream && upstream.body.size() <= limits::kStreamThreshold) {
    auto piece = co_await upstream.stream->next();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) upstream.stream.reset();
    upstream.body += *piece;
  }
  co_return Result<void>{};
}

bool is_large(const codec::Response& upstream) noexcept { return upstream.body.size() > limits::kStreamThreshold; }

std::shared_ptr<codec::BodySource> body_of(codec::Response upstream) {
  if (!upstream.stream) return source_of(std::move(upstream.body));
  return std::make_shared<Continued>(std::move(upstream.body), std::move(upstream.stream));
}

}  // namespace mitral::gateway
