// mitral serve, gateway, sandbox, demo: the commands that run until they are told to end.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>

#include "app/admin_endpoint.h"
#include "app/as_node.h"
#include "app/audit_seal.h"
#include "app/audit_shipper.h"
#include "app/cli.h"
#include "app/config_gateway.h"
#include "app/config_gateway_data.h"
#include "app/demo/demo.h"
#include "app/gateway_node.h"
#include "app/guarded_clock.h"
#include "app/installation.h"
#include "app/overload.h"
#include "app/process.h"
#include "base/limits.h"
#include "crypto/random.h"
#include "sandbox/sample_data.h"
#include "sandbox/sandbox.h"

namespace mitral::app {
namespace {

/// Ships the record from now on, if the configuration says so; else null.
Result<std::unique_ptr<AuditShipper>> start_shipping(const std::optional<AuditSettings>& settings,
                                                     const std::string& owner, store::ServerStore& store,
                                                     const Clock& clock) {
  if (!settings) return nullptr;
  MITRAL_TRY(auto shipper, AuditShipper::create(*settings, Issuer(owner), store, clock, crypto::system_random()));
  shipper->start();
  return shipper;
}

std::string metrics_of(const std::unique_ptr<AuditShipper>& shipper) { return shipper ? shipper->metrics_text() : ""; }

Result<int> serve(const Cli& cli) {
  GuardedClock clock;
  MITRAL_TRY(const Config config, require_config(cli.config));
  if (!config.server) return fail(ErrorCode::config_invalid, {}, cli.config + ": there is no [server] section");
  const ServerConfig& server = *config.server;
  log::configure(config.log_level, config.log_format);
  MITRAL_TRY(const MasterKey master, load_master_key(server.master_key_file));
  net::Runtime runtime(server.threads, clock);
  MITRAL_TRY(const auto store, open_store(server.storage, clock, runtime.threads(), false));
  AsNode::Settings settings{server.issuers, server.password_threads, server.allow_loopback_fetch, &clock};
  MITRAL_TRY(const auto node,
             AsNode::create(std::move(settings), master, *store, clock, crypto::system_random(), runtime));
  MITRAL_CHECK(node->start());
  MITRAL_TRY(const auto shipper, start_shipping(server.audit_segments, server.issuers.front().id, *store, clock));
  Process process(runtime);
  AdminEndpoint admin([&] { return node->ready(); },
                      [&] { return node->metrics_text() + process.metrics_text() + metrics_of(shipper); });
  process.share_tickets(derive_ticket_secret(master), "server");
  process.set_drain_delay(server.drain_delay);
  auto options = server_options();
  options.share_port = server.share_port;
  MITRAL_TRY(const auto port, process.listen(server.listen, node->handler(), std::move(options)));
  if (server.admin.port != 0) {
    net::ServerOptions shared;
    shared.share_port = server.share_port;
    MITRAL_CHECK(
        process.listen(server.admin, [&](codec::Request r) { return admin.handle(std::move(r)); }, std::move(shared)));
  }
  process.on_drain([&] { admin.drain(); });
  log::info("server.listening",
            {{"address", server.listen.address}, {"port", port}, {"tls", !server.listen.certificate.empty()}});
  process.run();
  static_cast<void>(run_sync(store->seal_audit()));
  return kExitDone;
}

Result<gateway::Config> gateway_config(const GatewayConfig& in, const MasterKey& master) {
  gateway::Config out;
  out.public_base = in.public_base;
  out.audience = in.audience;
  out.upstream = in.upstream;
  if (!in.upstream_authorization_file.empty()) {
    MITRAL_TRY(const Secret value, load_secret_file(in.upstream_authorization_file));
    out.upstream_headers.push_back({"Authorization", std::string(value.reveal())});
  }
  out.upstream_options.addresses = net::AddressRule::any;
  // Plain HTTP to an upstream on this machine or in a closed network is the operator's choice: it is written as
  // http://.
  out.upstream_options.allow_plain_http = in.upstream.starts_with("http://");
  out.upstream_options.extra_ca_file = in.upstream_ca;
  out.upstream_options.max_body = limits::kUpstreamBodyMax;
  out.issuer = in.issuer;
  out.issuer_options.addresses = net::AddressRule::any;
  out.issuer_options.allow_plain_http = in.issuer.starts_with("http://");
  out.issuer_options.extra_ca_file = in.issuer_ca;
  out.credential_id = in.credential_id;
  if (!in.credential_secret_file.empty()) {
    MITRAL_TRY(out.credential_secret, load_secret_file(in.credential_secret_file));
  }
  MITRAL_CHECK(apply_gateway_neighbours(in, out));
  apply_gateway_data(in, out);
  out.origins = in.origins;
  // Derived, so that paging links live on in every gateway of the installation and after a restart.
  out.page_key = derive_page_key(master, in.public_base);
  return out;
}

Result<int> run_gateway(const Cli& cli) {
  GuardedClock clock;
  MITRAL_TRY(const Config config, require_config(cli.config));
  if (!config.gateway) return fail(ErrorCode::config_invalid, {}, cli.config + ": there is no [gateway] section");
  const GatewayConfig& entry = *config.gateway;
  log::configure(config.log_level, config.log_format);
  MITRAL_TRY(const MasterKey master, load_master_key(entry.master_key_file));
  MITRAL_TRY(auto settings, gateway_config(entry, master));
  if (entry.decide_listen.port != 0 && !settings.decide.request_only &&
      (settings.enforce_consent || !settings.hidden_labels.empty())) {
    return fail(
        ErrorCode::config_invalid, {},
        cli.config +
            ": [gateway.decide] would permit nothing: patients' directives and security labels are found in answers, "
            "which it does not see. Set request_only = true if the FHIR server judges its answers, or take "
            "[gateway.consent] away and set hidden = [] in [gateway.labels]");
  }
  net::Runtime runtime(entry.threads, clock);
  MITRAL_TRY(const auto audit, open_store(entry.audit, clock, runtime.threads(), false));
  AuditSeal seal(*audit, master, clock, entry.public_base);
  MITRAL_CHECK(seal.start());
  MITRAL_TRY(const auto node,
             GatewayNode::create(std::move(settings), *audit, clock, crypto::system_random(), runtime));
  MITRAL_TRY(const auto shipper, start_shipping(entry.audit_segments, entry.public_base, *audit, clock));
  Process process(runtime);
  AdminEndpoint admin([&] { return node->ready(); },
                      [&] { return node->metrics_text() + process.metrics_text() + metrics_of(shipper); });
  process.share_tickets(derive_ticket_secret(master), "gateway");
  process.set_drain_delay(entry.drain_delay);
  auto options = gateway_options();
  options.share_port = entry.share_port;
  MITRAL_TRY(const auto port, process.listen(entry.listen, node->handler(), std::move(options)));
  if (entry.admin.port != 0) {
    net::ServerOptions shared;
    shared.share_port = entry.share_port;
    MITRAL_CHECK(
        process.listen(entry.admin, [&](codec::Request r) { return admin.handle(std::move(r)); }, std::move(shared)));
  }
  if (entry.decide_listen.port != 0) {
    auto decisions = decision_options();
    decisions.share_port = entry.share_port;
    MITRAL_CHECK(process.listen(entry.decide_listen, node->decisions(), std::move(decisions)));
  }
  node->start();
  process.on_drain([&] { admin.drain(); });
  // Not before: without the feed every token would have to be asked about.
  process.on_close([&] { node->stop(); });
  log::info("gateway.listening",
            {{"address", entry.listen.address}, {"port", port}, {"tls", !entry.listen.certificate.empty()}});
  process.run();
  static_cast<void>(run_sync(audit->seal_audit()));
  return kExitDone;
}

struct SandboxForm {
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> bundles, misbehave;
  bool no_samples = false;
};

Result<int> run_sandbox(const SandboxForm& form) {
  Endpoint endpoint;
  std::vector<ConfigProblem> problems;
  if (!parse_endpoint(form.listen, endpoint) || !is_loopback(endpoint.address)) {
    return fail(ErrorCode::config_invalid, {},
                "--listen is a loopback address with a port, like 127.0.0.1:9090: the sandbox has no access control");
  }
  SystemClock clock;
  net::Runtime runtime(1);
  Process process(runtime);
  std::unique_ptr<sandbox::Sandbox> fhir;
  net::ServerOptions server_options;
  server_options.max_body = limits::kFhirBodyMax;
  // The base URL needs the port, so the listener comes first; no request is served before run().
  MITRAL_TRY(const auto port,
             process.listen(endpoint, [&](codec::Request r) { return fhir->handle(std::move(r)); }, server_options));
  sandbox::Options options;
  options.base_url = fmt::format("http://{}:{}/fhir", endpoint.address, port);
  options.clock = &clock;
  options.random = &crypto::system_random();
  options.sleep = [](Duration time) { return net::sleep_for(time); };
  fhir = std::make_unique<sandbox::Sandbox>(options);
  if (!form.no_samples) {
    MITRAL_CHECK(sandbox::sample::load_samples(*fhir));
  }
  for (const auto& path : form.bundles) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(ErrorCode::config_invalid, {}, path + " can't be read");
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    MITRAL_TRY(const std::size_t loaded, fhir->load_text(text));
    fmt::print("{}: {} resources\n", path, loaded);
  }
  sandbox::Misbehaviour misbehaviour;
  for (const auto& name : form.misbehave) {
    if (!sandbox::set_by_name(misbehaviour, name)) {
      return fail(ErrorCode::config_invalid, {},
                  fmt::format("unknown misbehaviour '{}'; there are: {}", name,
                              fmt::join(sandbox::misbehaviour_names(), ", ")));
    }
  }
  fhir->set_misbehaviour(misbehaviour);
  fmt::print("FHIR sandbox with {} resources at {}\n", fhir->size(), options.base_url);
  std::fflush(stdout);
  process.run();
  return kExitDone;
}

}  // namespace

