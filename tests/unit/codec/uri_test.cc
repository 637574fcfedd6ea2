#include "codec/uri.h"

#include <gtest/gtest.h>

#include "codec/ip.h"

namespace mitral::codec {
namespace {

constexpr RedirectUriRules kWeb{};
constexpr RedirectUriRules kNative{.allow_private_scheme = true, .allow_loopback_http = true};

TEST(Uri, TakesApartWithoutChanging) {
  const auto uri = parse_uri("HTTPS://user:pw@Example.ORG:8443/a/%7Eb;c?x=1&y=%20#frag");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "HTTPS");
  EXPECT_EQ(uri->authority, "user:pw@Example.ORG:8443");
  EXPECT_EQ(uri->userinfo, "user:pw");
  EXPECT_EQ(uri->host, "Example.ORG");
  EXPECT_EQ(uri->port, "8443");
  EXPECT_EQ(uri->path, "/a/%7Eb;c");
  EXPECT_EQ(uri->query, "x=1&y=%20");
  EXPECT_EQ(uri->fragment, "frag");
  const auto empty = parse_uri("https://h?#");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->has_query && empty->has_fragment && empty->query.empty() && empty->fragment.empty());
  EXPECT_FALSE(empty->has_userinfo || empty->has_port);
  const auto urn = parse_uri("urn:ietf:params:oauth:request_uri:abc");
  ASSERT_TRUE(urn);
  EXPECT_FALSE(urn->has_authority);
  EXPECT_EQ(urn->path, "ietf:params:oauth:request_uri:abc");
  EXPECT_EQ(parse_uri("http://[2001:db8::1]:80/")->host, "[2001:db8::1]");
}

TEST(Uri, OutsideTheGrammarIsRefused) {
  using namespace std::string_view_literals;
  for (std::string_view text : {""sv,
                                "/a"sv,
                                "//h/a"sv,
                                "a"sv,
                                ":a"sv,
                                "1a:b"sv,
                                "a b:c"sv,
                                "ht\ntp://h"sv,
                                "https://h/a b"sv,
                                "https://h/a\tb"sv,
                                "https://h\\@e/"sv,
                                "https://h/\\"sv,
                                "https://h/%"sv,
                                "https://h/%2"sv,
                                "https://h/%zz"sv,
                                "https://h/\""sv,
                                "https://h/<"sv,
                                "https://h/{}"sv,
                                "https://h/^"sv,
                                "https://h/`"sv,
                                "https://h/|"sv,
                                "https://é/"sv,
                                "https://h/é"sv,
                                "https://h:65536/"sv,
                                "https://h:1a/"sv,
                                "https://h:-1/"sv,
                                "https://h:80:80/"sv,
                                "https://[::1/"sv,
                                "https://[zz]/"sv,
                                "https://[127.0.0.1]/"sv,
                                "https://[::1]x/"sv,
                                "https://a@@b/"sv,
                                "https://h/a\0b"sv,
                                "https://h/\x7f"sv,
                                "https://[::1%25eth0]/"sv,
                                "https://h/#a#b"sv,
                                "https://app。example/cb"sv}) {
    EXPECT_FALSE(parse_uri(text)) << text;
  }
}

TEST(Uri, HttpUrlsAndAbsoluteUris) {
  EXPECT_TRUE(is_https_url("https://h/"));
  EXPECT_TRUE(is_https_url("HTTPS://h"));
  EXPECT_FALSE(is_https_url("http://h/"));
  EXPECT_FALSE(is_https_url("https:/h"));
  EXPECT_FALSE(is_https_url("https:///a"));
  EXPECT_FALSE(is_https_url("https:evil"));
  EXPECT_TRUE(is_absolute_uri("https://fhir.example/r4"));
  EXPECT_TRUE(is_absolute_uri("urn:a:b"));
  EXPECT_FALSE(is_absolute_uri("https://fhir.example/r4#"));
  EXPECT_FALSE(is_absolute_uri("fhir.example/r4"));
  EXPECT_EQ(effective_port(*parse_http_url("https://h/")), 443);
  EXPECT_EQ(effective_port(*parse_http_url("http://h:/")), 80);
  EXPECT_EQ(effective_port(*parse_http_url("http://h:8080/")), 8080);
  EXPECT_EQ(origin_of("HTTPS://Example.org:443/a"), "https://example.org");
  EXPECT_EQ(origin_of("http://127.0.0.1:8080/a"), "http://127.0.0.1:8080");
  EXPECT_EQ(origin_of("urn:a"), "");
}

