#include "sandbox/misbehave.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/text.h"
#include "fhir/reference.h"

namespace mitral::sandbox {
namespace {

using codec::Json;

struct Switch {
  std::string_view name;
  bool Misbehaviour::* flag;
};
constexpr auto kSwitches = std::to_array<Switch>({
    {"lenient-params", &Misbehaviour::lenient_params},
    {"wrong-subject-includes", &Misbehaviour::wrong_subject_includes},
    {"foreign-matches", &Misbehaviour::foreign_matches},
    {"unfiltered-next-pages", &Misbehaviour::unfiltered_next_pages},
    {"absolute-self-links", &Misbehaviour::absolute_self_links},
    {"xml-answer", &Misbehaviour::xml_answer},
    {"not-modified-before-read", &Misbehaviour::not_modified_before_read},
    {"wrong-totals", &Misbehaviour::wrong_totals},
    {"mixed-history", &Misbehaviour::mixed_history},
    {"contained-foreign-patient", &Misbehaviour::contained_foreign_patient},
    {"duplicate-keys", &Misbehaviour::duplicate_keys},
    {"not-json", &Misbehaviour::not_json},
    {"truncated", &Misbehaviour::truncated},
    {"phi-in-errors", &Misbehaviour::phi_in_errors},
    {"operation-leaks", &Misbehaviour::operation_leaks},
    {"bulk-foreign-lines", &Misbehaviour::bulk_foreign_lines},
    {"bulk-wrong-type-lines", &Misbehaviour::bulk_wrong_type_lines},
    {"bulk-ignores-type", &Misbehaviour::bulk_ignores_type},
    {"bulk-absolute-storage-url", &Misbehaviour::bulk_absolute_storage_url},
    {"bulk-open-files", &Misbehaviour::bulk_open_files},
});

constexpr std::size_t kPaddingByName = 1 << 20;
constexpr Duration kDelayByName = std::chrono::seconds(3);

void make_absolute(Json& value, std::string_view base) {
  for (auto& item : value.items()) make_absolute(item, base);
  for (auto& member : value.members_mut()) {
    const auto text = member.value.as_string();
    if (member.key == "reference" && text && fhir::parse_reference(*text, "").kind == fhir::ReferenceKind::local) {
      member.value = Json(fmt::format("{}/{}", base, *text));
    } else {
      make_absolute(member.value, base);
    }
  }
}

void add_contained(Json& resource) {
  const auto type = resource["resourceType"].string_or();
  if (type == "Bundle") {
    if (auto* const entries = resource.find("entry")) {
      for (auto& entry : entries->items()) {
        if (auto* const inner = entry.find("resource")) add_contained(*inner);
      }
    }
    return;
  }
  if (type.empty() || type == "OperationOutcome" || type == "CapabilityStatement") return;
  Json contained = resource["contained"];
  contained.push_back(Json::object({{"resourceType", "Patient"},
                                    {"id", "contained-foreign"},
                                    {"name", Json::array({Json::object({{"family", "Containedforeign"}})})}}));
  resource.set("contained", std::move(contained));
}

void leak_into_outcome(Json& body, const Store& store) {
  std::string quoted = "while reading";
  for (const auto* const patient : store.all("Patient")) {
    quoted += fmt::format(" Patient/{} {}", patient->id, (*patient->resource)["name"].dump());
  }
  body.set("issue",
           Json::array({Json::object({{"severity", "error"}, {"code", "exception"}, {"diagnostics", quoted}})}));
}

}  // namespace

bool set_by_name(Misbehaviour& out, std::string_view name) {
  if (name == "padding") {
    out.padding_bytes = kPaddingByName;
    return true;
  }
  if (name == "slow") {
    out.delay = kDelayByName;
    return true;
  }
  const auto* const found = std::ranges::find(kSwitches, name, &Switch::name);
  if (found == kSwitches.end()) return false;
  out.*(found->flag) = true;
  return true;
}

std::vector<std::string_view> misbehaviour_names() {
  std::vector<std::string_view> out;
  for (const auto& item : kSwitches) out.push_back(item.name);
  out.emplace_back("padding");
  out.emplace_back("slow");
  return out;
}

void misbehave_on_json(Json& body, const Misbehaviour& how, const Store& store, std::string_view base) {
  if (how.absolute_self_links) make_absolute(body, base);
  if (how.contained_foreign_patient) add_contained(body);
  if (how.phi_in_errors && body["resourceType"].string_or() == "OperationOutcome") leak_into_outcome(body, store);
}

void misbehave_on_bytes(codec::Response& response, const Misbehaviour& how) {
  if (response.body.empty()) return;
  if (how.duplicate_keys) {
    // One reader takes the first subject, another the last.
    constexpr std::string_view kSubject = R"("subject":)";
    std::string out;
    std::string_view rest = response.body;
    for (auto at = rest.find(kSubject); at != std::string_view::npos; at = rest.find(kSubject)) {
      out.append(rest.substr(0, at)).append(R"("subject":{"reference":"Patient/duplicate"},)").append(kSubject);
      rest.remove_prefix(at + kSubject.size());
    }
    out.append(rest);
    if (out.size() == response.body.size() && out.starts_with('{')) out.insert(1, R"("resourceType":"Basic",)");
    response.body = std::move(out);
  }
  if (how.xml_answer) {
    response.headers.set("Content-Type", "application/fhir+xml");
    response.body = fmt::format(
        R"(<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="{}"/></Binary>)",
        codec::html_escape(response.body));
  }
  if (how.not_json) {
    response.status = 200;
    response.headers.set("Content-Type", "text/html");
    response.body = fmt::format("<html><body><pre>{}</pre></body></html>", codec::html_escape(response.body));
  }
  if (how.padding_bytes > 0) response.body.append(how.padding_bytes, ' ');
  if (how.truncated) response.body.resize(response.body.size() / 2);
}

}  // namespace mitral::sandbox
