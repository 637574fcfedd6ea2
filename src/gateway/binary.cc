#include "gateway/binary.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "fhir/attachments.h"
#include "fhir/compartment.h"
#include "fhir/reference.h"
#include "fhir/search_params.h"
#include "gateway/answer_project.h"
#include "gateway/bulk_manifest.h"
#include "gateway/outcome.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Response;
using policy::Origin;

constexpr std::string_view kType = "Binary";
/// Types whose attachments prove whose a Binary is.
constexpr auto kProofs = std::to_array<std::string_view>({"DocumentReference", "DiagnosticReport", "Media", "Consent"});

struct Proof {
  bool given = false;
  std::vector<std::string> patients;
};

bool covers_reading(const policy::Access& access, std::string_view type) {
  return std::ranges::any_of(
      access.rules(), [&](const policy::AccessRule& rule) { return rule.covers('r', type) || rule.covers('s', type); });
}

/// Patients of the rules that let a Binary be asked for. A rule with a restriction can't be evaluated on a Binary.
std::vector<std::string> bound_of(const policy::Access& access) {
  std::vector<std::string> out;
  for (const auto& rule : access.rules()) {
    if (!rule.restrictions.empty() && rule.covers('r', kType)) continue;
    if (!rule.covers('r', kType) && !rule.covers('r', "DocumentReference")) continue;
    for (const auto& id : rule.patients) {
      if (std::ranges::find(out, id) == out.end()) out.push_back(id);
    }
  }
  return out;
}

class Owner {
 public:
  Owner(const Exchange& exchange, const Call& call, const Json* binary)
      : exchange_(exchange), call_(call), binary_(binary) {}

  Task<Result<Proof>> prove() {
    const auto& access = call_.token->access;
    const auto context = context_of();
    if (binary_ != nullptr) {
      const auto moment = co_await exchange_.circumstances(call_, {});
      if (!moment) co_return std::unexpected(moment.error());
      const auto itself = policy::resource_visible(access, *binary_, Origin::read, {}, nullptr, *moment);
      // Where directives are enforced, whose it is has to be known to anybody.
      if (itself.permitted() && moment->consents == nullptr) co_return Proof{true, {}};
      if (itself.permitted()) co_return co_await by_attachments({});
    }
    const auto everyones = std::ranges::any_of(
        access.rules(), [](const policy::AccessRule& rule) { return rule.unlimited() && rule.covers('r', kType); });
    if (binary_ == nullptr && everyones) co_return Proof{true, {}};
    const auto patients = bound_of(access);
    if (context && context->kind != fhir::ReferenceKind::local) co_return Proof{};
    if (context && context->type == "Patient") {
      if (std::ranges::find(patients, context->id) == patients.end()) co_return Proof{};
    } else if (context) {
      co_return co_await by_context(*context, patients);
    }
    for (const auto& id : patients) {
      auto proof = co_await by_attachments(id);
      if (!proof || proof->given) co_return proof;
    }
    co_return Proof{};
  }

 private:
  /// A securityContext that can't be read is one that nobody meets.
  [[nodiscard]] std::optional<fhir::Reference> context_of() const {
    if (binary_ == nullptr || !binary_->contains("securityContext")) return std::nullopt;
    return fhir::parse_reference((*binary_)["securityContext"]["reference"].string_or(), exchange_.public_base());
  }

  /// The Binary's own labels count as if they were those of what refers to it.
  [[nodiscard]] bool visible(const Json& resource, const policy::Circumstances& moment) const {
    const auto& access = call_.token->access;
    const auto seen = [&](const Json& what) {
      return policy::resource_visible(access, what, Origin::read, {}, nullptr, moment).permitted() ||
             policy::resource_visible(access, what, Origin::match, {}, nullptr, moment).permitted();
    };
    if (!seen(resource)) return false;
    if (binary_ == nullptr || !binary_->contains("meta")) return true;
    Json labelled = resource;
    labelled.set("meta", (*binary_)["meta"]);
    return seen(labelled);
  }

