// The smaller parts: response heads, the timer wheel, the SSRF guard, URLs.
#include <gtest/gtest.h>

#include "net/client.h"
#include "net/response_head.h"
#include "net/ssrf_guard.h"
#include "net/timer_wheel.h"

namespace mitral::net {
namespace {

std::string head_of(const codec::Response& response, HeadFacts facts = {false, false, "D"}) {
  std::string out;
  return append_response_head(out, response, facts) ? out : "refused";
}

TEST(ResponseHead, FramingIsOurs) {
  auto response = codec::Response::with(200, "text/plain", "hello");
  response.headers.add("Content-Length", "999");
  response.headers.add("transfer-encoding", "chunked");
  response.headers.add("Connection", "upgrade");
  response.headers.add("Date", "never");
  EXPECT_EQ(head_of(response), "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(head_of({.status = 204, .headers = {}, .body = {}, .stream = {}}, {false, true, "D"}),
            "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: close\r\n\r\n");
  codec::Response head;
  head.headers.add("Content-Length", "77");
  EXPECT_EQ(head_of(head, {true, false, "D"}), "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 77\r\n\r\n");
}

TEST(ResponseHead, W12_NothingCanSplitAnAnswer) {
  for (const auto* value : {"a\r\nSet-Cookie: x=y", "a\nb", "a\rb", "a\x01", "\x7f"}) {
    codec::Response response;
    response.headers.add("Location", value);
    EXPECT_EQ(head_of(response), "refused");
  }
  codec::Response nul;
  nul.headers.add("X", std::string_view("a\0b", 3));
  EXPECT_EQ(head_of(nul), "refused");
  for (const auto* name : {"", "X Y", "X:", "X\r\nY", "X\n"}) {
    codec::Response response;
    response.headers.add(name, "v");
    EXPECT_EQ(head_of(response), "refused") << name;
  }
  EXPECT_EQ(head_of({.status = 100, .headers = {}, .body = {}, .stream = {}}), "refused");
  EXPECT_EQ(head_of({.status = 1000, .headers = {}, .body = {}, .stream = {}}), "refused");
}

struct Counting final : Timer {
  int fired = 0;
  void expired() noexcept override { ++fired; }
};

TEST(TimerWheel, FiresOnceAtItsTime) {
  TimerWheel wheel(1000);
  Counting near;
  Counting far;
  wheel.set(near, 1003);
  wheel.set(far, 1000 + 2000);  // several rounds away
  wheel.advance(1002);
  EXPECT_EQ(near.fired, 0);
  wheel.advance(1003);
  EXPECT_EQ(near.fired, 1);
  wheel.advance(2999);
  EXPECT_EQ(far.fired, 0);
  wheel.advance(3001);
  EXPECT_EQ(far.fired, 1);
  EXPECT_EQ(near.fired, 1);
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, MovesBothWaysAndCancels) {
  TimerWheel wheel(0);
  Counting timer;
  wheel.set(timer, 10);
  wheel.set(timer, 100);  // later: noted only
  wheel.advance(50);
  EXPECT_EQ(timer.fired, 0);
  wheel.set(timer, 60);  // nearer: moved
  wheel.advance(60);
  EXPECT_EQ(timer.fired, 1);
  wheel.set(timer, 61);
  TimerWheel::cancel(timer);
  wheel.advance(200);
  EXPECT_EQ(timer.fired, 1);
  {
    Counting gone;
    wheel.set(gone, 210);
  }
  EXPECT_TRUE(wheel.empty());
  wheel.set(timer, 5);  // already past: at the next tick
  wheel.advance(201);
  EXPECT_EQ(timer.fired, 2);
}

TEST(TimerWheel, TimersMayChangeTimersWhenTheyFire) {
  struct Chain final : Timer {
    TimerWheel* wheel = nullptr;
    Timer* victim = nullptr;
    int fired = 0;
    void expired() noexcept override {
      if (++fired < 3) wheel->set(*this, 0);
      TimerWheel::cancel(*victim);
    }
  };
  Counting victim;
  TimerWheel wheel(0);
  Chain chain;
  chain.wheel = &wheel;
  chain.victim = &victim;
  wheel.set(chain, 5);
  wheel.set(victim, 5);
  wheel.advance(5);
  EXPECT_EQ(victim.fired, 0);
  wheel.advance(10);
  EXPECT_EQ(chain.fired, 3);
}

TEST(SsrfGuard, W1_OnlyPublicAddressesPass) {
  for (const auto* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "100.64.0.1",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:8.8.8.8",
                           "::127.0.0.1",
                           "fe80::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "ff02::1",
                           "2001:db8::1",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::",
                           "2002:a9fe:a9fe::",
                           "64:ff9b::a9fe:a9fe"}) {
    const auto ip = codec::parse_ip(text);
    ASSERT_TRUE(ip) << text;
    EXPECT_FALSE(allowed(AddressRule::public_only, *ip)) << text;
  }
  for (const auto* text : {"8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"}) {
    EXPECT_TRUE(allowed(AddressRule::public_only, *codec::parse_ip(text))) << text;
  }
  EXPECT_TRUE(allowed(AddressRule::public_or_loopback, *codec::parse_ip("127.0.0.1")));
  EXPECT_TRUE(allowed(AddressRule::public_or_loopback, *codec::parse_ip("::1")));
  EXPECT_FALSE(allowed(AddressRule::public_or_loopback, *codec::parse_ip("169.254.169.254")));
  EXPECT_FALSE(allowed(AddressRule::public_or_loopback, *codec::parse_ip("::ffff:127.0.0.1")));
  EXPECT_TRUE(allowed(AddressRule::any, *codec::parse_ip("10.0.0.1")));
}

TEST(Url, TakesUrlsApart) {
  const auto url = parse_url("https://Idp.Example:8443/jwks?x=1");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "idp.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/jwks?x=1");
  EXPECT_EQ(url->authority(), "idp.example:8443");
  EXPECT_EQ(parse_url("http://a")->authority(), "a");
  EXPECT_EQ(parse_url("http://a")->target, "/");
  EXPECT_EQ(parse_url("http://a?b")->target, "/?b");
  EXPECT_EQ(parse_url("https://[::1]:9/")->authority(), "[::1]:9");
  EXPECT_EQ(parse_url("https://[::1]:9/")->host, "::1");
}

TEST(Url, W1_FormsThatReadersDisagreeAbout) {
  for (const auto* text : {"https://u:p@a/",
                           "https://a/#f",
                           "https://a/#",
                           "ftp://a/",
                           "file:///etc/passwd",
                           "https://",
                           "https:///x",
                           "//a/x",
                           "a/x",
                           "https://2130706433/",
                           "https://0x7f.1/",
                           "https://127.1/",
                           "https://0/",
                           "https://a b/",
                           "https://a/\r\nX: y",
                           "https://a\\@b/",
                           "https://a%2eb/",
                           "https://a:0/",
                           "https://a:70000/",
                           "https://[::1%25eth0]/",
                           "gopher://a/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_FALSE(parse_url("https://a/" + std::string(3000, 'x')));
}

}  // namespace
}  // namespace mitral::net
