// User, browser session, remembered consent: the person at the authorization server.
//
// Thread rules: values.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"

namespace mitral::model {

/// A record that the user may open: her own, or one she is proxy for.
struct PatientAccess {
  std::string patient_id;    ///< logical id at the FHIR server
  std::string display;       ///< what the picker shows
  std::string relationship;  ///< "self", "child", "parent", "guardian" …: free text, shown
  std::string birth_date;    ///< YYYY-MM-DD or empty, shown by the picker to tell namesakes apart
};

struct User {
  Issuer issuer;
  UserId id;             ///< "sub": random, stable, never reassigned (OpenID Connect Core §2)
  std::string username;  ///< lower-cased at registration and sign-in
  std::string display_name;
  std::string email;
  std::string password_phc;  ///< Argon2id in PHC format; empty: no password sign-in
  bool enabled = true;
  std::string fhir_user;           ///< relative reference, e.g. "Patient/123" or "Practitioner/7"; empty: none
  std::vector<std::string> roles;  ///< e.g. "clinician", "admin"
  std::vector<PatientAccess> patients;
  Instant created;
  Instant updated;
  Instant tokens_valid_from;  ///< tokens and sessions from before are dead
};

struct Session {
  Hash256 id_hash{};  ///< SHA-256 of the cookie's value; the value itself is never stored
  Issuer issuer;
  UserId user;
  Id128 sid;  ///< public name of the session ("sid"), safe to show
  Instant auth_time;
  std::string acr;
  std::vector<std::string> amr;  ///< RFC 8176
  Instant created;
  Instant last_seen;
  Instant expires;  ///< absolute
};

/// What a user agreed to for a client, so that she is not asked the same again.
struct Consent {
  Issuer issuer;
  UserId user;
  ClientId client;
  std::vector<std::string> scopes;    ///< as granted
  std::vector<std::string> declined;  ///< asked for and unticked: a new ask for these shows the page again
  std::string patient_id;
  std::string audience;
  Instant created;
  Instant expires;
};

}  // namespace mitral::model
