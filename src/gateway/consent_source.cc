#include "gateway/consent_source.h"

#include <algorithm>
#include <span>

#include "base/limits.h"
#include "base/log.h"
#include "codec/uri.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "gateway/exchange.h"

namespace mitral::gateway {
namespace {

using codec::Json;

std::unexpected<Error> unusable(std::string why) { return fail(ErrorCode::malformed, {}, std::move(why)); }

/// The target of a paging link below the upstream base, whatever host it names: only upstream is ever asked. nullopt:
/// it leads elsewhere.
std::optional<std::string> target_below(const Exchange& exchange, std::string_view link) {
  if (const auto url = codec::parse_http_url(link)) {
    if (url->has_fragment || url->has_userinfo) return std::nullopt;
    link.remove_prefix(static_cast<std::size_t>(url->path.data() - link.data()));
    const auto public_path = codec::parse_http_url(exchange.public_base())->path;
    const auto base = link.starts_with(exchange.upstream_path()) ? std::string_view(exchange.upstream_path())
                                                                 : std::string_view(public_path);
    if (!link.starts_with(base)) return std::nullopt;
    link.remove_prefix(base.size());
  }
  const auto path = link.substr(0, link.find('?'));
  if (link.empty() || (link.front() != '/' && link.front() != '?') || (!path.empty() && !codec::is_plain_path(path)) ||
      !std::ranges::all_of(link, [](char c) { return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '\\'; })) {
    return std::nullopt;
  }
  return std::string(link);
}

/// Takes the Consents out of one page.
Result<void> take_page(const Json& page, std::vector<Json>& consents) {
  if (page["resourceType"].string_or() != "Bundle" || page["type"].string_or() != "searchset") {
    return unusable("not a searchset");
  }
  if (const auto* const entries = page.find("entry"); entries != nullptr && !entries->is_array()) {
    return unusable("entry is not a list");
  }
  for (const auto& entry : page["entry"].items()) {
    const auto type = entry["resource"]["resourceType"].string_or();
    if (type == "OperationOutcome" && entry["search"]["mode"].string_or() == "outcome") continue;
    if (type != "Consent") return unusable("not a Consent");
    consents.push_back(entry["resource"]);
  }
  return {};
}

Task<Result<std::vector<Json>>> fetch(const Exchange& exchange, std::vector<std::string> patients) {
  std::string list;
  for (const auto& id : patients) list.append(list.empty() ? "Patient/" : ",Patient/").append(id);
  std::string target = "/Consent?" + serialize({{"patient", list, false},
                                                {"status", "active", false},
                                                {"_count", std::to_string(limits::kFhirPageMax), false}});
  std::vector<Json> out;
  for (std::size_t page = 0; page < limits::kConsentPagesMax; ++page) {
    auto answer = co_await exchange.send({.target = std::move(target)});
    if (!answer) co_return std::unexpected(std::move(answer).error());
    if (answer->status != 200) co_return unusable("status of a search for Consents");
    MITRAL_CO_TRY(const auto bundle, exchange.fhir_json(*answer));
    MITRAL_CO_CHECK(take_page(bundle, out));
    const auto links = bundle["link"].items();
    const auto next =
        std::ranges::find_if(links, [](const Json& link) { return link["relation"].string_or() == "next"; });
    if (next == links.end()) co_return out;
    auto below = target_below(exchange, (*next)["url"].string_or());
    if (!below) co_return unusable("a link leads elsewhere");
    target = std::move(*below);
  }
  co_return fail(ErrorCode::too_large, {}, "too many pages of Consents");
}

/// Whose it is; empty: nobody can say.
std::string_view patient_of(const Json& consent, std::string_view own_base) {
  const auto reference = fhir::parse_reference(consent["patient"]["reference"].string_or(), own_base);
  return reference.kind == fhir::ReferenceKind::local && reference.type == "Patient" ? reference.id
                                                                                     : std::string_view();
}

}  // namespace

/// Takes off the mark of a question under way whatever becomes of it, a cancelled request included.
class ConsentSource::Flight {
 public:
  Flight(ConsentSource& source, std::uint64_t id, const std::vector<std::string>& patients) : source_(source), id_(id) {
    for (const auto& patient : patients) answers_.emplace_back(patient, nullptr);
  }
  ~Flight() {
    source_.land(id_, answers_);
    source_.notifier_.notify_all();
  }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  void arrived(std::span<const Json> consents, std::string_view own_base) {
    for (auto& [patient, directives] : answers_) {
      std::vector<Json> hers;
      for (const auto& consent : consents) {
        const auto owner = patient_of(consent, own_base);
        if (owner.empty() || owner == patient) hers.push_back(consent);
      }
      directives = std::make_shared<const policy::PatientDirectives>(patient, hers, own_base);
    }
  }

