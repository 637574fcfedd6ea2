// StreamJudge: answers that are too large to be held whole, judged piece by piece while they pass: Bundles entry by
// entry, Bulk Data files line by line (smart-fhir §4.10; docs/adr/0011-streams.md).
//
// The verdict on an entry is that of answer.h, by the same code. What is strict there is strict here: duplicates at
// every level, depth, UTF-8, one JSON value and nothing after it; each resource is parsed whole before a byte of it
// leaves. link and total of a Bundle come after its entries, because only then they are known.
//
// Before a piece leaves, `write_down` has made its audit events durable. An error, of upstream, of its bytes or of a
// hook, ends the stream with an error: whoever sends it must cut the answer, never end it.
//
// A Provenance that only other resources of the same answer can justify waits for them, up to kStreamHeldMax bytes;
// what has no room there, or waits in vain, is withheld.
//
// Limits: kFhirResourceMax for one entry or line, kStreamPiece for a piece, kStreamHeldMax, kStreamHeadMax. Memory of
// one stream: about four times the largest entry, and the held ones. Errors: malformed, too_large, not_found (instance
// history in which nothing may be seen), and those of upstream and the hooks.
// Thread rules: one loop; next() is not to be called again before it has answered. Hooks must outlive the stream by
// owning what they refer to.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "fhir/interaction.h"
#include "gateway/answer.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {

/// Facts about the moment, and the owner of what they point at.
struct Moment {
  policy::Circumstances circumstances;
  std::shared_ptr<const void> owner;
};

struct StreamHooks {
  /// Makes durable that these resources leave and that so many did not. Called before each piece, and at the end when
  /// something was withheld since.
  std::function<Task<Result<void>>(std::vector<Shown> shown, std::size_t withheld)> write_down;
  /// The facts for the patients named in a piece. Empty: a moment without directives.
  std::function<Task<Result<Moment>>(std::vector<std::string> patients)> moment;
  /// Asked before the end of a Bundle of which no resource was shown: an error becomes the stream's.
  std::function<Task<Result<void>>()> nothing_shown = {};
};

/// AnswerRules that live as long as the stream.
struct StreamRules {
  std::shared_ptr<const policy::Access> access;  ///< may share ownership of the token it lies in
  policy::Plan plan;
  fhir::Interaction interaction;
  std::string public_base;
  std::string upstream_base;
  std::string self_link;
  std::function<std::optional<std::string>(std::string_view upstream_link)> seal_link;
};

/// A search or a history. Returns when the first piece is ready, so that an answer which is no good from its start can
/// still be answered by a status.
[[nodiscard]] Task<Result<std::shared_ptr<codec::BodySource>>> judge_bundle_stream(
    std::shared_ptr<codec::BodySource> upstream, StreamRules rules, StreamHooks hooks);

/// What a Bulk Data file is judged by.
struct NdjsonRules {
  std::shared_ptr<const policy::Access> access;
  std::string type;  ///< resource type of every line; a line of another type is an error
  std::string public_base;
  std::string upstream_base;
};

/// NDJSON: one resource in a line, judged as a search match (letter s), dropped when it may not be seen. Empty lines
/// are dropped.
[[nodiscard]] std::shared_ptr<codec::BodySource> judge_ndjson(std::shared_ptr<codec::BodySource> upstream,
                                                              NdjsonRules rules, StreamHooks hooks);

/// A body that is there already, in pieces.
[[nodiscard]] std::shared_ptr<codec::BodySource> source_of(std::string body);

}  // namespace mitral::gateway
