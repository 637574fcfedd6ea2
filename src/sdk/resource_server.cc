#include <mitral/resource_server.h>

#include "base/task.h"
#include "codec/fields.h"
#include "codec/uri.h"
#include "crypto/random.h"
#include "fhir/interaction.h"
#include "gateway/exchange.h"
#include "gateway/issuer_link.h"
#include "gateway/outcome.h"
#include "gateway/public_documents.h"
#include "gateway/token_verifier.h"
#include "net/client.h"
#include "net/runtime.h"
#include "policy/fhir_decision.h"

namespace mitral::sdk {
namespace {

constexpr auto kEndWait = 3 * limits::kFeedSilence;  // a poll in hand may take that long
constexpr auto kEndStep = std::chrono::milliseconds(10);
constexpr std::string_view kUnborn = "0.unborn";  // what has no id yet is judged as this

void refuse(Refusal* out, int status, std::string_view reason, std::string_view text, std::string challenge = {}) {
  if (out == nullptr) return;
  *out = {status, std::string(reason), std::string(text), std::move(challenge)};
}

gateway::Config config_of(const Settings& in) {
  gateway::Config out;
  out.public_base = in.resource;
  out.audience = in.audience.empty() ? in.resource : in.audience;
  out.name = in.name;
  out.upstream = in.resource;
  out.issuer = in.issuer;
  out.credential_id = in.credential_id;
  out.credential_secret = Secret(in.credential_secret);
  out.issuer_options.addresses = net::AddressRule::any;
  out.issuer_options.allow_plain_http = in.allow_plain_http;
  out.issuer_options.extra_ca_file = in.ca_file;
  out.issuer_options.total_timeout = in.timeout;
  out.scopes_supported = in.scopes_supported;
  return out;
}

std::string check(const Settings& in, gateway::Config& config) {
  const auto base = codec::parse_http_url(in.resource);
  if (!base || base->has_query || base->has_fragment || base->has_userinfo || in.resource.ends_with('/'))
    return "resource must be an http(s) URL without query or trailing slash";
  if (!codec::is_absolute_uri(config.audience)) return "audience must be an absolute URI";
  if (in.timeout <= std::chrono::milliseconds::zero()) return "timeout must be positive";
  const auto issuer = net::parse_url(in.issuer);
  if (!issuer) return "issuer must be an http(s) URL";
  if (!issuer->tls && !in.allow_plain_http) return "issuer must be an https URL";
  if (in.credential_id.empty()) return "credential_id is needed";
  for (const auto& text : in.hidden_labels) {
    auto label = policy::Label::parse(text);
    if (!label) return "a hidden label must be \"code\" or \"system|code\"";
    config.hidden_labels.push_back(std::move(*label));
  }
  return {};
}

struct Texts {
  int status;
  const char* text;
};
Texts texts_of(policy::Reason reason) noexcept {
  using policy::Reason;
  switch (reason) {
    case Reason::insufficient_scope: return {403, "No granted scope allows this"};
    case Reason::missing_context: return {403, "A granted scope needs a launch context that this token does not have"};
    case Reason::scope_not_evaluable: return {403, "A granted scope can't be evaluated here"};
    case Reason::foreign_patient: return {403, "The request names a patient whom this token does not cover"};
    case Reason::parameter_denied: return {403, "A parameter of this request is not allowed here"};
    case Reason::parameter_unknown: return {400, "Unknown search parameter for this type"};
    case Reason::parameter_unsupported: return {400, "This parameter or value is not supported here"};
    case Reason::parameter_malformed: return {400, "A parameter can't be read"};
    case Reason::interaction_not_offered: return {405, "This interaction is not offered here"};
    default: break;
  }
  return {403, "This request is not allowed"};
}

}  // namespace

struct Token::State {
  gateway::TokenPtr token;
};
const std::string& Token::client() const noexcept { return state_->token->client; }
const std::string& Token::subject() const noexcept { return state_->token->subject; }
const std::string& Token::patient() const noexcept { return state_->token->patient; }
const std::string& Token::fhir_user() const noexcept { return state_->token->fhir_user; }
const std::string& Token::scope() const noexcept { return state_->token->scope; }
const std::string& Token::grant() const noexcept { return state_->token->grant; }
const std::string& Token::id() const noexcept { return state_->token->jti; }
const std::string& Token::purpose() const noexcept { return state_->token->purpose; }
std::chrono::system_clock::time_point Token::expires() const noexcept { return state_->token->expires; }

struct Permission::State {
  gateway::TokenPtr token;
  fhir::Interaction interaction;
  policy::Plan plan;
  std::vector<std::pair<std::string, std::string>> parameters;
};
const std::vector<std::pair<std::string, std::string>>& Permission::parameters() const noexcept {
  return state_->parameters;
}
std::string_view Permission::interaction() const noexcept { return fhir::name(state_->interaction.kind); }

struct ResourceServer::Impl {
  explicit Impl(gateway::Config c)
      : config(std::move(c)),
        runtime(1, clock),
        http(runtime),
        sender(http),
        issuer(gateway::IssuerLink::create(config, sender, metrics, clock, crypto::system_random()).value()),
        verifier(config, issuer, metrics, clock),
        metadata_url(gateway::resource_metadata_url(config.audience)) {}
  ~Impl() {
    verifier.feed().stop();
    for (Duration waited{}; runtime.tasks() != 0 && waited < kEndWait; waited += kEndStep)
      run_sync(net::sleep_for(kEndStep));
  }
  [[nodiscard]] std::string challenge(std::string_view error, ClientText text, std::string_view scope = {}) const {
    return gateway::challenge(metadata_url, error, text, scope);
  }

