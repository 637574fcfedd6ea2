// mitral client …, mitral resource …: registrations, by the operator.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>

#include "app/cli.h"
#include "app/commands/administration.h"
#include "app/installation.h"
#include "app/registration.h"
#include "base/limits.h"
#include "codec/json.h"
#include "codec/text.h"

namespace mitral::app {
namespace {

model::AuditEvent about_client(const Installation& in, const Issuer& issuer, const std::string& client,
                               std::string_view reason) {
  auto event = administration(in, issuer, reason);
  event.client = client;
  return event;
}

struct ClientOptions {
  ClientForm form;
  std::string jwks_file;
  std::string id;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::config_invalid, {}, path + " can't be read");
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

Result<int> add_client(Installation& in, const Cli& cli, ClientOptions options) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  if (!options.jwks_file.empty()) {
    MITRAL_TRY(options.form.jwks, read_file(options.jwks_file));
  }
  MITRAL_TRY(Registered registered, register_client(issuer, options.form, in.clock.now()));
  if (in.store->directory()->client(issuer, registered.client.id.value) != nullptr) {
    return fail(ErrorCode::conflict, {},
                "there is a client with this id already; remove it first or choose another --id");
  }
  const std::string id = registered.client.id.value;
  const std::string secret(registered.secret.reveal());
  MITRAL_CHECK(
      run_sync(in.store->put_client(std::move(registered.client), about_client(in, issuer, id, "client_registered"))));
  if (cli.json) {
    auto out = codec::Json::object({{"client_id", id}});
    if (!secret.empty()) out.set("client_secret", secret);
    fmt::print("{}\n", out.dump());
  } else {
    fmt::print("client_id      {}\n", id);
    if (!secret.empty())
      fmt::print("client_secret  {}\n(the secret is shown this once; only its hash is kept)\n", secret);
  }
  return kExitDone;
}

Result<int> list_clients(Installation& in, const Cli& cli) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  const auto directory = in.store->directory();
  MITRAL_TRY(auto clients, directory->clients(issuer));
  std::ranges::sort(clients, {}, [](const model::Client* c) { return c->id.value; });
  auto out = codec::Json::array();
  for (const model::Client* client : clients) {
    if (cli.json) {
      out.push_back(client_to_json(*client));
    } else {
      fmt::print(
          "{:32} {:20} {:9} {}\n", client->id.value, name(client->credentials.method),
          client->enabled ? "enabled" : "disabled",
          codec::display_name_safe(client->name, limits::kClientNameMax) ? client->name : "(name not printable)");
    }
  }
  if (cli.json) fmt::print("{}\n", out.dump_pretty());
  return kExitDone;
}

Result<const model::Client*> find(const Installation& in, const std::shared_ptr<const ports::Directory>& directory,
                                  const Issuer& issuer, const std::string& id) {
  static_cast<void>(in);
  MITRAL_TRY(const model::Client* client, directory->find(issuer, id));
  if (client == nullptr) return fail(ErrorCode::not_found, {}, "no such client; 'mitral client list' shows them");
  return client;
}

Result<int> show_client(Installation& in, const Cli& cli, const std::string& id) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  const auto directory = in.store->directory();
  MITRAL_TRY(const model::Client* client, find(in, directory, issuer, id));
  fmt::print("{}\n", client_to_json(*client).dump_pretty());
  return kExitDone;
}

Result<int> change_client(Installation& in, const Cli& cli, const std::string& id, const std::string& reason,
                          const std::function<void(model::Client&)>& change) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  const auto directory = in.store->directory();
  MITRAL_TRY(const model::Client* found, find(in, directory, issuer, id));
  model::Client client = *found;
  change(client);
  client.updated = in.clock.now();
  MITRAL_CHECK(run_sync(in.store->put_client(std::move(client), about_client(in, issuer, id, reason))));
  return kExitDone;
}

Result<int> new_secret(Installation& in, const Cli& cli, const std::string& id) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  const auto directory = in.store->directory();
  MITRAL_TRY(const model::Client* found, find(in, directory, issuer, id));
  if (found->credentials.secret_hashes.empty())
    return fail(ErrorCode::conflict, {}, "this client has no secret: it authenticates otherwise");
  const Secret secret = new_client_secret();
  MITRAL_TRY(const int done, change_client(in, cli, id, "client_secret_added", [&](model::Client& client) {
               // Two may be alive, so that the app can change over without a break.
               auto& hashes = client.credentials.secret_hashes;
               hashes.insert(hashes.begin(), hash_secret(secret));
               if (hashes.size() > 2) hashes.resize(2);
             }));
  if (cli.json) {
    fmt::print("{}\n", codec::Json::object({{"client_id", id}, {"client_secret", secret.reveal()}}).dump());
  } else {
    fmt::print("client_secret  {}\n(the one before stays good until the next change)\n", secret.reveal());
  }
  return done;
}

