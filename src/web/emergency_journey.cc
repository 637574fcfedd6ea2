#include "web/emergency_journey.h"

#include "flow/authorize/completion.h"
#include "flow/emergency.h"
#include "policy/scope_policy.h"
#include "web/pages/emergency_pages.h"
#include "web/pages/pages.h"

namespace mitral::web {
namespace {

FormTarget target(const flow::Context& context, const Journey& journey, std::string_view form) {
  return {interaction_url(context.issuer, journey.id, form), form_token(context.issuer, journey, form)};
}

const model::LaunchTicket* launch_of(const Journey& journey) { return journey.launch ? &*journey.launch : nullptr; }

codec::Response page_with(const flow::Context& context, const Journey& journey,
                          const flow::EmergencyStatement& statement, flow::EmergencyProblem problem) {
  EmergencyPage page;
  page.client = journey.client;
  page.redirect_uri = journey.request.redirect_uri;
  page.open = target(context, journey, kEmergencyForm);
  page.cancel = target(context, journey, kCancelForm);
  page.user = &*journey.user;
  page.launched_patient = flow::launched_patient(launch_of(journey));
  page.scopes = policy::scope_set(journey.request.scopes);
  page.patient = statement.patient_id;
  page.reason = statement.reason;
  page.statement = statement.text;
  page.confirmed = statement.confirmed;
  page.problem = problem;
  return emergency_page(context.issuer, page);
}

std::string_view once(const codec::Form& form, std::string_view name) {
  return form.count(name) == 1 ? form.get(name).value_or("") : std::string_view{};
}

}  // namespace

Standing emergency_stand(const Journey& journey) {
  if (!flow::may_ask_for_emergency(*journey.client) || !flow::may_break_glass(*journey.user)) {
    return {Stand::refused,
            {ErrorCode::access_denied, "Emergency access is not possible here", "no right to emergency access"}};
  }
  return {Stand::emergency, {}};
}

codec::Response show_emergency(const flow::Context& context, const Journey& journey) {
  return page_with(context, journey, {}, flow::EmergencyProblem::none);
}

Task<codec::Response> post_emergency(flow::Context& context, Journey journey) {
  auto standing = co_await load(context, journey);
  if (!standing) co_return failure_page(context.issuer, standing.error());
  // Not an emergency, or signed in too long ago by now: wherever it stands.
  if (standing->stand != Stand::emergency) co_return co_await advance(context, std::move(journey));

  const flow::EmergencyStatement statement{.reason = once(context.form, "reason"),
                                           .text = once(context.form, "statement"),
                                           .patient_id = once(context.form, "patient"),
                                           .confirmed = once(context.form, "confirm") == "yes"};
  const auto problem = flow::problem_of(statement, flow::launched_patient(launch_of(journey)));
  if (problem != flow::EmergencyProblem::none) co_return page_with(context, journey, statement, problem);
  const auto proof = flow::approve_emergency({.request = &journey.request,
                                              .client = journey.client,
                                              .user = &*journey.user,
                                              .session = &*journey.session,
                                              .interaction = &*journey.interaction,
                                              .launch = launch_of(journey),
                                              .address = context.request.peer_address,
                                              .now = context.now},
                                             statement, context.services.random);
  if (!proof) co_return co_await refuse(context, journey, proof.error(), "not_entitled");

  flow::Approval approval;
  approval.request = &journey.request;
  approval.session = &*journey.session;
  approval.user = &*journey.user;
  approval.granted = flow::emergency_scopes(policy::scope_set(journey.request.scopes));
  approval.patient_id = proof->record().patient_id;
  approval.launch = launch_of(journey);
  approval.interaction = journey.interaction->handle;
  approval.emergency = &*proof;
  auto code = co_await flow::complete_authorization(context, approval);
  if (!code) co_return failure_page(context.issuer, code.error());
  co_return answer_response(context.issuer, flow::code_answer(journey.request, *context.profile, *code),
                            journey.after_post);
}

Task<Result<void>> note_emergency(const flow::Context& context, std::string_view client, std::string_view user,
                                  model::AuditOutcome outcome, std::string_view reason) {
  auto event = context.event(model::AuditKind::emergency, outcome);
  event.client = client;
  event.user = user;
  event.reason = reason;
  event.details.emplace_back(flow::kPurposeOfUse, flow::kEmergencyPurpose);
  ports::Events events;
  events.push_back(std::move(event));
  return context.services.store.append(std::move(events));
}

}  // namespace mitral::web
