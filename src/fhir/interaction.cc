#include "fhir/interaction.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "fhir/r4.h"

namespace mitral::fhir {
namespace {

using codec::Method;
using enum InteractionKind;

constexpr std::size_t kSegmentsMax = 5;

constexpr bool path_char(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '$' || c == '*' || c == '/';
}

/// The path as segments, after the strict checks of threats W-18.
struct Segments {
  std::array<std::string_view, kSegmentsMax> at;
  std::size_t count = 0;
};

Result<Segments> split_path(std::string_view path) {
  if (path.size() > limits::kFhirPathMax) return fail(ErrorCode::too_large, "path too long");
  Segments out;
  if (path.empty() || path == "/") return out;
  // No other character belongs in a FHIR path; a percent sign could mean one thing here and another upstream.
  if (!std::ranges::all_of(path, path_char)) return fail(ErrorCode::malformed, "character not allowed in path");
  if (path.front() != '/') return fail(ErrorCode::malformed, "path does not start below the base");
  path.remove_prefix(1);
  while (true) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    // A trailing dot is legal in an id, but file-system minded upstreams drop it and would serve another resource.
    if (segment.empty() || segment.back() == '.') return fail(ErrorCode::malformed, "empty or dotted path segment");
    if (out.count == kSegmentsMax) return fail(ErrorCode::not_found, "no such path");
    out.at[out.count++] = segment;
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

bool is_get(Method method) noexcept { return method == Method::get || method == Method::head; }

bool is_operation(std::string_view segment) noexcept {
  return segment.size() > 1 && segment.front() == '$' && std::ranges::all_of(segment.substr(1), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool has_compartment(std::string_view type) noexcept {
  constexpr auto kTypes =
      std::to_array<std::string_view>({"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"});
  return std::ranges::binary_search(kTypes, type);
}

std::unexpected<Error> wrong_method() { return fail(ErrorCode::method_not_allowed, "method not allowed on this path"); }
std::unexpected<Error> no_such_path() { return fail(ErrorCode::not_found, "no such path"); }

/// One shape of path: sets kind when the method fits.
Result<void> only(Interaction& out, bool fits, InteractionKind kind) {
  if (!fits) return wrong_method();
  out.kind = kind;
  return {};
}

Result<void> set_operation(Interaction& out, std::string_view segment) {
  out.operation = segment.substr(1);
  return only(out, out.method == Method::get || out.method == Method::post, operation);
}

Result<void> classify_base(Interaction& out) {
  if (out.method == Method::post) {
    out.kind = batch;
    return {};
  }
  return only(out, is_get(out.method), search_system);
}

Result<void> classify_type(Interaction& out, const InteractionRequest& request) {
  switch (out.method) {
    case Method::get:
    case Method::head: out.kind = search_type; return {};
    case Method::post: out.kind = request.if_none_exist ? conditional_create : create; return {};
    // Without a condition these would mean "all resources of the type": no server should, and we never ask.
    case Method::put: return only(out, !request.query.empty(), conditional_update);
    case Method::patch: return only(out, !request.query.empty(), conditional_patch);
    case Method::del: return only(out, !request.query.empty(), conditional_remove);
    default: return wrong_method();
  }
}

Result<void> classify_instance(Interaction& out) {
  switch (out.method) {
    case Method::get:
    case Method::head: out.kind = read; return {};
    case Method::put: out.kind = update; return {};
    case Method::patch: out.kind = patch; return {};
    case Method::del: out.kind = remove; return {};
    default: return wrong_method();
  }
}

/// Below Type/id: history, operations and compartment searches.
Result<void> classify_below_instance(Interaction& out, std::span<const std::string_view> rest) {
  if (rest[0] == "_history") {
    if (rest.size() == 1) return only(out, is_get(out.method), history_instance);
    if (rest.size() != 2 || !is_id(rest[1])) return no_such_path();
    out.version = rest[1];
    return only(out, is_get(out.method), vread);
  }
  if (is_operation(rest[0]) && rest.size() == 1) return set_operation(out, rest[0]);
  const bool by_post = rest.size() == 2 && rest[1] == "_search";
  if (!has_compartment(out.type) || (rest[0] != "*" && !is_resource_type(rest[0])) || (rest.size() != 1 && !by_post)) {
    return no_such_path();
  }
  out.compartment_type = std::move(out.type);
  out.compartment_id = std::move(out.id);
  out.type = rest[0];
  out.id.clear();
  return only(out, by_post ? out.method == Method::post : is_get(out.method), search_compartment);
}

Result<void> classify_path(Interaction& out, const Segments& path, const InteractionRequest& request) {
  if (path.count == 0) return classify_base(out);
  const auto first = path.at[0];
  if (path.count == 1) {
    if (first == "metadata") return only(out, is_get(out.method), capabilities);
    if (first == "_history") return only(out, is_get(out.method), history_system);
    if (first == "_search") return only(out, out.method == Method::post, search_system);
    if (is_operation(first)) return set_operation(out, first);
  }
  if (!is_resource_type(first)) return fail(ErrorCode::not_found, "no such resource type");
  out.type = first;
  if (path.count == 1) return classify_type(out, request);
  const auto second = path.at[1];
  if (path.count == 2) {
    if (second == "_search") return only(out, out.method == Method::post, search_type);
    if (second == "_history") return only(out, is_get(out.method), history_type);
    if (is_operation(second)) return set_operation(out, second);
  }
  if (!is_id(second)) return no_such_path();
  out.id = second;
  if (path.count == 2) return classify_instance(out);
  return classify_below_instance(out, std::span(path.at).subspan(2, path.count - 2));
}

bool is_search(InteractionKind kind) noexcept {
  return kind == search_type || kind == search_system || kind == search_compartment;
}

}  // namespace

Result<std::vector<QueryParam>> parse_query(std::string_view text) {
  MITRAL_TRY(const auto form, codec::Form::parse(text));
  std::vector<QueryParam> out;
  out.reserve(form.size());
  for (const auto& parameter : form.list()) {
    if (parameter.name.empty()) return fail(ErrorCode::malformed, "parameter without a name");
    if (parameter.value.size() > limits::kFhirParameterMax) return fail(ErrorCode::too_large, "parameter too long");
    out.push_back({parameter.name, parameter.value, false});
  }
  return out;
}

Result<Interaction> classify(const InteractionRequest& request) {
  Interaction out;
  out.method = request.method;
  if (request.method == Method::options || request.method == Method::other) return wrong_method();
  MITRAL_TRY(const auto path, split_path(request.path));
  MITRAL_CHECK(classify_path(out, path, request));
  MITRAL_TRY(out.params, parse_query(request.query));
  if (is_search(out.kind) && out.method == Method::post && !request.body.empty()) {
    if (!codec::is_media_type(request.content_type, "application/x-www-form-urlencoded")) {
      return fail(ErrorCode::unsupported_media_type, "a search by POST is a form");
    }
    MITRAL_TRY(auto body, parse_query(request.body));
    for (auto& parameter : body) {
      parameter.from_body = true;
      out.params.push_back(std::move(parameter));
    }
  }
  if (out.params.size() > limits::kFormParametersMax) return fail(ErrorCode::too_large, "too many parameters");
  return out;
}

std::vector<std::string_view> Interaction::values(std::string_view parameter) const {
  std::vector<std::string_view> out;
  for (const auto& p : params) {
    if (p.name == parameter) out.push_back(p.value);
  }
  return out;
}

bool Interaction::has(std::string_view parameter) const {
  return std::ranges::any_of(params, [&](const QueryParam& p) { return p.name == parameter; });
}

std::string_view letters_needed(InteractionKind kind) noexcept {
  switch (kind) {
    case read:
    case vread:
    case history_instance: return "r";
    case history_type:
    case history_system:
    case search_type:
    case search_system:
    case search_compartment: return "s";
    case create: return "c";
    // A condition answers whether something matches: a search in disguise.
    case conditional_create: return "cs";
    case update:
    case patch: return "u";
    case conditional_update:
    case conditional_patch: return "us";
    case remove: return "d";
    case conditional_remove: return "ds";
    case capabilities:
    case batch:
    case transaction:
    case operation:
    case unknown: break;
  }
  return {};
}

bool is_safe(InteractionKind kind) noexcept {
  const auto letters = letters_needed(kind);
  return kind == capabilities || letters == "r" || letters == "s";
}

std::string_view name(InteractionKind kind) noexcept {
  switch (kind) {
    case capabilities: return "capabilities";
    case read: return "read";
    case vread: return "vread";
    case history_instance: return "history-instance";
    case history_type: return "history-type";
    case history_system: return "history-system";
    case search_type: return "search-type";
    case search_system: return "search-system";
    case search_compartment: return "search-compartment";
    case create: return "create";
    case conditional_create: return "conditional-create";
    case update: return "update";
    case conditional_update: return "conditional-update";
    case patch: return "patch";
    case conditional_patch: return "conditional-patch";
    case remove: return "delete";
    case conditional_remove: return "conditional-delete";
    case batch: return "batch";
    case transaction: return "transaction";
    case operation: return "operation";
    case unknown: break;
  }
  return "unknown";
}

}  // namespace mitral::fhir
