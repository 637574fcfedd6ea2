// TLS of the server (threat W-22), seen by an OpenSSL client of our own that is as lenient as it can be.
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <fstream>

#include "net/dev_ca.h"
#include "net_test.h"

namespace mitral::net {
namespace {

using namespace test;

Instant now() { return SystemClock().now(); }

struct TlsClient {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  std::unique_ptr<Raw> raw;
  TlsClient() {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  }
  ~TlsClient() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connect(std::uint16_t port) {
    ERR_clear_error();
    raw = std::make_unique<Raw>(port);
    ssl = SSL_new(context);
    SSL_set_fd(ssl, raw->fd());
    return SSL_connect(ssl) == 1;
  }
  /// One request; everything until the server closes.
  std::string ask(std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") const {
    if (SSL_write(ssl, request.data(), static_cast<int>(request.size())) <= 0) return {};
    std::string out;
    char bytes[4096];
    for (int count = 0; (count = SSL_read(ssl, bytes, sizeof bytes)) > 0;)
      out.append(bytes, static_cast<std::size_t>(count));
    return out;
  }
  [[nodiscard]] std::string server_certificate() const {
    X509* const certificate = SSL_get1_peer_certificate(ssl);
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));  // NOLINT
    OPENSSL_free(der);
    X509_free(certificate);
    return out;
  }
};

struct TlsServer {
  TemporaryFolder folder;
  DevCertificates files;
  std::shared_ptr<TlsContext> context;
  std::unique_ptr<Served> served;

  explicit TlsServer(ClientCertificates mode = ClientCertificates::none, const std::string& client_ca = {},
                     Handler handler = echo) {
    files = *make_dev_certificates(folder.path(), now());
    context = *TlsContext::create({files.certificate_file, files.key_file, mode, client_ca});
    served = std::make_unique<Served>(std::move(handler), ServerOptions{}, context);
  }
  [[nodiscard]] std::uint16_t port() const { return served->port(); }
};

TEST(Tls, ServesBothVersions) {
  TlsServer server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client;
    SSL_CTX_set_min_proto_version(client.context, version);
    SSL_CTX_set_max_proto_version(client.context, version);
    ASSERT_TRUE(client.connect(server.port()));
    EXPECT_TRUE(client.ask().ends_with("GET / "));
    EXPECT_EQ(SSL_version(client.ssl), version);
  }
}

TEST(Tls, LargeBodiesBothWays) {
  TlsServer server;
  TlsClient client;
  ASSERT_TRUE(client.connect(server.port()));
  const std::string body(60'000, 'b');
  EXPECT_TRUE(client.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n" + body)
                  .ends_with("POST / " + body));
}

TEST(Tls, W22_OldVersionsAreRefused) {
  TlsServer server;
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    TlsClient client;
    SSL_CTX_set_cipher_list(client.context, "ALL:@SECLEVEL=0");
    SSL_CTX_set_max_proto_version(client.context, version);
    EXPECT_FALSE(client.connect(server.port()));
  }
  EXPECT_TRUE(eventually([&] { return server.served->counters().tls_failed == 2; }));
}

TEST(Tls, W22_OnlyAeadWithForwardSecrecy) {
  TlsServer server;
  for (const auto* ciphers :
       {"AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256", "aNULL", "NULL"}) {
    TlsClient client;
    SSL_CTX_set_max_proto_version(client.context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(client.context, (std::string(ciphers) + ":@SECLEVEL=0").c_str());
    EXPECT_FALSE(client.connect(server.port())) << ciphers;
  }
}

TEST(Tls, W22_NoRenegotiationNoCompressionNoEarlyData) {
  TlsServer server;
  TlsClient old;
  SSL_CTX_set_max_proto_version(old.context, TLS1_2_VERSION);
  SSL_CTX_clear_options(old.context, SSL_OP_NO_COMPRESSION);
  ASSERT_TRUE(old.connect(server.port()));
  EXPECT_EQ(SSL_get_current_compression(old.ssl), nullptr);
  SSL_renegotiate(old.ssl);
  EXPECT_NE(SSL_do_handshake(old.ssl), 1);
  TlsClient client;
  ASSERT_TRUE(client.connect(server.port()));
  EXPECT_TRUE(client.ask().ends_with("GET / "));
  EXPECT_EQ(SSL_SESSION_get_max_early_data(SSL_get_session(client.ssl)), 0U);
}

TEST(Tls, Rfc7301_OnlyHttp11) {
  TlsServer server;
  TlsClient h2;
  const unsigned char only_h2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(h2.context, only_h2, sizeof only_h2);
  EXPECT_FALSE(h2.connect(server.port()));
  TlsClient both;
  const unsigned char offer[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(both.context, offer, sizeof offer);
  ASSERT_TRUE(both.connect(server.port()));
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(both.ssl, &chosen, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), size), "http/1.1");  // NOLINT
}

TEST(Tls, PlainTextToATlsPortIsClosed) {
  TlsServer server;
  Raw client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.to_end().find("HTTP/1.1 200"), std::string::npos);
}

TEST(Tls, ReloadSwapsForNewConnections) {
  TlsServer server;
  TlsClient before;
  ASSERT_TRUE(before.connect(server.port()));
  EXPECT_EQ(server.context->reload_if_changed(), false);
  ASSERT_TRUE(make_dev_certificates(server.folder.path(), now()));
  EXPECT_EQ(server.context->reload_if_changed(), true);
  EXPECT_EQ(server.context->reload_if_changed(), false);
  TlsClient after;
  ASSERT_TRUE(after.connect(server.port()));
  EXPECT_NE(before.server_certificate(), after.server_certificate());
  EXPECT_TRUE(before.ask().ends_with("GET / "));
}

