#include "gateway/stream_judge.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/json_scanner.h"
#include "codec/text.h"
#include "gateway/answer_entry.h"
#include "gateway/answer_project.h"
#include "policy/consent_gate.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using fhir::InteractionKind;
using policy::Origin;
using Scanner = codec::JsonScanner;

class WholeBody final : public codec::BodySource {
 public:
  explicit WholeBody(std::string body) : body_(std::move(body)) {}
  Task<Result<std::string>> next() override {
    if (body_.size() - sent_ <= limits::kStreamPiece && sent_ == 0) {
      sent_ = body_.size();
      co_return body_;
    }
    auto out = body_.substr(sent_, limits::kStreamPiece);
    sent_ += out.size();
    co_return out;
  }

 private:
  std::string body_;
  std::size_t sent_ = 0;
};

/// What both kinds of streams do around their judging.
class Judging : public codec::BodySource {
 protected:
  Judging(std::shared_ptr<codec::BodySource> upstream, StreamHooks hooks)
      : upstream_(std::move(upstream)), hooks_(std::move(hooks)) {}

  Task<Result<Moment>> moment(std::vector<std::string> patients) {
    if (!hooks_.moment) co_return Moment{};
    std::ranges::sort(patients);
    patients.erase(std::ranges::unique(patients).begin(), patients.end());
    co_return co_await hooks_.moment(std::move(patients));
  }
  [[nodiscard]] bool asks_for_moments() const noexcept { return hooks_.moment != nullptr; }

  /// Before what was written since leaves. Withheld entries alone wait for company, until the end; the access itself is
  /// written down once at least.
  Task<Result<void>> settle(bool at_end) {
    if (!leaving_ && (!at_end || (settled_ && withheld_ == 0))) co_return Result<void>{};
    leaving_ = false;
    settled_ = true;
    auto shown = std::exchange(shown_, {});
    const auto withheld = std::exchange(withheld_, 0);
    if (!hooks_.write_down) co_return Result<void>{};
    co_return co_await hooks_.write_down(std::move(shown), withheld);
  }

  std::shared_ptr<codec::BodySource> upstream_;
  StreamHooks hooks_;
  std::vector<Shown> shown_;  // since the last settle()
  std::size_t withheld_ = 0;
  bool leaving_ = false;  // something is written that no settle() knows of

 private:
  bool settled_ = false;
};

class BundleStream final : public Judging {
 public:
  BundleStream(std::shared_ptr<codec::BodySource> upstream, StreamRules rules, StreamHooks hooks)
      : Judging(std::move(upstream), std::move(hooks)),
        owned_(std::move(rules)),
        rules_{.access = *owned_.access,
               .plan = owned_.plan,
               .interaction = owned_.interaction,
               .public_base = owned_.public_base,
               .upstream_base = owned_.upstream_base,
               .self_link = owned_.self_link,
               .seal_link = owned_.seal_link},
        judge_(rules_),
        scanner_({.array = "entry", .watched = "resource"}),
        moves_(!owned_.upstream_base.empty() && owned_.upstream_base != owned_.public_base),
        entry_begin_(R"({"fullUrl":)") {
    codec::append_json_string(entry_begin_, owned_.public_base + "/");
    entry_begin_.pop_back();  // the quote
  }

  /// Goes on until there is a piece, so that an answer which is bad from its start is told by a status.
  Task<Result<void>> prime() {
    auto piece = co_await make();
    if (!piece) co_return std::unexpected(piece.error());
    first_ = std::move(*piece);
    co_return Result<void>{};
  }

  Task<Result<std::string>> next() override {
    if (first_) co_return *std::exchange(first_, std::nullopt);
    if (failed_) co_return std::unexpected(*failed_);
    auto piece = co_await make();
    if (!piece) failed_ = piece.error();
    co_return piece;
  }

 private:
  struct Part {
    Scanner::Item item;
    EntryJudge::Candidate candidate;
  };
  enum class Stage : std::uint8_t { entries, held, tail, over };
  static constexpr std::size_t kPartsExpected = 1024;

  Task<Result<std::string>> make() {
    std::string out;
    while (out.empty() && stage_ != Stage::over) {
      Result<void> done;
      if (stage_ == Stage::entries) {
        done = co_await entries(out);
      } else if (stage_ == Stage::held) {
        done = co_await held(out);
      } else {
        done = co_await tail(out);
      }
      if (!done) co_return std::unexpected(done.error());
      if (auto settled = co_await settle(stage_ == Stage::over); !settled) {
        co_return std::unexpected(settled.error());
      }
    }
    co_return out;
  }

