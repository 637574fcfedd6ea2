#include "gateway/emergency_reviews.h"

#include <algorithm>
#include <charconv>
#include <ranges>

#include "base/limits.h"
#include "base/log.h"
#include "codec/base64url.h"
#include "codec/form.h"
#include "crypto/hash.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "net/runtime.h"

namespace mitral::gateway {
namespace {

using codec::Json;

constexpr std::string_view kDue = "review_due";
constexpr std::string_view kWritten = "review_written";

/// Ours names the grant, which is the access. Another issuer may name a token only, or not even that.
std::string access_id(const VerifiedToken& token) {
  if (!token.grant.empty()) return token.grant;
  if (!token.jti.empty()) return token.jti;
  const auto separated = token.client + '\n' + token.subject + '\n' + std::to_string(to_seconds(token.issued));
  return codec::base64url_encode(crypto::sha256(separated));
}

audit::EmergencyUse use_of(const VerifiedToken& token, std::string_view issuer, std::string_view base) {
  audit::EmergencyUse out{.issuer = std::string(issuer),
                          .id = access_id(token),
                          .client = token.client,
                          .subject = token.subject,
                          .clinician = {},
                          .patient = fhir::is_id(token.patient) ? token.patient : std::string(),
                          .at = token.issued,
                          .expires = token.expires};
  const auto who = fhir::parse_reference(token.fhir_user, base);
  if (who.kind == fhir::ReferenceKind::local) out.clinician.append(who.type).append("/").append(who.id);
  return out;
}

/// FHIR R4 search.html 3.1.1.4.8: what separates in a value is escaped where it does not.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ',' || c == '$' || c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string condition(const audit::EmergencyUse& use) {
  codec::Form form;
  form.add("identifier", escaped(use.issuer) + "|" + escaped(use.id));
  return form.serialize();
}

/// ".../Task/7/_history/1" -> "7"
std::string id_in(std::string_view location, std::string_view type) {
  const auto mark = std::string("/").append(type).append("/");
  const auto at = location.rfind(mark);
  if (at == std::string_view::npos) return {};
  const auto rest = location.substr(at + mark.size());
  const auto id = rest.substr(0, rest.find('/'));
  return fhir::is_id(id) ? std::string(id) : std::string();
}

std::string_view detail(const model::AuditEvent& event, std::string_view key) {
  const auto found = std::ranges::find(event.details, key, &std::pair<std::string, std::string>::first);
  return found == event.details.end() ? std::string_view{} : std::string_view(found->second);
}

Instant instant(std::string_view micros) {
  std::int64_t value = 0;
  std::from_chars(micros.data(), micros.data() + micros.size(), value);
  return from_micros(value);
}

Duration pause_after(unsigned attempts) {
  Duration out = limits::kReviewRetryFirst;
  for (unsigned i = 1; i < attempts && out < limits::kReviewRetryMax; ++i) out *= 2;
  return std::min<Duration>(out, limits::kReviewRetryMax);
}

}  // namespace

bool EmergencyReviews::concerns(const VerifiedToken& token) noexcept {
  return token.purpose == policy::kEmergencyPurpose;
}

bool EmergencyReviews::known(const std::string& id, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = noted_.find(id);
  if (found == noted_.end()) return false;
  if (found->second > now) return true;
  std::erase_if(noted_, [now](const auto& entry) { return entry.second <= now; });
  return false;
}

void EmergencyReviews::remember(audit::EmergencyUse use, std::string address, Instant now) {
  const std::lock_guard lock(mutex_);
  if (noted_.size() >= limits::kReviewsOpenMax) {
    std::erase_if(noted_, [now](const auto& entry) { return entry.second <= now; });
  }
  const auto until = use.expires + limits::kClockSkew;
  // Without room: the event is written once more, and the server finds its Task there already.
  if (until > now && noted_.size() < limits::kReviewsOpenMax) noted_.insert_or_assign(use.id, until);
  if (open_.size() >= limits::kReviewsOpenMax) {
    log::error("gateway.reviews_full", {{"open", open_.size()}});
    overflowed_.store(true, std::memory_order_relaxed);  // the record has it
    return;
  }
  auto id = use.id;
  open_.try_emplace(std::move(id), Review{.use = std::move(use), .address = std::move(address), .next = now});
  parts_.metrics.reviews_open.set(open_.size());
}

