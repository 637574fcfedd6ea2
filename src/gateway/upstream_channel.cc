#include "gateway/upstream_channel.h"

#include <utility>

#include "net/runtime.h"

namespace mitral::gateway {
namespace {

using codec::Response;

/// The server, or what stands before it, is not there. Says nothing about the request.
bool is_down(const Result<Response>& answer) noexcept {
  if (!answer) return answer.error().code == ErrorCode::unavailable || answer.error().code == ErrorCode::timeout;
  return answer->status == 502 || answer->status == 503 || answer->status == 504;
}

/// A second attempt may help, and there was none that may still be at work: after a timeout nobody knows.
bool may_heal(const Result<Response>& answer) noexcept {
  return is_down(answer) && (answer || answer.error().code != ErrorCode::timeout);
}

}  // namespace

/// One of the places. Shared with the body of a streamed answer, which gives it back when it ends or dies.
class UpstreamChannel::Slot {
 public:
  explicit Slot(std::atomic<std::size_t>& count) noexcept : count_(&count) {}
  Slot(Slot&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Slot& operator=(Slot&&) = delete;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    if (count_ != nullptr) count_->fetch_sub(1);
  }

 private:
  std::atomic<std::size_t>* count_;
};

class UpstreamChannel::Body final : public codec::BodySource {
 public:
  Body(std::shared_ptr<codec::BodySource> inner, Slot slot) noexcept
      : slot_(std::move(slot)), inner_(std::move(inner)) {}
  Task<Result<std::string>> next() override { return inner_->next(); }

 private:
  Slot slot_;
  std::shared_ptr<codec::BodySource> inner_;
};

Task<Result<Response>> UpstreamChannel::once(net::Url url, codec::Request request, net::ClientOptions options,
                                             bool stream) {
  return stream ? sender_.open(std::move(url), std::move(request), std::move(options))
                : sender_.send(std::move(url), std::move(request), std::move(options));
}

Task<Result<Response>> UpstreamChannel::attempt(net::Url url, codec::Request request, net::ClientOptions options,
                                                bool stream) {
  auto pass = circuit_.ask(clock_);
  if (!pass) {
    metrics_.upstream_refused_circuit.add();
    co_return fail(ErrorCode::unavailable, {}, "the FHIR server was down a moment ago: the circuit is open");
  }
  auto answer = co_await once(std::move(url), std::move(request), std::move(options), stream);
  const auto before = circuit_.opened();
  pass->tell(!is_down(answer));
  metrics_.circuit_opened.add(circuit_.opened() - before);
  co_return answer;
}

Task<Result<Response>> UpstreamChannel::bounded(net::Url url, codec::Request request, net::ClientOptions options,
                                                bool stream) {
  if (in_flight_.fetch_add(1) >= rules_.in_flight_max) {
    in_flight_.fetch_sub(1);
    metrics_.upstream_refused_full.add();
    co_return fail(ErrorCode::unavailable, {}, "too many requests to the FHIR server at once");
  }
  Slot slot(in_flight_);
  const auto begun = clock_.now();
  const bool safe = request.method == codec::Method::get || request.method == codec::Method::head;
  Result<Response> answer = fail(ErrorCode::unavailable);
  if (url.host != upstream_.host || url.port != upstream_.port || url.tls != upstream_.tls) {
    answer = co_await once(std::move(url), std::move(request), std::move(options), stream);
  } else if (!rules_.retry || !safe) {
    answer = co_await attempt(std::move(url), std::move(request), std::move(options), stream);
  } else {
    answer = co_await attempt(url, request, options, stream);
    const auto room = options.total_timeout - (clock_.now() - begun) - rules_.retry_pause;
    if (may_heal(answer) && circuit_.state() == Circuit::State::closed && room > options.total_timeout / 4) {
      metrics_.upstream_retries.add();
      if (rules_.retry_pause > Duration::zero()) co_await net::sleep_for(rules_.retry_pause);
      options.total_timeout = room;
      answer = co_await attempt(std::move(url), std::move(request), std::move(options), stream);
    }
  }
  if (answer && answer->stream) {
    answer->stream = std::make_shared<Body>(std::move(answer->stream), std::move(slot));
  }
  co_return answer;
}

Task<Result<Response>> UpstreamChannel::send(net::Url url, codec::Request request, net::ClientOptions options) {
  return bounded(std::move(url), std::move(request), std::move(options), false);
}
Task<Result<Response>> UpstreamChannel::open(net::Url url, codec::Request request, net::ClientOptions options) {
  return bounded(std::move(url), std::move(request), std::move(options), true);
}

}  // namespace mitral::gateway
