#include "flow/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace mitral::flow {

void Metrics::count(Endpoint endpoint, int status) noexcept {
  const auto status_class = static_cast<std::size_t>(std::clamp(status / 100, 0, 5));
  requests[static_cast<std::size_t>(endpoint)][status_class].add();
}

void Metrics::render(std::string& out) const {
  auto to = std::back_inserter(out);
  const auto head = [&](std::string_view name, std::string_view help) {
    fmt::format_to(to, "# HELP {} {}\n# TYPE {} counter\n", name, help, name);
  };
  head("mitral_requests_total", "Requests by endpoint and class of status.");
  for (std::size_t e = 0; e < requests.size(); ++e) {
    for (std::size_t c = 1; c < requests[e].size(); ++c) {
      if (const auto n = requests[e][c].value(); n != 0) {
        fmt::format_to(to, "mitral_requests_total{{endpoint=\"{}\",status=\"{}xx\"}} {}\n",
                       name(static_cast<Endpoint>(e)), c, n);
      }
    }
  }
  head("mitral_errors_total", "Refused requests by error code.");
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (const auto n = errors[i].value(); n != 0) {
      fmt::format_to(to, "mitral_errors_total{{code=\"{}\"}} {}\n", name(static_cast<ErrorCode>(i)), n);
    }
  }
  head("mitral_tokens_issued_total", "Access tokens issued by grant.");
  fmt::format_to(to, "mitral_tokens_issued_total{{grant=\"authorization_code\"}} {}\n", tokens_code.value());
  fmt::format_to(to, "mitral_tokens_issued_total{{grant=\"refresh_token\"}} {}\n", tokens_refresh.value());
  fmt::format_to(to, "mitral_tokens_issued_total{{grant=\"client_credentials\"}} {}\n", tokens_client.value());
  head("mitral_introspections_total", "Introspections by answer.");
  fmt::format_to(to, "mitral_introspections_total{{active=\"true\"}} {}\n", introspections_active.value());
  fmt::format_to(to, "mitral_introspections_total{{active=\"false\"}} {}\n", introspections_inactive.value());
  const auto single = [&](std::string_view name, std::string_view help, const Counter& counter) {
    head(name, help);
    fmt::format_to(to, "{} {}\n", name, counter.value());
  };
  single("mitral_codes_issued_total", "Authorization codes issued.", codes_issued);
  single("mitral_emergency_accesses_total", "Emergency accesses approved.", emergencies);
  single("mitral_revocations_total", "Revocation requests that took effect.", revocations);
  single("mitral_client_auth_failures_total", "Failed client authentications.", client_auth_failed);
  single("mitral_throttled_total", "Requests refused because of earlier failures.", throttled);
  single("mitral_code_reuse_total", "Authorization codes presented a second time.", code_reuse);
  single("mitral_refresh_reuse_total", "Refresh tokens presented after they were replaced.", refresh_reuse);
  head("mitral_sign_ins_total", "Sign-ins by outcome.");
  fmt::format_to(to, "mitral_sign_ins_total{{outcome=\"success\"}} {}\n", sign_ins_ok.value());
  fmt::format_to(to, "mitral_sign_ins_total{{outcome=\"failure\"}} {}\n", sign_ins_failed.value());
  single("mitral_jwks_fetches_total", "Fetches of clients' key sets.", jwks_fetches);
  single("mitral_jwks_fetch_failures_total", "Fetches of clients' key sets that failed.", jwks_fetch_failures);
  single("mitral_key_rotations_total", "Signing keys made.", key_rotations);
}

}  // namespace mitral::flow
