// SampleApp: the demo's SMART app as a handler of static files, embedded in the binary from sample_app/.
//
// It is an ordinary public client on an origin of its own: nothing of the server knows it but its registration.
//
// Thread rules: handle() from any thread.
#pragma once

#include <string>

#include "base/task.h"
#include "codec/message.h"

namespace mitral::app {

class SampleApp {
 public:
  struct Settings {
    std::string client_id;
    std::string fhir_base;  ///< "iss" of SMART
    std::string redirect_uri;
    std::string connect_sources;  ///< origins that the page may call, separated by spaces
  };
  explicit SampleApp(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] Task<codec::Response> handle(codec::Request request) const;

 private:
  Settings settings_;
};

}  // namespace mitral::app
