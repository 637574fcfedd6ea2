// Does a provision apply? Each criterion answers no, unknown or yes; consent.h says what follows from that.
#include <algorithm>
#include <array>

#include "fhir/compartment.h"
#include "fhir/element_path.h"
#include "fhir/r4.h"
#include "policy/consent_model.h"

namespace mitral::policy {
namespace {

using codec::Json;
using fhir::ReferenceKind;

constexpr std::string_view kActions = "http://terminology.hl7.org/CodeSystem/consentaction";
constexpr std::string_view kResourceTypes = "http://hl7.org/fhir/resource-types";
constexpr std::string_view kLoinc = "http://loinc.org";
constexpr std::string_view kUri = "urn:ietf:rfc:3986";
constexpr std::string_view kMediaType = "urn:ietf:bcp:13";

// Roles of HL7 v3 that tell who made the data or took part in care, not who gets to see it.
constexpr auto kContentRoles =
    std::to_array<std::string_view>({"AUT", "INF", "ENT", "TRANS", "VRF", "LA", "AUTHEN", "PRF", "PPRF", "SPRF", "ATND",
                                     "ADM", "CON", "DIS", "ESC", "REF"});
constexpr auto kAuthors =
    std::to_array<std::string_view>({"author", "recorder", "asserter", "performer", "performer.actor", "requester",
                                     "informationSource", "enterer", "sender"});
// What a resource says about when it happened, best first: the second row counts only where the first says nothing.
constexpr auto kHappened = std::to_array<std::string_view>(
    {"effective[x]", "onset[x]", "occurrence[x]", "performed[x]", "serviced[x]", "identified[x]", "period", "started",
     "start", "executionPeriod", "billablePeriod", "collection.collected[x]", "whenHandedOver", "occurredPeriod"});
constexpr auto kWritten = std::to_array<std::string_view>({"date", "authoredOn", "recordedDate", "recorded", "created",
                                                           "assertedDate", "sent", "dateTime", "statusDate", "issued"});

template <class List, class Judge>
Match any_of(const List& list, const Judge& judge) {
  auto out = Match::no;
  for (const auto& item : list) {
    out = std::max(out, judge(item));
    if (out == Match::yes) break;
  }
  return out;
}

bool listed(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::ranges::find(codes, code) != codes.end();
}

Match known(bool holds) { return holds ? Match::yes : Match::no; }

// ---------------------------------------------------------------------------------------------- who

/// A person: Practitioner, Patient, RelatedPerson or Person, against the user of the token.
Match match_person(const Pointer& who, const Requester& requester) {
  if (!requester.has_user) return Match::no;
  if (requester.user_type.empty()) return Match::unknown;
  if (who.type == requester.user_type) return known(who.id == requester.user_id);
  // One human may stand in the records as several of these; which, nothing here tells.
  if (who.type == "Person" || requester.user_type == "Person") return Match::unknown;
  const auto lay = [](std::string_view type) { return type == "Patient" || type == "RelatedPerson"; };
  return lay(who.type) && lay(requester.user_type) ? Match::unknown : Match::no;
}

Match match_local(const Pointer& who, const Requester& requester) {
  if (who.type == "Device") return known(who.id == requester.client);
  if (listed(who.type, {"Practitioner", "Patient", "RelatedPerson", "Person"})) return match_person(who, requester);
  const bool lay = listed(requester.user_type, {"Patient", "RelatedPerson"});
  if (who.type == "PractitionerRole")
    return known(requester.has_user && !lay) == Match::no ? Match::no : Match::unknown;
  if (who.type == "Organization" && lay) return Match::no;
  return Match::unknown;
}

Match match_requester(const Pointer& who, const Requester& requester) {
  if (!who.identifier_value.empty() && !requester.issuer.empty() && who.identifier_system == requester.issuer &&
      who.identifier_value == requester.client) {
    return Match::yes;
  }
  return who.kind == ReferenceKind::local ? match_local(who, requester) : Match::unknown;
}

bool has_role(const Actor& actor, const auto& codes) {
  return std::ranges::any_of(actor.role.codings, [&](const Label& role) {
    return std::ranges::find(codes, role.code) != std::ranges::end(codes);
  });
}

bool is_custodian(const Actor& actor) { return has_role(actor, std::array<std::string_view, 1>{"CST"}); }

Match match_custodian(const Actor& actor, const Requester& requester) {
  if (!requester.policy || requester.policy->custodians.empty() || actor.who.kind != ReferenceKind::local) {
    return Match::unknown;
  }
  const auto text = actor.who.type + "/" + actor.who.id;
  return known(std::ranges::find(requester.policy->custodians, text) != requester.policy->custodians.end());
}

/// Custodians and the others are two questions: "what A keeps, for B" names one of each.
Match match_actors(const std::vector<Actor>& actors, const Requester& requester) {
  std::optional<Match> custodian;
  std::optional<Match> receiver;
  for (const auto& actor : actors) {
    auto& group = is_custodian(actor) ? custodian : receiver;
    const auto match = is_custodian(actor)              ? match_custodian(actor, requester)
                       : has_role(actor, kContentRoles) ? Match::unknown
                                                        : match_requester(actor.who, requester);
    group = std::max(group.value_or(Match::no), match);
  }
  return std::min(custodian.value_or(Match::yes), receiver.value_or(Match::yes));
}

// ---------------------------------------------------------------------------------------------- what for

Match match_action_code(const Label& action, char letter) {
  if (!action.system.empty() && action.system != kActions) return Match::unknown;
  const auto& code = action.code;
  if (!listed(code, {"collect", "access", "use", "disclose", "correct"})) return Match::unknown;
  if (letter == 'r') return known(listed(code, {"access", "use", "disclose"}));
  if (code == (letter == 'c' ? "collect" : "correct")) return Match::yes;
  // Changing what is there makes use of it; a denial of use is meant for that, a permission is not.
  return code == "use" || (code == "access" && letter != 'c') ? Match::unknown : Match::no;
}

Match match_concept(const Concept& concept_, const auto& judge) {
  return concept_.codings.empty() ? Match::unknown : any_of(concept_.codings, judge);
}

Match match_purpose(const Label& wanted, const Requester& requester) {
  std::string_view purpose = requester.purpose;
  if (purpose.empty() && requester.policy) purpose = requester.policy->assumed_purpose;
  if (purpose.empty()) return Match::unknown;
  return known(wanted.code == purpose || (wanted.code == "TREAT" && purpose == kEmergencyPurpose));
}

// ---------------------------------------------------------------------------------------------- which data

Match match_label(const Label& wanted, const std::vector<LabelView>& found, Effect effect) {
  const auto level = confidentiality_rank(wanted.system, wanted.code);
  if (level == 0) {
    return any_of(found, [&](const LabelView& label) {
      return label.code.empty() ? Match::unknown : known(names_label(wanted, label));
    });
  }
  auto highest = confidentiality_rank({}, "N");  // of what carries no such label
  bool any = false;
  for (const auto& label : found) {
    if (label.code.empty()) return Match::unknown;
    const auto rank = confidentiality_rank(label.system, label.code);
    if (rank == 0) continue;
    highest = any ? std::max(highest, rank) : rank;
    any = true;
  }
  return known(effect == Effect::permit ? highest <= level : highest >= level);
}

bool has_coding(const Json& concepts, std::string_view system, std::string_view code) {
  if (concepts.is_array()) {
    return std::ranges::any_of(concepts.items(), [&](const Json& item) { return has_coding(item, system, code); });
  }
  return std::ranges::any_of(concepts["coding"].items(), [&](const Json& coding) {
    return coding["system"].string_or() == system && coding["code"].string_or() == code;
  });
}

Match match_document_type(const Label& wanted, const Json& resource, std::string_view type) {
  if (listed(type, {"DocumentReference", "Composition"})) {
    return known(has_coding(resource["type"], kLoinc, wanted.code));
  }
  if (type == "DiagnosticReport") return known(has_coding(resource["code"], kLoinc, wanted.code));
  return listed(type, {"Binary", "Bundle"}) ? Match::unknown : Match::no;
}

Match match_class(const Label& wanted, const Json& resource) {
  const auto type = resource["resourceType"].string_or();
  if (wanted.system == kResourceTypes || (wanted.system.empty() && fhir::is_resource_type(wanted.code))) {
    if (!fhir::is_resource_type(wanted.code)) return Match::unknown;
    if (type == wanted.code) return Match::yes;
    const bool inside = std::ranges::any_of(resource["contained"].items(), [&](const Json& inner) {
      return inner["resourceType"].string_or() == wanted.code;
    });
    return inside ? Match::unknown : Match::no;
  }
  if (wanted.system == kUri) {
    return known(std::ranges::any_of(resource["meta"]["profile"].items(), [&](const Json& profile) {
      const auto text = profile.string_or();
      return text.substr(0, text.find('|')) == wanted.code;
    }));
  }
  if (wanted.system == kLoinc) return match_document_type(wanted, resource, type);
  if (wanted.system == kMediaType) {
    if (type == "Binary") return known(resource["contentType"].string_or() == wanted.code);
    return known(fhir::any_at_path(resource, "content.attachment.contentType",
                                   [&](const Json& value) { return value.string_or() == wanted.code; }));
  }
  return Match::unknown;
}

bool code_anywhere(const Json& value, const Label& wanted) {
  if (value.is_object() && value["code"].string_or() == wanted.code &&
      (wanted.system.empty() || value["system"].string_or() == wanted.system)) {
    return true;
  }
  return std::ranges::any_of(value.items(), [&](const Json& item) { return code_anywhere(item, wanted); }) ||
         std::ranges::any_of(value.members(), [&](const Json::Member& member) {
           return (member.value.is_object() || member.value.is_array()) && code_anywhere(member.value, wanted);
         });
}

/// What the resource is about stands elsewhere, or only in words.
bool subject_matter_uncoded(const Json& resource) {
  if (const auto* const elsewhere = resource.find("medicationReference")) {
    if (!(*elsewhere)["reference"].string_or().starts_with('#')) return true;
  }
  return std::ranges::any_of(std::to_array<std::string_view>({"code", "vaccineCode", "medicationCodeableConcept"}),
                             [&](std::string_view key) {
                               const auto* const concept_ = resource.find(key);
                               return concept_ != nullptr && concept_->is_object() && (*concept_)["coding"].empty();
                             });
}

Match match_code(const Concept& wanted, const Json& resource) {
  const auto found = match_concept(wanted, [&](const Label& code) { return known(code_anywhere(resource, code)); });
  return found == Match::no && subject_matter_uncoded(resource) ? Match::unknown : found;
}

Match match_time(const Json& value, const Span& wanted) {
  Span span;
  const auto bound = [](const Json& text) { return fhir::parse_date_range(text.string_or()); };
  if (value.is_string()) {
    const auto range = bound(value);
    if (!range) return Match::unknown;
    span = {range->from, range->to};
  } else {
    if (!value.contains("start") && !value.contains("end")) return Match::unknown;
    if (value.contains("start")) {
      const auto start = bound(value["start"]);
      if (!start) return Match::unknown;
      span.from = start->from;
    }
    if (value.contains("end")) {
      const auto end = bound(value["end"]);
      if (!end) return Match::unknown;
      span.to = end->to;
    }
  }
  if (span.to <= wanted.from || span.from >= wanted.to) return Match::no;
  return span.from >= wanted.from && span.to <= wanted.to ? Match::yes : Match::unknown;
}

Match match_data_period(const Span& wanted, const Json& resource) {
  std::optional<Match> out;
  const auto collect = [&](const auto& paths) {
    for (const auto path : paths) {
      fhir::any_at_path(resource, path, [&](const Json& value) {
        const auto match = match_time(value, wanted);
        // Some within, some without: nobody can say.
        out = out && *out != match ? Match::unknown : match;
        return false;
      });
    }
  };
  collect(kHappened);
  if (!out) collect(kWritten);
  return out.value_or(Match::unknown);
}

bool same(const Pointer& what, std::string_view text, std::string_view own_base) {
  const auto reference = fhir::parse_reference(text, own_base);
  return reference.kind == ReferenceKind::local && reference.type == what.type && reference.id == what.id;
}

Match match_data(const DataItem& item, const ConsentQuestion& question) {
  const auto& resource = question.resource;
  if (item.what.kind != ReferenceKind::local) return Match::unknown;
  const bool itself =
      resource["resourceType"].string_or() == item.what.type && resource["id"].string_or() == item.what.id;
  const auto refers = [&] {
    return std::ranges::any_of(fhir::all_references(resource),
                               [&](std::string_view text) { return same(item.what, text, question.own_base); });
  };
  switch (item.meaning) {
    case Meaning::instance: return known(itself);
    case Meaning::related: return itself ? Match::yes : Match::unknown;
    case Meaning::dependents: return known(itself || refers());
    case Meaning::authored_by: break;
  }
  const bool authored = std::ranges::any_of(kAuthors, [&](std::string_view path) {
    return fhir::any_at_path(resource, path, [&](const Json& element) {
      return same(item.what, element["reference"].string_or(), question.own_base);
    });
  });
  if (authored) return Match::yes;
  return refers() ? Match::unknown : Match::no;
}

}  // namespace

Match matches(const Provision& provision, const ConsentQuestion& question) {
  auto out = Match::yes;
  const auto require = [&](bool given, const auto& judge) {
    if (given && out != Match::no) out = std::min(out, judge());
  };
  const auto now = to_micros(question.now);
  require(provision.period.has_value(),
          [&] { return known(provision.period->from <= now && now < provision.period->to); });
  require(!provision.actors.empty(), [&] { return match_actors(provision.actors, question.requester); });
  require(!provision.actions.empty(), [&] {
    return any_of(provision.actions, [&](const Concept& action) {
      return match_concept(action, [&](const Label& code) { return match_action_code(code, question.letter); });
    });
  });
  require(!provision.purposes.empty(), [&] {
    return any_of(provision.purposes, [&](const Label& code) { return match_purpose(code, question.requester); });
  });
  require(!provision.classes.empty(), [&] {
    return any_of(provision.classes, [&](const Label& code) { return match_class(code, question.resource); });
  });
  require(!provision.labels.empty(), [&] {
    const auto found = labels_of(question.resource);
    return any_of(provision.labels, [&](const Label& label) { return match_label(label, found, provision.effect); });
  });
  require(!provision.codes.empty(), [&] {
    return any_of(provision.codes, [&](const Concept& code) { return match_code(code, question.resource); });
  });
  require(provision.data_period.has_value(),
          [&] { return match_data_period(*provision.data_period, question.resource); });
  require(!provision.data.empty(),
          [&] { return any_of(provision.data, [&](const DataItem& item) { return match_data(item, question); }); });
  return out;
}

}  // namespace mitral::policy
