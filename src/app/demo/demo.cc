#include "app/demo/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "app/admin_endpoint.h"
#include "app/as_node.h"
#include "app/demo/ehr_page.h"
#include "app/demo/sample_app.h"
#include "app/demo/seed.h"
#include "app/gateway_node.h"
#include "app/installation.h"
#include "app/process.h"
#include "base/limits.h"
#include "codec/base64url.h"
#include "crypto/random.h"
#include "net/dev_ca.h"
#include "sandbox/sample_data.h"
#include "sandbox/sandbox.h"

namespace mitral::app {
namespace {

namespace fs = std::filesystem;

// A folder that is gone when the demo is.
class Folder {
 public:
  static Result<Folder> make() {
    std::string pattern = (fs::temp_directory_path() / "mitral-demo-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return fail(ErrorCode::unavailable, {}, "no temporary folder can be made");
    return Folder(pattern);
  }
  Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Folder& operator=(Folder&&) = delete;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(std::string_view name) const { return (fs::path(path_) / name).string(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit Folder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Handlers whose objects are made after their ports are known; the loops start later still.
struct Handlers {
  net::Handler app, issuer, fhir, sandbox, admin;
};

class Demo {
 public:
  Demo(const DemoOptions& options, Folder folder)
      : options_(options), folder_(std::move(folder)), runtime_(2), process_(runtime_), client_(runtime_) {}

  Result<int> run() {
    MITRAL_CHECK(make_certificates());
    MITRAL_CHECK(bind());
    MITRAL_CHECK(make_authorization_server());
    MITRAL_CHECK(make_sandbox());
    MITRAL_CHECK(make_gateway());
    make_app();
    make_admin();
    MITRAL_CHECK(write_info());
    print_welcome();
    gateway_->start();
    process_.on_drain([this] {
      admin_->drain();
      gateway_->stop();
    });
    process_.run();
    static_cast<void>(run_sync(store_->seal_audit()));
    return 0;
  }

 private:
  Result<void> make_certificates() {
    if (!options_.tls) return {};
    MITRAL_TRY(certificates_, net::make_dev_certificates(folder_.path(), clock_.now()));
    return {};
  }

  // The port asked for, or any free one.
  Result<std::string> listen(std::uint16_t offset, net::Handler& handler, bool tls, std::size_t max_body) {
    Endpoint endpoint;
    if (tls) {
      endpoint.certificate = certificates_.certificate_file;
      endpoint.key = certificates_.key_file;
    }
    net::ServerOptions server;
    server.max_body = max_body;
    const auto call = [&handler](codec::Request request) { return handler(std::move(request)); };
    Result<std::uint16_t> port = fail(ErrorCode::unavailable);
    if (options_.port != 0) {
      endpoint.port = static_cast<std::uint16_t>(options_.port + offset);
      port = process_.listen(endpoint, call, server);
    }
    endpoint.port = 0;
    if (!port) port = process_.listen(endpoint, call, server);
    if (!port) return std::unexpected(std::move(port).error());
    return fmt::format("{}://127.0.0.1:{}", tls ? "https" : "http", *port);
  }

  Result<void> bind() {
    // The app stays on plain HTTP, as apps on a developer's machine do: a redirect URI on loopback is http (RFC 8252
    // §7.3).
    MITRAL_TRY(at_.app, listen(0, handlers_.app, false, limits::kFormBytesMax));
    MITRAL_TRY(at_.issuer, listen(1, handlers_.issuer, options_.tls, limits::kFormBytesMax));
    MITRAL_TRY(const std::string gateway, listen(2, handlers_.fhir, options_.tls, limits::kFhirBodyMax));
    at_.fhir_base = gateway + "/fhir";
    MITRAL_TRY(const std::string upstream, listen(3, handlers_.sandbox, false, limits::kFhirBodyMax));
    upstream_ = upstream + "/fhir";
    MITRAL_TRY(admin_address_, listen(4, handlers_.admin, false, limits::kFormBytesMax));
    return {};
  }

  Result<void> make_authorization_server() {
    const std::string key_file = folder_.file("master.key");
    MITRAL_CHECK(create_master_key(key_file, crypto::system_random()));
    MITRAL_TRY(master_, load_master_key(key_file));
    StorageConfig storage;
    storage.path = folder_.file("mitral.db");
    MITRAL_TRY(store_, open_store(storage, clock_, runtime_.threads(), false));
    AsNode::Settings settings;
    IssuerEntry entry;
    entry.id = at_.issuer;
    entry.name = "Sample Clinic";
    entry.brands = demo_brands(at_.fhir_base);
    settings.issuers = {entry};
    settings.allow_loopback_fetch = true;
    MITRAL_TRY(as_, AsNode::create(std::move(settings), master_, *store_, clock_, crypto::system_random(), runtime_));
    MITRAL_TRY(seed_, seed_demo(*store_, as_->passwords(), crypto::system_random(), clock_.now(), at_,
                                options_.token_format, options_.origins));
    MITRAL_CHECK(as_->start());
    handlers_.issuer = as_->handler();
    return {};
  }

  Result<void> make_sandbox() {
    // The sandbox answers the gateway only: whoever goes round it has no credential.
    std::string token(32, '\0');
    crypto::system_random().fill({reinterpret_cast<std::uint8_t*>(token.data()), token.size()});
    upstream_credential_ = "Bearer " + codec::base64url_encode(token);
    sandbox::Options options;
    options.base_url = upstream_;
    options.required_authorization = upstream_credential_;
    options.clock = &clock_;
    options.random = &crypto::system_random();
    options.sleep = [](Duration time) { return net::sleep_for(time); };
    sandbox_ = std::make_unique<sandbox::Sandbox>(options);
    MITRAL_CHECK(sandbox::sample::load_samples(*sandbox_));
    handlers_.sandbox = [this](codec::Request request) { return sandbox_->handle(std::move(request)); };
    return {};
  }

  Result<void> make_gateway() {
    gateway::Config config;
    config.public_base = at_.fhir_base;
    config.audience = at_.fhir_base;
    config.name = "Sample Clinic health records";
    config.upstream = upstream_;
    config.upstream_headers.push_back({"Authorization", upstream_credential_});
    config.upstream_options.addresses = net::AddressRule::public_or_loopback;
    config.upstream_options.allow_plain_http = true;
    config.upstream_options.max_body = limits::kUpstreamBodyMax;
    config.issuer = at_.issuer;
    config.issuer_options.addresses = net::AddressRule::public_or_loopback;
    config.issuer_options.allow_plain_http = !options_.tls;
    config.issuer_options.extra_ca_file = certificates_.ca_file;
    config.credential_id = std::string(kDemoResource);
    config.credential_secret = seed_.resource_secret;
    config.origins = options_.origins;
    config.origins.push_back(at_.app);
    config.page_key = derive_page_key(master_, at_.fhir_base);
    MITRAL_TRY(gateway_, GatewayNode::create(std::move(config), *store_, clock_, crypto::system_random(), runtime_));
    handlers_.fhir = gateway_->handler();
    return {};
  }

  void make_app() {
    SampleApp::Settings app;
    app.client_id = seed_.app.id;
    app.fhir_base = at_.fhir_base;
    app.redirect_uri = at_.app + "/";
    app.connect_sources = at_.issuer + " " + at_.fhir_base.substr(0, at_.fhir_base.rfind('/'));
    app_ = std::make_unique<SampleApp>(std::move(app));
    EhrPage::Settings ehr;
    ehr.issuer = at_.issuer;
    ehr.fhir_base = at_.fhir_base;
    ehr.app_client = seed_.app.id;
    ehr.client_id = seed_.ehr.id;
    ehr.client_secret = seed_.ehr.secret;
    ehr.username = seed_.clinician.username;
    ehr.clinician = seed_.clinician.name;
    ehr.ca_file = certificates_.ca_file;
    ehr.patients = {
        {std::string(sandbox::sample::kMaria), "Maria Sample", std::string(sandbox::sample::kMariaEncounter)},
        {std::string(sandbox::sample::kStranger), "Otto Nobody", ""}};
    ehr_ = std::make_unique<EhrPage>(std::move(ehr), client_);
    handlers_.app = [this](codec::Request request) {
      return request.path == "/ehr" ? ehr_->handle(std::move(request)) : app_->handle(std::move(request));
    };
  }

  void make_admin() {
    admin_ = std::make_unique<AdminEndpoint>(
        [this] { return ready(); },
        [this] { return as_->metrics_text() + gateway_->metrics_text() + process_.metrics_text(); });
    handlers_.admin = [this](codec::Request request) { return admin_->handle(std::move(request)); };
  }

  Task<Result<void>> ready() const {
    if (auto store = co_await as_->ready(); !store) co_return store;
    co_return co_await gateway_->ready();
  }

  // A configuration with which operator commands work on the running demo.
  Result<std::string> write_config() const {
    std::string path = folder_.file("mitral.toml");
    std::ofstream out(path);
    const auto tls = options_.tls ? fmt::format("certificate = \"{}\"\nkey = \"{}\"\n", certificates_.certificate_file,
                                                certificates_.key_file)
                                  : "";
    out << fmt::format(
        "[server]\nlisten = \"127.0.0.1:0\"\n{}master_key_file = \"{}\"\nstorage = {{ path = \"{}\" }}\n\n"
        "[[issuer]]\nid = \"{}\"\nname = \"Sample Clinic\"\n",
        tls, folder_.file("master.key"), folder_.file("mitral.db"), at_.issuer);
    out.close();
    if (!out) return fail(ErrorCode::unavailable, {}, path + " can't be written");
    return path;
  }

  static codec::Json about(const DemoClient& client, bool redirect) {
    auto out = codec::Json::object({{"client_id", client.id}});
    if (!client.secret.empty()) out.set("client_secret", client.secret);
    if (!client.private_jwk.is_null()) out.set("private_jwk", client.private_jwk);
    if (redirect) out.set("redirect_uri", kDemoRedirect);
    return out;
  }

  static codec::Json about(const DemoUser& user) {
    return codec::Json::object({{"username", user.username}, {"password", kDemoPassword}, {"sub", user.id}});
  }

  Result<void> write_info() {
    MITRAL_TRY(config_, write_config());
    if (options_.info_file.empty()) return {};
    using codec::Json;
    const auto info = Json::object({{"app", at_.app + "/"},
                                    {"ehr", at_.app + "/ehr"},
                                    {"issuer", at_.issuer},
                                    {"fhir_base", at_.fhir_base},
                                    {"admin", admin_address_},
                                    {"sandbox", upstream_},
                                    {"ca_file", certificates_.ca_file},
                                    {"config", config_},
                                    {"users", Json::object({{"patient", about(seed_.patient)},
                                                            {"clinician", about(seed_.clinician)},
                                                            {"stranger", about(seed_.stranger)}})},
                                    {"clients", Json::object({{"app", about(seed_.app, false)},
                                                              {"public", about(seed_.open, true)},
                                                              {"basic", about(seed_.basic, true)},
                                                              {"post", about(seed_.post, true)},
                                                              {"asymmetric", about(seed_.asymmetric, true)},
                                                              {"backend", about(seed_.backend, false)},
                                                              {"ehr", about(seed_.ehr, false)}})},
                                    {"resource_server", Json::object({{"id", kDemoResource},
                                                                      {"secret", seed_.resource_secret.reveal()},
                                                                      {"audience", at_.fhir_base}})}});
    // Written beside and renamed: whoever waits for the file finds it whole. It holds the demo's secrets: 0600.
    const std::string part = options_.info_file + ".part";
    {
      std::ofstream out(part);
      fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write);
      out << info.dump_pretty() << '\n';
      if (!out) return fail(ErrorCode::unavailable, {}, options_.info_file + " can't be written");
    }
    std::error_code error;
    fs::rename(part, options_.info_file, error);
    if (error) return fail(ErrorCode::unavailable, {}, options_.info_file + " can't be written");
    return {};
  }

  void print_welcome() const {
    fmt::print(R"(
  Mitral is running, on this machine only.

    Open the sample app:        {}/
    Or launch it from an EHR:   {}/ehr

    Sign in as                  with the password {}
      {:12} a patient; mother of two, for whom she may act
      {:12} a clinician
      {:12} another patient, whose data nobody else must see

    Authorization server        {}
    FHIR base (the gateway)     {}
    Health and metrics          {}/readyz, /metrics
    Operator commands           {} -c {} audit tail
)",
               at_.app, at_.app, kDemoPassword, seed_.patient.username, seed_.clinician.username,
               seed_.stranger.username, at_.issuer, at_.fhir_base, admin_address_, program(), config_);
    if (options_.tls) {
      fmt::print("\n    The certificate is made for this run: the browser will warn, or trust {}\n",
                 certificates_.ca_file);
    }
    fmt::print("\n  Ctrl-C stops it; its data goes with it.\n\n");
    std::fflush(stdout);
  }

  static std::string program() {
    std::error_code error;
    const auto path = fs::read_symlink("/proc/self/exe", error);
    return error ? "mitral" : path.string();
  }

  const DemoOptions& options_;
  Folder folder_;
  SystemClock clock_;
  Handlers handlers_;
  DemoAddresses at_;
  std::string upstream_, upstream_credential_, admin_address_, config_;
  net::DevCertificates certificates_;
  MasterKey master_;
  DemoSeed seed_;
  net::Runtime runtime_;
  std::unique_ptr<store::ServerStore> store_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<AsNode> as_;
  std::unique_ptr<GatewayNode> gateway_;
  std::unique_ptr<SampleApp> app_;
  std::unique_ptr<EhrPage> ehr_;
  std::unique_ptr<AdminEndpoint> admin_;
  Process process_;
  net::HttpClient client_;
};

}  // namespace

Result<int> run_demo(const DemoOptions& options) {
  log::configure(log::Level::warn, log::Format::text);
  MITRAL_TRY(auto folder, Folder::make());
  Demo demo(options, std::move(folder));
  return demo.run();
}

}  // namespace mitral::app
