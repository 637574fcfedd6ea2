#include "net/dev_ca.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>

#include "net/tls_state.h"

namespace mitral::net {
namespace {

struct Free {
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(X509* p) const noexcept { X509_free(p); }
  void operator()(X509_EXTENSION* p) const noexcept { X509_EXTENSION_free(p); }
  void operator()(BIO* p) const noexcept { BIO_free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

std::unexpected<Error> failure(const char* what) {
  return fail(ErrorCode::internal, {}, std::string("development certificate, ") + what + ": " + tls_error_text());
}

bool set_name(X509_NAME* name, const std::string& common_name) {
  return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>("Mitral development"), -1, -1, 0) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) == 1;
}

bool set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7fU) | 0x40U);  // positive, never zero (RFC 5280 §4.1.2.2)
  ASN1_INTEGER* const serial = X509_get_serialNumber(certificate);
  return ASN1_STRING_set(serial, bytes.data(), static_cast<int>(bytes.size())) == 1;
}

bool set_validity(X509* certificate, Instant now, Duration lifetime) {
  const auto from = static_cast<std::time_t>(to_seconds(now) - 60);
  const auto until = static_cast<std::time_t>(to_seconds(now + lifetime));
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), until) != nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct Issued {
  Certificate certificate;
  Key key;
};

struct Profile {
  std::string common_name;
  bool ca = false;
  bool client = false;
  std::string alternative_names;
};

// Issuer null: signs itself.
Result<Issued> issue(const Profile& profile, const Issued* issuer, Instant now, Duration lifetime) {
  Issued out;
  out.key.reset(EVP_EC_gen("P-256"));
  out.certificate.reset(X509_new());
  if (!out.key || !out.certificate) return failure("key");
  X509* const certificate = out.certificate.get();
  X509* const by = issuer == nullptr ? certificate : issuer->certificate.get();
  bool good = X509_set_version(certificate, X509_VERSION_3) == 1 && set_random_serial(certificate) &&
              set_validity(certificate, now, lifetime) && X509_set_pubkey(certificate, out.key.get()) == 1 &&
              set_name(X509_get_subject_name(certificate), profile.common_name) &&
              X509_set_issuer_name(certificate, X509_get_subject_name(by)) == 1;
  good = good && add_extension(certificate, by, NID_basic_constraints,
                               profile.ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE");
  good = good && add_extension(certificate, by, NID_key_usage,
                               profile.ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  good = good && add_extension(certificate, by, NID_subject_key_identifier, "hash");
  good = good && add_extension(certificate, by, NID_authority_key_identifier, "keyid:always");
  if (!profile.ca) {
    good = good && add_extension(certificate, by, NID_ext_key_usage, profile.client ? "clientAuth" : "serverAuth");
  }
  if (!profile.alternative_names.empty()) {
    good = good && add_extension(certificate, by, NID_subject_alt_name, profile.alternative_names);
  }
  EVP_PKEY* const signer = issuer == nullptr ? out.key.get() : issuer->key.get();
  if (!good || X509_sign(certificate, signer, EVP_sha256()) == 0) return failure("certificate");
  return out;
}

template <class Write>
Result<std::string> pem_of(Write write) {
  const std::unique_ptr<BIO, Free> memory(BIO_new(BIO_s_mem()));
  if (!memory || write(memory.get()) != 1) return failure("PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

// Readers see the old file or the new one, never half of it.
Result<> write_private(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return fail(ErrorCode::config_invalid, {}, beside + ": " + std::strerror(errno));
  std::size_t written = 0;
  while (written < text.size()) {
    const auto count = ::write(file, text.data() + written, text.size() - written);
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  const bool closed = ::close(file) == 0;
  if (written != text.size() || !closed || std::rename(beside.c_str(), path.c_str()) != 0) {
    return fail(ErrorCode::config_invalid, {}, path + ": " + std::strerror(errno));
  }
  return {};
}

// Names go into OpenSSL's little configuration language: letters, digits, '.', '-', '_' and ':' only.
Result<std::string> alternative_names(const DevCaOptions& options) {
  std::string out;
  const auto add = [&](const char* kind, const std::string& name) {
    for (const char c : name) {
      const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                        c == '-' || c == '_' || c == ':';
      if (!good) return false;
    }
    if (!out.empty()) out += ',';
    out += kind;
    out += name;
    return !name.empty();
  };
  for (const auto& name : options.dns_names) {
    if (!add("DNS:", name)) return fail(ErrorCode::config_invalid, {}, "not a name for a certificate");
  }
  for (const auto& address : options.ip_addresses) {
    if (!add("IP:", address)) return fail(ErrorCode::config_invalid, {}, "not an address for a certificate");
  }
  return out;
}

}  // namespace

Result<DevCertificates> make_dev_certificates(const std::string& folder, Instant now, const DevCaOptions& options) {
  ERR_clear_error();
  MITRAL_TRY(const auto names, alternative_names(options));
  MITRAL_TRY(const auto ca,
             issue({.common_name = "Mitral development CA", .ca = true, .client = false, .alternative_names = {}},
                   nullptr, now, options.lifetime));
  const std::string leaf_name = options.dns_names.empty() ? "localhost" : options.dns_names.front();
  MITRAL_TRY(const auto leaf,
             issue({.common_name = leaf_name, .ca = false, .client = options.for_client, .alternative_names = names},
                   &ca, now, options.lifetime));
  MITRAL_TRY(const auto ca_pem, pem_of([&](BIO* out) { return PEM_write_bio_X509(out, ca.certificate.get()); }));
  MITRAL_TRY(const auto leaf_pem, pem_of([&](BIO* out) { return PEM_write_bio_X509(out, leaf.certificate.get()); }));
  MITRAL_TRY(const auto key_pem, pem_of([&](BIO* out) {
               return PEM_write_bio_PKCS8PrivateKey(out, leaf.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
             }));
  const std::string stem = folder + (options.for_client ? "/client" : "/server");
  DevCertificates files{folder + (options.for_client ? "/client-ca.pem" : "/ca.pem"), stem + ".pem", stem + ".key"};
  MITRAL_CHECK(write_private(files.key_file, key_pem));
  MITRAL_CHECK(write_private(files.certificate_file, leaf_pem));
  MITRAL_CHECK(write_private(files.ca_file, ca_pem));
  return files;
}

}  // namespace mitral::net
