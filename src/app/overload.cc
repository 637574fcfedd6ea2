#include "app/overload.h"

#include <array>
#include <string_view>

namespace mitral::app {
namespace {

using net::Importance;

enum class At : std::uint8_t { end, anywhere };

struct Row {
  std::string_view text;
  At at;
  Importance importance;
};

// clang-format off
// What is needed so that access ends, then so that access that was given works, then what carries on a sign-in under
// way; what begins something new can wait. The first row that fits counts; what is in none is low.
constexpr std::array kServer{
    Row{"/revoke",       At::end,      Importance::vital},
    Row{"/revocations",  At::end,      Importance::vital},
    Row{"/introspect",   At::end,      Importance::high},
    Row{"/jwks",         At::end,      Importance::high},
    Row{"/.well-known/", At::anywhere, Importance::high},
    Row{"/sign-out",     At::end,      Importance::high},
    Row{"/token",        At::end,      Importance::normal},
    Row{"/userinfo",     At::end,      Importance::normal},
    Row{"/interaction/", At::anywhere, Importance::normal},
    Row{"/authorize",    At::end,      Importance::low},
    Row{"/par",          At::end,      Importance::low},
    Row{"/launch",       At::end,      Importance::low},
};

// Care before research: single resources and searches before exports.
constexpr std::array kGateway{
    Row{"/.well-known/", At::anywhere, Importance::high},
    Row{"/metadata",     At::end,      Importance::high},
    Row{"/_bulk/",       At::anywhere, Importance::low},
    Row{"/$export",      At::end,      Importance::low},
    Row{"/",             At::anywhere, Importance::normal},
};
// clang-format on

template <std::size_t size>
Importance look_up(const std::array<Row, size>& table, std::string_view target) noexcept {
  const auto path = target.substr(0, target.find('?'));
  for (const Row& row : table) {
    if (row.at == At::end ? path.ends_with(row.text) : path.find(row.text) != std::string_view::npos)
      return row.importance;
  }
  return Importance::low;
}

constexpr net::BusyBody kOauthBusy{
    "application/json",
    R"({"error":"temporarily_unavailable","error_description":"Too many requests right now; try again soon"})"};
constexpr net::BusyBody kFhirBusy{
    "application/fhir+json", R"({"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"throttled",)"
                             R"("diagnostics":"Too many requests right now; try again soon"}]})"};

}  // namespace

Importance server_importance(const codec::Request& head) noexcept { return look_up(kServer, head.target); }
Importance gateway_importance(const codec::Request& head) noexcept { return look_up(kGateway, head.target); }

net::ServerOptions server_options() {
  net::ServerOptions out;
  out.shed = true;
  out.importance = server_importance;
  out.busy = kOauthBusy;
  return out;
}

net::ServerOptions gateway_options() {
  net::ServerOptions out;
  out.max_body = limits::kFhirBodyMax;
  out.shed = true;
  out.importance = gateway_importance;
  out.busy = kFhirBusy;
  return out;
}

net::ServerOptions decision_options() {
  net::ServerOptions out;
  out.shed = true;
  return out;
}

}  // namespace mitral::app
