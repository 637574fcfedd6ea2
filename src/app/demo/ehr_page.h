// EhrPage: the demo's stand-in for a hospital's record system: a page from which a clinician starts the sample app for
// one of her patients (SMART EHR launch). Its server side asks the authorization server for a launch handle with the
// EHR's own credentials, and sends the browser to the app's launch URL.
//
// Thread rules: handle() from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "codec/message.h"
#include "net/client.h"

namespace mitral::app {

class EhrPage {
 public:
  struct Patient {
    std::string id, name, encounter;
  };
  struct Settings {
    std::string issuer, fhir_base, app_client;
    std::string client_id, client_secret;  ///< the EHR's
    std::string username, clinician;       ///< who is signed in at the EHR
    std::string ca_file;                   ///< of the demo with TLS
    std::vector<Patient> patients;
  };
  EhrPage(Settings settings, net::HttpClient& client) : settings_(std::move(settings)), client_(client) {}

  /// GET /ehr, POST /ehr
  [[nodiscard]] Task<codec::Response> handle(codec::Request request) const;

 private:
  [[nodiscard]] codec::Response page() const;
  [[nodiscard]] Task<codec::Response> launch(std::string patient) const;

  Settings settings_;
  net::HttpClient& client_;
};

}  // namespace mitral::app
