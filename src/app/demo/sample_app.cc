#include "app/demo/sample_app.h"

#include "codec/json.h"

namespace mitral::app {
namespace {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
constexpr char kIndex[] = {
#embed "sample_app/index.html"
};
constexpr char kStyle[] = {
#embed "sample_app/app.css"
};
constexpr char kScript[] = {
#embed "sample_app/app.js"
};
#pragma clang diagnostic pop

template <std::size_t N>
constexpr std::string_view view(const char (&bytes)[N]) {
  return {bytes, N};
}

}  // namespace

Task<codec::Response> SampleApp::handle(codec::Request request) const {
  codec::Response response;
  if (request.method != codec::Method::get && request.method != codec::Method::head) {
    response = codec::Response::with(405, "text/plain; charset=utf-8", "method not allowed\n");
    response.headers.add("Allow", "GET, HEAD");
  } else if (request.path == "/" || request.path == "/launch") {
    response = codec::Response::with(200, "text/html; charset=utf-8", std::string(view(kIndex)));
  } else if (request.path == "/app.css") {
    response = codec::Response::with(200, "text/css; charset=utf-8", std::string(view(kStyle)));
  } else if (request.path == "/app.js") {
    response = codec::Response::with(200, "text/javascript; charset=utf-8", std::string(view(kScript)));
  } else if (request.path == "/config.json") {
    const auto config = codec::Json::object(
        {{"client_id", settings_.client_id}, {"iss", settings_.fhir_base}, {"redirect_uri", settings_.redirect_uri}});
    response = codec::Response::with(200, "application/json", config.dump());
  } else {
    response = codec::Response::with(404, "text/plain; charset=utf-8", "not found\n");
  }
  // An app that holds tokens in a browser keeps scripts and connections on a short leash (RFC 10017).
  response.headers.add("Content-Security-Policy",
                       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' " +
                           settings_.connect_sources + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Referrer-Policy", "no-referrer");
  response.headers.add("Cache-Control", "no-store");
  co_return response;
}

}  // namespace mitral::app
