// Reads, versions, writes, batches and transactions (FHIR R4 http.html).
#include "unit/sandbox/fixture.h"

namespace mitral::sandbox {
namespace {

class Interactions : public SandboxTest {};

TEST_F(Interactions, ReadGivesResourceAndValidators) {
  const auto reply = get("/Patient/maria");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json["name"][0]["family"].string_or(), "Sample");
  EXPECT_EQ(reply.json["meta"]["versionId"].string_or(), "1");
  EXPECT_EQ(reply.header("ETag"), "W/\"1\"");
  EXPECT_FALSE(reply.header("Last-Modified").empty());
  EXPECT_EQ(reply.header("Content-Type"), "application/fhir+json");
  EXPECT_EQ(get("/Patient/maria", {{"If-None-Match", "W/\"1\""}}).status, 304);
  EXPECT_EQ(get("/Patient/maria", {{"If-None-Match", "W/\"2\""}}).status, 200);
  EXPECT_EQ(get("/Patient/nobody-here").status, 404);
  EXPECT_EQ(get("/Patient/nobody-here").json["resourceType"].string_or(), "OperationOutcome");
  EXPECT_EQ(get("/Nonsense/1").status, 404);
  EXPECT_EQ(get("/Patient/..").status, 400);
  EXPECT_EQ(get("/Observation/deleted-observation").status, 410);
}

TEST_F(Interactions, VersionsAndHistory) {
  EXPECT_EQ(get("/Observation/moved-observation").json["subject"]["reference"].string_or(), "Patient/maria");
  EXPECT_EQ(get("/Observation/moved-observation/_history/1").json["subject"]["reference"].string_or(), "Patient/otto");
  EXPECT_EQ(get("/Observation/moved-observation/_history/9").status, 404);
  EXPECT_EQ(get("/Observation/deleted-observation/_history/1").status, 200);
  EXPECT_EQ(get("/Observation/deleted-observation/_history/2").status, 410);
  const auto history = get("/Observation/moved-observation/_history");
  EXPECT_EQ(history.json["type"].string_or(), "history");
  EXPECT_EQ(history.json["entry"].size(), 2U);
  EXPECT_EQ(history.json["entry"][0]["resource"]["meta"]["versionId"].string_or(), "2") << "newest first";
  const auto deleted = get("/Observation/deleted-observation/_history");
  EXPECT_FALSE(deleted.json["entry"][0].contains("resource"));
  EXPECT_EQ(deleted.json["entry"][0]["request"]["method"].string_or(), "DELETE");
  EXPECT_GT(get("/Observation/_history?_count=5").json["total"].int_or(0), 40);
  EXPECT_EQ(get("/Observation/_history?_count=5").json["entry"].size(), 5U);
  EXPECT_EQ(get("/_history?_count=7").json["entry"].size(), 7U);
}

TEST_F(Interactions, CreateUpdatePatchDelete) {
  const auto created =
      ask(Method::post, "/Observation",
          R"({"resourceType":"Observation","status":"final","subject":{"reference":"Patient/maria"}})");
  ASSERT_EQ(created.status, 201);
  const std::string id(created.json["id"].string_or());
  EXPECT_EQ(created.header("Location"), std::string(kBase) + "/Observation/" + id + "/_history/1");
  const auto url = "/Observation/" + id;
  auto changed = created.json;
  changed.set("status", "amended");
  EXPECT_EQ(ask(Method::put, url, changed.dump(), {{"If-Match", "W/\"7\""}}).status, 412);
  const auto updated = ask(Method::put, url, changed.dump(), {{"If-Match", "W/\"1\""}});
  EXPECT_EQ(updated.status, 200);
  EXPECT_EQ(updated.json["meta"]["versionId"].string_or(), "2");
  const auto patched =
      ask(Method::patch, url,
          R"([{"op":"test","path":"/status","value":"amended"},{"op":"replace","path":"/status","value":"corrected"}])",
          {{"Content-Type", "application/json-patch+json"}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.json["status"].string_or(), "corrected");
  EXPECT_EQ(ask(Method::patch, url, R"([{"op":"replace","path":"/id","value":"x"}])",
                {{"Content-Type", "application/json-patch+json"}})
                .status,
            422);
  EXPECT_EQ(ask(Method::patch, url, R"({})").status, 415);
  EXPECT_EQ(ask(Method::del, url).status, 204);
  EXPECT_EQ(get(url).status, 410);
  EXPECT_EQ(ask(Method::put, url, changed.dump()).status, 201) << "back again";
  EXPECT_EQ(ask(Method::put, "/Observation/chosen-id", R"({"resourceType":"Observation","id":"chosen-id"})").status,
            201);
}

TEST_F(Interactions, BadBodiesAreRefused) {
  EXPECT_EQ(ask(Method::post, "/Observation", "{").status, 400);
  EXPECT_EQ(ask(Method::post, "/Observation", R"({"resourceType":"Patient"})").status, 400);
  EXPECT_EQ(ask(Method::post, "/Observation", R"({"resourceType":"Observation","status":"a","status":"b"})").status,
            400);
  EXPECT_EQ(ask(Method::put, "/Observation/a", R"({"resourceType":"Observation","id":"b"})").status, 400);
  EXPECT_EQ(ask(Method::post, "/Observation", "<xml/>", {{"Content-Type", "application/fhir+xml"}}).status, 415);
  EXPECT_EQ(get("/Patient/maria", {{"Accept", "application/fhir+xml"}}).status, 406);
  EXPECT_EQ(get("/Patient/maria?_format=xml").status, 406);
  EXPECT_EQ(get("/Patient/maria?_format=json", {{"Accept", "text/html"}}).status, 200);
}

TEST_F(Interactions, ConditionalForms) {
  const std::string body = R"({"resourceType":"Patient","identifier":[{"system":"s","value":"new"}]})";
  EXPECT_EQ(ask(Method::post, "/Patient", body, {{"If-None-Exist", "identifier=s|new"}}).status, 201);
  EXPECT_EQ(ask(Method::post, "/Patient", body, {{"If-None-Exist", "identifier=s|new"}}).status, 200);
  EXPECT_EQ(ask(Method::post, "/Patient", body, {{"If-None-Exist", "gender=female"}}).status, 412);
  EXPECT_EQ(ask(Method::put, "/Patient?identifier=s%7Cnew", body).status, 200);
  EXPECT_EQ(ask(Method::del, "/Patient?identifier=s%7Cnew").status, 204);
  EXPECT_EQ(ask(Method::del, "/Patient?identifier=s%7Cnew").status, 404);
  EXPECT_EQ(ask(Method::del, "/Patient?gender=female").status, 412);
  EXPECT_EQ(ask(Method::del, "/Patient").status, 405);
}

TEST_F(Interactions, PreferSaysWhatComesBack) {
  const std::string body = R"({"resourceType":"Basic"})";
  EXPECT_TRUE(ask(Method::post, "/Basic", body, {{"Prefer", "return=minimal"}}).raw.body.empty());
  EXPECT_EQ(ask(Method::post, "/Basic", body, {{"Prefer", "return=OperationOutcome"}}).json["resourceType"].string_or(),
            "OperationOutcome");
}

TEST_F(Interactions, BatchAnswersEachEntry) {
  const auto reply = ask(Method::post, "/", R"({"resourceType":"Bundle","type":"batch","entry":[
    {"request":{"method":"GET","url":"Patient/maria"}},{"request":{"method":"GET","url":"Patient/nobody-here"}},
    {"request":{"method":"GET","url":"Observation?patient=leo&category=laboratory"}},
    {"request":{"method":"POST","url":""},"resource":{"resourceType":"Bundle","type":"batch"}}]})");
  ASSERT_EQ(reply.status, 200);
  const auto& entries = reply.json["entry"];
  EXPECT_EQ(entries[0]["response"]["status"].string_or(), "200");
  EXPECT_EQ(entries[1]["response"]["status"].string_or(), "404");
  EXPECT_EQ(entries[2]["resource"]["total"].int_or(0), 3);
  EXPECT_EQ(entries[3]["response"]["status"].string_or(), "400");
}

