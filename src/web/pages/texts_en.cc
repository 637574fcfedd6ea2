#include "web/pages/texts_en.h"

#include <algorithm>
#include <array>

namespace mitral::web {
namespace {

constexpr auto kTexts = std::to_array<Text>({
    {"account_apps", "Apps with access"},
    {"account_changes", "May change"},
    {"account_elsewhere", "Another browser"},
    {"account_emergencies", "Emergency access"},
    {"account_emergencies_lead",
     "In an emergency, clinicians may open a record without asking. You are always told, and each time is reviewed."},
    {"account_emergency_app", "With the app"},
    {"account_emergency_link", "See who and why"},
    {"account_emergency_notice", "Your record, or one that you look after, was opened in an emergency without asking."},
    {"account_emergency_review", "Review"},
    {"account_emergency_who", "Opened by"},
    {"account_emergency_why", "Reason"},
    {"account_end", "End access"},
    {"account_end_label", "End access of {app}"},
    {"account_end_sessions", "Sign out everywhere"},
    {"account_everything", "Everything in the record"},
    {"account_here", "This browser"},
    {"account_identity", "That it is you who signed in"},
    {"account_lasts_offline", "Until you end it, also while you are away"},
    {"account_lasts_session", "While you stay signed in"},
    {"account_lasts_until", "Ends by itself on {when}"},
    {"account_lead", "You are signed in as {name}. Here you see who can reach your health record, and you can end it."},
    {"account_news_ended", "Done. The app’s access has ended."},
    {"account_no_apps", "No app has access right now."},
    {"account_no_emergencies", "Nobody has used emergency access to open your record."},
    {"account_review_justified", "Reviewed: it was justified"},
    {"account_review_open", "Not finished yet"},
    {"account_review_unjustified", "Reviewed: it was not justified"},
    {"account_sees", "May see"},
    {"account_session", "Signed in on {since}, last used on {used}"},
    {"account_sessions", "Where you are signed in"},
    {"account_sessions_lead", "If one of these was not you, sign out everywhere and change your password."},
    {"account_sign_in_lead", "to see which apps have access to your health record"},
    {"account_since", "Since"},
    {"account_title", "Your account"},
    {"account_used", "Last used"},
    {"allow", "Allow"},
    {"app_label", "App"},
    {"born", "born {date}"},
    {"cancel", "Cancel and go back"},
    {"change_heading", "What the app may add or change"},
    {"consent_lead", "You decide what this app gets. Untick what you do not want to share."},
    {"consent_lead_clinician", "You decide what this app gets. Untick what it does not need."},
    {"consent_nothing", "You have unticked everything. Tick at least one kind of data, or choose “Don’t allow”."},
    {"consent_title", "Share health data with this app?"},
    {"consent_title_signin", "Sign in to this app?"},
    {"continue", "Continue"},
    {"deny", "Don’t allow"},
    {"deny_emergency", "Cancel"},
    {"duration_label", "How long"},
    {"duration_offline", "You choose below"},
    {"duration_session", "While you stay signed in, {hours} hours at most"},
    {"duration_short", "Access ends by itself after about {minutes} minutes"},
    {"emergency_bad_patient", "That is not the id of a record. Please check it."},
    {"emergency_bad_statement", "Please say in a few words why: {min} to {max} characters."},
    {"emergency_cannot_consent", "The patient cannot be asked"},
    {"emergency_confirm", "This is an emergency, and I treat this patient."},
    {"emergency_kept", "Your name, the time and what you write here are kept."},
    {"emergency_lead", "{app} asks to open a health record without its owner’s permission."},
    {"emergency_life_at_risk", "Life or limb is at risk"},
    {"emergency_limits", "You can read, not change. It ends by itself after {minutes} minutes."},
    {"emergency_no_reason", "Please choose a reason."},
    {"emergency_not_confirmed", "Please confirm that this is an emergency."},
    {"emergency_only_if", "Go on only if a patient needs treatment now."},
    {"emergency_open", "Open the record"},
    {"emergency_other", "Another emergency"},
    {"emergency_patient", "Id of the patient’s record"},
    {"emergency_patient_hint", "As your system shows it. One record can be opened at a time."},
    {"emergency_reason", "Why is it an emergency?"},
    {"emergency_record_label", "Record"},
    {"emergency_reviewed", "Every emergency access is reviewed."},
    {"emergency_sees_label", "The app may see"},
    {"emergency_statement", "What happened?"},
    {"emergency_statement_hint", "A few words for the reviewer. No more about the patient than needed."},
    {"emergency_title", "Emergency access"},
    {"emergency_told", "The patient is told that you opened the record."},
    {"emergency_urgent_treatment", "Treatment cannot wait for permission"},
    {"error_back", "You can close this page and start again from the app."},
    {"error_busy_title", "Too many people at once"},
    {"error_lead", "Nothing was shared."},
    {"error_return", "Return to {domain}"},
    {"error_return_title", "This app asked for something that is not possible"},
    {"error_title", "This link does not work"},
    {"form_post_button", "Continue to the app"},
    {"form_post_lead", "If nothing happens by itself, press the button."},
    {"form_post_title", "Back to the app"},
    {"group_about", "About the person"},
    {"group_care", "Health and care"},
    {"group_documents", "Documents and questionnaires"},
    {"group_insurance", "Insurance and billing"},
    {"group_medicines", "Medicines"},
    {"group_other", "Other"},
    {"group_people", "People and places of care"},
    {"group_tests", "Tests and measurements"},
    {"home_account", "See which apps have access"},
    {"home_lead",
     "Apps that you use send you here to sign in and to choose what you share. There is nothing to do on this page "
     "itself."},
    {"home_sign_out", "Sign out"},
    {"home_title", "Your health record, shared only as you say"},
    {"identity_note", "The app also learns that it is you who signed in."},
    {"identity_only", "The app learns that it is you who signed in. It gets no health data."},
    {"kinds_hint", "Only the kinds that you tick are shared."},
    {"kinds_summary", "Choose kinds"},
    {"limited_by_app", "{title} (a part, as the app asked)"},
    {"not_you", "Not you?"},
    {"offline_detail",
     "The app may then look at this even when you are not using it, for example to warn you: until you end it, or "
     "until it has not been used for {days} days."},
    {"offline_otherwise", "Without this, access ends by itself after about {minutes} minutes."},
    {"offline_title", "Keep access while you are away"},
    {"other_scope_title", "Something else that the app calls “{scope}”"},
    {"other_types_detail", "Every other kind of entry that the record may hold, now or later."},
    {"other_types_title", "Everything else in the record"},
    {"password", "Password"},
    {"picker_lead", "{app} asks for one person’s health record. Whose may it be?"},
    {"picker_title", "Choose a record"},
    {"policy_link", "How the app handles your data"},
    {"proxy_note", "On this page, “you” stands for {name}."},
    {"record_label", "Record of"},
    {"record_own", "{name} (you)"},
    {"record_proxy", "{name} ({relationship})"},
    {"records_clinician", "All patients that you may see"},
    {"relationship_self", "You"},
    {"see_heading", "What the app may see"},
    {"sign_in", "Sign in"},
    {"sign_in_again_lead", "For this step, please sign in once more."},
    {"sign_in_bad", "That user name and password do not fit together. Please try again."},
    {"sign_in_busy", "Too many people are signing in right now. Please try again in a moment."},
    {"sign_in_expired", "The page had been open for too long. Please try again."},
    {"sign_in_lead", "to continue to {app}"},
    {"sign_in_title", "Sign in"},
    {"sign_in_wait", "Too many attempts. Please wait {seconds} seconds and try again."},
    {"sign_out", "Sign out"},
    {"sign_out_lead", "You are signed in as {name}. Apps that you allowed to keep access keep it."},
    {"sign_out_nobody", "Nobody is signed in at this browser."},
    {"sign_out_title", "Sign out?"},
    {"signed_in_label", "Signed in as"},
    {"signed_out_lead", "Close the browser if others use this device."},
    {"signed_out_title", "You are signed out"},
    {"skip", "Skip to the content"},
    {"style_foot", "Your password is never shown to the app."},
    {"terms_link", "Terms of the app"},
    {"unverified", "This app has not been checked by {org}. Go on only if you know it and trust it."},
    {"username", "User name"},
    {"verified", "Checked by {org}"},
});
static_assert(
    [] {
      for (std::size_t i = 1; i < kTexts.size(); ++i) {
        if (!(kTexts[i - 1].key < kTexts[i].key)) return false;
      }
      return true;
    }(),
    "sorted by key, no key twice");

}  // namespace

std::span<const Text> texts_en() noexcept { return kTexts; }

std::string_view text_en(std::string_view key) noexcept {
  const auto* const at = std::ranges::lower_bound(kTexts, key, {}, &Text::key);
  return at != kTexts.end() && at->key == key ? at->text : key;
}

std::string fill(std::string_view text, std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('{');
    const auto close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) break;
    out.append(text.substr(0, open));
    const auto name = text.substr(open + 1, close - open - 1);
    for (const auto& [key, value] : values) {
      if (key == name) out.append(value);
    }
    text.remove_prefix(close + 1);
  }
  return out.append(text);
}

}  // namespace mitral::web
