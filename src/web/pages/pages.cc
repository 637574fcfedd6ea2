#include "web/pages/pages.h"

#include "base/limits.h"
#include "codec/json.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "web/pages/frame.h"
#include "web/pages/scope_texts.h"
#include "web/pages/templates.h"
#include "web/pages/texts_en.h"

namespace mitral::web {
namespace {

using codec::Json;

std::string shown_name(const model::User& user) {
  return user.display_name.empty() ? user.username : user.display_name;
}

std::string record_text(const model::PatientAccess& record) {
  if (record.relationship == "self") return fill(text_en("record_own"), {{"name", record.display}});
  if (record.relationship.empty()) return record.display;
  return fill(text_en("record_proxy"), {{"name", record.display}, {"relationship", record.relationship}});
}

std::string duration_text(const ConsentDuration& duration, bool offline) {
  if (offline) return std::string(text_en("duration_offline"));
  if (duration.session_hours > 0) {
    return fill(text_en("duration_session"), {{"hours", std::to_string(duration.session_hours)}});
  }
  return fill(text_en("duration_short"), {{"minutes", std::to_string(duration.minutes)}});
}

std::string offline_text(const ConsentDuration& duration) {
  return fill(text_en("offline_detail"), {{"days", std::to_string(duration.idle_days)}}) + " " +
         fill(text_en("offline_otherwise"), {{"minutes", std::to_string(duration.minutes)}});
}

Json client_links(const model::Client& client) {
  Json links = Json::array();
  const std::pair<const std::string&, std::string_view> all[] = {{client.policy_uri, "policy_link"},
                                                                 {client.tos_uri, "terms_link"}};
  for (const auto& [url, key] : all) {
    if (codec::is_https_url(url)) links.push_back(Json::object({{"url", url}, {"text", text_en(key)}}));
  }
  return links;
}

}  // namespace

std::string client_title(const model::Client& client) {
  return codec::display_name_safe(client.name, limits::kClientNameMax) ? client.name : client.id.value;
}

std::string client_domain(const model::Client& client, std::string_view redirect_uri) {
  for (const std::string_view url : {std::string_view(client.client_uri), redirect_uri}) {
    const auto parts = codec::parse_uri(url);
    if (!parts) continue;
    if (!parts->host.empty()) return std::string(parts->host);
    return std::string(parts->scheme);
  }
  return {};
}

codec::Response sign_in_page(const flow::IssuerRuntime& issuer, const SignInPage& page) {
  const auto* const app = page.client;
  Json values = Json::object({{"lead", app != nullptr ? fill(text_en("sign_in_lead"), {{"app", client_title(*app)}})
                                                      : std::string(text_en("account_sign_in_lead"))},
                              {"action", page.sign_in.action},
                              {"csrf", page.sign_in.csrf},
                              {"cancel_action", page.cancel.action},
                              {"cancel_csrf", page.cancel.csrf},
                              {"username", page.username},
                              {"problem", page.problem}});
  values.set("again", page.again);
  auto response = framed(issuer, templates::kSignIn, std::move(values),
                         {.title = text_en("sign_in_title"),
                          .status = page.status,
                          .foot = app != nullptr ? text_en("style_foot") : std::string_view{},
                          .policy = {.own_forms = true, .leads_to = page.redirect_uri, .script = {}}});
  if (page.retry_after_s > 0) response.headers.set("Retry-After", std::to_string(page.retry_after_s));
  return response;
}

codec::Response picker_page(const flow::IssuerRuntime& issuer, const PickerPage& page) {
  Json people = Json::array();
  for (const auto& person : page.people) {
    std::string more(person.relationship == "self" ? text_en("relationship_self")
                                                   : std::string_view(person.relationship));
    if (!person.birth_date.empty()) {
      more.append(more.empty() ? "" : " · ").append(fill(text_en("born"), {{"date", person.birth_date}}));
    }
    if (!more.empty() && more[0] >= 'a' && more[0] <= 'z') more[0] = static_cast<char>(more[0] - 'a' + 'A');
    people.push_back(Json::object({{"id", person.patient_id},
                                   {"display", person.display.empty() ? person.patient_id : person.display},
                                   {"letter", first_letter(person.display)},
                                   {"more", more}}));
  }
  Json values = Json::object({{"lead", fill(text_en("picker_lead"), {{"app", client_title(*page.client)}})},
                              {"action", page.pick.action},
                              {"csrf", page.pick.csrf},
                              {"cancel_action", page.cancel.action},
                              {"cancel_csrf", page.cancel.csrf}});
  values.set("people", std::move(people));
  return framed(
      issuer, templates::kPicker, std::move(values),
      {.title = text_en("picker_title"), .policy = {.own_forms = true, .leads_to = page.redirect_uri, .script = {}}});
}

codec::Response consent_page(const flow::IssuerRuntime& issuer, const ConsentPage& page) {
  const model::Client& client = *page.client;
  const bool data = page.form->has_data();
  const auto heading = text_en(data ? "consent_title" : "consent_title_signin");
  const auto title = client_title(client);
  Json others = Json::array();
  for (const auto& scope : page.form->other_scopes()) {
    others.push_back(Json::object({{"text", fill(text_en("other_scope_title"), {{"scope", scope}})}}));
  }
  Json links = client_links(client);
  std::string record = page.record && data ? record_text(*page.record) : std::string();
  if (record.empty() && page.clinician && data) record = text_en("records_clinician");

  Json values =
      Json::object({{"heading", heading},
                    {"lead", !data ? "" : text_en(page.clinician ? "consent_lead_clinician" : "consent_lead")},
                    {"app", title},
                    {"app_letter", first_letter(title)},
                    {"domain", client_domain(client, page.redirect_uri)},
                    {"record", record},
                    {"user", shown_name(*page.user)},
                    {"duration", duration_text(page.duration, page.form->asks_offline())},
                    {"problem", page.nothing_left ? text_en("consent_nothing") : ""},
                    {"action", page.decide.action},
                    {"csrf", page.decide.csrf},
                    {"switch_action", page.switch_user.action},
                    {"switch_csrf", page.switch_user.csrf}});
  const auto vouched = fill(text_en(client.verified ? "verified" : "unverified"), {{"org", organization(issuer)}});
  values.set(client.verified ? "verified" : "unverified", Json(vouched));
  values.set("offline_detail", Json(offline_text(page.duration)));
  const bool proxy = data && page.record && !page.clinician && page.record->relationship != "self";
  values.set("proxy_note", Json(proxy ? fill(text_en("proxy_note"), {{"name", page.record->display}}) : std::string()));
  values.set("offline", page.form->asks_offline());
  values.set("offline_ticked", page.offline_ticked);
  const auto identity = text_en(data ? "identity_note" : "identity_only");
  values.set("identity", page.form->asks_identity() ? Json(identity) : Json(""));
  values.set("has_others", !others.empty());
  values.set("others", std::move(others));
  values.set("has_links", !links.empty());
  values.set("links", std::move(links));
  values.set("sections", consent_sections(*page.form, page.ticked, !page.clinician));
  return framed(
      issuer, templates::kConsent, std::move(values),
      {.title = heading, .wide = true, .policy = {.own_forms = true, .leads_to = page.redirect_uri, .script = {}}});
}

codec::Response error_page(const flow::IssuerRuntime& issuer, const ErrorPage& page) {
  const auto heading = text_en(!page.continue_to.empty()                  ? "error_return_title"
                               : page.status == 503 || page.status == 429 ? "error_busy_title"
                                                                          : "error_title");
  Json values = Json::object({{"heading", heading},
                              {"text", page.text.view()},
                              {"code", page.code},
                              {"target", page.continue_to},
                              {"link", fill(text_en("error_return"), {{"domain", page.client_domain}})}});
  values.set("nothing_shared", true);
  auto response =
      framed(issuer, templates::kError, std::move(values), {.title = heading, .status = page.status, .policy = {}});
  if (page.retry_after_s > 0) response.headers.set("Retry-After", std::to_string(page.retry_after_s));
  return response;
}

codec::Response form_post_page(const flow::IssuerRuntime& issuer, std::string_view uri,
                               std::span<const std::pair<std::string, std::string>> fields, bool automatic) {
  Json list = Json::array();
  for (const auto& [name, value] : fields) list.push_back(Json::object({{"name", name}, {"value", value}}));
  Json values =
      Json::object({{"action", uri}, {"script", automatic ? templates::kFormPostScript : std::string_view()}});
  values.set("lead", text_en(automatic ? "form_post_lead" : "error_lead"));
  values.set("fields", std::move(list));
  return framed(issuer, templates::kFormPost, std::move(values),
                {.title = text_en("form_post_title"),
                 .policy = {.own_forms = false,
                            .leads_to = uri,
                            .script = automatic ? templates::kFormPostScript : std::string_view()}});
}

codec::Response sign_out_page(const flow::IssuerRuntime& issuer, std::string_view name, const FormTarget& target) {
  Json values = Json::object({{"lead", name.empty() ? std::string(text_en("sign_out_nobody"))
                                                    : fill(text_en("sign_out_lead"), {{"name", name}})},
                              {"action", target.action},
                              {"csrf", target.csrf}});
  values.set("signed_in", !name.empty());
  return framed(issuer, templates::kSignOut, std::move(values),
                {.title = text_en("sign_out_title"), .policy = {.own_forms = true, .leads_to = {}, .script = {}}});
}

codec::Response signed_out_page(const flow::IssuerRuntime& issuer) {
  return framed(issuer, templates::kSignedOut, Json::object(), {.title = text_en("signed_out_title"), .policy = {}});
}

codec::Response home_page(const flow::IssuerRuntime& issuer) {
  return framed(issuer, templates::kHome,
                Json::object({{"account", issuer.urls().account}, {"sign_out", issuer.urls().sign_out}}),
                {.title = text_en("home_title"), .policy = {}});
}

}  // namespace mitral::web
