// Config: what one gateway needs to know, as plain data (app/ fills it from the configuration file).
//
// One gateway guards one FHIR base with tokens of one issuer. Secrets are Secret; nothing here is logged.
//
// Thread rules: values; constant once the gateway is made.
#pragma once

#include <string>
#include <vector>

#include "base/secret.h"
#include "codec/message.h"
#include "gateway/rules.h"
#include "net/client.h"
#include "policy/labels.h"

namespace mitral::gateway {

struct Config {
  std::string public_base;                      ///< FHIR base URL that clients use, without a trailing slash
  std::string audience;                         ///< what "aud" of a token must contain; empty: public_base
  std::string name = "FHIR";                    ///< shown in RFC 9728 metadata
  std::string upstream;                         ///< FHIR base URL behind the gateway, without a trailing slash
  std::vector<codec::Header> upstream_headers;  ///< the gateway's own credential and the like, sent with every request
  net::ClientOptions upstream_options;

  std::string issuer;         ///< issuer identifier
  std::string credential_id;  ///< the gateway's name at introspection and at the revocation feed
  Secret credential_secret;
  net::ClientOptions issuer_options;
  std::string jwks_url;           ///< empty: issuer + /jwks
  std::string introspection_url;  ///< empty: issuer + /introspect

  std::vector<std::string> origins;           ///< browser origins of registered apps (CORS), "https://app.example"
  std::vector<std::string> hosts;             ///< Host values answered beside public_base's own (threat W-2)
  std::vector<std::string> scopes_supported;  ///< RFC 9728 metadata; may be empty
  std::string documentation;                  ///< RFC 9728 metadata: a page for developers; may be empty
  UpstreamRules upstream_rules;
  IdentityRules identity;
  ForeignRules foreign;  ///< says whose tokens are accepted
  DecideRules decide;
  Secret page_key;  ///< 32 bytes that seal paging links; empty: random, links die with the process

  bool enforce_consent = false;              ///< FHIR Consent of patients decides (policy/consent.h)
  std::vector<std::string> custodians;       ///< "Organization/x": who keeps these records, for Consents that name them
  std::string assumed_purpose;               ///< HL7 PurposeOfUse of tokens that name none; empty: unknown
  std::vector<policy::Label> hidden_labels;  ///< security labels that need a permission of their own (policy/labels.h)

  bool review_tasks = false;  ///< emergency accesses become a Task and a Communication upstream (emergency_reviews.h)

  bool bulk = true;                       ///< Bulk Data export is offered, if upstream has it
  std::vector<BulkGroups> bulk_groups;    ///< clients that are not listed may export whatever their scopes allow
  std::vector<std::string> bulk_storage;  ///< URLs with a path, below which export files may lie beside upstream's own
  net::ClientOptions bulk_storage_options;  ///< for those; no credential is ever sent there
};

}  // namespace mitral::gateway
