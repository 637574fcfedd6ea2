// AnswerEntry: the verdict on one entry of a Bundle from upstream, and what of it the client gets. The one
// implementation for answers that are held whole (answer.h) and for those judged while they pass (stream_judge.h).
//
// An entry counts as shown or as withheld; what upstream has to say about a search (mode "outcome") is neither: it may
// quote what it found (S-13), and the gateway speaks for itself.
//
// A Provenance about others' data is justified by targets in the same answer. It is judged at once; if it may not be
// seen yet it waits, and is judged again when every other entry was.
//
// Limits: kStreamHeldMax bytes of names of visible resources are remembered for Provenance; a Provenance about one
// that was not is withheld. Errors: none. Thread rules: one thread at a time.
#pragma once

#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "codec/json.h"
#include "gateway/answer.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {

[[nodiscard]] bool is_history(fhir::InteractionKind kind) noexcept;

class EntryJudge {
 public:
  /// Something to be judged.
  struct Candidate {
    codec::Json* entry = nullptr;
    codec::Json* resource = nullptr;  ///< nullptr: a tombstone of a history
    policy::Origin origin = policy::Origin::match;
    bool visible = false;
    bool overridden = false;  ///< visible by emergency access alone
  };
  enum class Verdict : std::uint8_t { shown, withheld, waits };

  /// The rules must outlive the judge.
  explicit EntryJudge(const AnswerRules& rules);

  /// Sorts an entry: what it claims to be, and whether that was asked for at all.
  [[nodiscard]] std::optional<Candidate> consider(codec::Json& entry);
  /// `last`: nothing that could justify the candidate will come any more.
  Verdict judge(Candidate& candidate, const policy::Circumstances& circumstances, bool last);
  /// A candidate that waited will not be judged again.
  void give_up() noexcept { ++withheld_; }

  /// Whether the resource leaves as it came.
  [[nodiscard]] bool untouched(const Candidate& candidate) const noexcept;
  /// The entry as the client gets it; takes the resource out of the candidate.
  [[nodiscard]] codec::Json entry_of(Candidate& candidate) const;
  /// The same without its resource.
  [[nodiscard]] codec::Json frame_of(const Candidate& candidate) const;

  [[nodiscard]] std::size_t withheld() const noexcept { return withheld_; }
  [[nodiscard]] std::size_t shown() const noexcept { return shown_; }
  /// Those that a total counts.
  [[nodiscard]] std::size_t matches() const noexcept { return matches_; }

 private:
  [[nodiscard]] bool wanted_type(std::string_view type) const;
  [[nodiscard]] bool tombstone_visible(const Candidate& candidate) const;
  [[nodiscard]] policy::Origin history_origin() const noexcept;

  const AnswerRules& rules_;
  const fhir::InteractionKind kind_;
  const bool remembers_;                             // a Provenance may be shown that names what was seen
  std::pmr::monotonic_buffer_resource seen_memory_;  // freed as a whole: one name for each resource shown
  std::pmr::unordered_set<std::pmr::string> seen_{&seen_memory_};
  std::size_t seen_bytes_ = 0;
  std::size_t withheld_ = 0;
  std::size_t shown_ = 0;
  std::size_t matches_ = 0;
};

/// resourceType, id, meta, type, link and total of the Bundle that answers; `upstream` is the one that came, its
/// entries aside.
[[nodiscard]] codec::Json bundle_frame(const codec::Json& upstream, const AnswerRules& rules, std::size_t matches);
/// One entry for each include that was left out.
[[nodiscard]] std::vector<codec::Json> left_out_entries(const AnswerRules& rules);
/// "searchset" or "history", as asked for; and the Bundle is one.
[[nodiscard]] bool is_wanted_bundle(const codec::Json& upstream, const AnswerRules& rules);

[[nodiscard]] Shown shown_of(const codec::Json& resource, std::string_view base);

/// Text in which the upstream's base may stand: as it is, or hidden by escapes.
[[nodiscard]] bool may_mention(std::string_view text, std::string_view base, bool escapes) noexcept;
/// References to the upstream's base become references to the public one. True when there were any.
bool move_references(codec::Json& value, std::string_view from, std::string_view to);

}  // namespace mitral::gateway