  /// What one piece of upstream's holds.
  Task<Result<void>> entries(std::string& out) {
    auto bytes = co_await upstream_->next();
    if (!bytes) co_return std::unexpected(bytes.error());
    if (bytes->empty()) {
      scanner_.end();
      upstream_.reset();
    } else {
      scanner_.feed(*bytes);
      *bytes = {};
    }
    std::vector<Part> parts;
    parts.reserve(parts_before_);
    Scanner::Item item;
    auto step = scanner_.step(item);
    for (; step == Scanner::Step::item; step = scanner_.step(item)) {
      prepare(item);
      if (const auto candidate = judge_.consider(item.value)) {
        parts.push_back({std::move(item), *candidate});
      }
      item = {};
    }
    if (step == Scanner::Step::refused) co_return std::unexpected(unusable(scanner_.error()));
    const auto& head = scanner_.head();
    const bool told = head.contains("resourceType") && head.contains("type");
    if ((told || step == Scanner::Step::done) && !is_wanted_bundle(head, rules_)) {
      co_return fail(ErrorCode::malformed, {}, "not the Bundle that was asked for");
    }
    parts_before_ = std::min(std::max(parts_before_, parts.size()), kPartsExpected);
    shown_.reserve(shown_.size() + parts.size());
    std::size_t bytes_read = 0;
    for (const auto& part : parts) bytes_read += part.item.bytes.size();
    out.reserve(out.size() + bytes_read);
    if (auto judged = co_await judge(parts, false, out); !judged) co_return judged;
    parts.clear();
    scanner_.release();
    if (step == Scanner::Step::done) stage_ = Stage::held;
    co_return Result<void>{};
  }

  /// Moves references, so that what is judged is what the client would read.
  void prepare(Scanner::Item& item) const {
    if (!moves_) return;
    for (auto& member : item.value.members_mut()) {
      if (member.key == "fullUrl") continue;  // made anew
      const bool resource = member.key == "resource";
      if (resource && !may_mention(item.watched, owned_.upstream_base, item.escapes)) continue;
      if (move_references(member.value, owned_.upstream_base, owned_.public_base) && resource) item.watched = {};
    }
  }

  /// Judges and, of what may be seen, writes.
  Task<Result<void>> judge(std::vector<Part>& parts, bool last, std::string& out) {
    std::vector<std::string> patients;
    if (asks_for_moments()) {
      for (const auto& part : parts) {
        if (part.candidate.resource == nullptr) continue;
        for (auto& id : patients_of(*part.candidate.resource, owned_.public_base)) patients.push_back(std::move(id));
      }
    }
    Result<Moment> facts = Moment{};
    if (!parts.empty()) facts = co_await moment(std::move(patients));
    if (!facts) co_return std::unexpected(facts.error());
    for (auto& part : parts) {
      // Moving the item kept the tree where it was, but not its root.
      part.candidate.entry = &part.item.value;
      if (part.candidate.resource != nullptr) part.candidate.resource = part.item.value.find("resource");
      switch (judge_.judge(part.candidate, facts->circumstances, last)) {
        case EntryJudge::Verdict::shown: write(part, out); break;
        case EntryJudge::Verdict::waits: hold(part.item); break;
        case EntryJudge::Verdict::withheld: break;
      }
    }
    withheld_ += judge_.withheld() - counted_;
    counted_ = judge_.withheld();
    co_return Result<void>{};
  }

  void write(Part& part, std::string& out) {
    if (owned_.plan.summary == policy::Summary::count) return;
    begin_entry(out);
    leaving_ = true;
    auto& candidate = part.candidate;
    if (candidate.resource != nullptr) {
      shown_.push_back(shown_of(*candidate.resource, owned_.public_base));
      shown_.back().overridden = candidate.overridden;
    }
    // Bytes that the strict parser took whole mean the same to every reader: docs/adr/0011-streams.md.
    if (candidate.resource == nullptr || !judge_.untouched(candidate) || part.item.watched.empty()) {
      judge_.entry_of(candidate).dump_to(out);
      return;
    }
    if (is_history(owned_.interaction.kind)) {
      judge_.frame_of(candidate).dump_to(out);
      out.back() = ',';  // a frame has its fullUrl at least
      out.append("\"resource\":").append(part.item.watched).append("}");
      return;
    }
    // Type and id were found to be a type and an id: nothing in them has to be escaped.
    out.append(entry_begin_).append(shown_.back().type).append("/").append(shown_.back().id);
    out.append("\",\"resource\":").append(part.item.watched);
    out.append(candidate.origin == Origin::match ? R"(,"search":{"mode":"match"}})"
                                                 : R"(,"search":{"mode":"include"}})");
  }

