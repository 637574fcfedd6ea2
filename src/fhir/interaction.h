// Interaction: what an HTTP request asks of a FHIR server, classified before anything is decided or forwarded.
//
// Source: FHIR R4 http.html (interactions, search by GET and POST, compartment search, history, conditional acts).
// Strict by intent (threats W-18): the path below the base must consist of plain names, with no percent sign, empty or
// dot segment, ';', backslash, control or non-ASCII byte and no trailing slash. A FHIR path never needs them, and so
// policy and upstream see the same bytes. What does not fit a known shape is InteractionKind::unknown or an error; both
// are denied.
// Limits: kFhirPathMax, kFormParametersMax parameters over query and body together, kFhirParameterMax per value.
// Errors: malformed (path, percent-encoding, NUL), too_large, not_found (no such resource type), method_not_allowed,
// unsupported_media_type (POST _search that is not a form).
// Thread rules: pure functions and values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/message.h"

namespace mitral::fhir {

enum class InteractionKind : std::uint8_t {
  unknown,
  capabilities,
  read,
  vread,
  history_instance,
  history_type,
  history_system,
  search_type,
  search_system,
  search_compartment,
  create,
  conditional_create,
  update,
  conditional_update,
  patch,
  conditional_patch,
  remove,
  conditional_remove,
  batch,        ///< POST to the base; batch or transaction, as Bundle.type in the body says
  transaction,  ///< never from classify(): for callers that have read Bundle.type
  operation,
};
[[nodiscard]] std::string_view name(InteractionKind kind) noexcept;

/// One search or control parameter, decoded exactly once.
struct QueryParam {
  std::string name;
  std::string value;
  bool from_body = false;  ///< came in the form body of POST _search
};

struct Interaction {
  InteractionKind kind = InteractionKind::unknown;
  codec::Method method = codec::Method::get;
  std::string type;  ///< resource type; empty at system level; "*" for GET /Patient/p/*
  std::string id;
  std::string version;
  std::string compartment_type;  ///< search_compartment
  std::string compartment_id;
  std::string operation;  ///< name without '$'
  std::vector<QueryParam> params;

  /// Values of a parameter by exact name.
  [[nodiscard]] std::vector<std::string_view> values(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
};

/// The facts of a request that the classification needs. Views must outlive the call only.
struct InteractionRequest {
  codec::Method method = codec::Method::get;
  std::string_view path;          ///< below the base, as sent: "" or "/" or "/Patient/1"
  std::string_view query;         ///< as sent, without '?'
  std::string_view content_type;  ///< of the body, or empty
  std::string_view body;          ///< read only for POST _search
  bool if_none_exist = false;     ///< header If-None-Exist is present
};

[[nodiscard]] Result<Interaction> classify(const InteractionRequest& request);

/// SMART letters that the interaction needs (SMART App Launch 2.2, scopes for requesting FHIR resources): "r", "s",
/// "c", "u", "d" or a combination of which all are needed ("cs"). Empty for capabilities, batch, transaction, operation
/// and unknown: those have no letter of their own.
[[nodiscard]] std::string_view letters_needed(InteractionKind kind) noexcept;

/// True for interactions that cannot change anything.
[[nodiscard]] bool is_safe(InteractionKind kind) noexcept;

/// Splits and decodes "a=b&c=d" ('+' is a space, %XX once). Errors as above.
[[nodiscard]] Result<std::vector<QueryParam>> parse_query(std::string_view text);

}  // namespace mitral::fhir