TEST(RedirectUri, GoodOnesRegister) {
  for (std::string_view uri :
       {"https://app.example/cb", "https://app.example", "https://app.example:8443/a/b/?x=1", "HTTPS://app.example/cb",
        "https://xn--bcher-kva.example/cb", "https://app.example/%7Ecb", "https://app.example/a.b/..c/d..",
        "https://8.8.8.8/cb", "https://[2606:4700::1111]/cb"}) {
    const auto out = check_redirect_uri(uri, kWeb);
    EXPECT_TRUE(out) << uri << ": " << (out ? "" : out.error().detail);
  }
  for (std::string_view uri :
       {"com.example.app:/cb", "com.example.app://cb", "com.example.app:cb", "http://127.0.0.1/cb",
        "http://127.0.0.1:8000/cb", "http://[::1]/cb", "http://[::1]:1/cb"}) {
    EXPECT_TRUE(check_redirect_uri(uri, kNative)) << uri;
    EXPECT_FALSE(check_redirect_uri(uri, kWeb)) << uri;
  }
  EXPECT_TRUE(check_redirect_uri("http://localhost:3000/cb", {.allow_localhost_http = true}));
  EXPECT_FALSE(check_redirect_uri("http://localhost:3000/cb", kNative));
}

TEST(RedirectUri, B4_1_DangerousOnesDoNotRegister) {
  using namespace std::string_view_literals;
  for (std::string_view uri : {"https://app.example/cb#"sv,
                               "https://app.example/cb#f"sv,
                               "https://user@app.example/cb"sv,
                               "https://@app.example/cb"sv,
                               "https://app.example@evil/cb"sv,
                               "https://evil@@app.example/cb"sv,
                               "https://*.app.example/cb"sv,
                               "https://app.example/*"sv,
                               "https://app.example/cb?x=*"sv,
                               "https://app.example/cb/../evil"sv,
                               "https://app.example/./cb"sv,
                               "https://app.example/cb/.."sv,
                               "https://app.example/cb/..%2fevil"sv,
                               "https://app.example/cb/%2e%2e/evil"sv,
                               "https://app.example/cb/%2E%2e/evil"sv,
                               "https://app.example/.%2e/evil"sv,
                               "https://app.example/cb/..;/evil"sv,
                               "https://app.example/cb/..%3b/evil"sv,
                               "https://app.example/cb/%252e%252e/evil"sv,
                               "https://app.example/cb/%252f.."sv,
                               "https://app.example/cb%252f.."sv,
                               "https://app.example/cb%5c.."sv,
                               "https://app.example/cb%00"sv,
                               "https://app.example/cb%0d%0a"sv,
                               "https://app.example/cb%23x"sv,
                               "https://app.example/cb%3fx"sv,
                               "https://app.example//cb"sv,
                               "https://app.example%25@evil"sv,
                               "https://app.example%2f@evil/"sv,
                               "https://app.example%2eevil/"sv,
                               "https://app.example\\@evil/cb"sv,
                               "https:/\\evil"sv,
                               "https:/evil"sv,
                               "https:evil"sv,
                               "//evil/cb"sv,
                               "/cb"sv,
                               "cb"sv,
                               ""sv,
                               "http://app.example/cb"sv,
                               "HTTP://app.example/cb"sv,
                               "javascript:alert(1)"sv,
                               "JaVaScRiPt:alert(1)"sv,
                               "data:text/html,x"sv,
                               "DATA:x"sv,
                               "file:///etc/passwd"sv,
                               "vbscript:x"sv,
                               "blob:https://h/x"sv,
                               "about:blank"sv,
                               "ftp://h/cb"sv,
                               "ws://h/cb"sv,
                               "customscheme:/cb"sv,
                               "https://app。example/cb"sv,
                               "https://app.example/cb "sv,
                               " https://app.example/cb"sv,
                               "https://app.example/c\tb"sv,
                               "https://app.example/c\nb"sv,
                               "https://app.example/cb\r\nX: y"sv,
                               "https://app.example/\0"sv,
                               "https://[::1]/cb"sv,
                               "https://127.0.0.1/cb"sv,
                               "https://10.0.0.1/cb"sv,
                               "https://192.168.1.1/cb"sv,
                               "https://172.16.0.1/cb"sv,
                               "https://169.254.169.254/cb"sv,
                               "https://100.64.0.1/cb"sv,
                               "https://[fe80::1]/cb"sv,
                               "https://[fd00::1]/cb"sv,
                               "https://[::ffff:127.0.0.1]/cb"sv,
                               "https://[::ffff:7f00:1]/cb"sv,
                               "https://[64:ff9b::7f00:1]/cb"sv,
                               "https://[2002:7f00:1::]/cb"sv,
                               "https://2130706433/cb"sv,
                               "https://0x7f.1/cb"sv,
                               "https://127.1/cb"sv,
                               "https://0177.0.0.1/cb"sv,
                               "https://0/cb"sv,
                               "https://127.0.0.1./cb"sv,
                               "https://localhost/cb"sv,
                               "https://LOCALHOST./cb"sv,
                               "https://a.localhost/cb"sv,
                               "http://localhost/cb"sv,
                               "http://127.0.0.2/cb"sv,
                               "http://127.0.0.1.evil/cb"sv,
                               "http://127.0.0.1@evil/cb"sv,
                               "http://[::ffff:127.0.0.1]/cb"sv,
                               "http://2130706433/cb"sv,
                               "https://app.example:/cb"sv,
                               "https:///cb"sv,
                               "https://:443/cb"sv}) {
    EXPECT_FALSE(check_redirect_uri(uri, kNative)) << uri;
    EXPECT_FALSE(check_redirect_uri(uri, kWeb)) << uri;
  }
  EXPECT_FALSE(check_redirect_uri("https://app.example/" + std::string(limits::kRedirectUriMax, 'a'), kWeb));
  EXPECT_EQ(check_redirect_uri("javascript:x", kNative).error().code, ErrorCode::invalid_redirect_uri);
}

