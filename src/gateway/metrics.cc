#include "gateway/metrics.h"

#include <string_view>

namespace mitral::gateway {
namespace {

void line(std::string& out, std::string_view name, std::string_view help, const Counter& counter) {
  out.append("# HELP mitral_gateway_").append(name).append(" ").append(help).append("\n# TYPE mitral_gateway_");
  out.append(name).append(" counter\nmitral_gateway_").append(name).append(" ");
  out.append(std::to_string(counter.value())).append("\n");
}

void line(std::string& out, std::string_view name, std::string_view help, const Gauge& gauge) {
  out.append("# HELP mitral_gateway_").append(name).append(" ").append(help).append("\n# TYPE mitral_gateway_");
  out.append(name).append(" gauge\nmitral_gateway_").append(name).append(" ");
  out.append(std::to_string(gauge.value())).append("\n");
}

}  // namespace

void Metrics::render(std::string& out) const {
  out.append(
      "# HELP mitral_gateway_answers_total Answers by status class.\n# TYPE mitral_gateway_answers_total counter\n");
  for (std::size_t i = 1; i < answers.size(); ++i) {
    out.append("mitral_gateway_answers_total{class=\"").append(std::to_string(i)).append("xx\"} ");
    out.append(std::to_string(answers[i].value())).append("\n");
  }
  line(out, "no_token_total", "Requests without an access token.", no_token);
  line(out, "bad_token_total", "Requests with a token that was refused.", bad_token);
  line(out, "denied_total", "Requests refused by decision.", denied);
  line(out, "token_cache_hits_total", "Tokens believed from memory.", token_cache_hits);
  line(out, "token_cache_misses_total", "Tokens checked anew.", token_cache_misses);
  line(out, "introspections_total", "Introspection requests.", introspections);
  line(out, "introspections_failed_total", "Introspections without a usable answer.", introspections_failed);
  line(out, "introspections_refused_total", "Introspections not begun: too many in flight.", introspections_refused);
  line(out, "jwks_fetches_total", "Fetches of the issuer's key set.", jwks_fetches);
  line(out, "jwks_failures_total", "Failed fetches of the issuer's key set.", jwks_failures);
  line(out, "feed_polls_total", "Polls of the revocation feed.", feed_polls);
  line(out, "feed_failures_total", "Failed polls of the revocation feed.", feed_failures);
  line(out, "feed_changes_total", "Lines of the revocation feed.", feed_changes);
  line(out, "upstream_requests_total", "Requests sent to the FHIR server.", upstream_requests);
  line(out, "upstream_failures_total", "Requests that the FHIR server did not answer.", upstream_failures);
  line(out, "upstream_rejected_total", "Answers of the FHIR server that were not let through.", upstream_rejected);
  line(out, "upstream_retries_total", "Safe requests sent to the FHIR server a second time.", upstream_retries);
  line(out, "upstream_refused_full_total", "Requests not sent: too many in flight.", upstream_refused_full);
  line(out, "upstream_refused_circuit_total", "Requests not sent: the circuit was open.", upstream_refused_circuit);
  line(out, "circuit_opened_total", "Times the circuit to the FHIR server opened.", circuit_opened);
  line(out, "phantoms_total", "Identity tokens signed for the FHIR server.", phantoms);
  line(out, "decided_permit_total", "Requests that the decision endpoint permitted.", decided_permit);
  line(out, "decided_deny_total", "Requests that the decision endpoint refused.", decided_deny);
  line(out, "reviews_due_total", "Emergency accesses that the FHIR server is to be told of.", reviews_due);
  line(out, "reviews_written_total", "Emergency accesses whose Task the FHIR server has.", reviews_written);
  line(out, "reviews_failed_total", "Attempts to tell the FHIR server that failed.", reviews_failed);
  line(out, "reviews_open", "Emergency accesses whose Task the FHIR server has not acknowledged.", reviews_open);
  line(out, "resources_shown_total", "Resources that left.", resources_shown);
  line(out, "resources_withheld_total", "Resources that were taken out of answers.", resources_withheld);
  line(out, "audit_events_total", "Audit events written.", audit_events);
  line(out, "audit_failures_total", "Answers held back because the audit could not be written.", audit_failures);
  line(out, "audit_skipped_total", "Refusals of unproven callers above the rate that is written down.", audit_skipped);
}

}  // namespace mitral::gateway
