// mitral_open_loop: requests that come at a rate of their own, whether the server keeps up or not: what overload is.
//
//   mitral_open_loop --port N --rate R [--duration 10] [--warmup 2] [--conns 2000] [--source 127.0.0.1]
//     --path /token [--get] [--header "Name: value"]... [--bodies FILE: one body a line, in turn]
//     [--key FILE --client ID --aud AUD: "{assertion}" in the first body is a fresh private_key_jwt each time]
//     [--health PORT: /healthz and /readyz are asked there on new connections meanwhile]
//
// Arrivals are a Poisson process. Each takes an idle connection or opens one, up to --conns; when all are busy it is
// held back here, oldest first, and counted so. A latency counts from the moment at which the request was due, so that
// a server that stalls can't hide it; those of the server alone (..._sent_...) from the moment at which a connection
// was there for it. 503 and 429 with Retry-After are refusals, any other status but 200 to 399 is a failure. Answers
// count by the moment at which they came.
//
// Prints one JSON line. The generator's own lag (how late it sent, at worst) shows whether the figures can be believed.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "codec/json.h"
#include "jose/jwk.h"
#include "jose/jws.h"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

[[noreturn]] void die(const std::string& text) {
  fmt::print(stderr, "mitral_open_loop: {}\n", text);
  std::exit(2);
}

struct Options {
  std::uint16_t port = 0, health = 0;
  double rate = 100, duration = 10, warmup = 2;
  std::size_t conns = 2000;
  std::string source = "127.0.0.1", path = "/", bodies, key, client, aud;
  std::vector<std::string> headers;
  bool get = false;
};

Options parse(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--get") {
      out.get = true;
      continue;
    }
    if (++i >= argc) die(name + " needs a value");
    const std::string value = argv[i];
    if (name == "--port") {
      out.port = static_cast<std::uint16_t>(std::stoi(value));
    } else if (name == "--health") {
      out.health = static_cast<std::uint16_t>(std::stoi(value));
    } else if (name == "--rate") {
      out.rate = std::stod(value);
    } else if (name == "--duration") {
      out.duration = std::stod(value);
    } else if (name == "--warmup") {
      out.warmup = std::stod(value);
    } else if (name == "--conns") {
      out.conns = std::stoul(value);
    } else if (name == "--source") {
      out.source = value;
    } else if (name == "--path") {
      out.path = value;
    } else if (name == "--bodies") {
      out.bodies = value;
    } else if (name == "--key") {
      out.key = value;
    } else if (name == "--client") {
      out.client = value;
    } else if (name == "--aud") {
      out.aud = value;
    } else if (name == "--header") {
      out.headers.push_back(value);
    } else {
      die("unknown option " + name);
    }
  }
  return out;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

// Signed before the clock starts: this measures the server.
std::vector<std::string> assertions(const Options& options, std::size_t count) {
  using mitral::codec::Json;
  const auto json = Json::parse(read_all(options.key));
  if (!json) die(options.key + " holds no JSON");
  const auto jwk = mitral::jose::PrivateJwk::parse(*json);
  if (!jwk) die(options.key + " holds no private JWK");
  const auto signer =
      mitral::jose::JwsSigner::create({jwk->public_view().kid(), mitral::jose::SignAlg::es256, jwk->key()}, "JWT");
  if (!signer) die("the key can't sign ES256");
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto made = signer->sign(Json::object({{"iss", options.client},
                                                 {"sub", options.client},
                                                 {"aud", options.aud},
                                                 {"iat", now},
                                                 {"exp", now + 290},
                                                 {"jti", fmt::format("o{}-{}-{}", now, ::getpid(), i)}})
                                       .dump());
    if (!made) die("signing failed");
    out.push_back(*made);
  }
  return out;
}

std::vector<std::string> make_requests(const Options& options) {
  std::string head =
      fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", options.get ? "GET" : "POST", options.path, options.port);
  for (const auto& header : options.headers) head += header + "\r\n";
  if (options.get) return {head + "\r\n"};
  std::vector<std::string> bodies;
  std::ifstream in(options.bodies);
  for (std::string line; std::getline(in, line);) bodies.push_back(line);
  if (bodies.empty()) die("no --bodies");
  if (!options.key.empty()) {
    const std::string form = bodies.front();
    const auto at = form.find("{assertion}");
    if (at == std::string::npos) die("no {assertion} in the first body");
    bodies.clear();
    const double count = options.rate * (options.duration + options.warmup) * 1.1 + 100;
    for (const auto& made : assertions(options, static_cast<std::size_t>(count)))
      bodies.push_back(form.substr(0, at) + made + form.substr(at + 11));
  }
  std::vector<std::string> out;
  for (const auto& body : bodies) {
    out.push_back(fmt::format("{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{}", head,
                              body.size(), body));
  }
  return out;
}

