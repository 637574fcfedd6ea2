// Onc: an app as Inferno's (g)(10) kit is one, against everything in one process: the real authorization server with
// its real pages and a person's browser, the real gateway, and a sandbox with one patient who has an entry of every
// type that US Core asks for.
//
//   Onc onc;
//   const auto session = onc.standalone(kPatientScopes);           // authorize, sign in, consent, token
//   onc.fhir("/Patient/" + session.patient(), session.access());   // through the gateway
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/text.h"
#include "gateway/gateway.h"
#include "sandbox/sandbox.h"
#include "support/browser.h"

namespace mitral::testing {

inline constexpr std::string_view kOncUpstream = "http://fhir.internal:8090/r4";
inline constexpr std::string_view kFoundation = "launch/patient openid fhirUser offline_access";
inline constexpr std::string_view kConditionCategory = "http://terminology.hl7.org/CodeSystem/condition-category";
inline constexpr std::string_view kUsCoreConditionCategory =
    "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
inline constexpr std::string_view kObservationCategory = "http://terminology.hl7.org/CodeSystem/observation-category";
inline constexpr std::string_view kUsCoreCategory = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";

/// Types that g10_smart_scopes looks for.
const std::vector<std::string>& g10_types();

std::vector<std::string> words_of(std::string_view text);
bool has_word(std::string_view text, std::string_view word);
std::string granular(std::string_view type, std::string_view system, std::string_view code);

inline constexpr std::string_view kWellKnown = "/t/clinic/.well-known/smart-configuration";
inline constexpr std::string_view kAllPatientTypes =
    "launch/patient openid fhirUser offline_access patient/Patient.rs patient/AllergyIntolerance.rs "
    "patient/CarePlan.rs "
    "patient/CareTeam.rs patient/Condition.rs patient/DiagnosticReport.rs patient/DocumentReference.rs patient/Goal.rs "
    "patient/Immunization.rs patient/MedicationRequest.rs patient/Observation.rs patient/Procedure.rs "
    "patient/Provenance.rs patient/ServiceRequest.rs patient/Coverage.rs patient/MedicationDispense.rs "
    "patient/Specimen.rs patient/Location.rs";

bool lists(const codec::Json& array, std::string_view value);
bool no_store(const codec::Response& response);
inline bool oauth_error(const codec::Response& response) { return response.status == 400 || response.status == 401; }

/// What an app has after a launch.
struct Session {
  std::string client;
  codec::Response response;  ///< of the token endpoint
  codec::Json token;

  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::string access() const { return text("access_token"); }
  [[nodiscard]] std::string refresh() const { return text("refresh_token"); }
  [[nodiscard]] std::string scope() const { return text("scope"); }
  [[nodiscard]] std::string patient() const { return text("patient"); }
};

class Onc {
 public:
  explicit Onc(HarnessOptions options = {});

  FrontRig rig;
  [[nodiscard]] AsHarness& as() { return rig.as; }

  static const crypto::PrivateKey& rsa_key();

  // ---- authorization ----------------------------------------------------------------------------------------------
  /// Goes through the pages, unticking these boxes; the redirect's parameters.
  std::map<std::string, std::string> authorize(Browser& browser, const codec::Form& form,
                                               const std::vector<std::string>& untick = {},
                                               std::string_view user = "alice", bool by_post = false);
  std::map<std::string, std::string> authorize(const codec::Form& form, const std::vector<std::string>& untick = {},
                                               std::string_view user = "alice", bool by_post = false);
  /// Credentials as this client sends them.
  codec::Response token_request(std::string_view client, codec::Form form, std::vector<codec::Header> headers = {});
  static codec::Form code_form(const std::string& code);
  Session redeem(std::string_view client, const std::string& code, std::vector<codec::Header> headers = {});
  Session standalone(std::string_view scope, const std::vector<std::string>& untick = {},
                     std::string_view client = "app-basic");
  /// The EHR's side: the parameters of the app's launch URL.
  std::map<std::string, std::string> ehr_launch(std::string_view context = R"({"patient":"alice","encounter":"visit"})",
                                                std::string_view client = "app-basic");
  Session ehr(std::string_view scope, std::string_view context = R"({"patient":"alice","encounter":"visit"})",
              bool by_post = true);
  codec::Response refresh(const Session& session, std::optional<std::string> scope = std::nullopt);
  codec::Response backend(std::string_view scope = "system/*.rs");
  /// Claims of the ID token, verified with the key set that anybody can read; only RS256 will do.
  codec::Json id_token(const Session& session);

  // ---- the gateway ------------------------------------------------------------------------------------------------
  bool hear();
  codec::Response fhir(std::string_view target, std::string_view token = {}, std::vector<codec::Header> headers = {},
                       codec::Method method = codec::Method::get, std::string body = {});
  /// "Type/id" of what a search finds; nothing and a note when it fails.
  std::set<std::string> found(std::string_view target, std::string_view token);
  void load(const std::string& resource);

 private:
  class Wire final : public gateway::Sender {
   public:
    explicit Wire(Onc& onc) : onc_(onc) {}
    Task<Result<codec::Response>> send(net::Url url, codec::Request request, net::ClientOptions) override;

   private:
    Onc& onc_;
  };

  static std::string about(std::string_view type, std::string_view id, std::string_view link, std::string_view rest);
  static std::string with_category(std::string_view type, std::string_view id, std::string_view system,
                                   std::string_view code);
  static std::vector<std::string> resources();

  SequenceRandom ids_;

 public:
  sandbox::Sandbox sandbox{{.base_url = std::string(kOncUpstream),
                            .required_authorization = {},
                            .clock = &rig.as.clock,
                            .random = &ids_,
                            .sleep = {}}};
  Wire wire{*this};
  std::unique_ptr<gateway::Gateway> gw;
};

}  // namespace mitral::testing
