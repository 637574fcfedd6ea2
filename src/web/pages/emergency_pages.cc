#include "web/pages/emergency_pages.h"

#include "base/limits.h"
#include "web/pages/account_pages.h"
#include "web/pages/frame.h"
#include "web/pages/texts_en.h"

namespace mitral::web {

using codec::Json;
using flow::EmergencyProblem;

const std::string_view kEmergencyTemplate = R"html(<div class="card">
<div>
<h1>{{t.emergency_title}}</h1>
<p class="lead">{{lead}}</p>
</div>
<div class="note warn" id="emergency-warning"><p><strong>{{t.emergency_only_if}}</strong></p>
<ul class="plainlist">
<li>{{t.emergency_told}}</li>
<li>{{t.emergency_reviewed}}</li>
<li>{{t.emergency_kept}}</li>
<li>{{limits}}</li>
</ul></div>
{{#problem}}<p class="note bad" id="problem" role="alert">{{problem}}</p>{{/problem}}
<dl class="facts">
{{#launched}}<dt>{{t.emergency_record_label}}</dt><dd id="record-id">{{launched}}</dd>
{{/launched}}<dt>{{t.signed_in_label}}</dt><dd id="user-name">{{user}}</dd>
<dt>{{t.emergency_sees_label}}</dt><dd class="see" id="emergency-data">{{data}}</dd>
</dl>
<form method="post" action="{{action}}" class="stack" id="emergency">
<input type="hidden" name="csrf" value="{{csrf}}">
{{#typed}}<div>
<label class="field" for="patient">{{t.emergency_patient}}</label>
<input type="text" id="patient" name="patient" value="{{patient}}" autocomplete="off" autocapitalize="none"
autocorrect="off" spellcheck="false" maxlength="64" required aria-describedby="patient-hint">
<p class="small" id="patient-hint">{{t.emergency_patient_hint}}</p>
</div>
{{/typed}}<fieldset>
<legend>{{t.emergency_reason}}</legend>
<div class="rows choices">
{{#reasons}}<label class="tick row" for="reason-{{code}}">
<input type="radio" id="reason-{{code}}" name="reason" value="{{code}}" required{{#chosen}} checked{{/chosen}}>
<span class="title">{{text}}</span></label>
{{/reasons}}</div>
</fieldset>
<div>
<label class="field" for="statement">{{t.emergency_statement}}</label>
<textarea id="statement" name="statement" rows="3" maxlength="400" required aria-describedby="statement-hint">{{statement}}</textarea>
<p class="small" id="statement-hint">{{t.emergency_statement_hint}}</p>
</div>
<div class="rows"><label class="tick" for="confirm">
<input type="checkbox" id="confirm" name="confirm" value="yes" required{{#confirmed}} checked{{/confirmed}}>
<span class="title">{{t.emergency_confirm}}</span></label></div>
<div class="actions">
<button type="submit" id="cancel" form="cancel-form" formnovalidate>{{t.deny_emergency}}</button>
<button type="submit" class="primary" id="open-record">{{t.emergency_open}}</button>
</div>
</form>
<form method="post" action="{{cancel_action}}" id="cancel-form" hidden>
<input type="hidden" name="csrf" value="{{cancel_csrf}}">
</form>
</div>
)html";

std::string_view reason_text(model::EmergencyReason reason) noexcept {
  switch (reason) {
    case model::EmergencyReason::life_at_risk: return text_en("emergency_life_at_risk");
    case model::EmergencyReason::cannot_consent: return text_en("emergency_cannot_consent");
    case model::EmergencyReason::urgent_treatment: return text_en("emergency_urgent_treatment");
    case model::EmergencyReason::other: return text_en("emergency_other");
  }
  return text_en("emergency_other");
}

namespace {

std::string problem_text(EmergencyProblem problem) {
  switch (problem) {
    case EmergencyProblem::none: return {};
    case EmergencyProblem::reason: return std::string(text_en("emergency_no_reason"));
    case EmergencyProblem::text:
      return fill(text_en("emergency_bad_statement"), {{"min", std::to_string(limits::kEmergencyStatementMin)},
                                                       {"max", std::to_string(limits::kEmergencyStatementMax)}});
    case EmergencyProblem::patient: return std::string(text_en("emergency_bad_patient"));
    case EmergencyProblem::confirmation: return std::string(text_en("emergency_not_confirmed"));
  }
  return {};
}

}  // namespace

codec::Response emergency_page(const flow::IssuerRuntime& issuer, const EmergencyPage& page) {
  Json reasons = Json::array();
  for (const auto reason : model::kEmergencyReasons) {
    Json row = Json::object({{"code", name(reason)}, {"text", reason_text(reason)}});
    row.set("chosen", page.reason == name(reason));
    reasons.push_back(std::move(row));
  }
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(limits::kEmergencyTokenLifetime).count();
  const auto words = access_words(page.scopes);
  Json values = Json::object({{"lead", fill(text_en("emergency_lead"), {{"app", client_title(*page.client)}})},
                              {"limits", fill(text_en("emergency_limits"), {{"minutes", std::to_string(minutes)}})},
                              {"user", page.user->display_name.empty() ? page.user->username : page.user->display_name},
                              {"data", words.see},
                              {"launched", page.launched_patient},
                              {"problem", problem_text(page.problem)},
                              {"patient", page.patient},
                              {"statement", page.statement},
                              {"action", page.open.action},
                              {"csrf", page.open.csrf},
                              {"cancel_action", page.cancel.action},
                              {"cancel_csrf", page.cancel.csrf}});
  values.set("typed", page.launched_patient.empty());
  values.set("confirmed", page.confirmed);
  values.set("reasons", std::move(reasons));
  return framed(issuer, kEmergencyTemplate, std::move(values),
                {.title = text_en("emergency_title"),
                 .wide = true,
                 .policy = {.own_forms = true, .leads_to = page.redirect_uri, .script = {}}});
}

}  // namespace mitral::web
