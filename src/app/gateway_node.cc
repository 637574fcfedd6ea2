#include "app/gateway_node.h"

#include "gateway/emergency_reviews.h"
#include "gateway/feed_follower.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "net/client.h"

namespace mitral::app {

struct GatewayNode::Impl {
  explicit Impl(net::Runtime& r) : runtime(r), http(r), sender(http) {}
  net::Runtime& runtime;
  net::HttpClient http;
  gateway::HttpSender sender;
  std::unique_ptr<gateway::Gateway> gateway;
};

GatewayNode::GatewayNode(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
GatewayNode::~GatewayNode() { stop(); }

Result<std::unique_ptr<GatewayNode>> GatewayNode::create(gateway::Config config, ports::AuditStore& audit,
                                                         const Clock& clock, Random& random, net::Runtime& runtime) {
  auto impl = std::make_unique<Impl>(runtime);
  MITRAL_TRY(impl->gateway, gateway::Gateway::create(std::move(config), impl->sender, audit, clock, random));
  return std::unique_ptr<GatewayNode>(new GatewayNode(std::move(impl)));
}

void GatewayNode::start() {
  auto* const gateway = impl_->gateway.get();
  if (auto* const reviews = gateway->reviews()) impl_->runtime.spawn_on(0, [reviews] { return reviews->run(); });
  if (gateway->follows_feed()) impl_->runtime.spawn_on(0, [gateway] { return gateway->feed().run(); });
}

void GatewayNode::stop() noexcept {
  impl_->gateway->feed().stop();
  if (auto* const reviews = impl_->gateway->reviews()) reviews->stop();
}

net::Handler GatewayNode::handler() {
  return [gateway = impl_->gateway.get()](codec::Request request) { return gateway->handle(std::move(request)); };
}

net::Handler GatewayNode::decisions() {
  return [gateway = impl_->gateway.get()](codec::Request request) { return gateway->decide(std::move(request)); };
}

Task<Result<void>> GatewayNode::ready() const {
  if (impl_->gateway->ready()) co_return Result<void>{};
  co_return fail(ErrorCode::unavailable, {}, "the authorization server's revocation feed is not being heard");
}

std::string GatewayNode::metrics_text() const {
  std::string out;
  impl_->gateway->metrics().render(out);
  return out;
}

}  // namespace mitral::app
