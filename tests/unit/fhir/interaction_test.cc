// Classification of FHIR requests (FHIR R4 http.html) and refusal of paths with two readings (threats W-18).
#include "fhir/interaction.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace mitral::fhir {
namespace {

using codec::Method;

struct Case {
  Method method;
  std::string_view path;
  std::string_view query;
  InteractionKind kind;
  std::string_view type;
  std::string_view letters;
};

TEST(Interaction, KnowsEveryShape) {
  using enum InteractionKind;
  constexpr auto kCases = std::to_array<Case>({
      {Method::get, "/Patient/1", "", read, "Patient", "r"},
      {Method::head, "/Patient/1", "", read, "Patient", "r"},
      {Method::get, "/Patient/1/_history/2", "", vread, "Patient", "r"},
      {Method::get, "/Patient/1/_history", "", history_instance, "Patient", "r"},
      {Method::get, "/Patient/_history", "_since=2020", history_type, "Patient", "s"},
      {Method::get, "/_history", "", history_system, "", "s"},
      {Method::get, "/Observation", "patient=1", search_type, "Observation", "s"},
      {Method::get, "/Observation", "", search_type, "Observation", "s"},
      {Method::post, "/Observation/_search", "", search_type, "Observation", "s"},
      {Method::get, "", "_type=Patient", search_system, "", "s"},
      {Method::get, "/", "", search_system, "", "s"},
      {Method::post, "/_search", "", search_system, "", "s"},
      {Method::get, "/Patient/1/Observation", "", search_compartment, "Observation", "s"},
      {Method::get, "/Patient/1/*", "", search_compartment, "*", "s"},
      {Method::post, "/Patient/1/Observation/_search", "", search_compartment, "Observation", "s"},
      {Method::post, "/Observation", "", create, "Observation", "c"},
      {Method::put, "/Observation/1", "", update, "Observation", "u"},
      {Method::put, "/Observation", "identifier=x", conditional_update, "Observation", "us"},
      {Method::patch, "/Observation/1", "", patch, "Observation", "u"},
      {Method::patch, "/Observation", "identifier=x", conditional_patch, "Observation", "us"},
      {Method::del, "/Observation/1", "", remove, "Observation", "d"},
      {Method::del, "/Observation", "identifier=x", conditional_remove, "Observation", "ds"},
      {Method::post, "/", "", batch, "", ""},
      {Method::post, "", "", batch, "", ""},
      {Method::get, "/metadata", "", capabilities, "", ""},
      {Method::get, "/Patient/1/$everything", "", operation, "Patient", ""},
      {Method::post, "/Patient/$match", "", operation, "Patient", ""},
      {Method::get, "/$export", "", operation, "", ""},
  });
  for (const auto& c : kCases) {
    const auto got = classify({.method = c.method, .path = c.path, .query = c.query, .content_type = {}, .body = {}});
    ASSERT_TRUE(got) << c.path << ' ' << got.error().client.view();
    EXPECT_EQ(name(got->kind), name(c.kind)) << c.path;
    EXPECT_EQ(got->type, c.type) << c.path;
    EXPECT_EQ(letters_needed(got->kind), c.letters) << c.path;
  }
}

TEST(Interaction, FillsItsParts) {
  const auto vread =
      classify({.method = Method::get, .path = "/Patient/p1/_history/v2", .query = "", .content_type = {}, .body = {}});
  ASSERT_TRUE(vread);
  EXPECT_EQ(vread->id, "p1");
  EXPECT_EQ(vread->version, "v2");
  const auto inside = classify(
      {.method = Method::get, .path = "/Patient/p1/Observation", .query = "code=x", .content_type = {}, .body = {}});
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->compartment_type, "Patient");
  EXPECT_EQ(inside->compartment_id, "p1");
  EXPECT_TRUE(inside->id.empty());
  const auto op = classify(
      {.method = Method::post, .path = "/Patient/p1/$everything", .query = "", .content_type = {}, .body = {}});
  ASSERT_TRUE(op);
  EXPECT_EQ(op->operation, "everything");
  const auto conditional = classify(
      {.method = Method::post, .path = "/Patient", .query = "", .content_type = {}, .body = {}, .if_none_exist = true});
  ASSERT_TRUE(conditional);
  EXPECT_EQ(conditional->kind, InteractionKind::conditional_create);
  EXPECT_EQ(letters_needed(conditional->kind), "cs") << "If-None-Exist answers whether something matches";
}

TEST(Interaction, SearchByPostMergesBodyAndQuery) {
  const auto got = classify({.method = Method::post,
                             .path = "/Observation/_search",
                             .query = "patient=1&code=a",
                             .content_type = "application/x-www-form-urlencoded; charset=UTF-8",
                             .body = "patient=2&date=ge2020%2D01"});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->values("patient"), (std::vector<std::string_view>{"1", "2"})) << "both count; neither hides the other";
  EXPECT_EQ(got->values("date").at(0), "ge2020-01");
  EXPECT_FALSE(got->params[0].from_body);
  EXPECT_TRUE(got->params[2].from_body);
  EXPECT_EQ(classify({.method = Method::post,
                      .path = "/Observation/_search",
                      .query = {},
                      .content_type = "application/json",
                      .body = "{}"})
                .error()
                .code,
            ErrorCode::unsupported_media_type);
}