TEST_F(Interactions, TransactionResolvesReferencesAndIsAtomic) {
  const auto reply = ask(Method::post, "/", R"({"resourceType":"Bundle","type":"transaction","entry":[
    {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Observation","subject":{"reference":"urn:uuid:2"},"performer":[{"reference":"Practitioner?identifier=1999999992"}]},"request":{"method":"POST","url":"Observation"}},
    {"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]})");
  ASSERT_EQ(reply.status, 200) << reply.raw.body;
  const auto& observation = reply.json["entry"][0]["resource"];
  const auto patient = reply.json["entry"][1]["resource"]["id"].string_or();
  EXPECT_EQ(observation["subject"]["reference"].string_or(), "Patient/" + std::string(patient));
  EXPECT_EQ(observation["performer"][0]["reference"].string_or(), "Practitioner/dr-ada");
  EXPECT_EQ(reply.json["entry"][0]["response"]["status"].string_or(), "201");

  const auto before = sandbox_.size();
  EXPECT_EQ(ask(Method::post, "/", R"({"resourceType":"Bundle","type":"transaction","entry":[
    {"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},
    {"request":{"method":"GET","url":"Patient/nobody-here"}}]})")
                .status,
            404);
  EXPECT_EQ(sandbox_.size(), before) << "nothing is left of a failed transaction";
  EXPECT_EQ(ask(Method::post, "/", R"({"resourceType":"Bundle","type":"transaction","entry":[
    {"resource":{"resourceType":"Observation","subject":{"reference":"Patient?identifier=none"}},"request":{"method":"POST","url":"Observation"}}]})")
                .status,
            412);
  EXPECT_EQ(ask(Method::post, "/", R"({"resourceType":"Bundle","type":"document"})").status, 400);
}

