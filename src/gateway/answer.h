// Answer: judges what upstream sent, resource by resource, and builds what the client gets from the parsed tree, so
// that what was judged is what is sent (smart-fhir §4.10).
//
// Only searchset and history Bundles and single resources pass. Of a Bundle only known parts are carried over; entries
// that may not be seen leave no trace: not in the total, which is given only where it is true; not in links, which are
// sealed; not as outcomes of the upstream's own, which may quote what was hidden. References to the upstream's own base
// become references to the public base before anything is judged. Large answers: stream_judge.h.
//
// Limits: kUpstreamBodyMax, kJsonNodesMax. Errors: malformed for an answer that is not what was asked for (a 502);
// not_found for a single resource that may not be seen.
// Thread rules: pure functions over the arguments.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "codec/json_reader.h"
#include "fhir/interaction.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {

/// A resource that left the house, for the audit.
struct Shown {
  std::string type;
  std::string id;
  std::vector<std::string> patients;  ///< whom it is about
  bool overridden = false;            ///< shown by emergency access alone, against a directive or a label
};

struct Judged {
  codec::Json body;
  std::vector<Shown> shown;
  std::size_t withheld = 0;
};

/// What an answer is judged by.
struct AnswerRules {
  const policy::Access& access;
  const policy::Plan& plan;
  const fhir::Interaction& interaction;
  std::string_view public_base;
  std::string_view upstream_base;
  std::string_view self_link;  ///< the client's own request, for link.self
  /// Makes a public link of an upstream paging link; nullopt leaves it out.
  std::function<std::optional<std::string>(std::string_view upstream_link)> seal_link;
  policy::Circumstances circumstances{};
};

/// Parses an upstream body strictly and moves upstream references to the public base.
[[nodiscard]] Result<codec::Json> parse_upstream(std::string_view body, std::string_view upstream_base,
                                                 std::string_view public_base);

/// The same without a copy: the value views into the body and lies in the reader's arena, and must be gone before
/// either. `moved`: a reference was, so the body's bytes are not what was judged.
[[nodiscard]] Result<codec::Json> view_upstream(codec::JsonReader& reader, std::string_view body,
                                                std::string_view upstream_base, std::string_view public_base,
                                                bool& moved);

/// The patients whose directives count for a resource, or for the entries of a searchset or history.
[[nodiscard]] std::vector<std::string> patients_of(const codec::Json& answer, std::string_view public_base);

/// read and vread.
[[nodiscard]] Result<Judged> judge_resource(codec::Json resource, const AnswerRules& rules);
/// searches and histories. An instance history in which nothing may be seen is not_found.
[[nodiscard]] Result<Judged> judge_bundle(codec::Json bundle, const AnswerRules& rules);

}  // namespace mitral::gateway
