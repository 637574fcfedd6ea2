#include "app/admin_endpoint.h"

namespace mitral::app {

Task<codec::Response> AdminEndpoint::handle(codec::Request request) const {
  constexpr std::string_view kText = "text/plain; charset=utf-8";
  if (request.method != codec::Method::get && request.method != codec::Method::head) {
    auto response = codec::Response::with(405, kText, "method not allowed\n");
    response.headers.add("Allow", "GET, HEAD");
    co_return response;
  }
  if (request.path == "/healthz") co_return codec::Response::with(200, kText, "ok\n");
  if (request.path == "/metrics")
    co_return codec::Response::with(200, "text/plain; version=0.0.4; charset=utf-8", metrics_());
  if (request.path == "/readyz") {
    if (draining_.load()) co_return codec::Response::with(503, kText, "draining\n");
    const auto ready = co_await ready_();
    if (ready) co_return codec::Response::with(200, kText, "ready\n");
    co_return codec::Response::with(
        503, kText, "not ready: " + std::string(name(ready.error().code)) + " " + ready.error().detail + "\n");
  }
  co_return codec::Response::with(404, kText, "there are /healthz, /readyz and /metrics\n");
}

}  // namespace mitral::app
