// mitral emergency …: what the privacy office does with emergency accesses.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "app/cli.h"
#include "app/commands/administration.h"
#include "app/installation.h"
#include "audit/emergency_export.h"
#include "base/limits.h"
#include "codec/json.h"
#include "codec/text.h"
#include "flow/emergency.h"
#include "model/emergency.h"

namespace mitral::app {
namespace {

using codec::Json;

struct EmergencyOptions {
  std::string id, by, verdict, note;
  bool all = false;
};

Json access_to_json(const model::EmergencyAccess& access) {
  auto out = Json::object({{"id", access.id.text()},
                           {"at", to_rfc3339(access.at)},
                           {"expires", to_rfc3339(access.expires)},
                           {"user", access.user.value},
                           {"user_name", access.user_name},
                           {"fhir_user", access.fhir_user},
                           {"client", access.client.value},
                           {"patient", access.patient_id},
                           {"audience", access.audience},
                           {"scopes", Json::array_of(access.scopes)},
                           {"purpose_of_use", flow::kEmergencyPurpose},
                           {"reason", name(access.reason)},
                           {"statement", access.statement},
                           {"address", access.address}});
  if (access.review) {
    out.set("review", Json::object({{"at", to_rfc3339(access.review->at)},
                                    {"by", access.review->by},
                                    {"verdict", name(access.review->verdict)},
                                    {"note", access.review->note}}));
  }
  return out;
}

Result<model::EmergencyAccess> find(Installation& in, const Issuer& issuer, const std::string& text) {
  const auto id = Id128::parse(text);
  if (!id) return fail(ErrorCode::config_invalid, {}, "that is no id; 'mitral emergency list' shows them");
  MITRAL_TRY(auto found, run_sync(in.store->find_emergency(issuer, *id)));
  if (!found) return fail(ErrorCode::not_found, {}, "no such emergency access; 'mitral emergency list' shows them");
  return std::move(*found);
}

/// Whoever looks into the statements leaves a trace too.
Result<void> note(Installation& in, const Issuer& issuer, std::string_view what, const model::EmergencyAccess* about) {
  auto event = administration(in, issuer, what);
  if (about != nullptr) {
    event.grant = about->id.text();
    event.patient = about->patient_id;
  }
  return run_sync(in.store->append({std::move(event)}));
}

Result<int> list(Installation& in, const Cli& cli, bool all) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  MITRAL_TRY(const auto found, run_sync(in.store->emergencies(issuer, !all, limits::kEmergencyListMax)));
  auto out = Json::array();
  for (const auto& access : found) {
    if (cli.json) {
      auto line = access_to_json(access);
      line.erase("statement");
      out.push_back(std::move(line));
    } else {
      const std::string_view state = access.review ? name(access.review->verdict) : std::string_view("open");
      fmt::print("{}  {}  {:11}  {:26} {:24} {}\n", access.id.text(), to_rfc3339(access.at), state, access.fhir_user,
                 access.client.value, "Patient/" + access.patient_id);
    }
  }
  if (cli.json) fmt::print("{}\n", out.dump_pretty());
  return kExitDone;
}

Result<int> show(Installation& in, const Cli& cli, const std::string& id) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  MITRAL_TRY(const auto access, find(in, issuer, id));
  MITRAL_CHECK(note(in, issuer, "emergency_shown", &access));
  fmt::print("{}\n", access_to_json(access).dump_pretty());
  return kExitDone;
}

Result<int> close(Installation& in, const Cli& cli, const EmergencyOptions& options) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  const auto verdict = model::parse_emergency_verdict(options.verdict);
  if (!verdict) return fail(ErrorCode::config_invalid, {}, "--verdict is justified or unjustified");
  if (!codec::display_name_safe(options.by, limits::kClientNameMax))
    return fail(ErrorCode::config_invalid, {}, "--by is empty, too long or has invisible characters");
  if (!options.note.empty() && !codec::display_name_safe(options.note, limits::kEmergencyStatementMax))
    return fail(ErrorCode::config_invalid, {}, "--note is too long or has invisible characters");
  MITRAL_TRY(const auto access, find(in, issuer, options.id));
  const auto now = in.clock.now();
  auto event = administration(in, issuer, "reviewed");
  event.kind = model::AuditKind::emergency;
  flow::add_emergency_details(event, access);
  event.details.emplace_back("verdict", name(*verdict));
  event.details.emplace_back("reviewed_by", options.by);
  MITRAL_TRY(const auto claim,
             run_sync(in.store->review_emergency_once(
                 issuer, access.id, {.at = now, .by = options.by, .verdict = *verdict, .note = options.note},
                 {std::move(event)})));
  if (claim != ports::Claim::won) return fail(ErrorCode::conflict, {}, "it was reviewed before; that stands");
  if (*verdict == model::EmergencyVerdict::unjustified) {
    auto end = administration(in, issuer, "emergency_unjustified");
    end.kind = model::AuditKind::revocation;
    end.grant = access.id.text();
    MITRAL_CHECK(run_sync(in.store->revoke_grant(issuer, access.id, {std::move(end)}, now)));
  }
  return kExitDone;
}

Result<int> export_fhir(Installation& in, const Cli& cli, bool all) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  MITRAL_TRY(const auto found, run_sync(in.store->emergencies(issuer, !all, limits::kEmergencyListMax)));
  MITRAL_CHECK(note(in, issuer, "emergencies_exported", nullptr));
  // One resource a line, oldest first.
  for (auto access = found.rbegin(); access != found.rend(); ++access) {
    fmt::print("{}\n{}\n", audit::review_task(*access).dump(), audit::patient_notice(*access).dump());
  }
  return kExitDone;
}

}  // namespace

void add_emergency_commands(CLI::App& app, Cli& cli) {
  auto* emergency = app.add_subcommand("emergency", "review emergency accesses (break-the-glass)");
  emergency->require_subcommand(1);
  auto options = std::make_shared<EmergencyOptions>();
  auto* listing =
      emergency->add_subcommand("list", "those that wait for review, newest first; statements are left out");
  listing->add_flag("--all", options->all, "reviewed ones too");
  listing->callback([&cli, options] {
    cli.with_installation([&cli, options](Installation& in) { return list(in, cli, options->all); });
  });
  auto* one = emergency->add_subcommand("show", "one with its statement, as JSON; that you looked is audited");
  one->add_option("id", options->id, "id of the access")->required();
  one->callback([&cli, options] {
    cli.with_installation([&cli, options](Installation& in) { return show(in, cli, options->id); });
  });
  auto* closing =
      emergency->add_subcommand("close", "write down the review, once; 'unjustified' ends what is still open");
  closing->add_option("id", options->id, "id of the access")->required();
  closing->add_option("--verdict", options->verdict, "justified or unjustified")->required();
  closing->add_option("--by", options->by, "who reviewed")->required();
  closing->add_option("--note", options->note, "for the record");
  closing->callback([&cli, options] {
    cli.with_installation([&cli, options](Installation& in) { return close(in, cli, *options); });
  });
  auto* exporting = emergency->add_subcommand("export", "as FHIR Task and Communication, one resource a line");
  exporting->add_flag("--all", options->all, "reviewed ones too");
  exporting->callback([&cli, options] {
    cli.with_installation([&cli, options](Installation& in) { return export_fhir(in, cli, options->all); });
  });
}

}  // namespace mitral::app
