// MessageSocket against real sockets: a collector by TLS that is who it says, one that is not, and a dead one.
#include "net/message_socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "net/dev_ca.h"

namespace mitral::net {
namespace {

using namespace std::chrono_literals;

class Collector : public testing::Test {
 protected:
  Collector() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mitral-syslog-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    files_ = *make_dev_certificates(folder_, SystemClock().now());
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);  // NOLINT
    EXPECT_EQ(::listen(socket_, 4), 0);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);  // NOLINT
    port_ = ntohs(address.sin_port);
  }
  ~Collector() override {
    if (thread_.joinable()) thread_.join();
    ::close(socket_);
    std::filesystem::remove_all(folder_);
  }
  /// Takes one connection and reads it to its end.
  void serve(bool hang = false) {
    thread_ = std::thread([this, hang] {
      const int peer = ::accept(socket_, nullptr, nullptr);
      if (hang) {
        char byte = 0;
        while (::recv(peer, &byte, 1, 0) > 0) {
        }
        ::close(peer);
        return;
      }
      SSL_CTX* context = SSL_CTX_new(TLS_server_method());
      SSL_CTX_use_certificate_chain_file(context, files_.certificate_file.c_str());
      SSL_CTX_use_PrivateKey_file(context, files_.key_file.c_str(), SSL_FILETYPE_PEM);
      SSL* ssl = SSL_new(context);
      SSL_set_fd(ssl, peer);
      if (SSL_accept(ssl) == 1) {
        std::string buffer(4096, '\0');
        if (late_.count() > 0) {  // then TLS has something to say while the sender waits for room
          std::this_thread::sleep_for(late_);
          EXPECT_EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
          EXPECT_EQ(SSL_do_handshake(ssl), 1);
        }
        for (int got = 0; (got = SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()))) > 0;)
          received_ += buffer.substr(0, static_cast<std::size_t>(got));
      }
      SSL_free(ssl);
      SSL_CTX_free(context);
      ::close(peer);
    });
  }
  [[nodiscard]] MessageSocket::Options options(const std::string& host) const {
    return {.target = {.kind = MessageTarget::Kind::tls, .path = {}, .host = host, .port = port_},
            .ca_file = files_.ca_file,
            .certificate_file = {},
            .key_file = {},
            .timeout = 5s};
  }

  std::string folder_;
  DevCertificates files_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::string received_;
  std::chrono::milliseconds late_{0};  ///< how long the collector waits before it reads
};

TEST_F(Collector, Rfc5425_MessagesArriveByTls) {
  serve();
  {
    auto socket = MessageSocket::connect(options("127.0.0.1"));
    ASSERT_TRUE(socket) << socket.error().detail;
    EXPECT_TRUE(socket->stream());
    EXPECT_TRUE(socket->send("3 one"));
    EXPECT_TRUE(socket->send("3 two"));
    EXPECT_TRUE(socket->send("300000 " + std::string(300'000, 'x')));
  }
  thread_.join();
  EXPECT_EQ(received_.size(), 5U + 5U + 300'007U);
  EXPECT_TRUE(received_.starts_with("3 one3 two300000 xxx"));
}

// The sender goes with much still on its way, and with a message of TLS that it never read.
TEST_F(Collector, Rfc5425_ALateReaderLosesNothing) {
  late_ = std::chrono::milliseconds(100);
  serve();
  {
    auto socket = MessageSocket::connect(options("127.0.0.1"));
    ASSERT_TRUE(socket) << socket.error().detail;
    EXPECT_TRUE(socket->send("12000000 " + std::string(12'000'000, 'x')));
  }
  thread_.join();
  EXPECT_EQ(received_.size(), 12'000'009U);
}

TEST_F(Collector, W22_ACollectorThatNobodyVouchesForGetsNothing) {
  serve();
  auto how = options("127.0.0.1");
  how.ca_file.clear();
  const auto socket = MessageSocket::connect(how);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::unavailable);
  thread_.join();
  EXPECT_TRUE(received_.empty());
}

TEST_F(Collector, W22_ACollectorOfAnotherNameGetsNothing) {
  serve();
  const auto socket = MessageSocket::connect(options("127.0.0.2"));  // the same machine by an address it has not proven
  ASSERT_FALSE(socket);
  ::shutdown(socket_, SHUT_RDWR);
  thread_.join();
  EXPECT_TRUE(received_.empty());
}

TEST_F(Collector, OneThatSaysNothingIsGivenUp) {
  serve(true);
  auto how = options("127.0.0.1");
  how.timeout = 200ms;
  const auto began = std::chrono::steady_clock::now();
  const auto socket = MessageSocket::connect(how);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
}

TEST_F(Collector, ADeadOneIsUnavailable) {
  auto how = options("127.0.0.1");
  how.target.port = 1;
  const auto socket = MessageSocket::connect(how);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace mitral::net
