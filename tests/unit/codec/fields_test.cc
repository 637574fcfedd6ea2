#include "codec/fields.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/cookie.h"

namespace mitral::codec {
namespace {

using namespace std::string_view_literals;

TEST(Authorization, SchemesInAnyCase) {
  EXPECT_EQ(parse_authorization("Bearer abc")->scheme, AuthScheme::bearer);
  EXPECT_EQ(parse_authorization("bEaReR abc")->credentials, "abc");
  EXPECT_EQ(parse_authorization("dpop  a.b-c_~+/==")->scheme, AuthScheme::dpop);
  EXPECT_EQ(parse_authorization("BASIC QQ==")->scheme, AuthScheme::basic);
  const auto digest = parse_authorization("Digest username=\"a\", realm=\"b\"");
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->scheme, AuthScheme::other);
}

TEST(Authorization, ListsAndForeignCharactersAreRefused) {
  for (std::string_view value :
       {""sv, "Bearer"sv, "Bearer "sv, " Bearer abc"sv, "Bearer abc, DPoP def"sv, "Bearer abc,"sv, "Bearer abc def"sv,
        "Bearer abc "sv, "Bearer\tabc"sv, "Bearer a=b"sv, "Bearer ="sv, "Bearer \"abc\""sv, "Bearer abc\r\nX: y"sv,
        "Bearer ab\0c"sv, "Bearer abé"sv, "Bearer abc;d"sv, "Bearer: abc"sv, "DPoP Bearer abc"sv, "Basic a:b"sv}) {
    EXPECT_FALSE(parse_authorization(value)) << value;
  }
}

TEST(Authorization, OfARequestIsSingle) {
  Headers headers;
  EXPECT_FALSE(authorization_of(headers)->has_value());
  headers.add("authorization", "Bearer abc");
  EXPECT_EQ((*authorization_of(headers))->credentials, "abc");
  headers.add("Authorization", "Bearer abc");
  EXPECT_FALSE(authorization_of(headers));
}

TEST(Basic, Rfc6749_2_3_1_HalvesAreFormDecoded) {
  const auto out = parse_basic(base64_encode("client%3Aid:s%26cret+x:y"));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->id, "client:id");
  EXPECT_EQ(out->secret.reveal(), "s&cret x:y");
  EXPECT_TRUE(parse_basic(base64_encode("id:"))->secret.empty());
}

TEST(Basic, LooseDecodingIsRefused) {
  for (std::string_view credentials :
       {"", "QTpC=", "QTpC\n", "QTpC QTpC", "QTpCR", "QTpCRA", "QTpCRB==", "QTp-", "****"}) {
    EXPECT_FALSE(parse_basic(credentials)) << credentials;
  }
  for (std::string_view pair : {"nocolon"sv, ":secret"sv, "id%:secret"sv, "id:%zz"sv, "id:a%00b"sv, "id\0:x"sv,
                                "id:\xff"sv, "id%0a:x"sv, "id:x%0d"sv, "id:%ff"sv}) {
    EXPECT_FALSE(parse_basic(base64_encode(pair))) << pair;
  }
}

TEST(Challenge, RendersParameters) {
  EXPECT_EQ(Challenge("Basic").param("realm", "mitral").text(), "Basic realm=\"mitral\"");
  EXPECT_EQ(Challenge("DPoP").param("error", "invalid_token").param_if("scope", "").param("algs", "ES256 PS256").text(),
            "DPoP error=\"invalid_token\", algs=\"ES256 PS256\"");
  EXPECT_EQ(Challenge("Bearer").text(), "Bearer");
}

TEST(Challenge, W12_AValueCannotSplitTheHeader) {
  const auto text = Challenge("Bearer").param("scope", "a\r\nSet-Cookie: x\0\"\\é"sv).text();
  EXPECT_EQ(text, "Bearer scope=\"aSet-Cookie: x\\\"\\\\\"");
  EXPECT_TRUE(is_safe_header_value(text));
}

TEST(Fields, W12_SafeHeaderValues) {
  EXPECT_TRUE(is_safe_header_value(""));
  EXPECT_TRUE(is_safe_header_value("https://h/cb?a=b c"));
  for (std::string_view value : {"a\rb"sv, "a\nb"sv, "a\0b"sv, "a\tb"sv, "a\x7f"sv, "\x80"sv, "é"sv, " a"sv, "a "sv})
    EXPECT_FALSE(is_safe_header_value(value)) << value;
}