TEST(RedirectUri, B4_1_ComparisonIsByteExact) {
  constexpr std::string_view registered = "https://app.example/cb";
  EXPECT_TRUE(equal_but_loopback_port(registered, registered));
  for (std::string_view uri : {"https://app.example/cb/",
                               "https://app.example/CB",
                               "https://app.example/cb?x=1",
                               "https://app.example/cb?",
                               "https://app.example/cb#",
                               "https://app.example/cb#f",
                               "https://app.example/cb/../evil",
                               "https://app.example/cb/..%2fevil",
                               "https://app.example/cb%252f..",
                               "https://app.example/cb%00",
                               "https://app.example/cb%0d%0a",
                               "https://app.example.evil/cb",
                               "https://app.example@evil/cb",
                               "https://app.example:443/cb",
                               "https://app.example%25@evil",
                               "https://app.example\\@evil/cb",
                               "https:/\\evil",
                               "//evil/cb",
                               "http://app.example/cb",
                               "HTTPS://APP.EXAMPLE/cb",
                               "https://app.example/%63b",
                               "https://appXexample/cb",
                               "https://app.example/c",
                               "",
                               "https://app.example/cb "}) {
    EXPECT_FALSE(equal_but_loopback_port(registered, uri)) << uri;
    EXPECT_FALSE(equal_but_loopback_port(uri, registered)) << uri;
  }
}