Result<int> revoke_client(Installation& in, const Cli& cli, const std::string& id) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  auto event = about_client(in, issuer, id, "client_tokens_revoked");
  event.kind = model::AuditKind::revocation;
  MITRAL_CHECK(run_sync(in.store->revoke_client(issuer, ClientId(id), {std::move(event)}, in.clock.now())));
  return kExitDone;
}

Result<int> delete_client(Installation& in, const Cli& cli, const std::string& id) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  MITRAL_CHECK(run_sync(in.store->delete_client(issuer, ClientId(id), about_client(in, issuer, id, "client_deleted"))));
  return kExitDone;
}

Result<int> add_resource(Installation& in, const Cli& cli, const ResourceForm& form) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  MITRAL_TRY(RegisteredResource registered, register_resource(issuer, form));
  const std::string id = registered.server.id;
  const std::string secret(registered.secret.reveal());
  MITRAL_CHECK(run_sync(in.store->put_resource_server(std::move(registered.server),
                                                      about_client(in, issuer, id, "resource_registered"))));
  if (cli.json) {
    fmt::print("{}\n", codec::Json::object({{"id", id}, {"secret", secret}}).dump());
  } else {
    fmt::print(
        "id      {}\nsecret  {}\n(put the secret into the gateway's credential_secret_file; it is shown this once)\n",
        id, secret);
  }
  return kExitDone;
}

Result<int> list_resources(Installation& in, const Cli& cli) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  const auto directory = in.store->directory();
  auto out = codec::Json::array();
  for (const model::ResourceServer* server : directory->resource_servers(issuer)) {
    if (cli.json) {
      out.push_back(resource_to_json(*server));
    } else {
      fmt::print("{:24} {:8} {}\n", server->id, name(server->token_format), server->audience);
    }
  }
  if (cli.json) fmt::print("{}\n", out.dump_pretty());
  return kExitDone;
}

void add_client_add(CLI::App& parent, Cli& cli) {
  auto* command = parent.add_subcommand("add", "register a client; its secret, if it has one, is printed once");
  auto options = std::make_shared<ClientOptions>();
  auto& form = options->form;
  command->add_option("--id", form.id, "client_id; made up when left out");
  command->add_option("--name", form.name, "name that people see")->required();
  command->add_option("--auth", form.auth_method, "none, client_secret_basic, client_secret_post or private_key_jwt")
      ->required();
  command
      ->add_option("--grant", form.grant_types,
                   "authorization_code, refresh_token, client_credentials (repeat for several)")
      ->required();
  command->add_option("--redirect-uri", form.redirect_uris, "exact redirect URI (repeat for several)");
  command->add_option("--scope", form.scopes, "scope it may ask for (repeat for several)")->required();
  command->add_option("--resource", form.resources, "audience it may ask for (repeat; none: all)");
  command->add_option("--origin", form.origins, "browser origin for CORS (repeat for several)");
  command->add_option("--launch-url", form.launch_urls, "SMART EHR launch URL (repeat for several)");
  command->add_option("--jwks", options->jwks_file, "file with its public keys, for private_key_jwt");
  command->add_option("--jwks-uri", form.jwks_uri, "or where they are published");
  command->add_option("--assertion-alg", form.assertion_alg, "the only algorithm its assertions may use");
  command->add_option("--id-token-alg", form.id_token_alg,
                      "how its ID tokens are signed: RS256 or ES256 (left out: RS256)");
  command->add_flag("--id-token-at-refresh", form.id_token_at_refresh, "a new ID token with every refresh");
  command->add_option("--profile", form.profile, "profile that applies beside the issuer's");
  command->add_option("--client-uri", form.client_uri, "home page of the app");
  command->add_option("--policy-uri", form.policy_uri, "its privacy policy");
  command->add_option("--tos-uri", form.tos_uri, "its terms");
  command->add_flag("--offline", form.offline_allowed, "may ask for offline_access");
  command->add_flag("--verified", form.verified, "you vouch for its name and publisher");
  command->add_flag("--no-consent", form.no_consent, "first-party: people are not asked");
  command->add_flag("--emergency", form.emergency_access, "may ask for emergency access (purpose_of_use=ETREAT)");
  command->callback([&cli, options] {
    cli.with_installation([&cli, options](Installation& in) { return add_client(in, cli, *options); });
  });
}

}  // namespace