std::size_t EmergencyReviews::open() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

Task<Result<void>> EmergencyReviews::note(TokenPtr token, std::string address) {
  const auto now = parts_.clock.now();
  auto use = use_of(*token, parts_.config.issuer, parts_.config.public_base);
  if (known(use.id, now)) co_return Result<void>{};
  const Review review{.use = use, .address = address, .next = now};
  // Two requests at once may both write: an event too many, and one Task.
  if (auto written = co_await write(kDue, review, token->jti); !written) co_return written;
  parts_.metrics.reviews_due.add();
  remember(std::move(use), std::move(address), now);
  co_return Result<void>{};
}

Task<Result<void>> EmergencyReviews::write(std::string_view reason, const Review& review, std::string token) const {
  const auto& use = review.use;
  model::AuditEvent event;
  event.issuer = Issuer(use.issuer);
  event.kind = model::AuditKind::emergency;
  event.at = parts_.clock.now();
  event.client = use.client;
  event.user = use.subject;
  event.patient = use.patient;
  event.grant = use.id;
  event.token = std::move(token);
  event.address = review.address;
  event.reason = reason;
  event.details.emplace_back("purpose_of_use", policy::kEmergencyPurpose);
  if (!use.clinician.empty()) event.details.emplace_back("clinician", use.clinician);
  event.details.emplace_back("issued", std::to_string(to_micros(use.at)));
  event.details.emplace_back("expires", std::to_string(to_micros(use.expires)));
  if (review.task && !review.task->empty()) event.details.emplace_back("task", "Task/" + *review.task);
  if (review.notice && !review.notice->empty()) {
    event.details.emplace_back("communication", "Communication/" + *review.notice);
  }
  ports::Events events;
  events.push_back(std::move(event));
  const auto written = co_await parts_.audit.append(std::move(events));
  if (!written) {
    parts_.metrics.audit_failures.add();
    log::error("gateway.audit_failed", {{"detail", written.error().detail}});
    co_return std::unexpected(written.error());
  }
  parts_.metrics.audit_events.add();
  co_return Result<void>{};
}

Task<EmergencyReviews::Attempt> EmergencyReviews::create(std::string type, const Json& resource, const Review& review,
                                                         std::optional<std::string>& acknowledged) const {
  const auto answer =
      co_await exchange_.send({.method = codec::Method::post,
                               .target = "/" + type,
                               .content_type = "application/fhir+json",
                               .body = resource.dump(),
                               .headers = {{"If-None-Exist", condition(review.use)}, {"Prefer", "return=minimal"}}});
  if (!answer) co_return Attempt::unreachable;
  const int status = answer->status;
  // 412: several are there already (R4 http.html 3.1.0.8.1). More would not help.
  if (status == 200 || status == 201 || status == 412) {
    acknowledged = id_in(answer->headers.get("Location").value_or(""), type);
    co_return Attempt::done;
  }
  log::warn("gateway.review_refused",
            {{"type", type}, {"access", review.use.id}, {"status", status}, {"attempt", review.attempts}});
  const bool this_one = status == 400 || status == 404 || status == 409 || status == 422;
  co_return this_one ? Attempt::refused : Attempt::unreachable;
}