 private:
  ConsentSource& source_;
  std::uint64_t id_;
  std::vector<std::pair<std::string, Directives>> answers_;
};

ConsentSource::Split ConsentSource::look(const std::vector<std::string>& patients, policy::ConsentBook& book) {
  Split out;
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  for (const auto& patient : patients) {
    if (book.find(patient) != nullptr) continue;
    const auto found = entries_.find(patient);
    if (found != entries_.end()) {
      const auto& entry = found->second;
      if (entry.directives && now - entry.asked < limits::kConsentBelieved) {
        book.put(patient, entry.directives);
        continue;
      }
      if (entry.flight != 0 && now - entry.departed < limits::kConsentBelieved) {
        out.wait = true;
        continue;
      }
      if (entry.flight == 0 && !entry.directives && now - entry.asked < limits::kFeedRetry) continue;
    }
    if (out.ask.size() == limits::kConsentBatchMax) {
      out.wait = true;  // ours too, in the next round
      continue;
    }
    out.ask.push_back(patient);
  }
  if (!out.ask.empty()) {
    out.flight = ++flights_;
    for (const auto& patient : out.ask) {
      auto& entry = entries_[patient];
      entry.flight = out.flight;
      entry.departed = now;
    }
  }
  out.seen = notifier_.version();
  return out;
}

void ConsentSource::land(std::uint64_t flight, const std::vector<std::pair<std::string, Directives>>& answers) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  for (const auto& [patient, directives] : answers) {
    const auto found = entries_.find(patient);
    if (found == entries_.end() || found->second.flight != flight) continue;
    auto& entry = found->second;
    entry.flight = 0;
    entry.directives = directives;
    entry.asked = directives ? entry.departed : now;
    order_.emplace_back(patient, entry.asked);
  }
  evict(now);
}

/// Old ones go: what is past belief serves nobody.
void ConsentSource::evict(Instant now) {
  while (!order_.empty() &&
         (order_.size() > limits::kConsentCacheMax || now - order_.front().second >= limits::kConsentBelieved)) {
    const auto found = entries_.find(order_.front().first);
    if (found != entries_.end() && found->second.flight == 0 && found->second.asked <= order_.front().second) {
      entries_.erase(found);
    }
    order_.pop_front();
  }
}

Task<policy::ConsentBook> ConsentSource::read(const Exchange& exchange, std::vector<std::string> patients) {
  policy::ConsentBook book;
  std::erase_if(patients, [](const std::string& id) { return !fhir::is_id(id); });
  const auto deadline = clock_.now() + limits::kClientTimeout;
  // One question per batch, and a few more for what was forgotten under way.
  auto questions = patients.size() / limits::kConsentBatchMax + 3;
  while (clock_.now() <= deadline) {
    const auto split = look(patients, book);
    if (!split.ask.empty()) {
      Flight flight(*this, split.flight, split.ask);
      if (questions-- == 0) break;
      const auto consents = co_await fetch(exchange, split.ask);
      if (consents) {
        flight.arrived(*consents, exchange.public_base());
      } else {
        log::warn("gateway.consents_unread",
                  {{"error", name(consents.error().code)}, {"detail", consents.error().detail}});
      }
    } else if (!split.wait || !co_await notifier_.wait(split.seen, limits::kClientTimeout)) {
      break;
    }
  }
  co_return book;
}

void ConsentSource::forget() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  order_.clear();
}

}  // namespace mitral::gateway
