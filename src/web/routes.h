// Routes: the exact table of doors. (issuer by Host and path prefix, rest of the path, method) -> endpoint.
//
// Paths are compared byte by byte, percent-encoding included: what is not in the table is 404, a wrong method is 405
// with Allow (threat W-17: HEAD is served only where GET has no effect; method override headers are not looked at). The
// Host must be the issuer's own or a configured alias, or the answer is 421 (threats W-2, W-3).
//
//   {base}/authorize ... {base}/revocations, {base}/interaction/*
//   {base}, {base}/, {base}/assets/*                   home page and what pages load (Endpoint::assets)
//   {base}/brands                                      user-access brand Bundle, where one is published
//   {base}/.well-known/openid-configuration            appended (OpenID Connect Discovery §4)
//   {base}/.well-known/smart-configuration             for gateways, which serve it at each FHIR base
//   /.well-known/oauth-authorization-server{base}      inserted (RFC 8414 §3.1)
//   /.well-known/openid-configuration{base}            inserted too (RFC 8414 §5)
//
// Thread rules: immutable once made.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/message.h"
#include "flow/endpoint.h"
#include "flow/issuer_config.h"

namespace mitral::web {

struct Route {
  enum class Kind : std::uint8_t { found, not_found, wrong_method, preflight, misdirected };
  Kind kind = Kind::not_found;
  const flow::IssuerRuntime* issuer = nullptr;
  flow::Endpoint endpoint = flow::Endpoint::authorize;
  std::string_view rest;   ///< of interaction and assets
  std::string_view allow;  ///< literal for 405 and preflight
};

[[nodiscard]] Route find_route(const std::vector<std::unique_ptr<flow::IssuerRuntime>>& issuers,
                               const codec::Request& request);

}  // namespace mitral::web