void add_run_commands(CLI::App& app, Cli& cli) {
  app.add_subcommand("serve", "run the authorization server")->callback([&cli] {
    cli.with([&cli] { return serve(cli); });
  });
  app.add_subcommand("gateway", "run the gateway in front of a FHIR server")->callback([&cli] {
    cli.with([&cli] { return run_gateway(cli); });
  });

  auto demo_form = std::make_shared<DemoOptions>();
  auto* demo = app.add_subcommand(
      "demo", "everything on loopback: authorization server, gateway, FHIR sandbox and a sample app");
  demo->add_flag("--tls", demo_form->tls, "with TLS, by a throw-away certificate authority");
  demo->add_option("--port", demo_form->port, "first of four ports to try; 0 takes any that are free")
      ->capture_default_str();
  demo->add_option("--info", demo_form->info_file, "also write addresses and logins to this file, as JSON");
  demo->add_option("--origin", demo_form->origins,
                   "browser origin of an app of yours that may call the demo (repeat for several)");
  demo->add_option("--token-format", demo_form->token_format, "of the sample FHIR server: wrapped, opaque or jwt")
      ->capture_default_str();
  demo->callback([&cli, demo_form] { cli.with([demo_form] { return run_demo(*demo_form); }); });

  auto form = std::make_shared<SandboxForm>();
  auto* sandbox = app.add_subcommand("sandbox", "a small FHIR R4 server in memory, for trying things out");
  sandbox->add_option("--listen", form->listen, "loopback address and port; port 0 takes a free one")
      ->capture_default_str();
  sandbox->add_option("--bundle", form->bundles, "transaction bundle to load (repeat for several)");
  sandbox->add_option("--misbehave", form->misbehave, "a fault of real servers to switch on (repeat for several)");
  sandbox->add_flag("--no-samples", form->no_samples, "without the sample patients");
  sandbox->callback([&cli, form] { cli.with([form] { return run_sandbox(*form); }); });
}

}  // namespace mitral::app
