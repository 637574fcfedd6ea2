#include "web/pages/account_pages.h"

#include <fmt/format.h>

#include <array>

#include "web/pages/emergency_pages.h"
#include "web/pages/frame.h"
#include "web/pages/scope_texts.h"
#include "web/pages/texts_en.h"

namespace mitral::web {

using codec::Json;

const std::string_view kAccountTemplate = R"html(<div class="stack">
<div class="card">
<div>
<h1>{{t.account_title}}</h1>
<p class="lead">{{lead}}</p>
</div>
{{#news}}<p class="note" id="news" role="status">{{news}}</p>{{/news}}
{{#fresh_emergency}}<p class="note warn" id="emergency-notice">{{t.account_emergency_notice}}
<a href="#emergencies">{{t.account_emergency_link}}</a></p>{{/fresh_emergency}}
</div>
<section class="card" aria-labelledby="apps">
<h2 id="apps">{{t.account_apps}}</h2>
{{^has_apps}}<p class="small" id="no-apps">{{t.account_no_apps}}</p>
{{/has_apps}}{{#apps}}<article class="entry" id="app-{{grant}}">
<div class="app">
<span class="letter" aria-hidden="true">{{letter}}</span>
<div>
<h3 class="name">{{name}}</h3>
{{#domain}}<p class="domain">{{domain}}</p>{{/domain}}
</div>
</div>
<dl class="facts">
{{#record}}<dt>{{t.record_label}}</dt><dd class="record">{{record}}</dd>
{{/record}}{{#see}}<dt>{{t.account_sees}}</dt><dd class="see">{{see}}</dd>
{{/see}}{{#change}}<dt>{{t.account_changes}}</dt><dd class="change">{{change}}</dd>
{{/change}}{{#identity}}<dt>{{t.account_sees}}</dt><dd class="see">{{identity}}</dd>
{{/identity}}<dt>{{t.account_since}}</dt><dd class="since">{{since}}</dd>
{{#used}}<dt>{{t.account_used}}</dt><dd class="used">{{used}}</dd>
{{/used}}<dt>{{t.duration_label}}</dt><dd class="lasts">{{lasts}}</dd>
</dl>
<form method="post" action="{{action}}/{{grant}}">
<input type="hidden" name="csrf" value="{{csrf}}">
<button type="submit" id="end-{{grant}}" aria-label="{{end_label}}">{{t.account_end}}</button>
</form>
</article>
{{/apps}}</section>
{{#has_records}}<section class="card" aria-labelledby="emergencies">
<h2 id="emergencies">{{t.account_emergencies}}</h2>
{{^has_emergencies}}<p class="small" id="no-emergencies">{{t.account_no_emergencies}}</p>
{{/has_emergencies}}{{#has_emergencies}}<p class="small">{{t.account_emergencies_lead}}</p>
{{/has_emergencies}}{{#emergencies}}<article class="entry emergency">
<h3 class="name">{{when}}</h3>
<dl class="facts">
<dt>{{t.account_emergency_who}}</dt><dd class="who">{{who}}</dd>
<dt>{{t.record_label}}</dt><dd class="record">{{record}}</dd>
<dt>{{t.account_emergency_app}}</dt><dd class="with">{{app}}</dd>
<dt>{{t.account_emergency_why}}</dt><dd class="why">{{why}}</dd>
<dt>{{t.account_emergency_review}}</dt><dd class="review">{{review}}</dd>
</dl>
</article>
{{/emergencies}}</section>
{{/has_records}}<section class="card" aria-labelledby="sessions">
<h2 id="sessions">{{t.account_sessions}}</h2>
<ul class="sessions">
{{#sessions}}<li>{{#here}}<span class="name here">{{t.account_here}}</span>{{/here}}{{^here}}<span
class="name">{{t.account_elsewhere}}</span>{{/here}}<span class="when">{{text}}</span></li>
{{/sessions}}</ul>
<p class="small">{{t.account_sessions_lead}}</p>
<form method="post" action="{{end_sessions_action}}">
<input type="hidden" name="csrf" value="{{end_sessions_csrf}}">
<button type="submit" id="end-sessions">{{t.account_end_sessions}}</button>
</form>
</section>
</div>
)html";

namespace {

std::string titles(const Json& section) {
  std::string out;
  for (const auto& group : section["groups"].items()) {
    for (const auto& row : group["rows"].items()) {
      if (!out.empty()) out.append(", ");
      out.append(row["title"].string_or());
    }
  }
  return out;
}

std::string lasts(const AccountApp& app) {
  if (app.offline) return std::string(text_en("account_lasts_offline"));
  if (app.ends) return fill(text_en("account_lasts_until"), {{"when", day_and_time(*app.ends)}});
  return std::string(text_en("account_lasts_session"));
}

Json app_values(const AccountApp& app, const FormTarget& target) {
  Json row = Json::object({{"grant", app.grant},
                           {"name", app.name},
                           {"letter", first_letter(app.name)},
                           {"domain", app.domain},
                           {"record", app.record},
                           {"see", app.words.see},
                           {"change", app.words.change},
                           {"since", day_and_time(app.since)},
                           {"used", app.used ? day_and_time(*app.used) : std::string()},
                           {"lasts", lasts(app)},
                           {"end_label", fill(text_en("account_end_label"), {{"app", app.name}})},
                           {"action", target.action},
                           {"csrf", target.csrf}});
  const bool only_identity = app.identity && app.words.see.empty() && app.words.change.empty();
  row.set("identity", Json(only_identity ? text_en("account_identity") : std::string_view{}));
  return row;
}

std::string_view review_text(const std::optional<model::EmergencyVerdict>& verdict) {
  if (!verdict) return text_en("account_review_open");
  return text_en(*verdict == model::EmergencyVerdict::justified ? "account_review_justified"
                                                                : "account_review_unjustified");
}

}  // namespace

AccessWords access_words(const spec::smart::ScopeSet& scopes) {
  AccessWords out;
  for (const auto& section :
       consent_sections(login::ConsentForm::make(scopes), [](std::string_view) { return true; }, false).items()) {
    (section["id"].string_or() == "see" ? out.see : out.change) = titles(section);
  }
  // A wildcard is not a list of everything that there is.
  using spec::smart::Perms;
  for (const auto& scope : scopes.items()) {
    if (scope.kind != spec::smart::ScopeKind::resource || scope.type != "*" || !scope.restrictions.empty()) continue;
    constexpr Perms kSee{Perms::kRead | Perms::kSearch};
    constexpr Perms kChange{Perms::kCreate | Perms::kUpdate | Perms::kDelete};
    if (scope.perms.contains(kSee)) out.see = text_en("account_everything");
    if (scope.perms.contains(kChange)) out.change = text_en("account_everything");
  }
  return out;
}

std::string day_and_time(Instant at) {
  constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                     "May",       "June",     "July",     "August",
                                                     "September", "October",  "November", "December"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::minutes>(at - day));
  return fmt::format("{} {} {}, {:02}:{:02} UTC", static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     time.hours().count(), time.minutes().count());
}

codec::Response account_page(const flow::IssuerRuntime& issuer, const AccountPage& page) {
  Json apps = Json::array();
  for (const auto& app : page.apps) apps.push_back(app_values(app, page.end_app));
  Json emergencies = Json::array();
  for (const auto& one : page.emergencies) {
    emergencies.push_back(Json::object({{"when", day_and_time(one.at)},
                                        {"who", one.who},
                                        {"app", one.app},
                                        {"record", one.record},
                                        {"why", reason_text(one.reason)},
                                        {"review", review_text(one.verdict)}}));
  }
  Json sessions = Json::array();
  for (const auto& one : page.sessions) {
    Json row = Json::object({{"text", fill(text_en("account_session"),
                                           {{"since", day_and_time(one.since)}, {"used", day_and_time(one.used)}})}});
    row.set("here", one.here);
    sessions.push_back(std::move(row));
  }
  Json values =
      Json::object({{"lead", fill(text_en("account_lead"), {{"name", page.user}})},
                    {"news", page.news == AccountNews::app_ended ? text_en("account_news_ended") : std::string_view{}},
                    {"end_sessions_action", page.end_sessions.action},
                    {"end_sessions_csrf", page.end_sessions.csrf}});
  values.set("has_apps", !apps.empty());
  values.set("apps", std::move(apps));
  values.set("has_records", page.has_records);
  values.set("fresh_emergency", page.fresh_emergency);
  values.set("has_emergencies", !emergencies.empty());
  values.set("emergencies", std::move(emergencies));
  values.set("sessions", std::move(sessions));
  return framed(
      issuer, kAccountTemplate, std::move(values),
      {.title = text_en("account_title"), .wide = true, .policy = {.own_forms = true, .leads_to = {}, .script = {}}});
}

}  // namespace mitral::web
