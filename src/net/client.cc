#include "net/client.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>

#include "net/client_body.h"
#include "net/http_chars.h"
#include "net/http_parser.h"
#include "net/response_head.h"
#include "net/stream_await.h"

namespace mitral::net {

// ---- names

struct Resolve::State final : Timer, std::enable_shared_from_this<State> {
  using Resolver = asio::ip::basic_resolver<Tcp, Executor>;
  State(Loop& on, std::string name, std::int64_t until)
      : loop(on), host(std::move(name)), deadline(until), resolver(on.io().get_executor()) {}
  Loop& loop;
  std::string host;
  std::int64_t deadline;
  Resolver resolver;
  std::coroutine_handle<> waiting;
  Result<std::vector<asio::ip::address>> outcome = fail(ErrorCode::timeout, {}, "name resolution timed out");

  void begin() {
    loop.set_at(*this, deadline);
    resolver.async_resolve(
        host, "",
        [self = shared_from_this()](const boost::system::error_code& error, const Resolver::results_type& found) {
          self->finish(error, found);
        });
  }
  void finish(const boost::system::error_code& error, const Resolver::results_type& found) {
    if (!waiting) return;  // too late
    TimerWheel::cancel(*this);
    if (error) {
      outcome = fail(ErrorCode::unavailable, {}, "name resolution: " + error.message());
    } else {
      outcome = std::vector<asio::ip::address>();
      for (const auto& entry : found) outcome->push_back(entry.endpoint().address());
    }
    std::exchange(waiting, {}).resume();
  }
  void expired() noexcept override { std::exchange(waiting, {}).resume(); }
};

Resolve::Resolve(Loop& loop, std::string host, std::int64_t deadline)
    : state_(std::make_shared<State>(loop, std::move(host), deadline)) {}
Resolve::~Resolve() = default;
void Resolve::await_suspend(std::coroutine_handle<> waiting) {
  state_->waiting = waiting;
  state_->begin();
}
Result<std::vector<asio::ip::address>> Resolve::await_resume() { return std::move(state_->outcome); }

// ---- one request on one connection

namespace {

/// What a request needs on its way; lives in the frame of send_on_loop().
struct Job {
  Loop& loop;
  std::shared_ptr<ClientPool> pool;
  bool streaming;
  Url url;
  codec::Method method;
  std::string head;
  std::string body;
  ClientOptions options;
  std::int64_t connect_deadline = 0;
  std::int64_t deadline = 0;
};

struct Attempt {
  Result<codec::Response> response;
  bool answered = false;  // a byte of the answer has come: never to be sent again
  bool body_follows = false;
};

codec::IpAddress as_ip(const asio::ip::address& address) {
  codec::IpAddress out;
  out.v6 = address.is_v6();
  if (out.v6) {
    out.bytes = address.to_v6().to_bytes();
  } else {
    std::ranges::copy(address.to_v4().to_bytes(), out.bytes.begin());
  }
  return out;
}

// The addresses that may be connected to; the name is not looked up again after this (W-2).
Task<Result<std::vector<asio::ip::address>>> addresses_of(Job& job) {
  std::vector<asio::ip::address> all;
  boost::system::error_code error;
  if (const auto literal = asio::ip::make_address(job.url.host, error); !error) {
    all.push_back(literal);
  } else if (job.url.host == "localhost" || job.url.host.ends_with(".localhost")) {
    // RFC 6761 §6.3: this name is never looked up, so no resolver can send it elsewhere, and none is needed.
    all.emplace_back(asio::ip::address_v4::loopback());
    all.emplace_back(asio::ip::address_v6::loopback());
  } else {
    Resolve resolve(job.loop, job.url.host, job.connect_deadline);
    auto found = co_await resolve;
    if (!found) co_return std::unexpected(std::move(found).error());
    all = std::move(*found);
  }
  std::erase_if(all, [&](const auto& address) { return !allowed(job.options.addresses, as_ip(address)); });
  if (all.empty()) co_return fail(ErrorCode::forbidden, {}, "outbound address not allowed: " + job.url.host);
  co_return all;
}

Task<Result<>> shake_hands(Job& job, Stream& stream) {
  auto context = job.pool->tls_for(job.options);
  if (!context) co_return std::unexpected(std::move(context).error());
  auto ssl = connect_ssl(*context, stream.socket().native_handle(), job.url.host);
  if (!ssl) co_return fail(ErrorCode::internal, {}, "outbound TLS: " + tls_error_text());
  stream.use(std::move(ssl));
  while (true) {
    const auto result = stream.handshake();
    if (result.status == Io::done) co_return Result<>{};
    if (result.status != Io::want_read && result.status != Io::want_write) {
      co_return fail(ErrorCode::unavailable, {},
                     "outbound TLS handshake with " + job.url.host + ": " + tls_error_text());
    }
    auto waiting = ready(job.loop, stream, result.status, job.connect_deadline);
    auto waited = co_await waiting;
    if (!waited) co_return std::unexpected(std::move(waited).error());
  }
}

Task<Result<std::unique_ptr<Stream>>> open(Job& job) {
  auto addresses = co_await addresses_of(job);
  if (!addresses) co_return std::unexpected(std::move(addresses).error());
  Error last{ErrorCode::unavailable, {}, "no address"};
  for (const auto& address : *addresses) {
    auto stream = std::make_unique<Stream>(Socket(job.loop.io().get_executor()));
    auto connecting = connect(job.loop, stream->socket(), {address, job.url.port}, job.connect_deadline);
    auto connected = co_await connecting;
    if (!connected) {
      last = std::move(connected).error();
      if (last.code == ErrorCode::timeout) break;
      continue;
    }
    if (!stream->prepare()) continue;
    if (job.url.tls) {
      auto shaken = co_await shake_hands(job, *stream);
      if (!shaken) co_return std::unexpected(std::move(shaken).error());
    }
    co_return stream;
  }
  co_return std::unexpected(std::move(last));
}

Task<Result<>> write_request(Job& job, Stream& stream) {
  std::size_t sent = 0;
  while (sent < job.head.size() + job.body.size()) {
    const auto from_head = std::min(sent, job.head.size());
    const auto result =
        stream.write(std::string_view(job.head).substr(from_head), std::string_view(job.body).substr(sent - from_head));
    if (result.status == Io::done) {
      sent += result.count;
    } else if (result.status == Io::want_read || result.status == Io::want_write) {
      auto waiting = ready(job.loop, stream, result.status, job.deadline);
      auto waited = co_await waiting;
      if (!waited) co_return waited;
    } else {
      co_return fail(ErrorCode::unavailable, {}, "outbound connection lost");
    }
  }
  co_return Result<>{};
}

// Worth a stream: large, or nobody knows.
bool worth_a_stream(const ResponseParser& parser) noexcept {
  return parser.announced().value_or(limits::kStreamThreshold + 1) > limits::kStreamThreshold;
}

Task<Attempt> read_response(Job& job, Stream& stream, ResponseParser& parser) {
  bool answered = false;
  while (true) {
    switch (parser.parse()) {
      case ParseState::complete: co_return Attempt{parser.take(), true};
      case ParseState::failed: co_return Attempt{std::unexpected(refused_answer(parser.refusal())), true};
      case ParseState::body:
        if (job.streaming && worth_a_stream(parser)) co_return Attempt{parser.take_head(), true, true};
        break;
      case ParseState::head: break;
    }
    const auto result = stream.read(parser.room());
    if (result.status == Io::done) {
      parser.commit(result.count);
      answered = true;
    } else if (result.status == Io::want_read || result.status == Io::want_write) {
      auto waiting = ready(job.loop, stream, result.status, job.deadline);
      auto waited = co_await waiting;
      if (!waited) co_return Attempt{std::unexpected(std::move(waited).error()), answered};
    } else if (result.status != Io::eof || !parser.end_of_stream()) {
      co_return Attempt{fail(ErrorCode::unavailable, {}, "outbound connection lost"), answered};
    }
  }
}

Task<Attempt> exchange(Job& job, std::unique_ptr<Stream> stream, const std::string& key) {
  auto written = co_await write_request(job, *stream);
  if (!written && written.error().code == ErrorCode::timeout) {
    co_return Attempt{std::unexpected(std::move(written).error()), false};
  }
  // A server may answer and close before it has read everything (413): its answer is read all the same.
  ParserLimits limits;
  limits.body = job.options.max_body;
  auto parser = std::make_unique<ResponseParser>(limits);
  parser->expect(job.method == codec::Method::head);
  auto attempt = co_await read_response(job, *stream, *parser);
  if (attempt.body_follows) {
    attempt.response->stream = std::make_shared<ClientBody>(ClientBody::Parts{.loop = job.loop,
                                                                              .pool = job.pool,
                                                                              .key = key,
                                                                              .stream = std::move(stream),
                                                                              .parser = std::move(parser),
                                                                              .idle_timeout = job.options.idle_timeout,
                                                                              .reusable = written.has_value()});
  } else if (written && attempt.response && parser->reusable()) {
    job.pool->give_back(key, std::move(stream));
  } else {
    stream->close();
  }
  co_return attempt;
}

constexpr bool idempotent(codec::Method method) noexcept {
  switch (method) {
    case codec::Method::get:
    case codec::Method::head:
    case codec::Method::options:
    case codec::Method::put:
    case codec::Method::del: return true;
    default: return false;
  }
}

Result<std::string> request_head(const Url& url, const codec::Request& request) {
  if (request.method == codec::Method::other) return fail(ErrorCode::internal, {}, "outbound method");
  if (!chars::is_target(url.target) || !url.target.starts_with('/') || !chars::parse_authority(url.authority())) {
    return fail(ErrorCode::malformed, {}, "outbound target");
  }
  std::string out(codec::name(request.method));
  ((out += ' ') += url.target) += " HTTP/1.1\r\nHost: ";
  (out += url.authority()) += "\r\n";
  if (!append_fields(out, request.headers, true)) return fail(ErrorCode::malformed, {}, "outbound header");
  const bool has_body = request.method == codec::Method::post || request.method == codec::Method::put ||
                        request.method == codec::Method::patch || !request.body.empty();
  if (has_body) out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  out += "\r\n";
  return out;
}

// On the loop. Everything is a value: the coroutine may outlive its caller's arguments.
Task<Result<codec::Response>> send_on_loop(Loop& loop, std::shared_ptr<ClientPool> pool, Url url,
                                           codec::Request request, ClientOptions options, bool streaming) {
  if (!url.tls && !options.allow_plain_http) co_return fail(ErrorCode::forbidden, {}, "outbound request without TLS");
  auto head = request_head(url, request);
  if (!head) co_return std::unexpected(std::move(head).error());
  const auto now = Loop::ticks_now();
  Job job{.loop = loop,
          .pool = pool,
          .streaming = streaming,
          .url = std::move(url),
          .method = request.method,
          .head = std::move(*head),
          .body = std::move(request.body),
          .options = std::move(options)};
  job.deadline = now + Loop::ticks_of(job.options.total_timeout);
  job.connect_deadline = std::min(job.deadline, now + Loop::ticks_of(job.options.connect_timeout));
  const auto key = ClientPool::key_of(job.url, job.options);
  if (auto pooled = pool->take(key)) {
    auto attempt = co_await exchange(job, std::move(pooled), key);
    const bool stale =
        !attempt.response && !attempt.answered && attempt.response.error().code == ErrorCode::unavailable;
    if (!stale || !idempotent(job.method)) co_return std::move(attempt.response);
    job.connect_deadline = std::min(job.deadline, Loop::ticks_now() + Loop::ticks_of(job.options.connect_timeout));
  }
  auto stream = co_await open(job);
  if (!stream) co_return std::unexpected(std::move(stream).error());
  auto attempt = co_await exchange(job, std::move(*stream), key);
  co_return std::move(attempt.response);
}

}  // namespace

// ---- the client

struct HttpClient::Impl {
  explicit Impl(Runtime& on) : runtime(on) {
    for (unsigned i = 0; i < on.threads(); ++i) pools.push_back(std::make_shared<ClientPool>(on.loop(i)));
  }
  Runtime& runtime;
  std::vector<std::shared_ptr<ClientPool>> pools;  // by loop