  void begin_entry(std::string& out) {
    out += begun_ ? "," : R"({"resourceType":"Bundle","entry":[)";
    begun_ = true;
  }

  void hold(const Scanner::Item& item) {
    if (held_bytes_ + item.bytes.size() > limits::kStreamHeldMax) {
      judge_.give_up();
      return;
    }
    held_bytes_ += item.bytes.size();
    held_.emplace_back(item.bytes);
  }

  /// Those that waited: everything that could justify them has been seen.
  Task<Result<void>> held(std::string& out) {
    codec::JsonReader reader;
    std::vector<Part> parts;  // dies before the reader
    reader.watch("resource");
    std::size_t bytes = 0;
    std::size_t taken = 0;
    for (; taken < held_.size() && bytes < limits::kStreamPiece; ++taken) {
      const auto& text = held_[taken];
      Scanner::Item item;
      std::size_t used = 0;
      if (reader.read(text, item.value, used) != codec::Front::value) {
        co_return fail(ErrorCode::internal, {}, "held entry");
      }
      item.bytes = text;
      item.watched = reader.watched();
      item.escapes = reader.escapes();
      bytes += text.size();
      prepare(item);
      if (const auto candidate = judge_.consider(item.value)) parts.push_back({std::move(item), *candidate});
    }
    auto judged = co_await judge(parts, true, out);
    parts.clear();
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(taken));
    if (held_.empty()) stage_ = Stage::tail;
    co_return judged;
  }

  Task<Result<void>> tail(std::string& out) {
    stage_ = Stage::over;
    if (owned_.interaction.kind == InteractionKind::history_instance && judge_.shown() == 0) {
      co_return fail(ErrorCode::not_found);
    }
    const bool nothing = judge_.shown() == 0 || owned_.plan.summary == policy::Summary::count;
    if (hooks_.nothing_shown && nothing) {
      if (auto known = co_await hooks_.nothing_shown(); !known) co_return std::unexpected(known.error());
    }
    if (moves_) move_references(scanner_.head(), owned_.upstream_base, owned_.public_base);
    if (owned_.plan.summary != policy::Summary::count) {
      for (const auto& entry : left_out_entries(rules_)) {
        begin_entry(out);
        entry.dump_to(out);
      }
    }
    auto frame = bundle_frame(scanner_.head(), rules_, judge_.matches());
    if (!begun_) {
      frame.dump_to(out);
      co_return Result<void>{};
    }
    frame.erase("resourceType");  // stands at the beginning
    const auto rest = frame.dump();
    out.append("],").append(std::string_view(rest).substr(1));
    co_return Result<void>{};
  }

  static Error unusable(Error error) {
    error.client = {};
    error.detail = "upstream body: " + error.detail;
    if (error.code == ErrorCode::too_large) return error;
    error.code = ErrorCode::malformed;
    return error;
  }

  const StreamRules owned_;
  const AnswerRules rules_;
  EntryJudge judge_;
  Scanner scanner_;
  const bool moves_;
  std::string entry_begin_;  // up to the type in fullUrl
  Stage stage_ = Stage::entries;
  bool begun_ = false;  // the array of entries
  std::size_t counted_ = 0;
  std::size_t parts_before_ = 0;  // in the fullest piece so far
  std::vector<std::string> held_;
  std::size_t held_bytes_ = 0;
  std::optional<std::string> first_;
  std::optional<Error> failed_;
};

class NdjsonStream final : public Judging {
 public:
  NdjsonStream(std::shared_ptr<codec::BodySource> upstream, NdjsonRules rules, StreamHooks hooks)
      : Judging(std::move(upstream), std::move(hooks)),
        rules_(std::move(rules)),
        moves_(!rules_.upstream_base.empty() && rules_.upstream_base != rules_.public_base) {}

  Task<Result<std::string>> next() override {
    if (failed_) co_return std::unexpected(*failed_);
    auto piece = co_await make();
    if (!piece) failed_ = piece.error();
    co_return piece;
  }

 private:
  struct Line {
    Json resource;
    std::string_view bytes;  ///< empty: it was changed
  };

