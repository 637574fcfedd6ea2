// NodesRig: one installation served by several nodes in this process: each has its own store, event loop and AsNode, as
// if it ran on a machine of its own; all share one database, a SQLite file or a real PostgreSQL server.
//
// Requests go straight to a node's handler. Issuer, clients ("app", confidential; "pub", public), resource server
// ("fhir", opaque tokens) and user ("ada") are there from the start.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/as_node.h"
#include "app/database.h"
#include "app/installation.h"
#include "codec/base64url.h"
#include "codec/form.h"
#include "codec/json.h"
#include "codec/uri.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "net/runtime.h"
#include "spec/oauth/rfc7636_pkce.h"

namespace mitral::app {

using namespace std::chrono_literals;

inline constexpr std::string_view kRigIssuer = "https://as.example.org/t/clinic";
inline constexpr std::string_view kRigFhir = "https://fhir.example.org/r4";
inline constexpr std::string_view kRigRedirect = "https://app.example.org/cb";
inline constexpr std::string_view kRigSecret = "s3cret-made-of-256-random-bits-aaaaaaaaaaaaaa";
inline constexpr std::string_view kRigPassword = "correct horse battery";
inline constexpr std::string_view kRigVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

class RigDir {
 public:
  RigDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mitral-nodes-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~RigDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RigDir(const RigDir&) = delete;
  RigDir& operator=(const RigDir&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline IssuerEntry rig_issuer() {
  IssuerEntry out;
  out.id = std::string(kRigIssuer);
  out.name = "Clinic";
  return out;
}

inline codec::Header basic_header(std::string_view id) {
  return {"Authorization", "Basic " + codec::base64_encode(std::string(id) + ":" + std::string(kRigSecret))};
}

class Node {
 public:
  /// `ahead`: how far the machine's clock is wrong, in microseconds; may change.
  Node(const StorageConfig& storage, const MasterKey& master, const std::atomic<std::int64_t>* ahead = nullptr)
      : clock(ahead == nullptr ? GuardedClock::Source{}
                               : [ahead] { return to_micros(SystemClock().now()) + ahead->load(); }) {
    auto opened = open_store(storage, clock, 1, false);
    EXPECT_TRUE(opened) << opened.error().detail;
    if (!opened) return;
    store = std::move(*opened);
    AsNode::Settings settings;
    settings.issuers = {rig_issuer()};
    settings.guard = &clock;
    auto made = AsNode::create(std::move(settings), master, *store, clock, crypto::system_random(), runtime);
    EXPECT_TRUE(made) << made.error().detail;
    as = std::move(*made);
    const auto begun = as->start();
    EXPECT_TRUE(begun) << begun.error().detail;
    handler = as->handler();
    runtime.start();
  }
  ~Node() {
    // A task that waits for the database when its loop ends would never be resumed, nor freed.
    for (int i = 0; runtime.tasks() != 0 && i < 3000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    runtime.stop();
    as.reset();
  }

  codec::Response send(codec::Method method, std::string_view target, std::string body = {},
                       std::vector<codec::Header> headers = {}) const {
    codec::Request request;
    request.method = method;
    request.set_target(std::string(target));
    request.headers.add("Host", "as.example.org");
    for (const auto& h : headers) request.headers.add(h.name, h.value);
    if (method == codec::Method::post) request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.body = std::move(body);
    request.peer_address = "192.0.2.10";
    request.tls = true;
    request.received = clock.now();
    return run_sync(handler(std::move(request)));
  }
  codec::Response post(std::string_view endpoint, const codec::Form& form, std::string_view as_whom = "app") const {
    return send(codec::Method::post, "/t/clinic/" + std::string(endpoint), form.serialize(), {basic_header(as_whom)});
  }
  /// As the public client.
  codec::Response post_public(std::string_view endpoint, codec::Form form) const {
    form.add("client_id", "pub");
    return send(codec::Method::post, "/t/clinic/" + std::string(endpoint), form.serialize());
  }
  [[nodiscard]] bool active(const std::string& token) const {
    const auto answer = post("introspect", {{"token", token}}, "fhir");
    EXPECT_EQ(answer.status, 200) << answer.body;
    const auto json = codec::Json::parse(answer.body);
    return json && (*json)["active"].bool_or(false);
  }

  GuardedClock clock;
  std::unique_ptr<store::ServerStore> store;
  net::Runtime runtime{1};
  std::unique_ptr<AsNode> as;
  net::Handler handler;
};

inline std::string text_of(const codec::Response& response, std::string_view member) {
  const auto json = codec::Json::parse(response.body);
  EXPECT_TRUE(json && (*json)[member].is_string()) << response.status << " " << response.body;
  return json ? std::string((*json)[member].string_or("")) : std::string{};
}

/// Clients, user and resource server of the rig.
inline void populate(ports::Store& store, ports::PasswordHasher& passwords) {
  const Issuer issuer{std::string(kRigIssuer)};
  const Instant now = SystemClock().now() - 1h;
  model::AuditEvent event;
  event.issuer = issuer;
  event.kind = model::AuditKind::administration;
  event.at = now;
  model::Client client;
  client.issuer = issuer;
  client.id = ClientId("app");
  client.name = "App";
  client.credentials.method = model::ClientAuthMethod::client_secret_basic;
  client.credentials.secret_hashes = {crypto::sha256(kRigSecret)};
  client.redirect_uris = {std::string(kRigRedirect)};
  client.grant_types = {model::GrantType::authorization_code, model::GrantType::refresh_token,
                        model::GrantType::client_credentials};
  client.scopes = {"openid", "offline_access", "launch/patient", "patient/*.rs", "jobs.run"};
  client.resources = {std::string(kRigFhir)};
  client.offline_allowed = true;
  client.created = client.updated = now;
  ASSERT_TRUE(run_sync(store.put_client(client, event)));
  client.id = ClientId("pub");
  client.credentials = {};
  client.credentials.method = model::ClientAuthMethod::none;
  client.grant_types = {model::GrantType::authorization_code, model::GrantType::refresh_token};
  client.scopes.pop_back();
  ASSERT_TRUE(run_sync(store.put_client(client, event)));
  model::ResourceServer server;
  server.issuer = issuer;
  server.id = "fhir";
  server.audience = kRigFhir;
  server.name = "FHIR";
  server.credentials.method = model::ClientAuthMethod::client_secret_basic;
  server.credentials.secret_hashes = {crypto::sha256(kRigSecret)};
  server.token_format = model::TokenFormat::opaque;
  server.fhir = true;
  ASSERT_TRUE(run_sync(store.put_resource_server(server, event)));
  model::User user;
  user.issuer = issuer;
  user.id = UserId("u_ada");
  user.username = "ada";
  user.display_name = "Ada";
  user.password_phc = *run_sync(passwords.hash(Secret(std::string(kRigPassword))));
  user.fhir_user = "Patient/ada";
  user.patients = {{"ada", "Ada", "self", "1980-01-01"}};
  user.created = user.updated = now;
  ASSERT_TRUE(run_sync(store.put_user(user, {event})));
}

/// A person's browser that meets another node at each request.
class Wanderer {
 public:
  explicit Wanderer(std::vector<Node*> nodes) : nodes_(std::move(nodes)) {}

  codec::Response send(codec::Method method, std::string target, std::string body = {}) {
    if (const auto uri = codec::parse_uri(target); uri && !uri->scheme.empty())
      target = std::string(uri->path) + (uri->has_query ? "?" + std::string(uri->query) : "");
    std::string cookies;
    for (const auto& [name, value] : jar_) cookies += (cookies.empty() ? "" : "; ") + name + "=" + value;
    std::vector<codec::Header> headers;
    if (!cookies.empty()) headers.push_back({"Cookie", cookies});
    auto response = nodes_[next_++ % nodes_.size()]->send(method, target, std::move(body), std::move(headers));
    for (const auto& header : response.headers.list()) {
      if (!codec::iequals(header.name, "Set-Cookie")) continue;
      const auto equals = header.value.find('=');
      const auto value = header.value.substr(equals + 1, header.value.find(';') - equals - 1);
      jar_[header.value.substr(0, equals)] = value;
      if (value.empty()) jar_.erase(header.value.substr(0, equals));
    }
    return response;
  }
  /// From the app's link to the code in its redirect; "" when something else came.
  std::string code(std::string_view client = "app") {
    codec::Form form;
    form.add("response_type", "code").add("client_id", client).add("redirect_uri", kRigRedirect);
    form.add("scope", "openid offline_access launch/patient patient/*.rs");
    form.add("state", "a-long-enough-state").add("aud", kRigFhir).add("nonce", "n");
    form.add("code_challenge", spec::oauth::s256_challenge(kRigVerifier)).add("code_challenge_method", "S256");
    auto response = send(codec::Method::get, "/t/clinic/authorize?" + form.serialize());
    for (int steps = 0; steps < 12; ++steps) {
      const std::string to(response.headers.get("Location").value_or(""));
      if (to.starts_with(kRigRedirect)) {
        const auto uri = codec::parse_uri(to);
        const auto answer = codec::Form::parse(uri->query);
        return std::string(answer->get("code").value_or(""));
      }
      response = to.empty() ? submit(response.body) : send(codec::Method::get, to);
    }
    ADD_FAILURE() << response.status << " " << response.body.substr(0, 2000);
    return {};
  }

 private:
  static std::string between(std::string_view text, std::string_view before, std::string_view after, std::size_t& at) {
    const auto begin = text.find(before, at);
    if (begin == std::string_view::npos) return {};
    const auto end = text.find(after, begin + before.size());
    at = end;
    return std::string(text.substr(begin + before.size(), end - begin - before.size()));
  }
  codec::Response submit(const std::string& page) {
    const std::string kind = page.find("name=\"password\"") != std::string::npos ? "/sign-in"
                             : page.find("/consent\"") != std::string::npos      ? "/consent"
                                                                                 : "/patient";
    const auto action_end = page.find(kind + "\"");
    if (action_end == std::string::npos) return codec::Response::with(500, "text/plain", page);
    auto begin = page.rfind("<form", action_end);
    const auto end = page.find("</form>", action_end);
    std::size_t at = begin;
    const auto action = between(page, "action=\"", "\"", at);
    codec::Form form;
    while (true) {
      const auto tag_at = page.find("<input", at);
      if (tag_at == std::string::npos || tag_at > end) break;
      at = page.find('>', tag_at);
      const std::string_view tag = std::string_view(page).substr(tag_at, at - tag_at);
      std::size_t in = 0;
      const auto name = between(tag, " name=\"", "\"", in);
      in = 0;
      const auto value = between(tag, " value=\"", "\"", in);
      const bool box = tag.find("type=\"checkbox\"") != std::string_view::npos;
      if (name.empty() || name == "username" || name == "password" || name == "decision") continue;
      if (box && tag.find(" checked") == std::string_view::npos) continue;
      form.add(name, value);
    }
    if (kind == "/sign-in") form.add("username", "ada").add("password", kRigPassword);
    if (kind == "/consent") form.add("decision", "allow");
    return send(codec::Method::post, action, form.serialize());
  }

  std::vector<Node*> nodes_;
  std::size_t next_ = 0;
  std::map<std::string, std::string> jar_;
};

inline codec::Form code_form(const std::string& code) {
  return {{"grant_type", "authorization_code"},
          {"code", code},
          {"redirect_uri", std::string(kRigRedirect)},
          {"code_verifier", std::string(kRigVerifier)}};
}
inline codec::Form refresh_form(const std::string& token) {
  return {{"grant_type", "refresh_token"}, {"refresh_token", token}};
}

template <class F>
bool within(std::chrono::milliseconds limit, F condition) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

}  // namespace mitral::app
