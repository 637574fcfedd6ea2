// DocumentStream: a FHIR document Bundle, all of which may be read or nothing of it (R4 documents.html; smart-fhir
// §4.9, threat S-14), judged entry by entry so that it need not be held.
//
// The first entry is the Composition that was asked for. Every entry is judged as a read; one that may not be read
// refuses the document (not_found). Id, identifier and timestamp of the Bundle are carried over, nothing else; entries
// leave with a fullUrl made anew and with the bytes that the strict parser took (docs/adr/0011-streams.md).
//
// Limits: kFhirResourceMax for an entry, kStreamHeadMax. Errors: malformed for another answer than the document that
// was asked for, too_large, not_found, and those of upstream and the hooks. Thread rules: as stream_judge.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "gateway/answer.h"
#include "gateway/stream_judge.h"

namespace mitral::gateway {

struct DocumentRules {
  std::shared_ptr<const policy::Access> access;  ///< may share ownership of the token it lies in
  std::string id;                                ///< of the Composition
  std::string public_base;
  std::string upstream_base;
};

struct JudgedDocument {
  std::string text;          ///< what the client gets
  std::vector<Shown> shown;  ///< both are empty unless they were asked for
};

/// Reads to the end: may all of it be read? Of the hooks, `moment` alone is used: nothing leaves here. With `keep`,
/// what the client gets is kept; without, nothing is.
[[nodiscard]] Task<Result<JudgedDocument>> judge_document(std::shared_ptr<codec::BodySource> upstream,
                                                          const DocumentRules& rules, StreamHooks hooks, bool keep);

/// Judges while it passes, after judge_document() found nothing against it. An entry that was not as it is now ends the
/// stream with an error: whoever sends it must cut the answer. Returns when the first piece is ready.
[[nodiscard]] Task<Result<std::shared_ptr<codec::BodySource>>> pass_document(
    std::shared_ptr<codec::BodySource> upstream, DocumentRules rules, StreamHooks hooks);

}  // namespace mitral::gateway