  Task<Result<std::string>> make() {
    std::string out;
    while (out.empty() && !over_) {
      auto bytes = co_await upstream_->next();
      if (!bytes) co_return std::unexpected(bytes.error());
      over_ = bytes->empty();
      buffer_ += *bytes;
      *bytes = {};
      if (auto judged = co_await lines(out); !judged) co_return std::unexpected(judged.error());
      if (auto settled = co_await settle(over_); !settled) co_return std::unexpected(settled.error());
    }
    co_return out;
  }

  Task<Result<void>> lines(std::string& out) {
    std::vector<Line> all;
    std::vector<std::string> patients;
    std::size_t start = 0;
    while (start < buffer_.size()) {
      auto end = buffer_.find('\n', std::max(start, scanned_));
      if (end == std::string::npos && !over_) break;
      end = std::min(end, buffer_.size());
      auto read = line(std::string_view(buffer_).substr(start, end - start));
      if (!read) co_return std::unexpected(read.error());
      if (*read) {
        if (asks_for_moments()) {
          for (auto& id : patients_of((*read)->resource, rules_.public_base)) patients.push_back(std::move(id));
        }
        all.push_back(std::move(**read));
      }
      start = std::min(end + 1, buffer_.size());
      scanned_ = start;
    }
    if (buffer_.size() - start > limits::kFhirResourceMax) co_return fail(ErrorCode::too_large, {}, "NDJSON line");
    Result<Moment> facts = Moment{};
    if (!all.empty()) facts = co_await moment(std::move(patients));
    if (!facts) co_return std::unexpected(facts.error());
    for (auto& entry : all) judge(entry, facts->circumstances, out);
    all.clear();
    reader_.clear();
    buffer_.erase(0, start);
    scanned_ = buffer_.size();
    co_return Result<void>{};
  }

  Result<std::optional<Line>> line(std::string_view text) {
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    text = codec::trim(text);
    if (text.empty()) return std::optional<Line>{};
    if (text.size() > limits::kFhirResourceMax) return fail(ErrorCode::too_large, {}, "NDJSON line");
    Line out;
    std::size_t used = 0;
    if (reader_.read(text, out.resource, used) != codec::Front::value || used != text.size() ||
        out.resource["resourceType"].string_or() != rules_.type) {
      return fail(ErrorCode::malformed, {}, "NDJSON line is not a resource of the type");
    }
    out.bytes = text;
    if (moves_ && may_mention(text, rules_.upstream_base, reader_.escapes()) &&
        move_references(out.resource, rules_.upstream_base, rules_.public_base)) {
      out.bytes = {};
    }
    return std::optional(std::move(out));
  }

  void judge(const Line& entry, const policy::Circumstances& circumstances, std::string& out) {
    const auto decision =
        policy::resource_visible(*rules_.access, entry.resource, Origin::match, {}, nullptr, circumstances);
    if (!decision.permitted()) {
      ++withheld_;
      return;
    }
    leaving_ = true;
    shown_.push_back(shown_of(entry.resource, rules_.public_base));
    shown_.back().overridden = decision.overridden;
    if (entry.bytes.empty()) {
      entry.resource.dump_to(out);
    } else {
      out += entry.bytes;
    }
    out += '\n';
  }

  const NdjsonRules rules_;
  const bool moves_;
  codec::JsonReader reader_{{.max_nodes = limits::kJsonNodesMax / 4}};
  std::string buffer_;
  std::size_t scanned_ = 0;  // before it there is no line end
  bool over_ = false;
  std::optional<Error> failed_;
};

}  // namespace

Task<Result<std::shared_ptr<codec::BodySource>>> judge_bundle_stream(std::shared_ptr<codec::BodySource> upstream,
                                                                     StreamRules rules, StreamHooks hooks) {
  auto stream = std::make_shared<BundleStream>(std::move(upstream), std::move(rules), std::move(hooks));
  if (auto primed = co_await stream->prime(); !primed) co_return std::unexpected(primed.error());
  co_return std::shared_ptr<codec::BodySource>(std::move(stream));
}

std::shared_ptr<codec::BodySource> judge_ndjson(std::shared_ptr<codec::BodySource> upstream, NdjsonRules rules,
                                                StreamHooks hooks) {
  return std::make_shared<NdjsonStream>(std::move(upstream), std::move(rules), std::move(hooks));
}

std::shared_ptr<codec::BodySource> source_of(std::string body) { return std::make_shared<WholeBody>(std::move(body)); }

}  // namespace mitral::gateway
