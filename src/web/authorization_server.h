// AuthorizationServer: the one object that net's HTTP server calls: route, run, render, CORS, count.
//
// An exception that reaches this place (out of memory, a library's own) is answered as a server error without detail.
// CORS (SMART App Launch 2.2 and RFC 9700 §2.6): token, revoke and userinfo for origins that a client registered
// (errors too), jwks and the discovery documents for any origin, /authorize and pages never.
//
// Thread rules: handle() from any thread that has a Scheduler.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "flow/services.h"
#include "web/front_channel.h"

namespace mitral::web {

class AuthorizationServer {
 public:
  AuthorizationServer(flow::Services& services, FrontChannel& front_channel);
  [[nodiscard]] Task<codec::Response> handle(codec::Request request);
  /// Asked before every request that may let somebody in or tell that a token lives; an error of it is the answer. At
  /// start only; quick, on any thread. Revoking, signing out and public documents are never stopped by it.
  void set_gate(std::function<Result<void>()> gate) { gate_ = std::move(gate); }

 private:
  struct Origins {
    std::shared_ptr<const ports::Directory> directory;
    std::unordered_set<std::string> known;  ///< issuer + '\n' + origin
  };
  [[nodiscard]] bool origin_registered(const flow::Context* context, const flow::IssuerRuntime& issuer,
                                       std::string_view origin);
  void add_cors(codec::Response& response, const codec::Request& request, const flow::Context* context,
                const flow::IssuerRuntime& issuer, flow::Endpoint endpoint);
  [[nodiscard]] codec::Response closed(flow::Context& context, const Error& error);

  flow::Services& services_;
  FrontChannel& front_;
  std::function<Result<void>()> gate_;
  std::mutex mutex_;
  std::shared_ptr<const Origins> origins_;
};

}  // namespace mitral::web
