#include "gateway/transaction.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/limits.h"
#include "base/log.h"
#include "fhir/interaction.h"
#include "fhir/json_patch.h"
#include "gateway/fhir_route.h"
#include "gateway/outcome.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using codec::Method;
using codec::Response;
using fhir::InteractionKind;

constexpr std::string_view kUrn = "urn:uuid:";
/// Id that stands for what is only being created while it is judged. No patient of a token may be called like this.
constexpr std::string_view kUnborn = "0.unborn.";

/// One entry on its way.
struct Step {
  EntryCall* entry = nullptr;
  Draft draft{};
  Located located{};
  std::string target{};  ///< "Type/id", or "Type/" and an unborn id; empty for reads
  std::optional<JudgedWrite> write{};
  std::optional<std::size_t> position{};  ///< in the Bundle for upstream
  Json answer{};

  [[nodiscard]] const fhir::Interaction& what() const { return entry->call->interaction; }
  [[nodiscard]] bool reads() const { return fhir::is_safe(what().kind); }
};

bool is_urn(std::string_view text) {
  if (!text.starts_with(kUrn)) return false;
  text.remove_prefix(kUrn.size());
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

Refusal malformed(ClientText text) { return {outcome_response(400, "invalid", text), "malformed", 0}; }

/// The refusal of one entry as that of the whole. Hidden and absent are one: 403.
Response refusal_of_all(const Refusal& refused, std::size_t index) {
  const bool unseen = refused.response.status == 404;
  auto out = unseen ? outcome_response(403, "forbidden", "An entry asks for what you may not do") : refused.response;
  auto body = Json::parse(out.body);
  if (!body) return out;
  if (auto* const issues = body->find("issue"); issues != nullptr && !issues->empty()) {
    issues->items()[0].set("expression", Json::array({Json("Bundle.entry[" + std::to_string(index) + "]")}));
    out.body = body->dump();
  }
  return out;
}

class Transaction {
 public:
  Transaction(const Exchange& exchange, Call& call, std::vector<std::unique_ptr<EntryCall>> entries)
      : exchange_(exchange), call_(call), entries_(std::move(entries)) {
    steps_.resize(entries_.size());
    for (std::size_t i = 0; i < entries_.size(); ++i) steps_[i].entry = entries_[i].get();
  }

  Task<Response> run() {
    for (auto& step : steps_) {
      if (step.entry->refusal) co_return co_await refuse(step, *step.entry->refusal);
    }
    for (auto& step : steps_) {
      if (auto refused = co_await look(step)) co_return co_await refuse(step, std::move(*refused));
    }
    for (auto& step : steps_) {
      if (auto refused = name(step)) co_return co_await refuse(step, std::move(*refused));
    }
    for (auto& step : steps_) {
      if (auto refused = co_await judge(step)) co_return co_await refuse(step, std::move(*refused));
    }
    auto text = bundle_text();
    if (!text) co_return co_await exchange_.released(call_, content_refused(text.error()), {.reason = "content"});
    Json answers = Json::array();
    if (forwarded_ != 0) {
      UpstreamRequest request{.method = Method::post, .target = exchange_.upstream_path().empty() ? "/" : ""};
      request.call = &call_;
      request.content_type = "application/fhir+json";
      const bool shows = read_preferences(call_.request.headers).body == Preferences::Return::representation;
      request.headers.push_back(
          {"Prefer", shows ? "return=representation, handling=strict" : "return=minimal, handling=strict"});
      request.body = std::move(*text);
      const auto upstream = co_await exchange_.send(std::move(request));
      if (!upstream) co_return co_await exchange_.upstream_failed(call_, upstream.error());
      if (upstream->status != 200) co_return co_await exchange_.upstream_status(call_, upstream->status);
      auto body = exchange_.fhir_json(*upstream);
      if (!body || !fits(*body)) co_return co_await exchange_.upstream_rejected(call_, "not a transaction-response");
      answers = std::move(*body->find("entry"));
    }
    for (auto& step : steps_) {
      if (!step.reads() && !co_await answer_step(step, answers)) co_return unavailable();
    }
    co_return co_await respond();
  }

 private:
  /// What an entry carries and what is stored where it writes.
  Task<std::optional<Refusal>> look(Step& step) {
    if (step.reads()) co_return std::nullopt;
    auto draft = draft_of(exchange_, *step.entry->call);
    if (!draft) co_return std::move(draft.error());
    step.draft = std::move(*draft);
    auto located = co_await locate(exchange_, *step.entry->call, step.draft);
    if (!located) co_return std::move(located.error());
    step.located = std::move(*located);
    held_ += fhir::patch_weight(step.located.resource);
    if (held_ > limits::kUpstreamBodyMax) {
      co_return Refusal{outcome_response(413, "too-costly", "This transaction changes too much at once"), "too_large",
                        0};
    }
    co_return std::nullopt;
  }

  /// By what name other entries may refer to this one. Two entries about one resource have no order (bundle rules).
  std::optional<Refusal> name(Step& step) {
    if (step.reads()) return std::nullopt;
    const auto& id = step.located.id;
    const auto index = static_cast<std::size_t>(&step - steps_.data());
    step.target = step.what().type + "/" + (id.empty() ? std::string(kUnborn) + std::to_string(index) : id);
    const bool changes = step.what().kind != InteractionKind::conditional_create || id.empty();
    if (changes && !targets_.insert(step.target).second) return malformed("Two entries change the same resource");
    for (const auto& rule : step.entry->call->token->access.rules()) {
      if (std::ranges::any_of(rule.patients, [](const std::string& p) { return p.starts_with(kUnborn); })) {
        return malformed("Transactions are not possible for this patient");
      }
    }
    const auto& url = step.entry->full_url;
    if (url.empty()) return std::nullopt;
    if (!is_urn(url)) {
      if (!id.empty() && url == exchange_.public_base() + "/" + step.target) return std::nullopt;
      return malformed("fullUrl must be a urn:uuid, or the URL of the resource that the entry changes");
    }
    if (!names_.emplace(url, step.target).second) return malformed("Two entries have the same fullUrl");
    return std::nullopt;
  }

  Task<std::optional<Refusal>> judge(Step& step) {
    if (step.reads()) co_return std::nullopt;
    auto write = co_await judge_write(exchange_, *step.entry->call, step.draft, std::move(step.located),
                                      [this](std::string_view urn) -> std::optional<std::string> {
                                        const auto found = names_.find(urn);
                                        return found == names_.end() ? std::nullopt : std::optional(found->second);
                                      });
    if (!write) co_return std::move(write.error());
    step.write = std::move(*write);
    step.draft = {};
    co_return std::nullopt;
  }

  /// Unborn names become the fullUrls again that upstream resolves.
  void name_unborn(Json& body) const {
    each_reference(body, [&](std::string& text) {
      if (text.find(kUnborn) == std::string::npos) return false;
      const auto step = std::ranges::find(steps_, text, &Step::target);
      if (step == steps_.end() || step->entry->full_url.empty()) return false;
      text = step->entry->full_url;
      return true;
    });
  }

  Result<std::string> bundle_text() {
    Json list = Json::array();
    for (auto& step : steps_) {
      if (!step.write || step.write->found) continue;
      const auto& write = *step.write;
      Json request = Json::object({{"method", codec::name(write.method)},
                                   {"url", write.id.empty() ? write.type : write.type + "/" + write.id}});
      if (!write.version.empty()) request.set("ifMatch", Json("W/\"" + write.version + "\""));
      if (write.method == Method::put && write.version.empty()) request.set("ifNoneMatch", "*");
      Json entry = Json::object();
      if (write.method == Method::post && !step.entry->full_url.empty()) entry.set("fullUrl", step.entry->full_url);
      if (write.method == Method::put) entry.set("fullUrl", exchange_.public_base() + "/" + step.target);
      if (write.method != Method::del) {
        Json body = write.body;
        name_unborn(body);
        entry.set("resource", std::move(body));
      }
      entry.set("request", std::move(request));
      step.position = forwarded_++;
      list.push_back(std::move(entry));
    }
    Json out = Json::object({{"resourceType", "Bundle"}, {"type", "transaction"}, {"entry", std::move(list)}});
    return upstream_text(out, {exchange_.public_base(), exchange_.upstream_base()});
  }

  [[nodiscard]] bool fits(const Json& bundle) const {
    const auto& list = bundle["entry"];
    return bundle["resourceType"].string_or() == "Bundle" && bundle["type"].string_or() == "transaction-response" &&
           list.is_array() && list.size() == forwarded_ && std::ranges::all_of(list.items(), [](const Json& entry) {
             return entry["response"]["status"].string_or().starts_with('2');
           });
  }

  [[nodiscard]] Done done_of(Step& step, Json& answers) const {
    Done out;
    out.id = step.write->id;
    if (!step.position) {
      out.version = step.write->version;
      out.body = std::move(step.write->body);
      return out;
    }
    auto& entry = answers.items()[*step.position];
    const auto& told = entry["response"];
    if (const auto place = read_location(told["location"].string_or(), step.write->type);
        place && (out.id.empty() || out.id == place->id)) {
      out.id = place->id;
      out.version = place->version;
    }
    if (const auto tag = version_in_tag(told["etag"].string_or()); !tag.empty()) out.version = tag;
    if (auto* const resource = entry.find("resource"); resource != nullptr) {
      if (out.id.empty()) out.id = (*resource)["id"].string_or();
      out.body = std::move(*resource);
    }
    return out;
  }

  /// Writes down what was done. False: it could not be written down.
  Task<bool> answer_step(Step& step, Json& answers) {
    auto& call = *step.entry->call;
    auto out = co_await answer_write(exchange_, call, *step.write, done_of(step, answers));
    if (!out) {
      const std::string reason = out.error().reason;
      step.answer = response_entry(out.error().response, step.entry->request.method);
      co_return (co_await exchange_.write_down(call, out.error().response.status, {.reason = reason})).has_value();
    }
    step.answer = response_entry(out->response, step.entry->request.method);
    co_return (co_await exchange_.write_down(call, out->response.status, out->release)).has_value();
  }

  /// Reads see what the transaction has done (http.html 3.1.0.11.2), each through its own handler.
  Task<Response> respond() {
    Json list = Json::array();
    std::size_t bytes = 0;
    for (auto& step : steps_) {
      if (step.reads()) {
        auto response =
            bytes > limits::kUpstreamBodyMax
                ? outcome_response(413, "too-costly", "The answer to this Bundle became too large")
                : (co_await whole(co_await serve_classified(exchange_, *step.entry->call))).value_or(bad_gateway());
        bytes += response.body.size();
        step.answer = response_entry(response, step.entry->request.method);
      }
      list.push_back(std::move(step.answer));
    }
    Json out = Json::object({{"resourceType", "Bundle"}, {"type", "transaction-response"}});
    if (!list.empty()) out.set("entry", std::move(list));
    co_return Response::with(200, kFhirJson, out.dump());
  }

  Task<Response> refuse(Step& step, Refusal refused) {
    const auto index = static_cast<std::size_t>(&step - steps_.data());
    const std::string reason = refused.reason;
    co_return co_await exchange_.released(*step.entry->call, refusal_of_all(refused, index),
                                          {.reason = reason, .shown = {}, .withheld = refused.withheld});
  }

  const Exchange& exchange_;
  Call& call_;
  std::vector<std::unique_ptr<EntryCall>> entries_;
  std::vector<Step> steps_;
  std::set<std::string, std::less<>> targets_;
  std::map<std::string, std::string, std::less<>> names_;  ///< fullUrl -> target
  std::size_t forwarded_ = 0;
  std::size_t held_ = 0;  ///< bytes of stored states
};

}  // namespace

Task<Response> serve_transaction(const Exchange& exchange, Call& call,
                                 std::vector<std::unique_ptr<EntryCall>> entries) {
  Transaction transaction(exchange, call, std::move(entries));
  co_return co_await transaction.run();
}

}  // namespace mitral::gateway