Task<EmergencyReviews::Attempt> EmergencyReviews::attempt(Review& review) const {
  ++review.attempts;
  if (!review.task) {
    const auto task = audit::review_task(review.use, review.literal);
    if (const auto result = co_await create("Task", task, review, review.task); result != Attempt::done) {
      co_return result;
    }
  }
  if (!review.notice && !review.use.patient.empty()) {
    const auto notice = audit::patient_notice(review.use, review.literal);
    if (const auto result = co_await create("Communication", notice, review, review.notice); result != Attempt::done) {
      co_return result;
    }
  }
  co_return co_await write(kWritten, review, {}) ? Attempt::done : Attempt::unreachable;
}

std::vector<EmergencyReviews::Review> EmergencyReviews::due(Instant now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Review> out;
  for (const auto& review : open_ | std::views::values) {
    if (review.next <= now) out.push_back(review);
  }
  std::ranges::sort(out, {}, &Review::next);
  if (out.size() > limits::kReviewsAtOnce) out.resize(limits::kReviewsAtOnce);
  return out;
}

void EmergencyReviews::put_back(Review review, Attempt result, Instant now) {
  const std::lock_guard lock(mutex_);
  if (result == Attempt::done) {
    open_.erase(review.use.id);
    parts_.metrics.reviews_open.set(open_.size());
    parts_.metrics.reviews_written.add();
    return;
  }
  parts_.metrics.reviews_failed.add();
  if (result == Attempt::refused) review.literal = false;
  review.next = now + pause_after(review.attempts);
  open_.insert_or_assign(review.use.id, std::move(review));
}

Task<> EmergencyReviews::work() {
  for (auto& review : due(parts_.clock.now())) {
    const auto result = co_await attempt(review);
    const bool down = result == Attempt::unreachable;
    put_back(std::move(review), result, parts_.clock.now());
    if (down || stopping_.load(std::memory_order_relaxed)) co_return;  // the others would find the same
  }
}

void EmergencyReviews::recover(const model::AuditEvent& event, Instant now) {
  if (event.kind != model::AuditKind::emergency || event.issuer.value != parts_.config.issuer) return;
  if (event.reason == kWritten) {
    finished_.insert(event.grant);
    return;
  }
  if (event.reason != kDue || finished_.contains(event.grant)) return;
  remember({.issuer = event.issuer.value,
            .id = event.grant,
            .client = event.client,
            .subject = event.user,
            .clinician = std::string(detail(event, "clinician")),
            .patient = event.patient,
            .at = instant(detail(event, "issued")),
            .expires = instant(detail(event, "expires"))},
           event.address, now);
}

Task<Result<bool>> EmergencyReviews::recover_page() {
  const auto now = parts_.clock.now();
  const auto page = static_cast<std::int64_t>(limits::kReviewRecoverPage);
  const auto end = recovered_to_.value_or(parts_.audit.last_seq());
  const auto begin = std::max<std::int64_t>(0, end - page);
  MITRAL_CO_TRY(const auto records, co_await parts_.audit.read(begin, limits::kReviewRecoverPage));
  bool old = records.empty();  // shipped and let go
  for (const auto& record : records | std::views::reverse) {
    if (record.seq > end) continue;
    old = old || now - record.event.at > limits::kReviewRecoverAge;
    recover(record.event, now);
  }
  const bool last = begin == 0 || old;
  recovered_to_ = last ? std::nullopt : std::optional(begin);
  if (last) finished_.clear();
  co_return last;
}

Task<> EmergencyReviews::run() {
  bool recovered = false;
  bool failing = false;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (open() < limits::kReviewsOpenMax / 2 && overflowed_.exchange(false, std::memory_order_relaxed))
      recovered = false;
    if (!recovered) {
      const auto last = co_await recover_page();
      if (!last && !failing) log::warn("gateway.reviews_not_recovered", {{"detail", last.error().detail}});
      failing = !last;
      recovered = last.value_or(false);
    }
    co_await work();
    co_await net::sleep_for(recovered || failing ? Duration(limits::kReviewPoll) : limits::kReviewRecoverPause);
  }
}

}  // namespace mitral::gateway
