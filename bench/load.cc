// mitral_load: a closed-loop HTTP/1.1 load generator for ./do bench. One thread, keep-alive, loopback only.
//
//   mitral_load --port N [--conns 32] [--duration 5] [--warmup 1] --path /token [--get] [--header "Name: value"]...
//     --bodies FILE      one request body a line, in turn (a "{}" line of --chain is filled in)
//     --once             each line once; ends when they are used up
//     --chain FIELD      each connection sends its own line first, then puts the answer's JSON FIELD in its place:
//                        the line is "prefix{value}suffix" with the value between two tabs
//     --take-code FILE   write the `code` of each Location header to FILE
//     --take-field FIELD FILE   write the JSON FIELD of each answer to FILE
//     --bearer FILE      each request with the next line of FILE as its access token
//     --cookies FILE     each request with the next line of FILE as its session cookie
//     --flow PATH        each operation is two requests: GET PATH (in it {n} is a new text and {challenge} a new PKCE
//                        challenge), whose redirect brings a code, and a POST with it. --header goes with the first:
//     --then PATH --then-header "Name: value" --then-form TEXT     of the second; {code} and {verifier} are filled in
//     --require TEXT     an answer without it counts as failed
//     --status N         expected status (200)
//     --assertions N --key FILE --client ID --aud AUD    N fresh private_key_jwt assertions, made before the clock
//     starts;
//                        "{assertion}" in the first line of --bodies is where they go
//
// Prints one JSON line: ops, failed, seconds, ops_per_s, latency percentiles in microseconds, all of the measured time;
// answered counts the good answers of the whole run, warm-up included: what the server's CPU time is divided by.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "codec/base64url.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "jose/jwk.h"
#include "jose/jws.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& text) {
  fmt::print(stderr, "mitral_load: {}\n", text);
  std::exit(2);
}

struct Options {
  std::uint16_t port = 0;
  std::size_t conns = 32;
  double duration = 5, warmup = 1;
  std::string path = "/", bodies, chain, take_code, take_field, require, key, client, aud, bearer, cookies;
  std::string flow, then, then_header, then_form;
  std::vector<std::string> headers;
  bool get = false, once = false;
  int status = 200;
  std::size_t assertions = 0;
};

Options parse(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string {
      if (++i >= argc) die(name + " needs a value");
      return argv[i];
    };
    if (name == "--port")
      out.port = static_cast<std::uint16_t>(std::stoi(value()));
    else if (name == "--conns")
      out.conns = std::stoul(value());
    else if (name == "--duration")
      out.duration = std::stod(value());
    else if (name == "--warmup")
      out.warmup = std::stod(value());
    else if (name == "--path")
      out.path = value();
    else if (name == "--bodies")
      out.bodies = value();
    else if (name == "--chain")
      out.chain = value();
    else if (name == "--take-code")
      out.take_code = value();
    else if (name == "--take-field") {
      out.take_field = value();
      out.take_code = value();
    } else if (name == "--bearer")
      out.bearer = value();
    else if (name == "--cookies")
      out.cookies = value();
    else if (name == "--flow")
      out.flow = value();
    else if (name == "--then")
      out.then = value();
    else if (name == "--then-header")
      out.then_header = value();
    else if (name == "--then-form")
      out.then_form = value();
    else if (name == "--require")
      out.require = value();
    else if (name == "--header")
      out.headers.push_back(value());
    else if (name == "--get")
      out.get = true;
    else if (name == "--once")
      out.once = true;
    else if (name == "--status")
      out.status = std::stoi(value());
    else if (name == "--assertions")
      out.assertions = std::stoul(value());
    else if (name == "--key")
      out.key = value();
    else if (name == "--client")
      out.client = value();
    else if (name == "--aud")
      out.aud = value();
    else
      die("unknown option " + name);
  }
  return out;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  if (out.empty()) die(path + " has no lines");
  return out;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

// Assertions are made before the clock starts: this measures the server, not the client's signing.
std::vector<std::string> make_assertions(const Options& options) {
  using mitral::codec::Json;
  const auto json = Json::parse(read_all(options.key));
  if (!json) die(options.key + " holds no JSON");
  const auto jwk = mitral::jose::PrivateJwk::parse(*json);
  if (!jwk) die(options.key + " holds no private JWK");
  const mitral::jose::SigningKey key{jwk->public_view().kid(), mitral::jose::SignAlg::es256, jwk->key()};
  const auto signer = mitral::jose::JwsSigner::create(key, "JWT");
  if (!signer) die("the key can't sign ES256");
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<std::string> out;
  out.reserve(options.assertions);
  for (std::size_t i = 0; i < options.assertions; ++i) {
    const auto claims = Json::object({{"iss", options.client},
                                      {"sub", options.client},
                                      {"aud", options.aud},
                                      {"iat", now},
                                      {"exp", now + 290},
                                      {"jti", fmt::format("{}-{}-{}", now, ::getpid(), i)}});
    const auto signed_claims = signer->sign(claims.dump());
    if (!signed_claims) die("signing failed");
    out.push_back(*signed_claims);
  }
  return out;
}

