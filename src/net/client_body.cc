#include "net/client_body.h"

#include <functional>

#include "base/limits.h"
#include "net/stream_await.h"

namespace mitral::net {

Error refused_answer(Refusal why) {
  const bool large =
      why == Refusal::body_too_large || why == Refusal::headers_too_large || why == Refusal::uri_too_long;
  return {
      large ? ErrorCode::too_large : ErrorCode::malformed, {}, "outbound answer refused: " + std::string(name(why))};
}

// The connection of a body that nobody wants any more can't be used again: the rest of it is on its way.
ClientBody::~ClientBody() {
  if (!parts_.stream) return;
  if (Loop::current() == &parts_.loop || !parts_.loop.running()) {
    parts_.stream->close();
  } else {
    parts_.loop.post([stream = std::shared_ptr<Stream>(std::move(parts_.stream))] { stream->close(); });
  }
}

Result<std::string> ClientBody::give_up(Error error) {
  if (parts_.stream) parts_.stream->close();
  parts_.stream.reset();
  failed_ = error;
  return std::unexpected(std::move(error));
}

void ClientBody::finish() {
  done_ = true;
  if (parts_.reusable && parts_.parser->reusable()) {
    parts_.pool->give_back(parts_.key, std::move(parts_.stream));
  } else {
    parts_.stream->close();
  }
  parts_.stream.reset();
}

Task<Result<std::string>> ClientBody::read() {
  auto& parser = *parts_.parser;
  while (true) {
    switch (parser.parse()) {
      case ParseState::failed: co_return give_up(refused_answer(parser.refusal()));
      case ParseState::complete: {
        auto rest = parser.take();
        finish();
        co_return std::move(rest.body);
      }
      default: break;
    }
    if (parser.pending() >= limits::kStreamPiece) co_return parser.take_piece();
    const auto result = parts_.stream->read(parser.room());
    if (result.status == Io::done) {
      parser.commit(result.count);
    } else if (result.status == Io::want_read || result.status == Io::want_write) {
      if (parser.pending() > 0) co_return parser.take_piece();
      auto waiting =
          ready(parts_.loop, *parts_.stream, result.status, Loop::ticks_now() + Loop::ticks_of(parts_.idle_timeout));
      auto waited = co_await waiting;
      if (!waited) co_return give_up(std::move(waited).error());
    } else if (result.status != Io::eof || !parser.end_of_stream()) {
      co_return give_up({ErrorCode::unavailable, {}, "outbound connection lost"});
    }
  }
}

Task<Result<std::string>> ClientBody::next() {
  if (failed_) co_return std::unexpected(*failed_);
  if (done_) co_return std::string();
  if (Loop::current() == &parts_.loop) co_return co_await read();
  Completion<Result<std::string>> completion;
  completion.start = [this](std::function<void(Result<std::string>)> resume) {
    parts_.loop.post([this, resume = std::move(resume)] {
      spawn(read(), [this, resume](std::exception_ptr failed, std::optional<Result<std::string>> piece) {
        if (failed || !piece) {
          resume(give_up({ErrorCode::internal, {}, "outbound body failed by exception"}));
        } else {
          resume(std::move(*piece));
        }
      });
    });
  };
  co_return co_await completion;
}

}  // namespace mitral::net
