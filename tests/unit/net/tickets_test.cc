// TLS session tickets (RFC 8446 §4.6.1, RFC 5077): who resumes where, and who does not.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/dev_ca.h"
#include "net/ticket_keys.h"
#include "net/tls.h"
#include "net_test.h"

namespace mitral::net {
namespace {

using namespace test;

Secret secret(char fill) { return Secret(std::string(32, fill)); }

/// One node of an installation.
struct Node {
  std::shared_ptr<TlsContext> context;
  std::unique_ptr<Served> served;
  Node(const DevCertificates& files, Secret shared, const Clock& clock, std::string scope = "server") {
    TlsOptions options;
    options.certificate_file = files.certificate_file;
    options.key_file = files.key_file;
    options.ticket_secret = std::move(shared);
    options.ticket_scope = std::move(scope);
    options.clock = &clock;
    context = *TlsContext::create(std::move(options));
    served = std::make_unique<Served>(echo, ServerOptions{}, context);
  }
};

struct SessionFree {
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using Session = std::unique_ptr<SSL_SESSION, SessionFree>;

struct Client {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  std::unique_ptr<Raw> raw;
  explicit Client(int version = TLS1_3_VERSION) {
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
  }
  ~Client() {
    // A connection that just ends would take its session along.
    if (ssl != nullptr) SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void prepare(const Node& node, SSL_SESSION* session) {
    ERR_clear_error();
    raw = std::make_unique<Raw>(node.served->port());
    ssl = SSL_new(context);
    SSL_set_fd(ssl, raw->fd());
    if (session != nullptr) SSL_set_session(ssl, session);
  }
  bool connect(const Node& node, SSL_SESSION* session = nullptr) {
    prepare(node, session);
    return SSL_connect(ssl) == 1;
  }
  std::string ask() {
    constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    if (SSL_write(ssl, kRequest.data(), static_cast<int>(kRequest.size())) <= 0) return {};
    std::string out;
    char bytes[4096];
    for (int count = 0; (count = SSL_read(ssl, bytes, sizeof bytes)) > 0;)
      out.append(bytes, static_cast<std::size_t>(count));
    return out;
  }
};

/// A session that the node gave.
Session session_of(const Node& node, int version = TLS1_3_VERSION) {
  Client client(version);
  if (!client.connect(node) || !client.ask().ends_with("GET / ")) return nullptr;
  return Session(SSL_get1_session(client.ssl));
}

bool resumes(const Node& node, const Session& session, int version = TLS1_3_VERSION) {
  Client client(version);
  EXPECT_TRUE(client.connect(node, session.get()));
  EXPECT_TRUE(client.ask().ends_with("GET / "));  // resumed or not, it is served
  return SSL_session_reused(client.ssl) == 1;
}

struct Tickets : ::testing::Test {
  TemporaryFolder folder;
  ManualClock clock{SystemClock().now()};
  DevCertificates files = *make_dev_certificates(folder.path(), clock.now());
  Node a{files, secret('s'), clock};
};

TEST_F(Tickets, OfOneNodeAreResumedByAnother) {
  const Node b{files, secret('s'), clock};
  const auto session = session_of(a);
  ASSERT_TRUE(session);
  EXPECT_TRUE(resumes(b, session));
  EXPECT_EQ(b.served->counters().tls_resumed, 1U);
  EXPECT_EQ(b.served->counters().tls_full, 0U);
}

TEST_F(Tickets, AResumptionGivesTheNextTicket) {
  const Node b{files, secret('s'), clock};
  auto session = session_of(a);
  for (int i = 0; i < 6; ++i) {
    Client client;
    ASSERT_TRUE(client.connect(i % 2 == 0 ? b : a, session.get()));
    EXPECT_EQ(SSL_session_reused(client.ssl), 1) << i;
    EXPECT_TRUE(client.ask().ends_with("GET / "));
    auto next = Session(SSL_get1_session(client.ssl));
    EXPECT_NE(next.get(), session.get()) << i;
    session = std::move(next);
  }
}

TEST_F(Tickets, W22_AnotherMasterKeyOpensNothing) {
  const Node stranger{files, secret('t'), clock};
  EXPECT_FALSE(resumes(stranger, session_of(a)));
  EXPECT_EQ(stranger.served->counters().tls_full, 1U);
}

TEST_F(Tickets, W22_AnotherListenerOpensNothing) {
  const Node gateway{files, secret('s'), clock, "gateway"};
  EXPECT_FALSE(resumes(gateway, session_of(a)));
}

TEST_F(Tickets, W22_ARotatedCertificateOpensNothing) {
  const auto session = session_of(a);
  ASSERT_TRUE(resumes(a, session));
  ASSERT_TRUE(make_dev_certificates(folder.path(), clock.now()));
  ASSERT_EQ(a.context->reload_if_changed(), true);
  EXPECT_FALSE(resumes(a, session));
}

TEST_F(Tickets, AReloadOfTheSameCertificateChangesNothing) {
  const auto session = session_of(a);
  ASSERT_TRUE(a.context->reload());
  EXPECT_TRUE(resumes(a, session));
}

TEST_F(Tickets, KeysOfTheHourBeforeAndAfterAreAccepted) {
  ManualClock fast(clock.now() + std::chrono::hours(1));
  ManualClock slow(clock.now() - std::chrono::hours(1));
  const Node b{files, secret('s'), fast};
  const Node c{files, secret('s'), slow};
  const auto session = session_of(a);
  EXPECT_TRUE(resumes(b, session));
  EXPECT_TRUE(resumes(c, session));
}

TEST_F(Tickets, W22_KeysTwoHoursOldAreNot) {
  ManualClock later(clock.now() + std::chrono::hours(2));
  ManualClock earlier(clock.now() - std::chrono::hours(2));
  const Node b{files, secret('s'), later};
  const Node c{files, secret('s'), earlier};
  const auto session = session_of(a);
  EXPECT_FALSE(resumes(b, session));
  EXPECT_FALSE(resumes(c, session));
}

// RFC 8446 Appendix B.4 and §4.2.9: without a fresh key exchange the ticket would be the only secret.
TEST_F(Tickets, W22_AResumptionExchangesKeysAnew) {
  const auto session = session_of(a);
  Client client;
  ASSERT_TRUE(client.connect(a, session.get()));
  EXPECT_EQ(SSL_session_reused(client.ssl), 1);
  EXPECT_NE(SSL_get_negotiated_group(client.ssl), NID_undef);
  Client lazy;
  SSL_CTX_set_options(lazy.context, SSL_OP_ALLOW_NO_DHE_KEX);
  ASSERT_TRUE(lazy.connect(a, session.get()));
  EXPECT_NE(SSL_get_negotiated_group(lazy.ssl), NID_undef);
}

// A replayed first flight must not be a request: RFC 8446 §8.
TEST_F(Tickets, W22_EarlyDataIsRefused) {
  const auto session = session_of(a);
  ASSERT_TRUE(session);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(session.get()), 0U);
  SSL_SESSION_set_max_early_data(session.get(), 16'384);  // a client that does not care what it was told
  Client client;
  client.prepare(a, session.get());
  constexpr std::string_view kEarly = "GET /early HTTP/1.1\r\nHost: a\r\n\r\n";
  std::size_t written = 0;
  (void)SSL_write_early_data(client.ssl, kEarly.data(), kEarly.size(), &written);
  const bool connected = SSL_connect(client.ssl) == 1;
  EXPECT_NE(SSL_get_early_data_status(client.ssl), SSL_EARLY_DATA_ACCEPTED);
  const auto answer = connected ? client.ask() : std::string();  // the server may end it altogether
  EXPECT_EQ(answer.find("/early"), std::string::npos);
  EXPECT_EQ(a.served->counters().requests, answer.empty() ? 1U : 2U);
}

// Its tickets would hold the secret of the connection itself: no forward secrecy against the shared key.
TEST_F(Tickets, W22_Tls12GetsNone) {
  const auto session = session_of(a, TLS1_2_VERSION);
  ASSERT_TRUE(session);
  EXPECT_EQ(SSL_SESSION_has_ticket(session.get()), 0);
  EXPECT_FALSE(resumes(a, session, TLS1_2_VERSION));
}

TEST_F(Tickets, LiveNoLongerThanTheirKeys) {
  const auto session = session_of(a);
  ASSERT_TRUE(session);
  EXPECT_LE(SSL_SESSION_get_ticket_lifetime_hint(session.get()), 3600U);
}

TEST(TicketKey, DependsOnEverything) {
  const auto key = derive_ticket_key(secret('s'), "scope", 7);
  const auto same = derive_ticket_key(secret('s'), "scope", 7);
  EXPECT_EQ(key.name, same.name);
  EXPECT_EQ(key.cipher, same.cipher);
  EXPECT_EQ(key.mac, same.mac);
  EXPECT_NE(key.cipher, key.mac);
  for (const auto& other : {derive_ticket_key(secret('t'), "scope", 7), derive_ticket_key(secret('s'), "scopf", 7),
                            derive_ticket_key(secret('s'), "scope", 8)}) {
    EXPECT_NE(key.name, other.name);
    EXPECT_NE(key.cipher, other.cipher);
    EXPECT_NE(key.mac, other.mac);
  }
}

}  // namespace
}  // namespace mitral::net
