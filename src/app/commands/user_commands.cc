// mitral user …, mitral grant …: people and what they gave.
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "app/cli.h"
#include "app/commands/administration.h"
#include "app/installation.h"
#include "base/limits.h"
#include "codec/json.h"
#include "codec/text.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "flow/emergency.h"
#include "login/username.h"

namespace mitral::app {
namespace {

struct UserForm {
  std::string username, name, email, fhir_user;
  std::vector<std::string> roles, patients;
  bool generate = false;
  bool emergency = false;
};

// Without echo when a person types it; a line of standard input otherwise (scripts).
Secret read_password() {
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  termios before{};
  if (terminal) {
    fmt::print(stderr, "password: ");
    ::tcgetattr(STDIN_FILENO, &before);
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
    fmt::print(stderr, "\n");
  }
  return Secret(std::move(line));
}

Secret made_up_password() {
  // 100 bits in letters and digits that are not taken for one another.
  static constexpr std::string_view kAlphabet = "abcdefghjkmnpqrstuvwxyz23456789x";
  std::array<std::uint8_t, 20> bytes{};
  crypto::system_random().fill(bytes);
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % 5 == 0) out.push_back('-');
    out.push_back(kAlphabet[bytes[i] % kAlphabet.size()]);
  }
  return Secret(std::move(out));
}

Result<std::string> hash_password(const Secret& password) {
  // NIST SP 800-63B §5.1.1.2: length is what counts; no rules of composition.
  if (password.reveal().size() < 12)
    return fail(ErrorCode::config_invalid, {}, "a password has at least 12 characters");
  MITRAL_TRY(const auto hasher, crypto::PasswordHasher::create({}, crypto::system_random()));
  return hasher.hash(password, crypto::system_random());
}

// "id|display|relationship|birth date", all but the id may be left out
Result<model::PatientAccess> parse_patient(std::string_view text) {
  model::PatientAccess out;
  std::string* parts[] = {&out.patient_id, &out.display, &out.relationship, &out.birth_date};
  for (std::string* part : parts) {
    const auto bar = text.find('|');
    *part = std::string(text.substr(0, bar));
    if (!part->empty() && !codec::display_name_safe(*part, limits::kClientNameMax)) {
      return fail(ErrorCode::config_invalid, {}, "--patient: a part has invisible characters or is too long");
    }
    text = bar == std::string_view::npos ? std::string_view{} : text.substr(bar + 1);
  }
  if (out.patient_id.empty())
    return fail(ErrorCode::config_invalid, {}, "--patient is 'id|name|relationship|birth date'");
  if (out.display.empty()) out.display = out.patient_id;
  return out;
}

model::AuditEvent about_user(const Installation& in, const Issuer& issuer, const UserId& user,
                             std::string_view reason) {
  auto event = administration(in, issuer, reason);
  event.user = user.value;
  return event;
}

bool is_practitioner(std::string_view fhir_user) {
  return fhir_user.starts_with("Practitioner/") || fhir_user.starts_with("PractitionerRole/");
}

constexpr std::string_view kNeedsPractitioner =
    "emergency access is for clinicians: --fhir-user has to be a Practitioner or PractitionerRole";

Result<int> add_user(Installation& in, const Cli& cli, const UserForm& form) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  model::User user;
  user.issuer = issuer;
  user.id = UserId("u_" + Id128::random(crypto::system_random()).text());
  user.username = login::normal_username(form.username);
  if (user.username.empty())
    return fail(ErrorCode::config_invalid, {}, "the username is empty, too long or has invisible characters");
  if (!codec::display_name_safe(form.name, limits::kClientNameMax))
    return fail(ErrorCode::config_invalid, {}, "the name is empty, too long or has invisible characters");
  user.display_name = form.name;
  user.email = form.email;
  user.fhir_user = form.fhir_user;
  user.roles = form.roles;
  if (form.emergency) user.roles.emplace_back(flow::kEmergencyRole);
  const bool emergency = std::ranges::find(user.roles, flow::kEmergencyRole) != user.roles.end();
  if (emergency && !is_practitioner(user.fhir_user))
    return fail(ErrorCode::config_invalid, {}, std::string(kNeedsPractitioner));
  for (const auto& text : form.patients) {
    MITRAL_TRY(auto patient, parse_patient(text));
    user.patients.push_back(std::move(patient));
  }
  const Secret password = form.generate ? made_up_password() : read_password();
  MITRAL_TRY(user.password_phc, hash_password(password));
  user.created = user.updated = in.clock.now();
  const UserId id = user.id;
  auto event = about_user(in, issuer, id, "user_registered");
  if (auto put = run_sync(in.store->put_user(std::move(user), {std::move(event)})); !put) {
    if (put.error().code == ErrorCode::conflict) put.error().detail = "there is a user of this name already";
    return std::unexpected(std::move(put).error());
  }
  if (cli.json) {
    auto out = codec::Json::object({{"sub", id.value}});
    if (form.generate) out.set("password", password.reveal());
    fmt::print("{}\n", out.dump());
  } else {
    fmt::print("sub       {}\n", id.value);
    if (form.generate)
      fmt::print("password  {}\n(shown this once; only its Argon2id hash is kept)\n", password.reveal());
  }
  return kExitDone;
}

