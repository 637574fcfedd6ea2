#include "fhir/xml_form.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fhir/r4.h"
#include "fhir/r4_elements.h"

namespace mitral::fhir {
namespace {

using codec::Json;

Json json(std::string_view text) { return Json::parse(text).value(); }
Result<FormElement> read(std::string_view text) {
  const auto document = codec::XmlDocument::parse(text);
  if (!document) return std::unexpected(document.error());
  return read_form(document->root());
}
/// JSON of a resource that stands as XML.
Result<Json> from_xml(std::string_view inside, std::string_view type = "Patient") {
  const auto text = "<" + std::string(type) + " xmlns=\"http://hl7.org/fhir\">" + std::string(inside) + "</" +
                    std::string(type) + ">";
  const auto form = read(text);
  if (!form) return std::unexpected(form.error());
  return json_form(*form);
}

TEST(R4Elements, TypesAndCardinalities) {
  const auto* const patient = r4_type("Patient");
  ASSERT_NE(patient, nullptr);
  EXPECT_TRUE(r4_element(*patient, "name")->repeats);
  EXPECT_EQ(r4_name(*r4_element(*patient, "name")->type), "HumanName");
  EXPECT_FALSE(r4_element(*patient, "birthDate")->repeats);
  EXPECT_EQ(r4_form(*r4_element(*patient, "active")->type), R4Form::boolean);
  EXPECT_EQ(r4_name(*r4_element(*patient, "contact")->type), "Patient.contact");
  EXPECT_TRUE(r4_element(*patient, "contained")->repeats) << "of DomainResource";
  EXPECT_FALSE(r4_element(*patient, "id")->attribute) << "a resource's id is an element";
  EXPECT_TRUE(r4_element(*r4_type("HumanName"), "id")->attribute);
  EXPECT_TRUE(r4_element(*r4_type("Extension"), "url")->attribute);
  EXPECT_FALSE(r4_element(*patient, "birthdate"));
  EXPECT_FALSE(r4_element(*patient, "deceased")) << "only with its type";
  EXPECT_EQ(r4_type("Nonsense"), nullptr);
  EXPECT_TRUE(r4_has_choice(*patient, "deceased"));
  EXPECT_FALSE(r4_has_choice(*patient, "name"));
  EXPECT_EQ(r4_element(*patient, "deceasedBoolean")->choice, "deceased");
  EXPECT_FALSE(r4_element(*patient, "deceasedString"));
  EXPECT_FALSE(r4_element(*patient, "deceasedboolean"));
  EXPECT_EQ(r4_name(*r4_element(*r4_type("Extension"), "valueCodeableConcept")->type), "CodeableConcept");
  EXPECT_FALSE(r4_element(*r4_type("Extension"), "valuePatient"));
  EXPECT_EQ(r4_name(*r4_element(*r4_type("Observation.component"), "referenceRange")->type),
            "Observation.referenceRange")
      << "by a reference to where it is defined";
  EXPECT_LT(r4_element(*patient, "meta")->order, r4_element(*patient, "text")->order);
  EXPECT_LT(r4_element(*patient, "modifierExtension")->order, r4_element(*patient, "identifier")->order);
  EXPECT_LT(r4_element(*patient, "identifier")->order, r4_element(*patient, "active")->order);
}

TEST(R4Elements, EveryResourceTypeIsThere) {
  for (const auto type : resource_types()) {
    const auto* const row = r4_type(type);
    ASSERT_NE(row, nullptr) << type;
    EXPECT_EQ(r4_form(*row), R4Form::resource) << type;
    EXPECT_FALSE(r4_is_abstract(*row)) << type;
    EXPECT_TRUE(r4_element(*row, "meta")) << type;
  }
  EXPECT_TRUE(r4_is_abstract(*r4_type("DomainResource")));
}

TEST(XmlForm, WhatJsonSpellsInTwoPlacesIsOneElement) {
  const auto before = json(
      R"({"resourceType":"Patient","id":"p","birthDate":"1980-01-01","_birthDate":{"id":"b","extension":[)"
      R"({"url":"http://x","valueDateTime":"1980-01-01T07:00:00Z"}]},"name":[{"id":"n","given":["Maria",null,"Eva"],)"
      R"("_given":[null,{"extension":[{"url":"u","valueCode":"unknown"}]},{"id":"g"}]}],"_active":{"extension":[)"
      R"({"url":"u","valueBoolean":true}]}})");
  const auto form = xml_form(before);
  ASSERT_TRUE(form) << form.error().client.view();
  ASSERT_EQ(form->children.size(), 4U);
  EXPECT_EQ(form->children[0].value, "p");
  EXPECT_EQ(form->children[1].name, "active") << "in the order of the definitions";
  EXPECT_FALSE(form->children[1].value);
  EXPECT_EQ(form->children[1].children[0].url, "u");
  const auto& name = form->children[2];
  EXPECT_EQ(name.id, "n");
  ASSERT_EQ(name.children.size(), 3U);
  EXPECT_FALSE(name.children[1].value);
  EXPECT_EQ(name.children[2].id, "g");
  EXPECT_EQ(form->children[3].id, "b");
  EXPECT_EQ(*json_form(*form), before);
}

TEST(XmlForm, ResourcesNarrativesAndNumbers) {
  const auto before = json(
      R"({"resourceType":"Observation","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>&nbsp;</p></div>"},)"
      R"("contained":[{"resourceType":"Patient","id":"c","multipleBirthInteger":2}],"status":"final",)"
      R"("code":{"text":"x"},"valueQuantity":{"value":1.50,"unit":"kg"},"component":[{"code":{"text":"y"},"valueInteger":7}]})");
  const auto form = xml_form(before);
  ASSERT_TRUE(form);
  const auto after = json_form(*form);
  ASSERT_TRUE(after) << after.error().client.view();
  EXPECT_EQ(*after, before);
  EXPECT_EQ((*after)["valueQuantity"]["value"].lexeme(), "1.50") << "decimals keep their precision";
  const auto bundle = json(
      R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Parameters","parameter":[)"
      R"({"name":"a","resource":{"resourceType":"Patient"}},{"name":"b","part":[{"name":"c","valueUri":"u:1"}]}]}}]})");
  EXPECT_EQ(json_form(*xml_form(bundle)).value(), bundle);
}

TEST(XmlForm, NullsAtTheEndSayNothing) {
  const auto same = [](std::string_view name) {
    return json_form(*xml_form(json(R"({"resourceType":"Patient","name":[{)" + std::string(name) + "}]}")))
        .value()
        .dump();
  };
  EXPECT_EQ(same(R"("given":["a","b"],"_given":[{"id":"x"}])"),
            R"({"resourceType":"Patient","name":[{"given":["a","b"],"_given":[{"id":"x"},null]}]})");
  EXPECT_EQ(same(R"("given":[null],"_given":[{"extension":[{"url":"u","valueCode":"c"}]}])"),
            R"({"resourceType":"Patient","name":[{"_given":[{"extension":[{"url":"u","valueCode":"c"}]}]}]})");
  EXPECT_EQ(same(R"("given":["a"],"_given":[null])"), R"({"resourceType":"Patient","name":[{"given":["a"]}]})");
}

TEST(XmlForm, WhatIsNotR4IsNotLost) {
  for (const auto* const stored : {R"({"resourceType":"Nonsense"})",
                                   R"({"resourceType":"DomainResource"})",
                                   R"({})",
                                   R"([])",
                                   R"({"resourceType":"Patient","myOwn":1})",
                                   R"({"resourceType":"Patient","_myOwn":{}})",
                                   R"({"resourceType":"Patient","name":{"family":"x"}})",
                                   R"({"resourceType":"Patient","name":[]})",
                                   R"({"resourceType":"Patient","name":[{}]})",
                                   R"({"resourceType":"Patient","birthDate":["1980"]})",
                                   R"({"resourceType":"Patient","birthDate":1980})",
                                   R"({"resourceType":"Patient","birthDate":null})",
                                   R"({"resourceType":"Patient","active":"true"})",
                                   R"({"resourceType":"Patient","multipleBirthInteger":"2"})",
                                   R"({"resourceType":"Patient","multipleBirthInteger":2.5})",
                                   R"({"resourceType":"Patient","_birthDate":[{"id":"x"}]})",
                                   R"({"resourceType":"Patient","_birthDate":{"x":1}})",
                                   R"({"resourceType":"Patient","birthDate":"1980","_birthDate":"x"})",
                                   R"({"resourceType":"Patient","name":[{"given":"a"}]})",
                                   R"({"resourceType":"Patient","name":[{"given":[null]}]})",
                                   R"({"resourceType":"Patient","name":[{"given":[["a"]]}]})",
                                   R"({"resourceType":"Patient","name":["a"]})",
                                   R"({"resourceType":"Patient","deceased":true})",
                                   R"({"resourceType":"Patient","contained":[{"id":"x"}]})",
                                   R"({"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"})",
                                   R"({"resourceType":"Patient","text":{"div":5}})",
                                   R"({"resourceType":"Patient","text":{"div":"<div/>","_div":{"id":"x"}}})",
                                   R"({"resourceType":"Patient","name":[{"id":7}]})",
                                   R"({"resourceType":"Patient","name":[{"family":"x"}],"_name":[{"id":"x"}]})",
                                   R"({"resourceType":"Patient","fhir_comments":["x"]})",
                                   R"({"resourceType":"Patient","_":1})"}) {
    const auto form = xml_form(json(stored));
    const auto back = form ? json_form(*form) : Result<Json>(std::unexpected(form.error()));
    ASSERT_FALSE(back) << stored;
    EXPECT_EQ(back.error().code, ErrorCode::conflict) << stored;
  }
}

TEST(XmlForm, ElementsOfClients) {
  EXPECT_EQ(
      from_xml(
          R"(<active value="true"/><name><given value="a"/><given value="b"/></name><multipleBirthInteger value="2"/>)")
          ->dump(),
      R"({"resourceType":"Patient","active":true,"name":[{"given":["a","b"]}],"multipleBirthInteger":2})");
  EXPECT_EQ(
      from_xml(
          R"(<text><status value="empty"/><h:div xmlns:h="http://www.w3.org/1999/xhtml" title='"&#10;'>a&amp;<h:br/><h:p/></h:div></text>)")
          .value()["text"]["div"]
          .string_or(),
      R"(<div xmlns="http://www.w3.org/1999/xhtml" title="&quot;&#10;">a&amp;<br/><p></p></div>)");
  for (const auto* const wrong : {R"(<active value="yes"/>)",
                                  R"(<active value="1"/>)",
                                  R"(<active/>)",
                                  R"(<multipleBirthInteger value="+2"/>)",
                                  R"(<multipleBirthInteger value="02"/>)",
                                  R"(<multipleBirthInteger value="2.0"/>)",
                                  R"(<multipleBirthInteger value="NaN"/>)",
                                  R"(<active value="true"/><active value="false"/>)",
                                  R"(<birthDate value="1980"/><birthDate><extension url="u"/></birthDate>)",
                                  R"(<deceasedBoolean value="true"/><deceasedDateTime value="2020"/>)",
                                  R"(<nonsense value="x"/>)",
                                  R"(<name value="x"/>)",
                                  R"(<name/>)",
                                  R"(<name id="n"/>)",
                                  R"(<name url="u"><family value="x"/></name>)",
                                  R"(<birthDate value="1980" url="u"/>)",
                                  R"(<contained/>)",
                                  R"(<contained id="x"><Patient/></contained>)",
                                  R"(<contained><Patient/><Patient/></contained>)",
                                  R"(<contained><HumanName/></contained>)",
                                  R"(<contained><Resource/></contained>)",
                                  R"(<contained><Patient id="x"/></contained>)",
                                  R"(<text><status value="empty"/><div>x</div></text>)",
                                  R"(<text><div value="x"/></text>)",
                                  R"(<name><div xmlns="http://www.w3.org/1999/xhtml"/></name>)",
                                  R"(<resourceType value="Patient"/>)",
                                  R"(<url value="x"/>)",
                                  R"(<name><id value="x"/></name>)",
                                  R"(<_birthDate id="x"/>)"}) {
    EXPECT_FALSE(from_xml(wrong)) << wrong;
  }
}

TEST(XmlForm, S14_NamespacesDoNotSmuggle) {
  for (const auto* const wrong :
       {R"(<Patient/>)", R"(<Patient xmlns="http://hl7.org/fhir/"/>)", R"(<Patient xmlns="HTTP://hl7.org/fhir"/>)",
        R"(<Patient xmlns="http://hl7.org/fhir"><active xmlns="urn:x" value="true"/></Patient>)",
        R"(<Patient xmlns="http://hl7.org/fhir"><active xmlns="" value="true"/></Patient>)",
        R"(<Patient xmlns="http://hl7.org/fhir" xmlns:f="http://hl7.org/fhir"><active f:value="true"/></Patient>)",
        R"(<Patient xmlns="http://hl7.org/fhir"><active xml:id="x" value="true"/></Patient>)",
        R"(<Patient xmlns="http://hl7.org/fhir"><active value=""/></Patient>)",
        R"(<Patient xmlns="http://hl7.org/fhir"><active value="true" other="x"/></Patient>)",
        R"(<Patient xmlns="http://hl7.org/fhir">text<active value="true"/></Patient>)",
        R"(<Patient xmlns="http://hl7.org/fhir"><p xmlns="http://www.w3.org/1999/xhtml"/></Patient>)",
        R"(<div xmlns="http://www.w3.org/1999/xhtml"><svg xmlns="http://www.w3.org/2000/svg"/></div>)",
        R"(<div xmlns="http://www.w3.org/1999/xhtml" xmlns:l="http://www.w3.org/1999/xlink" l:href="x"/>)"}) {
    EXPECT_FALSE(read(wrong)) << wrong;
  }
}

/// Every resource that is anywhere in a published bundle.
void each_resource(const Json& bundle, const std::function<void(const Json&)>& visit) {
  for (const auto& entry : bundle["entry"].items()) visit(entry["resource"]);
  visit(bundle);
}

TEST(XmlForm, PublishedResourcesComeBackAsTheyWere) {
  const char* const folder = std::getenv("MITRAL_TEST_DATA");
  if (folder == nullptr) GTEST_SKIP() << "MITRAL_TEST_DATA names no folder with FHIR bundles";
  std::size_t resources = 0, refused = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.path().extension() != ".json") continue;
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto bundle = Json::parse(text);
    if (!bundle || !(*bundle)["resourceType"].is_string()) continue;
    each_resource(*bundle, [&](const Json& resource) {
      const auto form = xml_form(resource);
      if (!form) {
        ++refused;  // a Period with a "stop", which FHIR never had, and the bundle around it
        return;
      }
      const auto back = json_form(*form);
      ASSERT_TRUE(back) << file.path() << back.error().client.view();
      ASSERT_TRUE(*back == resource) << file.path() << resource["resourceType"].string_or()
                                     << resource["id"].string_or();
      ++resources;
    });
  }
  EXPECT_GT(resources, 0U);
  EXPECT_LE(refused * 1000, resources);
}

}  // namespace
}  // namespace mitral::fhir