  gateway::Config config;
  SystemClock clock;
  gateway::Metrics metrics;
  net::Runtime runtime;
  net::HttpClient http;
  gateway::HttpSender sender;
  gateway::IssuerLink issuer;
  gateway::TokenVerifier verifier;
  std::string metadata_url;
};

ResourceServer::ResourceServer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ResourceServer::~ResourceServer() = default;

std::unique_ptr<ResourceServer> ResourceServer::start(Settings settings, std::string* problem) {
  auto config = config_of(settings);
  if (auto why = check(settings, config); !why.empty()) {
    if (problem != nullptr) *problem = std::move(why);
    return nullptr;
  }
  auto impl = std::make_unique<Impl>(std::move(config));
  impl->runtime.spawn_on(0, [feed = &impl->verifier.feed()] { return feed->run(); });
  impl->runtime.start();
  return std::unique_ptr<ResourceServer>(new ResourceServer(std::move(impl)));
}

std::optional<Token> ResourceServer::authenticate(std::string_view authorization, std::string_view address,
                                                  Refusal* refusal) const {
  const auto parsed = codec::parse_authorization(authorization);
  if (authorization.empty() || !parsed || parsed->scheme != codec::AuthScheme::bearer) {
    refuse(refusal, 401, "no_token", "An access token is needed: Authorization: Bearer", impl_->challenge({}, {}));
    return std::nullopt;
  }
  auto found = run_sync(impl_->verifier.verify(parsed->credentials, address));
  if (!found && found.error().code == ErrorCode::invalid_token) {
    refuse(refusal, 401, "invalid_token", "The access token is not valid here",
           impl_->challenge("invalid_token", "The access token is not valid here"));
    return std::nullopt;
  }
  if (!found) {
    refuse(refusal, 503, "unavailable", "This can't be checked right now; try again soon");
    return std::nullopt;
  }
  Token out;
  out.state_ = std::make_shared<const Token::State>(Token::State{std::move(*found)});
  return out;
}

std::optional<Permission> ResourceServer::decide(const Token& token, const Request& request, Refusal* refusal) const {
  auto interaction = fhir::classify({.method = codec::parse_method(request.method),
                                     .path = request.path,
                                     .query = request.query,
                                     .content_type = request.content_type,
                                     .body = request.body,
                                     .if_none_exist = request.if_none_exist});
  if (!interaction) {
    const bool none = interaction.error().code == ErrorCode::not_found;
    refuse(refusal, none ? 404 : 400, "malformed",
           none ? "There is no such resource type" : "The request is not well-formed");
    return std::nullopt;
  }
  const auto& verified = token.state_->token;
  if (interaction->kind == fhir::InteractionKind::batch || interaction->kind == fhir::InteractionKind::transaction) {
    refuse(refusal, 403, "interaction_not_offered", "Each entry is a request of its own");
    return std::nullopt;
  }
  if (verified->expires <= impl_->clock.now()) {
    refuse(refusal, 401, "invalid_token", "The access token is not valid here",
           impl_->challenge("invalid_token", "The access token is not valid here"));
    return std::nullopt;
  }
  auto decided = policy::decide(verified->access, *interaction);
  if (!decided.decision.permitted()) {
    const auto texts = texts_of(decided.decision.reason);
    refuse(refusal, texts.status, policy::name(decided.decision.reason), texts.text,
           decided.scope_hint.empty()
               ? std::string()
               : impl_->challenge("insufficient_scope", "No granted scope allows this", decided.scope_hint));
    return std::nullopt;
  }
  Permission::State state{verified, std::move(*interaction), std::move(decided.plan), {}};
  for (const auto& param : state.plan.forward) state.parameters.emplace_back(param.name, param.value);
  Permission out;
  out.state_ = std::make_shared<const Permission::State>(std::move(state));
  return out;
}

bool ResourceServer::visible(const Permission& permission, std::string_view resource, Origin origin) const {
  const auto& state = *permission.state_;
  const auto json = gateway::parse_upstream(resource, impl_->config.public_base, impl_->config.public_base);
  if (!json) return false;
  const auto how = origin == Origin::included                          ? policy::Origin::included
                   : origin == Origin::reverse                         ? policy::Origin::reverse
                   : state.plan.letters.find('s') != std::string::npos ? policy::Origin::match
                                                                       : policy::Origin::read;
  return policy::resource_visible(state.token->access, *json, how, {}, nullptr,
                                  {.now = impl_->clock.now(), .consents = nullptr})
      .permitted();
}

bool ResourceServer::writable(const Permission& permission, std::string_view before, std::string_view after) const {
  const auto& state = *permission.state_;
  const auto& what = state.interaction;
  const auto& base = impl_->config.public_base;
  std::optional<codec::Json> old;
  std::optional<codec::Json> made;
  for (const auto& [text, out] : {std::pair{before, &old}, std::pair{after, &made}}) {
    if (text.empty()) continue;
    auto json = gateway::parse_upstream(text, base, base);
    if (!json) return false;
    *out = std::move(*json);
  }
  const auto permitted = [&](char letter) { return state.plan.letters.find(letter) != std::string::npos; };
  // An update that turns out to create is held to the right to update as well: under an id of the client's choice, or,
  // where the condition found nothing and names none, under one that nobody has.
  const char letter = !made ? 'd' : old || permitted('u') ? 'u' : 'c';
  using fhir::InteractionKind;
  const bool patch = what.kind == InteractionKind::patch || what.kind == InteractionKind::conditional_patch;
  if ((!old && (!made || patch)) || !permitted(letter)) return false;
  if (letter == 'u' && !old && !made->contains("id") && what.id.empty()) made->set("id", kUnborn);
  // What is written is what the URL names.
  for (const auto* const one : {&old, &made}) {
    if (!*one) continue;
    const auto& resource = **one;
    if (resource["resourceType"].string_or() != what.type) return false;
    if (!what.id.empty() && resource["id"].string_or() != what.id) return false;
  }
  return policy::write_allowed(state.token->access, letter, old ? &*old : nullptr, made ? &*made : nullptr, nullptr,
                               {.now = impl_->clock.now(), .consents = nullptr})
      .permitted();
}

std::string ResourceServer::metadata() const { return gateway::protected_resource_metadata(impl_->config).dump(); }

bool ResourceServer::ready() const { return impl_->verifier.ready(impl_->clock.now()); }

}  // namespace mitral::sdk
