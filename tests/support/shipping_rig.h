// A store with a sealed audit record, and shippers of it, in a folder of their own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "app/audit_shipper.h"
#include "app/segment_folder.h"
#include "audit/verify.h"
#include "base/random.h"
#include "contract/sqlite_fixture.h"

namespace mitral::testing_support {

using namespace std::chrono_literals;

class ShippingRig : public contract::SqliteTest {
 protected:
  ShippingRig() : store_(open()) { store_->set_checkpoint_signer(audit::signer_of(key_)); }

  /// So many events, and a seal behind them.
  void record(std::size_t count) {
    for (std::size_t left = count; left > 0;) {
      const std::size_t now = std::min<std::size_t>(left, 100);
      ports::Events events;
      for (std::size_t i = 0; i < now; ++i) {
        events.push_back(event());
        events.back().at = clock_.now();
      }
      get(store_->append(std::move(events)));
      left -= now;
    }
    get(store_->seal_audit());
  }
  [[nodiscard]] app::AuditSettings settings() const {
    app::AuditSettings out;
    out.directory = folder_;
    out.records = 1000;
    return out;
  }
  std::unique_ptr<app::AuditShipper> shipper(const app::AuditSettings& how) {
    auto made = app::AuditShipper::create(how, contract::kClinic, *store_, clock_, random_);
    EXPECT_TRUE(made) << (made ? "" : made.error().detail);
    return made ? std::move(*made) : nullptr;
  }
  /// Steps until nothing is left to do.
  static void settle(app::AuditShipper& one) {
    for (int i = 0; i < 1000 && one.step(); ++i) {
    }
  }
  std::vector<audit::SegmentRange> segments() const {
    const auto folder = app::SegmentFolder::open(folder_);
    if (!folder) return {};
    return *folder->list();
  }
  static std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] std::string path_of(const audit::SegmentRange& range) const {
    return folder_ + "/" + audit::segment_name(range.from, range.to);
  }
  [[nodiscard]] audit::CheckpointVerifier verifier() const {
    jose::JwkSet set;
    EXPECT_TRUE(set.add(jose::Jwk::from_key(key_.key.public_key(), key_.kid, "ES256")));
    return audit::verifier_of({std::move(set)});
  }
  /// Of segments, anchor and database.
  audit::Verdict whole() {
    const auto folder = app::SegmentFolder::open(folder_);
    std::vector<audit::FoundSegment> found;
    if (folder) found = *folder->found();
    const auto verdict = audit::verify_all(
        std::move(found), get(store_->anchor()),
        [this](std::int64_t after, std::size_t limit) { return run_sync(store_->read(after, limit)); },
        {.checkpoints = verifier(), .expected = {}, .begins = {}});
    EXPECT_TRUE(verdict);
    return verdict ? *verdict : audit::Verdict{};
  }

  jose::SigningKey key_{
      .kid = "k1", .alg = jose::SignAlg::es256, .key = *crypto::PrivateKey::generate(crypto::KeyKind::p256)};
  std::string folder_ = dir_.file("segments");
  SequenceRandom random_;
  std::unique_ptr<store::SqliteStore> store_;
};

}  // namespace mitral::testing_support
