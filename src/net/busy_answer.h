// Busy answer: 503 with Retry-After (RFC 9110 §10.2.3, §15.6.4), written without a handler and in one piece, because a
// refusal must cost a small part of what it saves.
//
// People get a page, programs what the server's options say. Never cached; nothing of the request is in it.
//
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace mitral::net {

struct BusyBody {
  std::string_view type = "text/plain; charset=utf-8";
  std::string_view text = "Too busy right now; try again soon.\n";
};

struct BusyFacts {
  bool head_request = false;
  bool close = false;
  bool page = false;  ///< the request asks for HTML
  unsigned retry_after = 1;
  std::string_view date;
};

void append_busy_answer(std::string& out, const BusyBody& body, const BusyFacts& facts);

}  // namespace mitral::net
