#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <mutex>

#include "base/limits.h"
#include "base/log.h"
#include "codec/ip.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "net/runtime.h"
#include "net/tls_state.h"

namespace mitral::net {

std::string tls_error_text() {
  const auto code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

namespace {

// One certificate of the chain failed. RFC 8705 §2.2 wants self-signed certificates let through, so the handshake goes
// on and the connection remembers that nobody vouches for this certificate.
int let_pass(int ok, X509_STORE_CTX* store) {
  if (ok == 0) {
    auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    SSL_set_app_data(ssl, const_cast<char*>("unverified"));  // NOLINT: a mark, never read through
  }
  return 1;
}

// RFC 7301: "http/1.1" or, when the client insists on something else, a refusal (no cross-protocol guessing).
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                void*) {
  static constexpr std::array<unsigned char, 9> kOffer = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOffer.data(), kOffer.size(), in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::unexpected<Error> config_failure(std::string what) {
  return fail(ErrorCode::config_invalid, {}, std::move(what) + ": " + tls_error_text());
}

struct Stamp {
  timespec modified{};
  off_t size = -1;
  ino_t inode = 0;
  friend bool operator==(const Stamp& a, const Stamp& b) noexcept {
    return a.modified.tv_sec == b.modified.tv_sec && a.modified.tv_nsec == b.modified.tv_nsec && a.size == b.size &&
           a.inode == b.inode;
  }
};

Stamp stamp_of(const std::string& file) noexcept {
  struct stat info{};
  if (file.empty() || ::stat(file.c_str(), &info) != 0) return {};
  return {info.st_mtim, info.st_size, info.st_ino};
}

void warn_if_open_to_others(const std::string& key_file) {
  struct stat info{};
  if (::stat(key_file.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO) & ~S_IRGRP) != 0) {
    log::warn("tls.key_file.permissions", {{"file", key_file}, {"advice", "chmod 0600"}});
  }
}

}  // namespace

Result<SslCtxPtr> make_base_context(const SSL_METHOD* method) {
  ERR_clear_error();
  SslCtxPtr context(SSL_CTX_new(method));
  if (!context) return fail(ErrorCode::internal, {}, "TLS context: " + tls_error_text());
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_early_data(raw, 0);
  SSL_CTX_set_recv_max_early_data(raw, 0);
  SSL_CTX_set_security_level(raw, 2);
  const bool good = SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1 &&
                    SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
                    SSL_CTX_set_ciphersuites(
                        raw, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
                    SSL_CTX_set1_groups_list(raw, "X25519:P-256:P-384") == 1;
  if (!good) return fail(ErrorCode::internal, {}, "TLS policy: " + tls_error_text());
  return context;
}

Result<> use_certificate(SSL_CTX* context, const std::string& certificate_file, const std::string& key_file) {
  ERR_clear_error();
  // Never ask a terminal for a passphrase: an encrypted key is an error.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
    return config_failure(certificate_file);
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) return config_failure(key_file);
  if (SSL_CTX_check_private_key(context) != 1)
    return config_failure(key_file + " does not belong to " + certificate_file);
  warn_if_open_to_others(key_file);
  return {};
}

// ---- server

namespace {

Result<> ask_for_client_certificates(SSL_CTX* context, const TlsOptions& options) {
  if (options.client_certificates == ClientCertificates::none) return {};
  const bool require = options.client_certificates == ClientCertificates::require;
  if (options.client_ca_file.empty() && require) {
    return fail(ErrorCode::config_invalid, {}, "client certificates are required but client_ca_file is not set");
  }
  if (!options.client_ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context, options.client_ca_file.c_str()) != 1)
      return config_failure(options.client_ca_file);
    // The list of names in the request for a certificate: without it some clients send none.
    if (require) SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.client_ca_file.c_str()));
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     require ? nullptr : let_pass);
  // A resumed session would carry the certificate of an earlier handshake.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  return {};
}

// What a session is good for: this certificate, this kind of listener. After a change of either (RFC 8446 §4.6.1 leaves
// it to the server) nothing old is resumed.
Hash256 session_scope(SSL_CTX* context, const TlsOptions& options) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(SSL_CTX_get0_certificate(context), &der);
  crypto::Sha256 hash;
  hash.update("mitral TLS sessions 1\n").update(options.ticket_scope).update("\n");
  if (size > 0) hash.update({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});  // NOLINT
  OPENSSL_free(der);
  return hash.finish();
}

