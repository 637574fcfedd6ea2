// Upstream: how the gateway reaches others (the FHIR server behind it, the authorization server), as an interface, so
// that the whole gateway runs in one process against handlers, and in production over net::HttpClient.
//
// Errors: those of net::HttpClient: timeout, unavailable, too_large, malformed, forbidden.
// Thread rules: send() from a coroutine on any thread.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "net/client.h"

namespace mitral::gateway {

class Sender {
 public:
  virtual ~Sender() = default;
  /// Method, headers and body of the request go to the URL; request.target is not used.
  virtual Task<Result<codec::Response>> send(net::Url url, codec::Request request, net::ClientOptions options) = 0;
  /// The same, but returns as soon as the head of the answer is there; a body comes as Response::stream where the
  /// transport can, else whole. options.max_body bounds the body all the same.
  virtual Task<Result<codec::Response>> open(net::Url url, codec::Request request, net::ClientOptions options) {
    return send(std::move(url), std::move(request), std::move(options));
  }
};

class HttpSender final : public Sender {
 public:
  /// The client must outlive the sender.
  explicit HttpSender(net::HttpClient& client) noexcept : client_(client) {}
  Task<Result<codec::Response>> send(net::Url url, codec::Request request, net::ClientOptions options) override {
    return client_.send(std::move(url), std::move(request), std::move(options));
  }
  Task<Result<codec::Response>> open(net::Url url, codec::Request request, net::ClientOptions options) override {
    return client_.open(std::move(url), std::move(request), std::move(options));
  }

 private:
  net::HttpClient& client_;
};

}  // namespace mitral::gateway