TEST(Fields, Tokens) {
  EXPECT_TRUE(is_token("X-Header_1!"));
  for (std::string_view text : {"", "a b", "a:b", "a\"", "a/b", "é", "a\n"}) EXPECT_FALSE(is_token(text)) << text;
  EXPECT_TRUE(is_token68("a=="));
  for (std::string_view text : {"", "=", "==", "a=b", "a b", "a,b"}) EXPECT_FALSE(is_token68(text)) << text;
}

TEST(MediaType, ParametersAndCharset) {
  EXPECT_TRUE(is_media_type("application/json", "application/json"));
  EXPECT_TRUE(is_media_type("Application/JSON; Charset=\"UTF-8\"", "application/json"));
  EXPECT_TRUE(is_media_type("application/fhir+json;fhirVersion=4.0", "application/fhir+json"));
  EXPECT_TRUE(is_media_type("application/x-www-form-urlencoded;", "application/x-www-form-urlencoded"));
  for (std::string_view value :
       {"", "application", "application/", "/json", "application/jsonx", "application/json x",
        "application/json, text/html", "application/json; charset=utf-16", "application/json; charset",
        "application/json; charset=", "application/json;charset=utf-8;charset=utf-7", "application /json", "*/*",
        "application/*", "application/json; a=\"b", "text/plain"}) {
    EXPECT_FALSE(is_media_type(value, "application/json")) << value;
  }
  const auto parsed = parse_media_type("multipart/form-data; boundary=\"a\\\"b;c\"");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->parameter("boundary"), "a\"b;c");
  Headers headers;
  EXPECT_FALSE(has_media_type(headers, "application/json"));
  headers.add("Content-Type", "application/json");
  EXPECT_TRUE(has_media_type(headers, "application/json"));
  headers.add("content-type", "application/json");
  EXPECT_FALSE(has_media_type(headers, "application/json"));
}

TEST(Accept, MostSpecificRangeCounts) {
  EXPECT_EQ(accept_weight("", "a/b"), 1000);
  EXPECT_EQ(accept_weight("*/*;q=0.1, text/*;q=0.5, text/html;q=0.7", "text/html"), 700);
  EXPECT_EQ(accept_weight("*/*;q=0.1, text/*;q=0.5, text/html;q=0.7", "text/plain"), 500);
  EXPECT_EQ(accept_weight("*/*;q=0.1, text/*;q=0.5, text/html;q=0.7", "image/png"), 100);
  EXPECT_EQ(accept_weight("text/html;q=0, */*", "text/html"), 0);
  EXPECT_EQ(accept_weight("application/fhir+json; fhirVersion=4.0; q=0.9", "application/fhir+json"), 900);
  EXPECT_EQ(accept_weight("garbage, application/json", "application/json"), 1000);
  EXPECT_EQ(accept_weight("garbage", "application/json"), 0);
  EXPECT_EQ(accept_weight(",,application/json,", "application/json"), 1000);
  EXPECT_EQ(accept_weight("application/json;q=2", "application/json"), 0);
  EXPECT_EQ(accept_weight("application/json;q=0.0001", "application/json"), 0);
  EXPECT_EQ(accept_weight("application/json;x=\"a,b\", text/html;q=0.3", "text/html"), 300);
}

TEST(Accept, PreferredAndExplicit) {
  EXPECT_EQ(preferred("text/html;q=0.2, application/json", {"text/html", "application/json"}), "application/json");
  EXPECT_EQ(preferred("*/*", {"text/html", "application/json"}), "text/html");
  EXPECT_FALSE(preferred("image/png", {"text/html"}));
  EXPECT_TRUE(accepts_explicitly("application/token-introspection+jwt", "application/token-introspection+jwt"));
  EXPECT_FALSE(accepts_explicitly("*/*", "application/token-introspection+jwt"));
  EXPECT_FALSE(accepts_explicitly("", "application/token-introspection+jwt"));
  EXPECT_FALSE(accepts_explicitly("application/token-introspection+jwt;q=0", "application/token-introspection+jwt"));
}

