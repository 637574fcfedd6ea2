// Overload: what the listeners of an installation do when more is asked of them than they can serve (ADR 0019): which
// requests matter more, and how a refusal reads. The order itself is net/load_control.h.
//
// Thread rules: pure functions.
#pragma once

#include "codec/message.h"
#include "net/server.h"

namespace mitral::app {

/// By the end of the path: the endpoints of web/routes.h below any issuer's base.
[[nodiscard]] net::Importance server_importance(const codec::Request& head) noexcept;
/// Of requests to the FHIR base.
[[nodiscard]] net::Importance gateway_importance(const codec::Request& head) noexcept;

/// Options of the public listener of `mitral serve` and of `mitral gateway`; those for health and metrics never shed.
[[nodiscard]] net::ServerOptions server_options();
[[nodiscard]] net::ServerOptions gateway_options();
/// Of the gateway's listener for the questions of a proxy.
[[nodiscard]] net::ServerOptions decision_options();

}  // namespace mitral::app