// Asks for health on a connection of its own each time, as an orchestrator does.
struct Health {
  std::atomic<bool> stop{false};
  unsigned asked = 0, good = 0;
  double slowest = 0;

  void watch(std::uint16_t port) {
    while (!stop) {
      for (const char* path : {"/healthz", "/readyz"}) ask(port, path);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  void ask(std::uint16_t port, const char* path) {
    const auto began = Clock::now();
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval patience{2, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char answer[12] = {};
    const auto request = fmt::format("GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    const bool fine = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                      ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
                      ::recv(socket, answer, sizeof answer, MSG_WAITALL) == sizeof answer &&
                      std::string_view(answer, sizeof answer) == "HTTP/1.1 200";
    ::close(socket);
    ++asked;
    if (fine) ++good;
    slowest = std::max(slowest, Seconds(Clock::now() - began).count());
  }
};

struct Connection {
  int fd = -1;
  bool connected = false;
  std::string_view out;
  std::string in;
  Clock::time_point due, sent;
};

struct Latencies {
  std::vector<float> seconds;
  [[nodiscard]] double at(double part) {
    if (seconds.empty()) return 0;
    std::ranges::sort(seconds);
    return 1e3 * static_cast<double>(seconds[std::min(
                     seconds.size() - 1, static_cast<std::size_t>(part * static_cast<double>(seconds.size())))]);
  }
  void add(Clock::duration took) { seconds.push_back(static_cast<float>(Seconds(took).count())); }
};

struct Kind {
  Latencies due, sent;
};

class OpenLoop {
 public:
  explicit OpenLoop(Options options)
      : options_(std::move(options)), requests_(make_requests(options_)), epoll_(::epoll_create1(0)) {}

  void run() {
    Health health;
    std::thread watcher;
    if (options_.health != 0) watcher = std::thread([&] { health.watch(options_.health); });
    const auto begin = Clock::now();
    measure_from_ = begin + std::chrono::duration_cast<Clock::duration>(Seconds(options_.warmup));
    end_ = measure_from_ + std::chrono::duration_cast<Clock::duration>(Seconds(options_.duration));
    std::mt19937_64 random(std::random_device{}());
    std::exponential_distribution<double> gap(options_.rate);
    auto due = begin;
    std::array<epoll_event, 512> events{};
    while (true) {
      const auto now = Clock::now();
      if (now >= end_) break;
      while (due <= now) {
        arrived(due, now);
        due += std::chrono::duration_cast<Clock::duration>(Seconds(gap(random)));
      }
      const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(due - now).count();
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                     static_cast<int>(std::clamp<std::int64_t>(pause, 0, 10)));
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        ready(*static_cast<Connection*>(event.data.ptr), event.events);
      }
    }
    health.stop = true;
    if (watcher.joinable()) watcher.join();
    report(health);
  }

 private:
  void arrived(Clock::time_point due, Clock::time_point now) {
    if (due >= measure_from_) {
      ++offered_;
      lag_ = std::max(lag_, Seconds(now - due).count());
    }
    if (!idle_.empty()) {
      Connection& c = *idle_.back();
      idle_.pop_back();
      begin(c, due);
    } else if (connections_.size() < options_.conns) {
      connections_.push_back(std::make_unique<Connection>());
      connections_.back()->due = due;
      open(*connections_.back());
    } else {
      if (due >= measure_from_) ++held_;
      waiting_.push_back(due);
      most_waiting_ = std::max(most_waiting_, waiting_.size());
    }
  }

  void open(Connection& c) {
    c.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c.fd < 0) die("no more descriptors");
    const int one = 1;
    ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in from{}, to{};
    from.sin_family = to.sin_family = AF_INET;
    ::inet_pton(AF_INET, options_.source.c_str(), &from.sin_addr);
    if (::bind(c.fd, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) die("can't bind " + options_.source);
    to.sin_port = htons(options_.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) die("can't connect");
    c.connected = false;
    c.sent = Clock::now();
    c.in.clear();
    c.out = next_request();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP;
    event.data.ptr = &c;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
  }

  std::string_view next_request() { return requests_[next_++ % requests_.size()]; }

  void begin(Connection& c, Clock::time_point due) {
    c.due = due;
    c.sent = Clock::now();
    c.out = next_request();
    flush(c);
  }

  void flush(Connection& c) {
    while (!c.out.empty()) {
      const auto count = ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      c.out.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  void ready(Connection& c, std::uint32_t what) {
    if (!c.connected && (what & EPOLLOUT) != 0) c.connected = true;
    if (c.connected) flush(c);
    if ((what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
    char bytes[16384];
    while (true) {
      const auto count = ::recv(c.fd, bytes, sizeof bytes, 0);
      if (count > 0) {
        c.in.append(bytes, static_cast<std::size_t>(count));
        if (take(c)) return;
        continue;
      }
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      return lost(c);
    }
  }

  // True when an answer was whole: the connection may be somebody else's then.
  bool take(Connection& c) {
    const auto head = c.in.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::string_view text(c.in.data(), head + 2);
    const auto at = text.find("\r\nContent-Length: ");
    const std::size_t size = at == std::string_view::npos ? 0 : std::strtoul(text.data() + at + 18, nullptr, 10);
    if (c.in.size() < head + 4 + size) return false;
    const int status = std::atoi(text.data() + 9);
    const bool told = text.find("\r\nRetry-After: ") != std::string_view::npos;
    const bool closes = text.find("\r\nConnection: close") != std::string_view::npos;
    count(c, status, told);
    c.in.clear();
    if (closes) {
      again(c);
    } else {
      free(c);
    }
    return true;
  }

  void count(const Connection& c, int status, bool told) {
    const auto now = Clock::now();
    if (now < measure_from_) return;
    const bool refused = (status == 503 || status == 429) && told;
    if (!refused && (status < 200 || status >= 400)) {
      ++failed_;
      return;
    }
    Kind& kind = refused ? refused_ : good_;
    kind.due.add(now - c.due);
    kind.sent.add(now - c.sent);
  }

  void free(Connection& c) {
    if (waiting_.empty()) {
      idle_.push_back(&c);
    } else {
      const auto due = waiting_.front();
      waiting_.pop_front();
      begin(c, due);
    }
  }

  // The server closed the connection in good order: the next arrival that needs it opens it anew.
  void again(Connection& c) {
    ::close(c.fd);
    if (waiting_.empty()) {
      std::erase_if(connections_, [&c](const auto& each) { return each.get() == &c; });
      return;
    }
    c.due = waiting_.front();
    waiting_.pop_front();
    open(c);
  }

  void lost(Connection& c) {
    if (std::ranges::find(idle_, &c) != idle_.end()) {
      std::erase(idle_, &c);
    } else if (Clock::now() >= measure_from_) {
      ++failed_;
    }
    again(c);
  }

  void report(const Health& health) {
    std::size_t unanswered = 0;
    for (const auto& c : connections_) {
      const bool busy = std::ranges::find(idle_, c.get()) == idle_.end();
      if (busy && c->sent >= measure_from_ && Clock::now() - c->sent > std::chrono::milliseconds(500)) ++unanswered;
    }
    const double goodput = static_cast<double>(good_.due.seconds.size()) / options_.duration;
    const double refused = static_cast<double>(refused_.due.seconds.size()) / options_.duration;
    fmt::print(
        "{{\"rate\":{},\"offered\":{},\"held\":{},\"goodput\":{:.1f},\"refused_per_s\":{:.1f},\"failed\":{},"
        "\"unanswered\":{},"
        "\"good_p50_ms\":{:.2f},\"good_p99_ms\":{:.2f},\"good_sent_p50_ms\":{:.2f},\"good_sent_p99_ms\":{:.2f},"
        "\"refused_p50_ms\":{:.2f},\"refused_p99_ms\":{:.2f},\"refused_sent_p50_ms\":{:.2f},\"refused_sent_p99_ms\":{:."
        "2f},"
        "\"connections\":{},\"waiting_max\":{},\"lag_max_ms\":{:.2f},"
        "\"health_asked\":{},\"health_good\":{},\"health_max_ms\":{:.2f}}}\n",
        options_.rate, offered_, held_, goodput, refused, failed_, unanswered, good_.due.at(0.5), good_.due.at(0.99),
        good_.sent.at(0.5), good_.sent.at(0.99), refused_.due.at(0.5), refused_.due.at(0.99), refused_.sent.at(0.5),
        refused_.sent.at(0.99), connections_.size(), most_waiting_, lag_ * 1e3, health.asked, health.good,
        health.slowest * 1e3);
  }

  Options options_;
  std::vector<std::string> requests_;
  int epoll_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  std::deque<Clock::time_point> waiting_;
  Clock::time_point measure_from_, end_;
  Kind good_, refused_;
  std::size_t offered_ = 0, held_ = 0, failed_ = 0, most_waiting_ = 0;
  double lag_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  OpenLoop(parse(argc, argv)).run();
  return 0;
}