TEST(Tls, AFailedReloadKeepsTheOldCertificate) {
  TlsServer server;
  std::ofstream(server.files.key_file) << "not a key";
  const auto outcome = server.context->reload_if_changed();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::config_invalid);
  TlsClient client;
  EXPECT_TRUE(client.connect(server.port()));
  TemporaryFolder other;
  const auto foreign = *make_dev_certificates(other.path(), now());
  std::filesystem::copy_file(foreign.key_file, server.files.key_file,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(server.context->reload());  // the key of another certificate
}

TEST(Tls, CreateRefusesWhatDoesNotWork) {
  TemporaryFolder folder;
  const auto files = *make_dev_certificates(folder.path(), now());
  EXPECT_FALSE(TlsContext::create({"/nonexistent.pem", files.key_file, ClientCertificates::none, ""}));
  EXPECT_FALSE(TlsContext::create({files.certificate_file, files.certificate_file, ClientCertificates::none, ""}));
  EXPECT_FALSE(TlsContext::create({files.certificate_file, files.key_file, ClientCertificates::require, ""}));
  EXPECT_FALSE(
      TlsContext::create({files.certificate_file, files.key_file, ClientCertificates::request, "/nonexistent.pem"}));
}

TEST(DevCa, FilesArePrivate) {
  TemporaryFolder folder;
  const auto files = *make_dev_certificates(folder.path(), now());
  for (const auto& file : {files.ca_file, files.certificate_file, files.key_file}) {
    struct stat info{};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << file;
  }
  EXPECT_FALSE(make_dev_certificates("/nonexistent", now()));
  EXPECT_FALSE(make_dev_certificates(folder.path(), now(), {.dns_names = {"a,DNS:b"}}));
}

// ---- client certificates

Task<codec::Response> tell_certificate(codec::Request request) {
  std::string text = "none";
  if (request.peer_certificate) {
    text = fmt::format("{} {}", request.peer_certificate->der.size() > 100, request.peer_certificate->chain_verified);
  }
  co_return codec::Response::with(200, "text/plain", text);
}

void use(TlsClient& client, const DevCertificates& files) {
  ASSERT_EQ(SSL_CTX_use_certificate_chain_file(client.context, files.certificate_file.c_str()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(client.context, files.key_file.c_str(), SSL_FILETYPE_PEM), 1);
}

TEST(Tls, Rfc8705_2_ClientCertificatesOnRequest) {
  TemporaryFolder known_folder;
  TemporaryFolder unknown_folder;
  TemporaryFolder server_kind_folder;
  const DevCaOptions client_kind{.dns_names = {"client.example"}, .ip_addresses = {}, .for_client = true};
  const auto known = *make_dev_certificates(known_folder.path(), now(), client_kind);
  const auto unknown = *make_dev_certificates(unknown_folder.path(), now(), client_kind);
  TlsServer server(ClientCertificates::request, known.ca_file, tell_certificate);
  const auto answer = [&](const DevCertificates* files, int version) {
    TlsClient client;
    SSL_CTX_set_max_proto_version(client.context, version);
    if (files != nullptr) use(client, *files);
    if (!client.connect(server.port())) return std::string("refused");
    const auto text = client.ask();
    return text.substr(text.rfind('\n') + 1);
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(answer(nullptr, version), "none");
    EXPECT_EQ(answer(&known, version), "true true");
    EXPECT_EQ(answer(&unknown, version), "true false");
  }
  // Of the right CA, but not for clients: nobody vouches for that use.
  TlsServer strict(ClientCertificates::request, server.files.ca_file, tell_certificate);
  TlsClient client;
  use(client, server.files);
  ASSERT_TRUE(client.connect(strict.port()));
  EXPECT_TRUE(client.ask().ends_with("true false"));
}

TEST(Tls, Rfc8705_2_ClientCertificatesRequired) {
  TemporaryFolder folder;
  TemporaryFolder unknown_folder;
  const DevCaOptions client_kind{.dns_names = {"client.example"}, .ip_addresses = {}, .for_client = true};
  const auto known = *make_dev_certificates(folder.path(), now(), client_kind);
  const auto unknown = *make_dev_certificates(unknown_folder.path(), now(), client_kind);
  TlsServer server(ClientCertificates::require, known.ca_file, tell_certificate);
  TlsClient good;
  use(good, known);
  ASSERT_TRUE(good.connect(server.port()));
  EXPECT_TRUE(good.ask().ends_with("true true"));
  TlsClient bare;
  (void)bare.connect(server.port());  // TLS 1.3 tells the client only with its first read
  EXPECT_EQ(bare.ask(), "");
  TlsClient stranger;
  use(stranger, unknown);
  (void)stranger.connect(server.port());
  EXPECT_EQ(stranger.ask(), "");
  EXPECT_EQ(server.served->counters().requests, 1U);
}

TEST(Tls, SessionsResumeOnlyWithoutClientCertificates) {
  const auto resumes = [](TlsServer& server) {
    TlsClient first;
    if (!first.connect(server.port())) return false;
    (void)first.ask();
    SSL_SESSION* const session = SSL_get1_session(first.ssl);
    TlsClient second;
    second.raw = std::make_unique<Raw>(server.port());
    second.ssl = SSL_new(second.context);
    SSL_set_fd(second.ssl, second.raw->fd());
    SSL_set_session(second.ssl, session);
    SSL_SESSION_free(session);
    return SSL_connect(second.ssl) == 1 && SSL_session_reused(second.ssl) == 1;
  };
  TlsServer plain;
  EXPECT_TRUE(resumes(plain));
  TlsServer asking(ClientCertificates::request);
  EXPECT_FALSE(resumes(asking));
}

}  // namespace
}  // namespace mitral::net
