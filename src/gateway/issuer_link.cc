#include "gateway/issuer_link.h"

#include <utility>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "codec/uri.h"

namespace mitral::gateway {
namespace {

using codec::Json;

std::unexpected<Error> useless(std::string_view what) { return fail(ErrorCode::unavailable, {}, std::string(what)); }

Result<net::Url> url_of(const std::string& configured, const std::string& issuer, std::string_view path) {
  return net::parse_url(configured.empty() ? codec::join_path(issuer, path) : configured);
}

std::optional<model::Change> change_of(const Json& line) {
  const auto kind = model::parse_change_kind(line["kind"].string_or());
  const auto seq = line["seq"].as_int64();
  const auto at = line["at"].as_int64();
  const auto expires = line["expires"].as_int64();
  if (!kind || !seq || !at || !expires || !line["subject"].is_string()) return std::nullopt;
  model::Change out;
  out.seq = *seq;
  out.kind = *kind;
  out.subject = line["subject"].string_or();
  out.at = from_micros(*at);
  out.expires = from_seconds(*expires);
  return out;
}

}  // namespace

Result<IssuerLink> IssuerLink::create(const Config& config, Sender& sender, Metrics& metrics, const Clock& clock,
                                      Random& random) {
  IssuerLink out(sender, metrics);
  if (config.foreign.kind != IssuerKind::mitral) {
    MITRAL_TRY(out.foreign_, ForeignIssuer::create(config, sender, clock, random));
    return out;
  }
  MITRAL_TRY(out.introspection_, url_of(config.introspection_url, config.issuer, "/introspect"));
  MITRAL_TRY(out.jwks_, url_of(config.jwks_url, config.issuer, "/jwks"));
  MITRAL_TRY(out.feed_, url_of({}, config.issuer, "/revocations"));
  const auto resource = codec::percent_encode(config.audience.empty() ? config.public_base : config.audience);
  MITRAL_TRY(out.smart_, url_of({}, config.issuer, "/.well-known/smart-configuration?resource=" + resource));
  out.options_ = config.issuer_options;
  // client_secret_basic: both halves form-urlencoded (RFC 6749 §2.3.1).
  out.basic_ = Secret("Basic " + codec::base64_encode(codec::percent_encode(config.credential_id) + ":" +
                                                      codec::percent_encode(config.credential_secret.reveal())));
  return out;
}

codec::Request IssuerLink::get_request(bool with_credential) const {
  codec::Request request;
  request.method = codec::Method::get;
  request.headers.add("Accept", "application/json");
  if (with_credential) request.headers.add("Authorization", basic_.reveal());
  return request;
}

Task<Result<Json>> IssuerLink::call(net::Url url, codec::Request request, net::ClientOptions options) const {
  const std::size_t max_body = options.max_body;
  MITRAL_CO_TRY(const auto response, co_await sender_.send(std::move(url), std::move(request), std::move(options)));
  co_return issuer_answer(response, max_body);
}

Task<Result<Json>> IssuerLink::introspect(std::string token) const {
  metrics_.introspections.add();
  if (foreign_) {
    auto theirs = co_await foreign_->introspect(std::move(token));
    if (!theirs) metrics_.introspections_failed.add();
    co_return theirs;
  }
  codec::Request request = get_request(true);
  request.method = codec::Method::post;
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  request.body = codec::Form({{"token", token}, {"token_type_hint", "access_token"}}).serialize();
  auto answer = co_await call(introspection_, std::move(request), options_);
  if (!answer || !(*answer)["active"].is_bool()) {
    metrics_.introspections_failed.add();
    if (answer) co_return useless("introspection answer without a boolean active");
  }
  co_return answer;
}

Task<Result<jose::JwkSet>> IssuerLink::fetch_keys() const {
  metrics_.jwks_fetches.add();
  if (foreign_) {
    auto theirs = co_await foreign_->fetch_keys();
    if (!theirs) {
      metrics_.jwks_failures.add();
      co_return useless("key set can't be used: " + theirs.error().detail);
    }
    co_return theirs;
  }
  auto options = options_;
  options.max_body = limits::kJwksMax;
  const auto answer = co_await call(jwks_, get_request(false), std::move(options));
  auto keys = answer ? jose::JwkSet::parse(*answer) : Result<jose::JwkSet>(std::unexpected(answer.error()));
  if (!keys) {
    metrics_.jwks_failures.add();
    co_return useless("key set can't be used: " + keys.error().detail);
  }
  co_return std::move(*keys);
}

Task<Result<Json>> IssuerLink::fetch_smart_configuration() const {
  if (foreign_) co_return co_await foreign_->smart_configuration();
  co_return co_await call(smart_, get_request(false), options_);
}

Task<Result<IssuerLink::FeedPage>> IssuerLink::poll_feed(std::int64_t after, Duration wait) const {
  if (foreign_) co_return useless("issuers of another make have no revocation feed");
  metrics_.feed_polls.add();
  auto url = feed_;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait).count();
  url.target += (url.target.find('?') == std::string::npos ? "?after=" : "&after=") + std::to_string(after) +
                "&wait=" + std::to_string(seconds);
  auto options = options_;
  // Late news is no news: an answer must come within the silence that ends trust.
  options.total_timeout = limits::kFeedSilence;
  options.max_body = limits::kFeedBodyMax;
  MITRAL_CO_TRY(const auto answer, co_await call(std::move(url), get_request(true), std::move(options)));
  FeedPage out;
  const auto seq = answer["seq"].as_int64();
  const auto oldest = answer["oldest"].as_int64();
  if (!seq || !oldest || !answer["changes"].is_array()) co_return useless("revocation feed answer is incomplete");
  out.seq = *seq;
  out.oldest = *oldest;
  for (const auto& line : answer["changes"].items()) {
    auto change = change_of(line);
    // A line that can't be read may be the one that matters: no trust in the rest either.
    if (!change) co_return useless("revocation feed has a line that can't be read");
    out.changes.push_back(std::move(*change));
  }
  co_return out;
}

}  // namespace mitral::gateway