codec::Json user_to_json(const model::User& user) {
  using codec::Json;
  auto patients = Json::array();
  for (const auto& patient : user.patients) {
    patients.push_back(Json::object({{"patient", patient.patient_id}, {"relationship", patient.relationship}}));
  }
  return Json::object({{"sub", user.id.value},
                       {"username", user.username},
                       {"name", user.display_name},
                       {"enabled", user.enabled},
                       {"fhir_user", user.fhir_user},
                       {"roles", Json::array_of(user.roles)},
                       {"patients", std::move(patients)},
                       {"created", to_rfc3339(user.created)}});
}

Result<int> list_users(Installation& in, const Cli& cli) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  MITRAL_TRY(const auto users, run_sync(in.store->list_users(issuer, 10'000)));
  auto out = codec::Json::array();
  for (const auto& user : users) {
    if (cli.json) {
      out.push_back(user_to_json(user));
    } else {
      fmt::print("{:26} {:24} {:9} {}\n", user.id.value, user.username, user.enabled ? "enabled" : "disabled",
                 user.fhir_user);
    }
  }
  if (cli.json) fmt::print("{}\n", out.dump_pretty());
  return kExitDone;
}

Result<model::User> find_user(Installation& in, const Issuer& issuer, const std::string& who) {
  auto found = who.starts_with("u_") ? run_sync(in.store->find_user(issuer, UserId(who)))
                                     : run_sync(in.store->find_user_by_name(issuer, login::normal_username(who)));
  if (!found) return std::unexpected(std::move(found).error());
  if (!*found) return fail(ErrorCode::not_found, {}, "no such user; 'mitral user list' shows them");
  return std::move(**found);
}

using UserWork = std::function<Result<int>(Installation&, const Cli&, const Issuer&, model::User)>;

Result<int> revoke(Installation& in, const Issuer& issuer, const UserId& id, std::string_view reason) {
  auto event = about_user(in, issuer, id, reason);
  event.kind = model::AuditKind::revocation;
  MITRAL_CHECK(run_sync(in.store->revoke_user(issuer, id, {std::move(event)}, in.clock.now())));
  return kExitDone;
}

Result<int> set_enabled(Installation& in, const Issuer& issuer, model::User user, bool enabled) {
  const UserId id = user.id;
  user.enabled = enabled;
  user.updated = in.clock.now();
  MITRAL_CHECK(run_sync(
      in.store->put_user(std::move(user), {about_user(in, issuer, id, enabled ? "user_enabled" : "user_disabled")})));
  return enabled ? Result<int>(kExitDone) : revoke(in, issuer, id, "user_disabled");
}

Result<int> set_emergency(Installation& in, const Issuer& issuer, model::User user, bool allowed) {
  if (allowed && !is_practitioner(user.fhir_user))
    return fail(ErrorCode::conflict, {}, std::string(kNeedsPractitioner));
  const UserId id = user.id;
  std::erase(user.roles, flow::kEmergencyRole);
  if (allowed) user.roles.emplace_back(flow::kEmergencyRole);
  user.updated = in.clock.now();
  MITRAL_CHECK(run_sync(in.store->put_user(
      std::move(user), {about_user(in, issuer, id, allowed ? "emergency_allowed" : "emergency_forbidden")})));
  // What she opened with the right that she no longer has ends now.
  return allowed ? Result<int>(kExitDone) : revoke(in, issuer, id, "emergency_forbidden");
}

Result<int> set_password(Installation& in, const Issuer& issuer, model::User user) {
  const UserId id = user.id;
  MITRAL_TRY(user.password_phc, hash_password(read_password()));
  user.updated = in.clock.now();
  MITRAL_CHECK(run_sync(in.store->put_user(std::move(user), {about_user(in, issuer, id, "password_changed")})));
  // Whoever knew the old password may hold a session.
  return revoke(in, issuer, id, "password_changed");
}

Result<int> list_grants(Installation& in, const Cli& cli, const Issuer& issuer, const model::User& user) {
  MITRAL_TRY(const auto grants, run_sync(in.store->grants_of_user(issuer, user.id, 1000)));
  auto out = codec::Json::array();
  for (const auto& grant : grants) {
    if (cli.json) {
      auto one = codec::Json::object({{"grant_id", grant.id.text()},
                                      {"client_id", grant.client.value},
                                      {"scopes", codec::Json::array_of(grant.scopes)},
                                      {"created", to_rfc3339(grant.created)},
                                      {"expires", to_rfc3339(grant.expires)}});
      if (grant.revoked) one.set("revoked", to_rfc3339(*grant.revoked));
      out.push_back(std::move(one));
    } else {
      fmt::print("{} {:24} {} {}\n", grant.id.text(), grant.client.value, to_rfc3339(grant.created),
                 grant.revoked ? "revoked" : "alive");
    }
  }
  if (cli.json) fmt::print("{}\n", out.dump_pretty());
  return kExitDone;
}

Result<int> revoke_grant(Installation& in, const Cli& cli, const std::string& id) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  const auto grant = Id128::parse(id);
  if (!grant) return fail(ErrorCode::config_invalid, {}, "that is no grant id; 'mitral grant list USER' shows them");
  auto event = administration(in, issuer, "grant_revoked");
  event.kind = model::AuditKind::revocation;
  event.grant = id;
  MITRAL_CHECK(run_sync(in.store->revoke_grant(issuer, *grant, {std::move(event)}, in.clock.now())));
  return kExitDone;
}

void add_one(CLI::App& parent, Cli& cli, const char* name, const char* help, UserWork f) {
  auto who = std::make_shared<std::string>();
  auto* command = parent.add_subcommand(name, help);
  command->add_option("user", *who, "username or sub")->required();
  command->callback([&cli, who, f = std::move(f)] {
    cli.with_installation([&cli, who, f](Installation& in) -> Result<int> {
      MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
      MITRAL_TRY(auto user, find_user(in, issuer, *who));
      return f(in, cli, issuer, std::move(user));
    });
  });
}

}  // namespace

