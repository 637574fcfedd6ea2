#include "flow/context.h"

namespace mitral::flow {

Context::Context(Services& services_, const IssuerRuntime& issuer_, Endpoint endpoint_, codec::Request request_)
    : services(services_),
      issuer(issuer_),
      endpoint(endpoint_),
      request(std::move(request_)),
      now(services_.clock.now()),
      directory(services_.store.directory()) {}

model::AuditEvent Context::event(model::AuditKind kind, model::AuditOutcome outcome) const {
  model::AuditEvent out;
  out.issuer = issuer.id();
  out.kind = kind;
  out.outcome = outcome;
  out.at = now;
  out.address = request.peer_address;
  if (client) {
    out.client = client->id().value;
  } else if (server) {
    out.client = server->record().id;
  } else if (candidate != nullptr) {
    out.client = candidate->id.value;
  }
  return out;
}

const IssuerRuntime* Services::issuer(std::string_view id) const noexcept {
  for (const auto& runtime : issuers) {
    if (runtime->text() == id) return runtime.get();
  }
  return nullptr;
}

}  // namespace mitral::flow
