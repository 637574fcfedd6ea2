// Writes: create, update, patch, delete, and their conditional forms (FHIR R4 http.html; smart-fhir §4.7; threats S-7,
// S-14, S-15, S-18, S-20; docs/adr/0014-writes.md).
//
// In three steps, which a transaction takes for all its entries before anything is forwarded:
//   read_draft()    the body, strictly (write_content.h);
//   locate()        what is stored under the id, or what a condition matches;
//   judge_write()   both states against the token: the stored one must be within reach, else the answer is the one
//                   404; the new one must be one that this token may leave there.
// What is forwarded is what was judged, built anew, with If-Match of the version that was judged (or If-None-Match: *
// when nothing was stored): check and write are one act. A patch is applied here and forwarded as an update.
//
// What upstream answers is believed in id and version only; its body is judged like a read's before it is shown.
//
// Limits: write_content.h. Errors: a Refusal is an answer with its reason for the audit.
// Thread rules: from any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "codec/json.h"
#include "codec/message.h"
#include "gateway/call.h"
#include "gateway/exchange.h"
#include "gateway/write_content.h"

namespace mitral::gateway {

/// An answer that is not the one that was hoped for. Not yet audited.
struct Refusal {
  codec::Response response;
  std::string reason;  ///< stable code
  std::size_t withheld = 0;
};
template <class T>
using Outcome = std::expected<T, Refusal>;

/// Upstream could not be asked, or answered this status: as Exchange answers it, not audited yet.
[[nodiscard]] Refusal upstream_refusal(const Error& error);
[[nodiscard]] Refusal upstream_refusal(const Exchange& exchange, int status);

/// What a write would change.
struct Located {
  enum class State : std::uint8_t {
    fresh,   ///< upstream will choose the id
    absent,  ///< nothing is stored under the id
    stored,
  };
  State state = State::fresh;
  std::string id{};
  codec::Json resource{};
  std::string version{};     ///< empty: upstream tells none
  bool deleted = false;      ///< absent: something was stored once
  bool must_be_new = false;  ///< the id was only a wish: what is stored under it must not be changed
};

/// A write that may be done, as upstream will get it.
struct JudgedWrite {
  codec::Method method = codec::Method::put;  ///< post, put or del
  std::string type, id{};                     ///< id empty: post
  std::string version{};                      ///< that was judged; empty: nothing is stored yet
  codec::Json body{};                         ///< in public references; null for del
  std::vector<std::string> patients{};        ///< whom it is about, before and after
  bool overridden = false;                    ///< permitted by emergency access alone
  bool found = false;  ///< conditional create with a match: nothing is forwarded, `body` is the match
};
/// The request for upstream, its body in upstream's references. `show`: the stored resource is wanted back.
[[nodiscard]] Result<UpstreamRequest> upstream_write(const Exchange& exchange, const Call& call,
                                                     const JudgedWrite& write, bool show);
/// The client wants to see what was stored, and may read the type.
[[nodiscard]] bool wants_body(const Call& call);

/// The body of a call; nothing for a delete. Refuses what no write may ask for: cascades, asynchronous answers ...
[[nodiscard]] Outcome<Draft> draft_of(const Exchange& exchange, const Call& call);
[[nodiscard]] Task<Outcome<Located>> locate(const Exchange& exchange, const Call& call, const Draft& draft);

using Resolve = std::function<std::optional<std::string>(std::string_view)>;
/// `resolve` may be empty (ContentRules::resolve).
[[nodiscard]] Task<Outcome<JudgedWrite>> judge_write(const Exchange& exchange, const Call& call, const Draft& draft,
                                                     Located located, Resolve resolve);

/// What upstream said about a write that it has done.
struct Done {
  std::string id, version, last_modified;
  std::optional<codec::Json> body;  ///< not judged yet
};
struct WriteAnswer {
  codec::Response response;
  Release release;
};
/// The client's answer for a write that was done.
[[nodiscard]] Task<Outcome<WriteAnswer>> answer_write(const Exchange& exchange, const Call& call,
                                                      const JudgedWrite& write, Done done);

/// Serves a permitted call.
[[nodiscard]] Task<codec::Response> serve_write(const Exchange& exchange, Call& call);

}  // namespace mitral::gateway
