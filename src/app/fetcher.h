// WebFetcher: ports::Fetcher over net::HttpClient: documents that clients register by URL, guarded (threat W-1).
//
// Thread rules: get() from a coroutine on any thread. The client must outlive it.
#pragma once

#include "net/client.h"
#include "ports/outside.h"

namespace mitral::app {

class WebFetcher final : public ports::Fetcher {
 public:
  /// `loopback`: http and loopback addresses are allowed: for the demo and tests only.
  WebFetcher(net::HttpClient& client, bool loopback) noexcept : client_(client), loopback_(loopback) {}
  Task<Result<Document>> get(std::string url, std::size_t max_bytes) override;

 private:
  net::HttpClient& client_;
  bool loopback_;
};

}  // namespace mitral::app
