#include "app/demo/ehr_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/base64url.h"
#include "codec/form.h"
#include "codec/json.h"
#include "codec/text.h"

namespace mitral::app {
namespace {

codec::Response html(int status, std::string body) {
  auto response = codec::Response::with(status, "text/html; charset=utf-8", std::move(body));
  response.headers.add("Content-Security-Policy",
                       "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Referrer-Policy", "no-referrer");
  response.headers.add("Cache-Control", "no-store");
  return response;
}

codec::Response problem(std::string_view text) {
  return html(502, fmt::format("<!doctype html><html lang=\"en\"><title>Sample record system</title><p>{}</p></html>",
                               codec::html_escape(text)));
}

}  // namespace

Task<codec::Response> EhrPage::handle(codec::Request request) const {
  if (request.method == codec::Method::get) co_return page();
  if (request.method != codec::Method::post) co_return html(405, "method not allowed");
  const auto form = codec::Form::parse(request.body);
  const auto patient = form ? form->get("patient") : std::nullopt;
  if (!patient) co_return problem("Choose a patient.");
  co_return co_await launch(std::string(*patient));
}

codec::Response EhrPage::page() const {
  std::string rows;
  for (const auto& patient : settings_.patients) {
    rows +=
        fmt::format(R"(<li class="lab"><div class="name">{}</div><span></span>
<form method="post" action="ehr"><input type="hidden" name="patient" value="{}">
<button class="quiet" id="launch-{}">Open in Lab Notebook</button></form></li>)",
                    codec::html_escape(patient.name), codec::html_escape(patient.id), codec::html_escape(patient.id));
  }
  return html(200, fmt::format(R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sample Clinic's record system</title><link rel="stylesheet" href="app.css"></head>
<body><header class="bar"><div class="wrap"><span class="brand">Sample Clinic</span><span class="tag">record system</span>
<span class="grow"></span><span class="fine">{}</span></div></header>
<main class="wrap"><section class="card"><h1>Today's patients</h1>
<p class="fine">Opening an app from here is an EHR launch: the app learns which patient and visit you are in.</p>
<ul class="plain" id="patients">{}</ul></section></main></body></html>
)",
                               codec::html_escape(settings_.clinician), rows));
}

Task<codec::Response> EhrPage::launch(std::string patient) const {
  const auto found = std::ranges::find(settings_.patients, patient, &Patient::id);
  if (found == settings_.patients.end()) co_return problem("There is no such patient here.");
  auto context = codec::Json::object({{"patient", found->id}, {"need_patient_banner", true}});
  if (!found->encounter.empty()) context.set("encounter", found->encounter);
  codec::Form form;
  form.add("app", settings_.app_client);
  form.add("user", settings_.username);
  form.add("aud", settings_.fhir_base);
  form.add("context", context.dump());
  codec::Request request;
  request.method = codec::Method::post;
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  request.headers.add("Accept", "application/json");
  request.headers.add("Authorization",
                      "Basic " + codec::base64_encode(settings_.client_id + ":" + settings_.client_secret));
  request.body = form.serialize();
  auto url = net::parse_url(settings_.issuer + "/launch");
  if (!url) co_return problem("The authorization server's address is wrong.");
  net::ClientOptions options;
  options.addresses = net::AddressRule::public_or_loopback;
  options.allow_plain_http = true;
  options.extra_ca_file = settings_.ca_file;
  const auto answer = co_await client_.send(std::move(*url), std::move(request), std::move(options));
  if (!answer || answer->status != 201) co_return problem("The authorization server did not make a launch.");
  const auto json = codec::Json::parse_object(answer->body);
  const std::string target(json ? (*json)["launch_url"].string_or() : "");
  if (target.empty()) co_return problem("The authorization server did not make a launch.");
  codec::Response response = html(303, "");
  response.headers.add("Location", target);
  co_return response;
}

}  // namespace mitral::app