  Task<Result<Proof>> by_context(fhir::Reference context, const std::vector<std::string>& patients) {
    const auto resource = co_await exchange_.fetch(context.type, context.id);
    if (!resource && resource.error().code == ErrorCode::not_found) co_return Proof{};
    if (!resource) co_return std::unexpected(resource.error());
    auto owners = fhir::member_patients(*resource, exchange_.public_base());
    const auto moment = co_await exchange_.circumstances(call_, owners);
    if (!moment) co_return std::unexpected(moment.error());
    const bool ours = !owners.empty() && std::ranges::all_of(owners, [&](const std::string& id) {
      return std::ranges::find(patients, id) != patients.end();
    });
    co_return Proof{ours && visible(*resource, *moment), std::move(owners)};
  }

  /// `patient` empty: anybody's, found by the location of the attachment alone.
  Task<Result<Proof>> by_attachments(std::string patient) {
    const bool by_location = fhir::find_param("DocumentReference", "location") != nullptr;
    const auto bound = patient.empty() ? std::string() : "patient=Patient/" + patient;
    if (by_location && covers_reading(call_.token->access, "DocumentReference")) {
      auto proof =
          co_await search("DocumentReference",
                          bound + (bound.empty() ? "" : "&") + "location=Binary/" + call_.interaction.id, patient, 1);
      if (proof && proof->given) co_return proof;
    }
    if (patient.empty()) co_return Proof{};
    for (const auto type : kProofs) {
      if (!covers_reading(call_.token->access, type)) continue;
      auto proof = co_await search(type, bound + "&_count=" + std::to_string(limits::kFhirPageMax), patient,
                                   limits::kBinaryProofPagesMax);
      if (!proof || proof->given) co_return proof;
    }
    co_return Proof{};
  }

  /// A server that can't search like this proves nothing; one that does not answer is an error.
  Task<Result<Proof>> search(std::string_view type, std::string query, std::string_view patient, std::size_t pages) {
    std::string target = "/" + std::string(type) + "?" + query;
    for (std::size_t page = 0; page < pages && !target.empty(); ++page) {
      const auto upstream = co_await exchange_.send({.target = target, .call = &call_});
      if (!upstream) co_return std::unexpected(upstream.error());
      if (upstream->status == 429 || upstream->status == 503) co_return fail(ErrorCode::unavailable, {}, "busy");
      if (upstream->status != 200) co_return Proof{};
      const auto bundle = exchange_.fhir_json(*upstream);
      if (!bundle) co_return std::unexpected(bundle.error());
      auto proof = co_await found_in(*bundle, type, patient);
      if (!proof || proof->given) co_return proof;
      target = next_of(*bundle);
    }
    co_return Proof{};
  }

  Task<Result<Proof>> found_in(const Json& bundle, std::string_view type, std::string_view patient) {
    const auto& base = exchange_.public_base();
    for (const auto& entry : bundle["entry"].items()) {
      const auto& resource = entry["resource"];
      if (resource["resourceType"].string_or() != type) continue;
      if (!fhir::attachment_refers_to(resource, call_.interaction.id, base)) continue;
      if (!patient.empty() && !fhir::member_of_patient(resource, patient, base)) continue;
      auto owners = fhir::member_patients(resource, base);
      const auto moment = co_await exchange_.circumstances(call_, owners);
      if (!moment) co_return std::unexpected(moment.error());
      if (visible(resource, *moment)) co_return Proof{true, std::move(owners)};
    }
    co_return Proof{};
  }

  [[nodiscard]] std::string next_of(const Json& bundle) const {
    for (const auto& link : bundle["link"].items()) {
      if (link["relation"].string_or() != "next") continue;
      return below_upstream(link["url"].string_or(), exchange_.config()).value_or("");
    }
    return {};
  }

  const Exchange& exchange_;
  const Call& call_;
  const Json* binary_;
};

// ------------------------------------------------------------------------------------------------------- answer

/// FHIR JSON was named, by _format or Accept; anything else asks for the bytes (FHIR R4 binary.html).
bool wants_resource(const Call& call) {
  if (call.interaction.has("_format")) return true;
  const auto accept = call.request.headers.get("Accept").value_or("");
  return codec::accepts_explicitly(accept, "application/fhir+json") ||
         codec::accepts_explicitly(accept, "application/json");
}

/// The declared type without parameters, if it is one.
std::string media_type(std::string_view declared) {
  const auto type = codec::parse_media_type(declared);
  return type ? type->type : "application/octet-stream";
}

/// Whatever the bytes are, no browser shall run them as a page of this origin (W-29).
Response as_bytes(std::string_view type) {
  Response out;
  out.headers.add("Content-Type", type);
  out.headers.add("Content-Disposition", "attachment");
  out.headers.add("Content-Security-Policy", "sandbox; default-src 'none'");
  return out;
}