TEST(Cookies, ReadsPairs) {
  const auto cookies = Cookies::parse("a=1; b=\"two\";c=;  d=x=y");
  EXPECT_EQ(cookies.get("a"), "1");
  EXPECT_EQ(cookies.get("b"), "two");
  EXPECT_EQ(cookies.get("c"), "");
  EXPECT_EQ(cookies.get("d"), "x=y");
  EXPECT_FALSE(cookies.get("e"));
  EXPECT_FALSE(cookies.get("A"));
}

TEST(Cookies, W7_TossedCookieIsNotPickedUp) {
  const auto cookies = Cookies::parse("__Host-session=mine; __Host-session=theirs");
  EXPECT_FALSE(cookies.get("__Host-session"));
  EXPECT_EQ(cookies.first("__Host-session"), "mine");
  Headers headers;
  headers.add("Cookie", "s=1");
  headers.add("cookie", "t=2");
  EXPECT_EQ(Cookies::parse(headers).get("t"), "2");
  headers.add("COOKIE", "s=3");
  EXPECT_FALSE(Cookies::parse(headers).get("s"));
}

TEST(Cookies, W21_MalformedPairsAreDropped) {
  for (std::string_view value : {"s"sv, "=x"sv, "s =x"sv, "s=a b"sv, "s=a,b"sv, "s=a\\b"sv, "s=a\"b"sv, "s=\"a"sv,
                                 "s=é"sv, "s=a\0"sv, "s=a\r\nb"sv, "s\t=x"sv, "(s)=x"sv, ";;;"sv, ""sv}) {
    EXPECT_FALSE(Cookies::parse(value).get("s")) << testing::PrintToString(value);
  }
  EXPECT_EQ(Cookies::parse("bad one; {x}=y; s=ok").get("s"), "ok");
}

TEST(Cookies, W15_LimitsFailClosed) {
  EXPECT_TRUE(Cookies::parse("s=1; x=" + std::string(limits::kCookieBytesMax, 'a')).list().empty());
  std::string many = "s=1";
  for (std::size_t i = 0; i < limits::kCookiesMax; ++i) many += ";a=1";
  EXPECT_TRUE(Cookies::parse(many).list().empty());
  Headers headers;
  headers.add("Cookie", "s=1");
  for (int i = 0; i < 3; ++i) headers.add("Cookie", "x=" + std::string(limits::kCookieBytesMax / 3, 'a'));
  EXPECT_FALSE(Cookies::parse(headers).get("s"));
}

TEST(Cookies, W9_SetCookieHasEveryFlag) {
  EXPECT_EQ(render({.name = "session", .value = "abc", .max_age = std::chrono::seconds(60)}),
            "__Host-session=abc; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(render({.name = "s",
                    .value = "",
                    .max_age = std::chrono::seconds(0),
                    .same_site = SameSite::strict,
                    .secure = false}),
            "s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
  EXPECT_EQ(render({.name = "s", .value = "a", .same_site = SameSite::none, .http_only = false}),
            "__Host-s=a; Path=/; Secure; SameSite=None");
  EXPECT_EQ(cookie_name("s", true), "__Host-s");
}

TEST(Cookies, W12_SetCookieCannotBeSplit) {
  for (std::string_view value : {"a\r\nX: y"sv, "a; Domain=evil"sv, "a b"sv, "a,b"sv, "a\0"sv, "é"sv})
    EXPECT_EQ(render({.name = "s", .value = value}), "");
  for (std::string_view name : {"", "a b", "a=b", "a\n", "a;"}) EXPECT_EQ(render({.name = name, .value = "x"}), "");
}

TEST(Message, HeadersAndTarget) {
  Request request;
  request.set_target("/a?b=c?d");
  EXPECT_EQ(request.path, "/a");
  EXPECT_EQ(request.query, "b=c?d");
  const Request copy = request;
  EXPECT_EQ(copy.path.data(), copy.target.data());
  Request moved = std::move(request);
  EXPECT_EQ(moved.path.data(), moved.target.data());
  EXPECT_EQ(moved.query, "b=c?d");
  EXPECT_EQ(parse_method("GET"), Method::get);
  EXPECT_EQ(parse_method("get"), Method::other);
  Headers headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  EXPECT_EQ(headers.get("X-a"), "1");
  EXPECT_EQ(headers.count("X-A"), 2U);
  headers.set("X-A", "3");
  EXPECT_EQ(headers.count("x-A"), 1U);
}

}  // namespace
}  // namespace mitral::codec