// Stateless tickets only, so that a node that never saw the session resumes it and memory does not grow by it. OpenSSL
// takes no PSK without a fresh key exchange (psk_dhe_ke) unless told to.
Result<> give_tickets(TlsContext::State& state, const TlsOptions& options) {
  SSL_CTX* const context = state.context.get();
  const auto scope = session_scope(context, options);
  SSL_CTX_set_session_id_context(context, scope.data(), scope.size());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (options.client_certificates != ClientCertificates::none) return {};
  SSL_CTX_set_timeout(context, std::chrono::duration_cast<std::chrono::seconds>(limits::kTlsSessionLifetime).count());
  const Clock& clock = options.clock != nullptr ? *options.clock : Runtime::system_clock();
  state.tickets = std::make_unique<TicketKeys>(options.ticket_secret, to_string(ByteSpan(scope)), clock);
  if (!state.tickets->use_in(context)) return fail(ErrorCode::internal, {}, "TLS tickets: " + tls_error_text());
  return {};
}

Secret random_ticket_secret() {
  std::array<std::uint8_t, 32> bytes{};
  crypto::system_random().fill(bytes);
  return Secret(to_string(ByteSpan(bytes)));
}

Result<std::shared_ptr<TlsContext::State>> make_state(const TlsOptions& options) {
  MITRAL_TRY(auto context, make_base_context(TLS_server_method()));
  MITRAL_CHECK(use_certificate(context.get(), options.certificate_file, options.key_file));
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
  MITRAL_CHECK(ask_for_client_certificates(context.get(), options));
  auto state = std::make_shared<TlsContext::State>();
  state->context = std::move(context);
  MITRAL_CHECK(give_tickets(*state, options));
  state->client_certificates = options.client_certificates;
  state->has_client_ca = !options.client_ca_file.empty();
  return state;
}

}  // namespace

struct TlsContext::Impl {
  TlsOptions options;
  mutable std::mutex mutex;  // taken once per connection
  std::shared_ptr<State> state;
  std::array<Stamp, 3> stamps;

  [[nodiscard]] std::array<Stamp, 3> look() const noexcept {
    return {stamp_of(options.certificate_file), stamp_of(options.key_file), stamp_of(options.client_ca_file)};
  }
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::create(TlsOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  if (impl->options.ticket_secret.empty()) impl->options.ticket_secret = random_ticket_secret();
  std::shared_ptr<TlsContext> context(new TlsContext(std::move(impl)));
  MITRAL_CHECK(context->reload());
  return context;
}

Result<> TlsContext::reload() {
  const auto stamps = impl_->look();  // before reading: a change in between is seen at the next look
  auto fresh = make_state(impl_->options);
  const std::lock_guard lock(impl_->mutex);
  impl_->stamps = stamps;
  if (!fresh) return std::unexpected(std::move(fresh).error());
  impl_->state = std::move(*fresh);
  return {};
}

Result<bool> TlsContext::reload_if_changed() {
  const auto stamps = impl_->look();
  {
    const std::lock_guard lock(impl_->mutex);
    if (stamps == impl_->stamps) return false;
  }
  MITRAL_CHECK(reload());
  return true;
}

std::shared_ptr<TlsContext::State> TlsContext::state() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->state;
}

SslPtr TlsContext::State::accept(int socket) const {
  SslPtr ssl(SSL_new(context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::optional<codec::PeerCertificate> TlsContext::State::peer_certificate(SSL* ssl) const {
  if (client_certificates == ClientCertificates::none) return std::nullopt;
  const X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return std::nullopt;
  codec::PeerCertificate out;
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return std::nullopt;
  out.der.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));  // NOLINT
  OPENSSL_free(der);
  out.chain_verified = has_client_ca && SSL_get_app_data(ssl) == nullptr && SSL_get_verify_result(ssl) == X509_V_OK;
  return out;
}

// ---- client

Result<SslCtxPtr> make_client_context(const std::string& extra_ca_file, const std::string& certificate_file,
                                      const std::string& key_file) {
  MITRAL_TRY(auto context, make_base_context(TLS_client_method()));
  if (SSL_CTX_set_default_verify_paths(context.get()) != 1) return config_failure("system CA certificates");
  if (!extra_ca_file.empty() && SSL_CTX_load_verify_file(context.get(), extra_ca_file.c_str()) != 1) {
    return config_failure(extra_ca_file);
  }
  if (!certificate_file.empty()) MITRAL_CHECK(use_certificate(context.get(), certificate_file, key_file));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  static constexpr std::array<unsigned char, 9> kOffer = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  if (SSL_CTX_set_alpn_protos(context.get(), kOffer.data(), kOffer.size()) != 0) return config_failure("ALPN");
  return context;
}

SslPtr connect_ssl(SSL_CTX* context, int socket, const std::string& host) {
  ERR_clear_error();
  SslPtr ssl(SSL_new(context));
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
  SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  bool good = false;
  if (codec::parse_ip(host)) {
    good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) == 1;
  } else {
    good = SSL_set1_host(ssl.get(), host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
  }
  if (!good) return nullptr;
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace mitral::net