bool tag_matches(const Call& call, std::string_view tag) {
  const auto list = call.request.headers.get("If-None-Match").value_or("");
  return !tag.empty() && std::ranges::any_of(codec::split(list, ','), [&](std::string_view item) {
    item = codec::trim(item);
    return item == tag || item == tag.substr(2);
  });
}

Task<Response> not_acceptable(const Exchange& exchange, Call& call) {
  co_return co_await exchange.released(
      call, outcome_response(406, "not-supported", "This Binary has another media type"), {.reason = "not_acceptable"});
}

Task<Response> missing(const Exchange& exchange, Call& call, std::string_view reason) {
  co_return co_await exchange.released(call, not_found(), {.reason = reason, .shown = {}, .withheld = 1});
}

/// Too large to be held as JSON: the bytes pass as they come, after the owner was proven.
Task<Response> stream_bytes(const Exchange& exchange, Call& call) {
  const auto proof = co_await Owner(exchange, call, nullptr).prove();
  if (!proof) co_return co_await exchange.upstream_failed(call, proof.error());
  if (!proof->given) co_return co_await missing(exchange, call, "owner_not_proven");
  auto upstream = co_await exchange.send(
      {.target = call.path, .stream = true, .accept = "*/*", .call = &call, .max_body = limits::kBulkFileMax});
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  const auto type = media_type(upstream->headers.get("Content-Type").value_or(""));
  if (type.find("fhir") != std::string::npos || upstream->headers.count("Content-Encoding") != 0) {
    co_return co_await exchange.upstream_rejected(call, "not the bytes of a Binary");
  }
  if (codec::accept_weight(call.request.headers.get("Accept").value_or(""), type) == 0) {
    co_return co_await not_acceptable(exchange, call);
  }
  auto out = as_bytes(type);
  out.body = std::move(upstream->body);
  out.stream = std::move(upstream->stream);
  co_return co_await exchange.released(
      call, std::move(out), {.reason = {}, .shown = {{std::string(kType), call.interaction.id, proof->patients}}});
}

}  // namespace

Task<Response> serve_binary(const Exchange& exchange, Call& call) {
  const bool resource = wants_resource(call);
  const auto upstream = co_await exchange.send({.target = call.path, .call = &call, .max_body = limits::kFhirBodyMax});
  if (!upstream && upstream.error().code == ErrorCode::too_large && !resource) {
    co_return co_await stream_bytes(exchange, call);
  }
  if (!upstream) co_return co_await exchange.upstream_failed(call, upstream.error());
  if (upstream->status != 200) co_return co_await exchange.upstream_status(call, upstream->status);
  auto binary = exchange.fhir_json(*upstream);
  if (!binary) co_return co_await exchange.upstream_rejected(call, binary.error().detail);
  if ((*binary)["resourceType"].string_or() != kType || (*binary)["id"].string_or() != call.interaction.id) {
    co_return co_await exchange.upstream_rejected(call, "not the resource that was asked for");
  }
  auto proof = co_await Owner(exchange, call, &*binary).prove();
  if (!proof) co_return co_await exchange.upstream_failed(call, proof.error());
  if (!proof->given) co_return co_await missing(exchange, call, "owner_not_proven");
  const auto tag = version_tag(*binary);
  Response out;
  if (tag_matches(call, tag)) {
    out.status = 304;
  } else if (resource) {
    if (asks_for_parts(call.decision.plan)) project(*binary, call.decision.plan);
    out = Response::with(200, kFhirJson, binary->dump());
  } else {
    const auto type = media_type((*binary)["contentType"].string_or());
    if (codec::accept_weight(call.request.headers.get("Accept").value_or(""), type) == 0) {
      co_return co_await not_acceptable(exchange, call);
    }
    auto bytes = codec::base64_decode((*binary)["data"].string_or());
    if (!bytes) co_return co_await exchange.upstream_rejected(call, "data of a Binary is not base64");
    out = as_bytes(type);
    out.body = std::move(*bytes);
  }
  if (!tag.empty()) out.headers.add("ETag", tag);
  co_return co_await exchange.released(
      call, std::move(out),
      {.reason = {}, .shown = {{std::string(kType), call.interaction.id, std::move(proof->patients)}}});
}

}  // namespace mitral::gateway