void add_client_commands(CLI::App& app, Cli& cli) {
  auto* client = app.add_subcommand("client", "register and manage clients (apps)");
  client->require_subcommand(1);
  add_client_add(*client, cli);
  client->add_subcommand("list", "all clients")->callback([&cli] {
    cli.with_installation([&cli](Installation& in) { return list_clients(in, cli); });
  });
  auto id = std::make_shared<std::string>();
  const auto on_one = [&](const char* command, const char* help,
                          std::function<Result<int>(Installation&, const Cli&, const std::string&)> f) {
    auto* sub = client->add_subcommand(command, help);
    sub->add_option("client_id", *id, "client_id")->required();
    sub->callback(
        [&cli, id, f] { cli.with_installation([&cli, id, f](Installation& in) { return f(in, cli, *id); }); });
  };
  on_one("show", "one client as JSON", show_client);
  on_one("enable", "let it in again", [](Installation& in, const Cli& c, const std::string& one) {
    return change_client(in, c, one, "client_enabled", [](model::Client& x) { x.enabled = true; });
  });
  on_one("disable", "refuse it everywhere; its grants stay",
         [](Installation& in, const Cli& c, const std::string& one) {
           return change_client(in, c, one, "client_disabled", [](model::Client& x) { x.enabled = false; });
         });
  on_one("verify", "vouch for its name and publisher", [](Installation& in, const Cli& c, const std::string& one) {
    return change_client(in, c, one, "client_verified", [](model::Client& x) { x.verified = true; });
  });
  on_one("allow-emergency", "let it ask for emergency access (purpose_of_use=ETREAT)",
         [](Installation& in, const Cli& c, const std::string& one) -> Result<int> {
           MITRAL_TRY(const Issuer issuer, in.issuer(c.issuer));
           const auto directory = in.store->directory();
           MITRAL_TRY(const model::Client* found, find(in, directory, issuer, one));
           if (found->is_public()) {
             return fail(ErrorCode::conflict, {}, "a public client could be anybody's: it can't have emergency access");
           }
           return change_client(in, c, one, "client_emergency_allowed",
                                [](model::Client& x) { x.emergency_access = true; });
         });
  on_one("forbid-emergency", "no more; emergency tokens that it holds are dead at once",
         [](Installation& in, const Cli& c, const std::string& one) {
           return change_client(in, c, one, "client_emergency_forbidden",
                                [](model::Client& x) { x.emergency_access = false; });
         });
  on_one("new-secret", "make a new secret; the one before stays good until the next", new_secret);
  on_one("revoke", "end all its grants and tokens now", revoke_client);
  on_one("remove", "delete the registration and end everything it has", delete_client);

  auto* resource = app.add_subcommand("resource", "register and list resource servers (FHIR servers, gateways)");
  resource->require_subcommand(1);
  auto* add = resource->add_subcommand("add", "register a resource server; its secret is printed once");
  auto form = std::make_shared<ResourceForm>();
  add->add_option("--id", form->id, "its name when it introspects")->required();
  add->add_option("--audience", form->audience, "its identifier: for FHIR the base URL that clients use")->required();
  add->add_option("--name", form->name, "name that people see")->required();
  add->add_option("--token-format", form->token_format, "jwt, opaque or wrapped")->capture_default_str();
  add->add_option("--token-lifetime", form->token_lifetime_s, "seconds, 30 to 3600")->capture_default_str();
  add->add_option("--signing-alg", form->signing_alg, "of jwt and wrapped tokens")->capture_default_str();
  add->add_flag("--context-in-jwt", form->context_in_jwt, "put launch context and user into a jwt token");
  add->callback(
      [&cli, form] { cli.with_installation([&cli, form](Installation& in) { return add_resource(in, cli, *form); }); });
  resource->add_subcommand("list", "all resource servers")->callback([&cli] {
    cli.with_installation([&cli](Installation& in) { return list_resources(in, cli); });
  });
}

}  // namespace mitral::app
