// Call: one request with a proven token on its way through the gateway. Made by FhirRoute, worked on by the handler of
// its interaction.
//
// Thread rules: belongs to one request; the request outlives it.
#pragma once

#include <string>
#include <string_view>

#include "codec/message.h"
#include "fhir/interaction.h"
#include "gateway/token_verifier.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {

struct Call {
  const codec::Request& request;
  std::string_view rest;  ///< path below the public base, as sent
  TokenPtr token;
  Instant now;
  fhir::Interaction interaction;
  bool classified = false;
  policy::RequestDecision decision;
  std::string path;         ///< of the interaction below the base, as paging links name it
  std::string page_target;  ///< upstream target of a page; empty: the first request
};

}  // namespace mitral::gateway
