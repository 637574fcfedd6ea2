// ClientBody: the body of an outbound answer, read from its connection only as fast as somebody asks. Private to net/.
//
// Limits: kStreamPiece and one read buffer are all that lies here. Errors: timeout (idle), unavailable (cut),
// too_large, malformed; after one the connection is gone. Thread rules: next() and the destructor on any thread while
// the runtime lives; the work is done on the connection's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/client_pool.h"
#include "net/http_parser.h"

namespace mitral::net {

class ClientBody final : public codec::BodySource {
 public:
  struct Parts {
    Loop& loop;
    std::shared_ptr<ClientPool> pool;
    std::string key;  ///< of the connection in the pool
    std::unique_ptr<Stream> stream;
    std::unique_ptr<ResponseParser> parser;  ///< its head has been taken
    Duration idle_timeout;
    bool reusable = true;  ///< the request was written to its end
  };
  explicit ClientBody(Parts parts) noexcept : parts_(std::move(parts)) {}
  ~ClientBody() override;
  Task<Result<std::string>> next() override;

 private:
  Task<Result<std::string>> read();
  Result<std::string> give_up(Error error);
  void finish();

  Parts parts_;
  bool done_ = false;
  std::optional<Error> failed_;
};

/// Why an answer was refused, as the client's error.
[[nodiscard]] Error refused_answer(Refusal why);

}  // namespace mitral::net