TEST(RedirectUri, Rfc8252_7_3_OnlyThePortOfALoopbackLiteralVaries) {
  EXPECT_TRUE(equal_but_loopback_port("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"));
  EXPECT_TRUE(equal_but_loopback_port("http://127.0.0.1:8000/cb", "http://127.0.0.1:1/cb"));
  EXPECT_TRUE(equal_but_loopback_port("http://127.0.0.1:8000/cb", "http://127.0.0.1/cb"));
  EXPECT_TRUE(equal_but_loopback_port("http://[::1]/cb?a=1", "http://[::1]:65535/cb?a=1"));
  EXPECT_TRUE(equal_but_loopback_port("http://127.0.0.1", "http://127.0.0.1:5"));
  const std::pair<std::string_view, std::string_view> different[] = {
      {"http://127.0.0.1/cb", "http://[::1]:1/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:1/cb/"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:1/cb?x"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:1/CB"},
      {"http://127.0.0.1/cb", "https://127.0.0.1:1/cb"},
      {"http://127.0.0.1/cb", "HTTP://127.0.0.1:1/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:0/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:99999999999999999999999/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:1@evil/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1@evil/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1.evil/cb"},
      {"http://127.0.0.1/cb", "http://127.0.0.1:1.evil/cb"},
      {"http://127.0.0.1", "http://127.0.0.1:1#"},
      {"http://127.0.0.1/cb", "http://127.0.0.2:1/cb"},
      {"http://localhost/cb", "http://localhost:1/cb"},
      {"https://127.0.0.1/cb", "https://127.0.0.1:1/cb"},
  };
  for (const auto& [registered, presented] : different) {
    EXPECT_FALSE(equal_but_loopback_port(registered, presented)) << presented;
    EXPECT_FALSE(equal_but_loopback_port(presented, registered)) << presented;
  }
}

TEST(Uri, WithQueryKeepsWhatWasThere) {
  const Form form{{"code", "a b"}, {"state", "x&y=\r\n#"}};
  EXPECT_EQ(with_query("https://h/cb", form), "https://h/cb?code=a%20b&state=x%26y%3D%0D%0A%23");
  EXPECT_EQ(with_query("https://h/cb?a=1", {{"b", "2"}}), "https://h/cb?a=1&b=2");
  EXPECT_EQ(with_query("https://h/cb?", {{"b", "2"}}), "https://h/cb?b=2");
  EXPECT_EQ(with_query("https://h/cb?a&", {{"b", "2"}}), "https://h/cb?a&b=2");
  EXPECT_EQ(with_query("https://h/cb#f", {{"b", "2"}}), "https://h/cb?b=2#f");
  EXPECT_EQ(with_query("https://h/cb", {}), "https://h/cb");
  EXPECT_EQ(with_fragment("https://h/cb#old", {{"b", "2"}}), "https://h/cb#b=2");
}

TEST(Uri, W12_AValueCannotSplitTheLocationHeader) {
  const auto out = with_query("https://h/cb", {{"state", "\r\nSet-Cookie: x=y"}});
  EXPECT_EQ(out.find_first_of("\r\n "), std::string::npos);
  EXPECT_TRUE(parse_uri(out));
}

TEST(Uri, JoinPath) {
  EXPECT_EQ(join_path("https://h/t/", "/token"), "https://h/t/token");
  EXPECT_EQ(join_path("https://h", "token"), "https://h/token");
}