TEST(Interaction, W18_PathsWithTwoReadingsAreRefused) {
  for (const auto* path : {"/..;/admin",
                           "/%2e%2e/admin",
                           "/Patient%2F1",
                           "/Patient/1%2f..%2f2",
                           "/Patient/1/../2",
                           "/Patient/./1",
                           "//Patient/1",
                           "/Patient//1",
                           "/Patient/1/",
                           "/Patient/",
                           "/Patient\\1",
                           "/Patient/1;x=y",
                           "/Patient/1%00",
                           "/Patient/1#x",
                           "/Patient/1%23",
                           "/Patient/1.",
                           "/Patient/1..",
                           "/Patient/..",
                           "/Patient/.",
                           "/Patient/1 ",
                           "/Patient/\t1",
                           "/Patient/1?x",
                           "/Patient/%31",
                           "/%50atient/1",
                           "/Patient/%24everything",
                           "/Pati\xc3\xa9nt/1",
                           "Patient/1",
                           "..",
                           "/Patient/a:b",
                           "/Patient/a@b",
                           "/Patient/a=b",
                           "/Patient/a,b",
                           "/Patient/a+b",
                           "/Patient/\x7f"}) {
    const auto got = classify({.method = Method::get, .path = path, .query = {}, .content_type = {}, .body = {}});
    ASSERT_FALSE(got) << path;
    EXPECT_EQ(got.error().code, ErrorCode::malformed) << path;
  }
  EXPECT_FALSE(classify({.method = Method::get,
                         .path = std::string_view("/Patient/1\0", 11),
                         .query = {},
                         .content_type = {},
                         .body = {}}));
  const std::string longest = "/Patient/" + std::string(limits::kFhirPathMax, 'a');
  EXPECT_EQ(
      classify({.method = Method::get, .path = longest, .query = {}, .content_type = {}, .body = {}}).error().code,
      ErrorCode::too_large);
}

TEST(Interaction, W18_W29_UnknownPathsAreNotFound) {
  for (const auto* path : {"/patient/1",
                           "/PATIENT/1",
                           "/admin",
                           "/Patient/1/x.css",
                           "/Patient/1/2",
                           "/Patient/1/_history/2/3",
                           "/Patient/_search/x",
                           "/Patient/1/_history/2/Observation",
                           "/metadata/x",
                           "/_history/1",
                           "/Observation/1/Patient",
                           "/Patient/1/$everything/x",
                           "/$",
                           "/Patient/$",
                           "/Patient/*",
                           "/*",
                           "/Patient/1/**",
                           "/Patient/1/_search",
                           "/Patient/a_b",
                           "/Patient/1/_tags",
                           "/a/b/c/d/e/f"}) {
    const auto got = classify({.method = Method::get, .path = path, .query = {}, .content_type = {}, .body = {}});
    ASSERT_FALSE(got) << path;
    EXPECT_TRUE(got.error().code == ErrorCode::not_found || got.error().code == ErrorCode::method_not_allowed) << path;
  }
}

TEST(Interaction, W17_MethodsThatDoNotFitAreRefused) {
  const auto code = [](Method method, std::string_view path) {
    const auto got = classify({.method = method, .path = path, .query = {}, .content_type = {}, .body = {}});
    return got ? ErrorCode::internal : got.error().code;
  };
  for (const auto& [method, path] :
       std::vector<std::pair<Method, std::string_view>>{{Method::post, "/Patient/1"},
                                                        {Method::put, "/Patient"},
                                                        {Method::del, "/Patient"},
                                                        {Method::patch, "/Patient"},
                                                        {Method::get, "/Patient/_search"},
                                                        {Method::get, "/_search"},
                                                        {Method::post, "/metadata"},
                                                        {Method::del, "/Patient/1/_history"},
                                                        {Method::del, "/Patient/1/_history/2"},
                                                        {Method::put, "/Patient/1/$everything"},
                                                        {Method::options, "/Patient/1"},
                                                        {Method::other, "/Patient/1"},
                                                        {Method::put, "/"},
                                                        {Method::del, "/"},
                                                        {Method::post, "/Patient/1/Observation"}}) {
    EXPECT_EQ(code(method, path), ErrorCode::method_not_allowed) << path;
  }
}

TEST(Interaction, QueriesAreDecodedOnceAndStrictly) {
  const auto got = parse_query("code=http%3A%2F%2Floinc.org%7C1%252F2&x=a+b");
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[0].value, "http://loinc.org|1%2F2") << "once";
  EXPECT_EQ((*got)[1].value, "a b");
  for (const auto* wrong : {"a=%", "a=%2", "a=%zz", "a=%00", "=x", "a=%ff"}) EXPECT_FALSE(parse_query(wrong)) << wrong;
  std::string many;
  for (int i = 0; i < 300; ++i) many += "a=1&";
  EXPECT_FALSE(parse_query(many));
  EXPECT_FALSE(parse_query("a=" + std::string(limits::kFhirParameterMax + 1, 'x')));
}

TEST(Interaction, OnlyReadsAreSafe) {
  EXPECT_TRUE(is_safe(InteractionKind::search_type));
  EXPECT_TRUE(is_safe(InteractionKind::vread));
  for (const auto kind : {InteractionKind::batch, InteractionKind::operation, InteractionKind::create,
                          InteractionKind::unknown, InteractionKind::conditional_create}) {
    EXPECT_FALSE(is_safe(kind));
  }
}

}  // namespace
}  // namespace mitral::fhir