TEST_F(Interactions, BinaryAsItself) {
  const auto raw = get("/Binary/maria-note-text", {{"Accept", "text/plain"}});
  EXPECT_EQ(raw.header("Content-Type"), "text/plain");
  EXPECT_TRUE(raw.raw.body.starts_with("Maria feels well"));
  EXPECT_EQ(get("/Binary/maria-note-text").json["resourceType"].string_or(), "Binary");
}

TEST_F(Interactions, CapabilityStatementNamesWhatIsThere) {
  const auto reply = get("/metadata");
  EXPECT_EQ(reply.json["fhirVersion"].string_or(), "4.0.1");
  EXPECT_GT(reply.json["rest"][0]["resource"].size(), 10U);
}

TEST_F(Interactions, CredentialsWhenAskedFor) {
  Sandbox guarded({std::string(kBase), "Bearer upstream", &clock_, &random_, {}});
  const auto ask_guarded = [&](std::string_view path, std::string_view authorization) {
    codec::Request request;
    request.set_target("/fhir" + std::string(path));
    if (!authorization.empty()) request.headers.add("Authorization", authorization);
    return run_sync(guarded.handle(std::move(request))).status;
  };
  EXPECT_EQ(ask_guarded("/Patient", ""), 401);
  EXPECT_EQ(ask_guarded("/Patient", "Bearer other"), 401);
  EXPECT_EQ(ask_guarded("/Patient", "Bearer upstream"), 200);
  EXPECT_EQ(ask_guarded("/metadata", ""), 200);
}

TEST_F(Interactions, OutsideTheBaseIsNothing) {
  codec::Request request;
  for (const auto* target : {"/", "/fhirx/Patient/maria", "/other", "/Patient/maria"}) {
    request.set_target(target);
    EXPECT_EQ(run_sync(sandbox_.handle(request)).status, 404) << target;
  }
}

}  // namespace
}  // namespace mitral::sandbox