TEST(Uri, W18_PlainPaths) {
  for (std::string_view path : {"", "/", "/fhir/Patient/1", "/fhir/Patient/", "/a;v=1/b", "/$everything", "/a%20b",
                                "/100%25", "/.well-known/x", "/a..b"}) {
    EXPECT_TRUE(is_plain_path(path)) << path;
  }
  for (std::string_view path : {"/fhir/..;/admin", "/fhir%2f..%2fadmin", "/fhir/Patient/1/../2", "/a//b", "//a", "/./a",
                                "/a/.", "/a%5cb", "/a\\b", "/a%00", "/%2e%2e/b", "/%252e%252e/b", "/a%252fb", "/a%23b",
                                "/a%3Fb", "/a%0ab", "/;x/b", "/a/;", "/a%255cb"}) {
    EXPECT_FALSE(is_plain_path(path)) << path;
  }
}

TEST(Ip, ParsesCanonicalTextOnly) {
  EXPECT_EQ(parse_ip("192.0.2.1")->bytes[3], 1);
  EXPECT_TRUE(parse_ip("::")->v6);
  EXPECT_EQ(parse_ip("2001:db8::1"), parse_ip("2001:0DB8:0:0:0:0:0:1"));
  EXPECT_EQ(parse_ip("::ffff:127.0.0.1"), parse_ip("::ffff:7f00:1"));
  EXPECT_EQ(parse_ip("1:2:3:4:5:6:7::"), parse_ip("1:2:3:4:5:6:7:0"));
  for (std::string_view text : {"",
                                "1",
                                "1.2.3",
                                "1.2.3.4.5",
                                "1.2.3.256",
                                "01.2.3.4",
                                "1.2.3.4 ",
                                "0x7f.0.0.1",
                                "1..2.3",
                                "1.2.3.",
                                ".1.2.3",
                                "2130706433",
                                ":",
                                ":::",
                                "1:2:3:4:5:6:7",
                                "1:2:3:4:5:6:7:8:9",
                                "1::2::3",
                                "12345::",
                                "g::",
                                "1:2:3:4:5:6:7:8::",
                                "::1:2:3:4:5:6:7:8",
                                "1.2.3.4::",
                                "::1.2.3",
                                "::1.2.3.4:5",
                                "fe80::1%eth0",
                                "1:",
                                ":1",
                                "1:2:3:4:5:6:7:1.2.3.4"}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
}

TEST(Ip, W1_SpecialAddressesAreNotPublic) {
  for (std::string_view text :
       {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "223.255.255.255",
        "2606:4700:4700::1111", "2a00:1450::1", "64:ff9b::808:808", "2002:808:808::"}) {
    EXPECT_TRUE(is_public(*parse_ip(text))) << text;
  }
  for (std::string_view text : {"0.0.0.0",
                                "10.1.2.3",
                                "100.64.0.1",
                                "100.127.255.255",
                                "127.0.0.1",
                                "127.255.255.255",
                                "169.254.169.254",
                                "172.16.0.1",
                                "172.31.255.255",
                                "192.0.0.1",
                                "192.0.2.1",
                                "192.168.0.1",
                                "198.18.0.1",
                                "198.19.255.255",
                                "198.51.100.1",
                                "203.0.113.1",
                                "224.0.0.1",
                                "240.0.0.1",
                                "255.255.255.255",
                                "::",
                                "::1",
                                "::7f00:1",
                                "::ffff:8.8.8.8",
                                "::ffff:127.0.0.1",
                                "64:ff9b::7f00:1",
                                "64:ff9b::a9fe:a9fe",
                                "64:ff9b:1::1",
                                "100::1",
                                "2001::1",
                                "2001:db8::1",
                                "2002:7f00:1::",
                                "2002:a00:1::",
                                "3fff::1",
                                "fc00::1",
                                "fd12::1",
                                "fe80::1",
                                "fec0::1",
                                "ff02::1"}) {
    EXPECT_FALSE(is_public(*parse_ip(text))) << text;
  }
  EXPECT_TRUE(is_loopback(*parse_ip("127.9.9.9")));
  EXPECT_TRUE(is_loopback(*parse_ip("::1")));
  EXPECT_FALSE(is_loopback(*parse_ip("::2")));
}

}  // namespace
}  // namespace mitral::codec
