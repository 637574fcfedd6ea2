// A sealed audit record for tests, as a store would keep it, and segments of it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "audit/segment.h"

namespace mitral::testing_support {

class SealedChain {
 public:
  explicit SealedChain(int count, int every, const std::string& client = "c_app",
                       std::optional<jose::SigningKey> key = std::nullopt)
      : key_(key ? *key
                 : jose::SigningKey{.kid = "k1",
                                    .alg = jose::SignAlg::es256,
                                    .key = *crypto::PrivateKey::generate(crypto::KeyKind::p256)}) {
    const auto signer = audit::signer_of(key_);
    for (int i = 1; i <= count; ++i) {
      ports::AuditStore::Record record;
      record.seq = i;
      record.event.issuer = Issuer("https://as.example");
      record.event.kind = model::AuditKind::token_issued;
      record.event.at = from_seconds(1'800'000'000 + i);
      record.event.client = client;
      record.event.user = "u_ada";
      record.event.details = {{"scopes", "patient/*.rs launch/patient"}, {"note", "number " + std::to_string(i)}};
      if (!records.empty()) record.previous = records.back().hash;
      record.hash = audit::chain_hash(record.previous, i, audit::canonical(record.event));
      if (i % every == 0) {
        record.checkpoint = *signer(audit::checkpoint_payload({.seq = i, .hash = record.hash, .at = record.event.at}));
      }
      records.push_back(std::move(record));
    }
  }

  [[nodiscard]] audit::Segment segment(int from, int to) const {
    const auto at = [&](int seq) { return records.begin() + (seq - 1); };
    ports::AuditStore::Anchor before;
    if (from > 1) before = {from - 1, at(from - 1)->hash};
    audit::SegmentWriter writer(before);
    for (int seq = from; seq <= to; ++seq) EXPECT_TRUE(writer.add(*at(seq)));
    auto out = writer.finish();
    EXPECT_TRUE(out) << (out ? "" : out.error().detail);
    return out ? std::move(*out) : audit::Segment{};
  }
  [[nodiscard]] audit::CheckpointVerifier verifier() const {
    jose::JwkSet set;
    EXPECT_TRUE(set.add(jose::Jwk::from_key(key_.key.public_key(), key_.kid, "ES256")));
    return audit::verifier_of({std::move(set)});
  }
  [[nodiscard]] const jose::SigningKey& key() const noexcept { return key_; }

  std::vector<ports::AuditStore::Record> records;

 private:
  jose::SigningKey key_;
};

}  // namespace mitral::testing_support