  [[nodiscard]] std::optional<unsigned> index_of(const Loop* loop) const noexcept {
    for (unsigned i = 0; i < pools.size(); ++i) {
      if (&runtime.loop(i) == loop) return i;
    }
    return std::nullopt;
  }
};

HttpClient::HttpClient(Runtime& runtime) : impl_(std::make_shared<Impl>(runtime)) {}

// Sockets belong to their loops: each pool is emptied on its own.
HttpClient::~HttpClient() {
  for (unsigned i = 0; i < impl_->pools.size(); ++i) {
    impl_->runtime.post(i, [pool = impl_->pools[i]] { pool->clear(); });
  }
}

Task<Result<codec::Response>> HttpClient::send(Url url, codec::Request request, ClientOptions options) {
  return start(impl_, std::move(url), std::move(request), std::move(options), false);
}

Task<Result<codec::Response>> HttpClient::open(Url url, codec::Request request, ClientOptions options) {
  return start(impl_, std::move(url), std::move(request), std::move(options), true);
}

Task<Result<codec::Response>> HttpClient::start(std::shared_ptr<Impl> impl, Url url, codec::Request request,
                                                ClientOptions options, bool streaming) {
  if (const auto index = impl->index_of(Loop::current())) {
    co_return co_await send_on_loop(*Loop::current(), impl->pools[*index], std::move(url), std::move(request),
                                    std::move(options), streaming);
  }
  // From elsewhere: loop 0 does the work, the caller goes on where it was.
  auto task = std::make_shared<Task<Result<codec::Response>>>(send_on_loop(
      impl->runtime.loop(0), impl->pools[0], std::move(url), std::move(request), std::move(options), streaming));
  Completion<Result<codec::Response>> completion;
  completion.start = [impl, task](std::function<void(Result<codec::Response>)> resume) {
    impl->runtime.post(0, [task, resume = std::move(resume)] {
      spawn(std::move(*task), [resume](std::exception_ptr failed, std::optional<Result<codec::Response>> response) {
        if (failed || !response) {
          resume(fail(ErrorCode::internal, {}, "outbound request failed by exception"));
        } else {
          resume(std::move(*response));
        }
      });
    });
  };
  co_return co_await completion;
}

Task<Result<codec::Response>> HttpClient::get(Url url, std::string accept, ClientOptions options) {
  codec::Request request;
  request.method = codec::Method::get;
  request.headers.add("Accept", accept);
  co_return co_await send(std::move(url), std::move(request), std::move(options));
}

}  // namespace mitral::net