struct Connection {
  int fd = -1;
  std::string out, in, chain_prefix, chain_value, chain_suffix;
  std::string code;  // of --flow: there while its second request is under way
  std::size_t pair = 0;
  std::size_t sent = 0;
  Clock::time_point started;
  bool done = false;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), epoll_(::epoll_create1(0)) {
    if (!options_.bodies.empty()) lines_ = read_lines(options_.bodies);
    if (!options_.bearer.empty()) lines_ = read_lines(options_.bearer);
    if (!options_.cookies.empty()) lines_ = read_lines(options_.cookies);
    if (options_.assertions != 0) {
      const auto assertions = make_assertions(options_);
      const std::string form = lines_.front();
      const auto at = form.find("{assertion}");
      if (at == std::string::npos) die("no {assertion} in the first line of --bodies");
      lines_.clear();
      for (const auto& assertion : assertions) lines_.push_back(form.substr(0, at) + assertion + form.substr(at + 11));
    }
    for (const auto& header : options_.headers) headers_ += header + "\r\n";
    if (!options_.flow.empty()) make_pairs();
    if (!options_.take_code.empty()) codes_.open(options_.take_code);
  }

  int run() {
    for (std::size_t i = 0; i < options_.conns; ++i) connections_.push_back(std::make_unique<Connection>());
    for (auto& connection : connections_) open(*connection);
    begin_ = Clock::now();
    measure_from_ = begin_ + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(options_.once ? 0 : options_.warmup));
    end_ =
        measure_from_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.duration));
    std::array<epoll_event, 256> events{};
    while (alive_ > 0 && Clock::now() < end_ + std::chrono::seconds(10)) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < count; ++i) ready(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
      if (Clock::now() >= end_) stopping_ = true;
    }
    report();
    return failed_ * 100 > ops_ ? 1 : 0;
  }

 private:
  void open(Connection& c) {
    c.fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("can't connect");
    const int one = 1;
    ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::fcntl(c.fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &c;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
    ++alive_;
    next(c);
  }

  void close(Connection& c) {
    if (c.done) return;
    c.done = true;
    ::close(c.fd);
    --alive_;
  }

  // PKCE pairs (RFC 7636), made before the clock starts and used in turn: the server sees a new state and nonce each
  // time, and a challenge that nobody else's flow has right then.
  void make_pairs() {
    std::mt19937_64 random(std::random_device{}());
    for (int i = 0; i < 4096; ++i) {
      auto verifier = fmt::format("{:016x}{:016x}{:016x}", random(), random(), random());
      auto challenge = mitral::codec::base64url_encode(mitral::ByteSpan(mitral::crypto::sha256(verifier)));
      pairs_.emplace_back(std::move(verifier), std::move(challenge));
    }
  }

  static std::string filled(std::string text, std::string_view mark, std::string_view value) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
    return text;
  }

  void next_of_flow(Connection& c) {
    if (c.code.empty()) {
      c.pair = line_++ % pairs_.size();
      const auto path = filled(filled(options_.flow, "{n}", fmt::format("{:012x}{}", line_, pairs_[c.pair].first)),
                               "{challenge}", pairs_[c.pair].second);
      c.out = fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\n", path, options_.port, headers_);
      c.started = Clock::now();
    } else {
      const auto body = filled(filled(options_.then_form, "{code}", c.code), "{verifier}", pairs_[c.pair].first);
      c.out = fmt::format(
          "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
          "Content-Length: {}\r\n\r\n{}",
          options_.then, options_.port, options_.then_header, body.size(), body);
    }
    c.sent = 0;
    flush(c);
  }

  // The next request of this connection; false when there is none.
  bool next(Connection& c) {
    if (!options_.flow.empty()) {
      next_of_flow(c);
      return true;
    }
    std::string body;
    if (!options_.chain.empty()) {
      if (c.chain_value.empty()) {
        if (line_ >= lines_.size()) die("fewer lines than connections");
        const std::string& line = lines_[line_++];
        const auto first = line.find('\t'), second = line.find('\t', first + 1);
        if (second == std::string::npos) die("a --chain line has its value between two tabs");
        c.chain_prefix = line.substr(0, first);
        c.chain_value = line.substr(first + 1, second - first - 1);
        c.chain_suffix = line.substr(second + 1);
      }
      body = c.chain_prefix + c.chain_value + c.chain_suffix;
    } else if (!lines_.empty()) {
      if (line_ >= lines_.size()) {
        if (options_.once || options_.assertions != 0) return false;
        line_ = 0;
      }
      body = lines_[line_++];
    }
    std::string token;
    if (!options_.bearer.empty()) token = fmt::format("Authorization: Bearer {}\r\n", std::exchange(body, {}));
    if (!options_.cookies.empty()) token = fmt::format("Cookie: mitral_session={}\r\n", std::exchange(body, {}));
    c.out = options_.get
                ? fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}{}\r\n", options_.path, options_.port,
                              headers_, token)
                : fmt::format(
                      "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}Content-Type: application/x-www-form-urlencoded\r\n"
                      "Content-Length: {}\r\n\r\n{}",
                      options_.path, options_.port, headers_, body.size(), body);
    c.sent = 0;
    c.started = Clock::now();
    flush(c);
    return true;
  }

  void flush(Connection& c) {
    while (c.sent < c.out.size()) {
      const auto n = ::send(c.fd, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      c.sent += static_cast<std::size_t>(n);
    }
  }

  void ready(Connection& c) {
    if (c.done) return;
    flush(c);
    std::array<char, 65536> buffer;  // NOLINT: filled by recv
    while (!c.done) {
      const auto n = ::recv(c.fd, buffer.data(), buffer.size(), 0);
      if (n < 0) return;
      if (n == 0) {
        ++failed_;
        return close(c);
      }
      c.in.append(buffer.data(), static_cast<std::size_t>(n));
      answer(c);
    }
  }

  static std::string_view header(std::string_view head, std::string_view name) {
    const auto at = head.find(name);
    if (at == std::string_view::npos) return {};
    const auto begin = at + name.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }

  static std::string_view field(std::string_view body, std::string_view name) {
    const auto mark = fmt::format("\"{}\":\"", name);
    const auto at = body.find(mark);
    if (at == std::string_view::npos) return {};
    return body.substr(at + mark.size(), body.find('"', at + mark.size()) - at - mark.size());
  }

  void answer(Connection& c) {
    const auto end = c.in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const std::string_view head = std::string_view(c.in).substr(0, end + 2);
    const auto length = header(head, "Content-Length: ");
    const std::size_t size = length.empty() ? 0 : std::stoul(std::string(length));
    if (c.in.size() < end + 4 + size) return;
    const std::string_view body = std::string_view(c.in).substr(end + 4, size);
    const auto now = Clock::now();
    if (!options_.flow.empty() && c.code.empty()) {
      const auto location = header(head, "Location: ");
      const auto at = location.find("code=");
      if (at != std::string_view::npos) {
        c.code = location.substr(at + 5, location.find('&', at) - at - 5);
        c.in.erase(0, end + 4 + size);
        next_of_flow(c);
        return;
      }
    }
    c.code.clear();
    bool good = std::atoi(c.in.c_str() + 9) == options_.status &&
                (options_.require.empty() || body.find(options_.require) != std::string_view::npos);
    if (good && !options_.take_field.empty()) {
      const auto value = field(body, options_.take_field);
      good = !value.empty();
      if (good) codes_ << value << '\n';
    } else if (good && codes_.is_open()) {
      const auto location = header(head, "Location: ");
      const auto at = location.find("code=");
      good = at != std::string_view::npos;
      if (good) codes_ << location.substr(at + 5, location.find('&', at) - at - 5) << '\n';
    }
    if (good && !options_.chain.empty()) {
      if (const auto value = field(body, options_.chain); !value.empty()) c.chain_value = std::string(value);
    }
    if (!good && failed_++ == 0) fmt::print(stderr, "first failure: {}\n", std::string_view(c.in).substr(0, 600));
    if (good) ++answered_;
    if (good && now >= measure_from_ && now < end_) {
      ++ops_;
      last_ = now;
      latencies_.push_back(
          static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(now - c.started).count()));
    }
    c.in.erase(0, end + 4 + size);
    if (stopping_ || now >= end_ || !next(c)) close(c);
  }

  void report() {
    std::ranges::sort(latencies_);
    const auto at = [&](double q) {
      return latencies_.empty() ? 0U
                                : latencies_[static_cast<std::size_t>(q * static_cast<double>(latencies_.size() - 1))];
    };
    const double seconds = std::chrono::duration<double>(last_ - measure_from_).count();
    fmt::print(
        R"({{"ops":{},"answered":{},"failed":{},"seconds":{:.3f},"ops_per_s":{:.1f},"p50_us":{},"p90_us":{},"p99_us":{},"max_us":{}}})"
        "\n",
        ops_, answered_, failed_, seconds, seconds > 0 ? static_cast<double>(ops_) / seconds : 0, at(0.5), at(0.9),
        at(0.99), at(1));
  }

  Options options_;
  int epoll_;
  std::vector<std::string> lines_;
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::string headers_;
  std::ofstream codes_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::uint32_t> latencies_;
  std::size_t line_ = 0, alive_ = 0, ops_ = 0, answered_ = 0, failed_ = 0;
  bool stopping_ = false;
  Clock::time_point begin_, measure_from_, end_, last_;
};

}  // namespace

int main(int argc, char** argv) { return Load(parse(argc, argv)).run(); }
