// Bulk lines: the two kinds of export files that hold no resources to be judged: errors (OperationOutcomes, which may
// quote what the token may not see) and deletions (Bundles of DELETE requests, which have no content).
//
// Errors leave without free text (operations.h). Of deletions those of the token's types leave, where it may see
// everything of the type: of what is gone nobody can tell whose it was.
//
// Limits: kFhirResourceMax for a line. Errors: malformed, too_large, and those of upstream and of the hook: the stream
// ends with them. Thread rules: one loop, as BodySource says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "gateway/answer.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {

/// Makes what left durable, before it leaves. Owns what it refers to.
using WriteDown = std::function<Task<Result<void>>(std::vector<Shown> shown, std::size_t withheld)>;

/// Lines rewritten one by one: nullopt drops a line, an error ends the stream.
using LineRewrite = std::function<Result<std::optional<std::string>>(std::string_view line)>;
[[nodiscard]] std::shared_ptr<codec::BodySource> rewrite_lines(std::shared_ptr<codec::BodySource> upstream,
                                                               LineRewrite rewrite, WriteDown write_down);

/// An OperationOutcome without free text.
[[nodiscard]] Result<std::optional<std::string>> public_error_line(std::string_view line);
/// A Bundle of deletions, only those that this access may learn of.
[[nodiscard]] Result<std::optional<std::string>> public_deleted_line(std::string_view line,
                                                                     const policy::Access& access,
                                                                     const std::vector<std::string>& types);

}  // namespace mitral::gateway