void add_user_commands(CLI::App& app, Cli& cli) {
  auto* user = app.add_subcommand("user", "register and manage people");
  user->require_subcommand(1);
  auto* add =
      user->add_subcommand("add", "register a person; the password is read from the terminal or standard input");
  auto form = std::make_shared<UserForm>();
  add->add_option("--username", form->username, "what she signs in with")->required();
  add->add_option("--name", form->name, "what pages call her")->required();
  add->add_option("--email", form->email, "e-mail address");
  add->add_option("--fhir-user", form->fhir_user, "her FHIR resource, like Patient/123 or Practitioner/7");
  add->add_option("--role", form->roles, "e.g. clinician (repeat for several)");
  add->add_flag("--emergency", form->emergency, "may open records in an emergency (break-the-glass)");
  add->add_option("--patient", form->patients,
                  "a record she may open: 'id|name|relationship|birth date' (repeat for several)");
  add->add_flag("--generate-password", form->generate, "make one up and print it once");
  add->callback(
      [&cli, form] { cli.with_installation([&cli, form](Installation& in) { return add_user(in, cli, *form); }); });
  user->add_subcommand("list", "all people")->callback([&cli] {
    cli.with_installation([&cli](Installation& in) { return list_users(in, cli); });
  });
  add_one(*user, cli, "show", "one person as JSON",
          [](Installation&, const Cli&, const Issuer&, model::User u) -> Result<int> {
            fmt::print("{}\n", user_to_json(u).dump_pretty());
            return kExitDone;
          });
  add_one(*user, cli, "enable", "let her in again",
          [](Installation& in, const Cli&, const Issuer& issuer, model::User u) {
            return set_enabled(in, issuer, std::move(u), true);
          });
  add_one(*user, cli, "disable", "refuse her, and end all her sessions and grants",
          [](Installation& in, const Cli&, const Issuer& issuer, model::User u) {
            return set_enabled(in, issuer, std::move(u), false);
          });
  add_one(*user, cli, "revoke", "end all her sessions and grants now",
          [](Installation& in, const Cli&, const Issuer& issuer, model::User u) {
            return revoke(in, issuer, u.id, "user_revoked");
          });
  add_one(*user, cli, "allow-emergency", "let her open records in an emergency (break-the-glass)",
          [](Installation& in, const Cli&, const Issuer& issuer, model::User u) {
            return set_emergency(in, issuer, std::move(u), true);
          });
  add_one(*user, cli, "forbid-emergency", "no more, and end all her sessions and grants",
          [](Installation& in, const Cli&, const Issuer& issuer, model::User u) {
            return set_emergency(in, issuer, std::move(u), false);
          });
  add_one(*user, cli, "password", "set a new password, and end all her sessions and grants",
          [](Installation& in, const Cli&, const Issuer& issuer, model::User u) {
            return set_password(in, issuer, std::move(u));
          });

  auto* grant = app.add_subcommand("grant", "see and end what people gave to apps");
  grant->require_subcommand(1);
  add_one(*grant, cli, "list", "grants of one person",
          [](Installation& in, const Cli& c, const Issuer& issuer, model::User u) {
            return list_grants(in, c, issuer, u);
          });
  auto id = std::make_shared<std::string>();
  auto* end = grant->add_subcommand("revoke", "end one grant and all its tokens now");
  end->add_option("grant_id", *id, "grant id")->required();
  end->callback(
      [&cli, id] { cli.with_installation([&cli, id](Installation& in) { return revoke_grant(in, cli, *id); }); });
}

}  // namespace mitral::app
