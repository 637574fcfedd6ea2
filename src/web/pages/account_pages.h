// Account pages: what a person sees about herself at /account (SMART App Launch 2.2 management_endpoint, smart-fhir
// 1.19): apps that have access, emergency accesses to the records that are open to her, her sign-ins.
//
// Everything in these structs but literals is hostile text; the templates escape it. Thread rules: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "codec/message.h"
#include "flow/issuer_config.h"
#include "model/emergency.h"
#include "spec/smart/scopes.h"
#include "web/pages/pages.h"

namespace mitral::web {

/// Scopes in everyday words, as one line each: "Lab results, Vital signs"; empty where there are none.
struct AccessWords {
  std::string see;
  std::string change;
};
[[nodiscard]] AccessWords access_words(const spec::smart::ScopeSet& scopes);
/// "21 November 2026, 14:05 UTC"
[[nodiscard]] std::string day_and_time(Instant at);

struct AccountApp {
  std::string grant;  ///< id, as the form sends it back
  std::string name, domain;
  std::string record;  ///< whose, or empty
  AccessWords words;
  Instant since;
  std::optional<Instant> used;
  std::optional<Instant> ends;  ///< when that is soon and certain
  bool offline = false;
  bool identity = false;  ///< learns who she is
};
struct AccountEmergency {
  std::string who, app, record;
  Instant at;
  model::EmergencyReason reason = model::EmergencyReason::other;
  std::optional<model::EmergencyVerdict> verdict;
};
struct AccountSession {
  Instant since, used;
  bool here = false;
};

enum class AccountNews : std::uint8_t { none, app_ended };

struct AccountPage {
  std::string user;
  std::vector<AccountApp> apps;
  std::vector<AccountEmergency> emergencies;
  bool has_records = false;  ///< there is a record for which emergencies can be told
  bool fresh_emergency = false;
  std::vector<AccountSession> sessions;
  FormTarget end_app;  ///< the grant's id goes along
  FormTarget end_sessions;
  AccountNews news = AccountNews::none;
};
[[nodiscard]] codec::Response account_page(const flow::IssuerRuntime& issuer, const AccountPage& page);

/// The page's template, for tests.
extern const std::string_view kAccountTemplate;

}  // namespace mitral::web
