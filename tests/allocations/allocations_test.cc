// How many blocks of memory a request takes, as numbers: what the general allocator costs, no profile shows as one
// line.
//
// Counted is every operator new of the process between the request that came in and the answer that goes out (no
// socket), storage's writer thread included; the smallest of several runs, so that a container that grows now and then
// does not count. Coroutine frames are kept by their thread (base/frame_pool.h) and take nothing, except under
// sanitizers, where every frame is a block of its own: that is the allowance. A number that grows is a reason to look.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "store/sqlite/sqlite_store.h"
#include "support/browser.h"

namespace {

std::atomic<std::uint64_t> taken{0};

void* take(std::size_t size) {
  taken.fetch_add(1, std::memory_order_relaxed);
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

namespace mitral::testing {
namespace {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::uint64_t kFrames = 24;
#else
constexpr std::uint64_t kFrames = 0;
#endif

class Allocations : public ::testing::Test {
 protected:
  Allocations() {
    char folder[] = "/tmp/mitral-blocks-XXXXXX";
    folder_ = ::mkdtemp(folder);
    HarnessOptions options;
    options.make_store = [this](const Clock& clock) -> std::unique_ptr<ports::Store> {
      store::SqliteOptions where;
      where.path = folder_ + "/mitral.db";
      auto store = store::SqliteStore::open(std::move(where), clock);
      EXPECT_TRUE(store) << store.error().detail;
      return std::move(*store);
    };
    rig.emplace(std::move(options));
    rig->only_own_record();
    for (const auto* id : {"app-basic", "app-public"}) {
      auto client = rig->as.client_record(id);
      client.id_token_alg = "ES256";
      client.id_token_at_refresh = true;
      rig->as.put(client);
    }
  }
  ~Allocations() override {
    rig.reset();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] codec::Request request(codec::Method method, std::string_view path, std::string body = {},
                                       std::vector<codec::Header> headers = {}) const {
    codec::Request out;
    out.method = method;
    out.set_target(std::string(path));
    out.headers.add("Host", "as.example.org");
    if (method == codec::Method::post) out.headers.add("Content-Type", "application/x-www-form-urlencoded");
    for (const auto& header : headers) out.headers.add(header.name, header.value);
    out.body = std::move(body);
    out.peer_address = kAddress;
    out.tls = true;
    out.received = rig->as.clock.now();
    return out;
  }

  /// Blocks for one answer: the least of several, each with a request of its own.
  template <class Make>
  std::uint64_t blocks(int status, Make&& make) {
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 8; ++i) {
      codec::Request next = make();
      const auto before = taken.load(std::memory_order_relaxed);
      auto response = run_sync(rig->server->handle(std::move(next)));
      const auto after = taken.load(std::memory_order_relaxed);
      EXPECT_EQ(response.status, status) << response.body;
      least = std::min(least, after - before);
    }
    RecordProperty("blocks", std::to_string(least));
    return least;
  }
  [[nodiscard]] codec::Request token(codec::Form form, std::vector<codec::Header> headers = {}) const {
    return request(codec::Method::post, "/t/clinic/token", form.serialize(), std::move(headers));
  }

  const std::vector<std::string> scopes_{"openid", "offline_access", "patient/Patient.rs"};
  std::string folder_;
  std::optional<FrontRig> rig;
};

// W1 of the bench.
TEST_F(Allocations, ClientCredentialsWithASecret) {
  const codec::Form form{{"grant_type", "client_credentials"}, {"scope", "jobs.run"}, {"resource", std::string(kLabs)}};
  EXPECT_LE(blocks(200, [&] { return token(form, {AsHarness::basic("backend-basic")}); }), 46 + kFrames);
}

// W2.
TEST_F(Allocations, ClientCredentialsWithASignedAssertion) {
  const codec::Form form{{"grant_type", "client_credentials"}, {"scope", "jobs.run"}, {"resource", std::string(kApi)}};
  EXPECT_LE(blocks(200, [&] { return token(rig->as.with_assertion(form, rig->as.backend_assertion())); }),
            98 + kFrames);
}

// W3.
TEST_F(Allocations, IntrospectionOfALiveToken) {
  const auto tokens = rig->as.tokens_for("app-basic", scopes_);
  const codec::Form form{{"token", std::string(tokens["access_token"].string_or())}};
  EXPECT_LE(blocks(200,
                   [&] {
                     return request(codec::Method::post, "/t/clinic/introspect", form.serialize(),
                                    {AsHarness::basic("fhir")});
                   }),
            86 + kFrames);
}

// W4s, its two requests.
TEST_F(Allocations, AuthorizationOfWhoIsSignedInAndHasConsented) {
  Browser browser(*rig);
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "openid offline_access")));
  browser.sign_in();
  browser.allow();
  std::string cookies;
  for (const auto& [name, value] : browser.jar)
    cookies.append(cookies.empty() ? "" : "; ").append(name).append("=").append(value);
  const auto query = FrontRig::request("app-basic", "openid offline_access").serialize();
  EXPECT_LE(
      blocks(302,
             [&] { return request(codec::Method::get, "/t/clinic/authorize?" + query, {}, {{"Cookie", cookies}}); }),
      139 + kFrames);
}

TEST_F(Allocations, CodeRedemptionWithAnIdToken) {
  EXPECT_LE(blocks(200,
                   [&] {
                     return token(AsHarness::code_form(rig->as.mint_code("app-basic", scopes_)),
                                  {AsHarness::basic("app-basic")});
                   }),
            113 + kFrames);
}

// W5.
TEST_F(Allocations, RefreshWithRotationAndAnIdToken) {
  std::string current(rig->as.tokens_for("app-public", scopes_)["refresh_token"].string_or());
  EXPECT_LE(blocks(200,
                   [&] {
                     const codec::Form form{
                         {"grant_type", "refresh_token"}, {"refresh_token", current}, {"client_id", "app-public"}};
                     const auto answer = rig->as.token(form);  // moves the family on, so that each request is a first
                     current = AsHarness::json(answer)["refresh_token"].string_or();
                     const codec::Form next{
                         {"grant_type", "refresh_token"}, {"refresh_token", current}, {"client_id", "app-public"}};
                     return token(next);
                   }),
            82 + kFrames);
}

// W6: the texts are kept, so that only the answer's own copy is made.
TEST_F(Allocations, Discovery) {
  for (const auto* path : {"/t/clinic/.well-known/openid-configuration", "/t/clinic/jwks"})
    EXPECT_LE(blocks(200, [&] { return request(codec::Method::get, path); }), 10 + kFrames) << path;
}

}  // namespace
}  // namespace mitral::testing
