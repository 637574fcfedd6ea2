#include "gateway/document_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "codec/json_scanner.h"
#include "codec/text.h"
#include "fhir/r4.h"
#include "gateway/answer_entry.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using Scanner = codec::JsonScanner;

std::unexpected<Error> unusable(std::string_view why) { return fail(ErrorCode::malformed, {}, std::string(why)); }

class DocumentStream final : public codec::BodySource {
 public:
  DocumentStream(std::shared_ptr<codec::BodySource> upstream, DocumentRules rules, StreamHooks hooks)
      : upstream_(std::move(upstream)),
        rules_(std::move(rules)),
        hooks_(std::move(hooks)),
        scanner_({.array = "entry", .watched = "resource"}),
        moves_(!rules_.upstream_base.empty() && rules_.upstream_base != rules_.public_base) {}

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
  Task<Result<std::string>> make() {
    std::string out;
    while (out.empty() && !over_) {
      auto bytes = co_await upstream_->next();
      if (!bytes) co_return std::unexpected(bytes.error());
      if (bytes->empty()) {
        scanner_.end();
        upstream_.reset();
      } else {
        scanner_.feed(*bytes);
        *bytes = {};
      }
      if (auto read = co_await entries(out); !read) co_return std::unexpected(read.error());
      scanner_.release();
      if (hooks_.write_down && !shown_.empty()) {
        if (auto written = co_await hooks_.write_down(std::exchange(shown_, {}), 0); !written) {
          co_return std::unexpected(written.error());
        }
      }
    }
    co_return out;
  }

  /// What has come so far.
  Task<Result<void>> entries(std::string& out) {
    std::vector<Scanner::Item> items;
    std::vector<std::string> patients;
    Scanner::Item item;
    auto step = scanner_.step(item);
    for (; step == Scanner::Step::item; step = scanner_.step(item)) {
      auto* const resource = item.value.find("resource");
      if (resource == nullptr || (!began_ && items.empty() && !is_asked_for(*resource))) {
        co_return unusable("not the document that was asked for");
      }
      if (moves_ && may_mention(item.watched, rules_.upstream_base, item.escapes) &&
          move_references(*resource, rules_.upstream_base, rules_.public_base)) {
        item.watched = {};
      }
      for (auto& id : patients_of(*resource, rules_.public_base)) patients.push_back(std::move(id));
      items.push_back(std::move(item));
      item = {};
    }
    if (step == Scanner::Step::refused) co_return refused(scanner_.error());
    const bool done = step == Scanner::Step::done;
    if (const auto& head = scanner_.head(); done || (head.contains("resourceType") && head.contains("type"))) {
      if (head["resourceType"].string_or() != "Bundle" || head["type"].string_or() != "document") {
        co_return unusable("not the document that was asked for");
      }
    }
    if (auto judged = co_await judge(items, std::move(patients), out); !judged) co_return judged;
    if (done && !began_) co_return unusable("not the document that was asked for");
    if (done) end(out);
    co_return Result<void>{};
  }

  [[nodiscard]] bool is_asked_for(const Json& resource) const {
    return resource["resourceType"].string_or() == "Composition" && resource["id"].string_or() == rules_.id;
  }

  Task<Result<void>> judge(std::vector<Scanner::Item>& items, std::vector<std::string> patients, std::string& out) {
    if (items.empty()) co_return Result<void>{};
    Moment moment;
    if (hooks_.moment) {
      std::ranges::sort(patients);
      patients.erase(std::ranges::unique(patients).begin(), patients.end());
      MITRAL_CO_TRY(moment, co_await hooks_.moment(std::move(patients)));
    }
    for (auto& item : items) {
      const Json& resource = item.value["resource"];
      const auto decision =
          policy::resource_visible(*rules_.access, resource, policy::Origin::read, {}, nullptr, moment.circumstances);
      if (!decision.permitted()) co_return fail(ErrorCode::not_found, {}, std::string(policy::name(decision.reason)));
      shown_.push_back(shown_of(resource, rules_.public_base));
      shown_.back().overridden = decision.overridden;
      write(resource, item.watched, out);
    }
    co_return Result<void>{};
  }

  void write(const Json& resource, std::string_view bytes, std::string& out) {
    out += began_ ? "," : R"({"resourceType":"Bundle","type":"document","entry":[)";
    began_ = true;
    out += R"({"fullUrl":)";
    codec::append_json_string(out, rules_.public_base + "/" + shown_.back().type + "/" + shown_.back().id);
    out += R"(,"resource":)";
    if (bytes.empty()) {
      resource.dump_to(out);
    } else {
      out += bytes;
    }
    out += '}';
  }

  void end(std::string& out) {
    auto& head = scanner_.head();
    if (moves_) move_references(head, rules_.upstream_base, rules_.public_base);
    Json rest = Json::object();
    if (const auto id = head["id"].string_or(); fhir::is_id(id)) rest.set("id", Json(id));
    const auto& identifier = head["identifier"];
    if (identifier["system"].is_string() && identifier["value"].is_string()) {
      rest.set("identifier", Json::object({{"system", identifier["system"]}, {"value", identifier["value"]}}));
    }
    if (head["timestamp"].is_string()) rest.set("timestamp", head["timestamp"]);
    out += ']';
    if (rest.empty()) {
      out += '}';
    } else {
      const auto text = rest.dump();
      out.append(",").append(std::string_view(text).substr(1));
    }
    over_ = true;
  }

  static std::unexpected<Error> refused(Error error) {
    error.client = {};
    error.detail = "upstream body: " + error.detail;
    if (error.code != ErrorCode::too_large) error.code = ErrorCode::malformed;
    return std::unexpected(std::move(error));
  }

  std::shared_ptr<codec::BodySource> upstream_;
  const DocumentRules rules_;
  const StreamHooks hooks_;
  Scanner scanner_;
  const bool moves_;
  bool began_ = false;
  bool over_ = false;
  std::vector<Shown> shown_;  // since the last write_down
  std::optional<std::string> first_;
  std::optional<Error> failed_;
};

}  // namespace

Task<Result<JudgedDocument>> judge_document(std::shared_ptr<codec::BodySource> upstream, const DocumentRules& rules,
                                            StreamHooks hooks, bool keep) {
  JudgedDocument out;
  hooks.write_down = [&out, keep](std::vector<Shown> shown, std::size_t) -> Task<Result<void>> {
    for (auto& item : shown) {
      if (keep) out.shown.push_back(std::move(item));
    }
    return []() -> Task<Result<void>> { co_return Result<void>{}; }();
  };
  DocumentStream stream(std::move(upstream), rules, std::move(hooks));
  while (true) {
    MITRAL_CO_TRY(const auto piece, co_await stream.next());
    if (piece.empty()) co_return out;
    if (keep) out.text += piece;
  }
}

Task<Result<std::shared_ptr<codec::BodySource>>> pass_document(std::shared_ptr<codec::BodySource> upstream,
                                                               DocumentRules rules, StreamHooks hooks) {
  auto stream = std::make_shared<DocumentStream>(std::move(upstream), std::move(rules), std::move(hooks));
  if (auto primed = co_await stream->prime(); !primed) co_return std::unexpected(primed.error());
  co_return std::shared_ptr<codec::BodySource>(std::move(stream));
}

}  // namespace mitral::gateway
