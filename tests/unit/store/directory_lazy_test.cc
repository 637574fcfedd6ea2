// Clients that are read from their stored text when they are first asked for (ports/directory.h).
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "ports/directory.h"

namespace mitral::ports {
namespace {

const Issuer kIssuer("https://as.example.org");
std::atomic<int> reads{0};

std::optional<model::Client> read_stored(std::string_view document) {
  ++reads;
  if (document.contains("damaged")) return std::nullopt;
  model::Client out;
  out.issuer = kIssuer;
  out.id = ClientId(document.substr(0, document.find(' ')));
  if (document.contains("\"origins\"")) out.origins = {"https://app.example.org"};
  out.tokens_valid_from = from_seconds(100);
  return out;
}

Directory stored(std::initializer_list<std::string> documents, Instant valid_from = {}) {
  reads = 0;
  Directory out;
  for (const auto& document : documents)
    out.add(kIssuer, document.substr(0, document.find(' ')), document, &read_stored, valid_from);
  return out;
}

TEST(LazyDirectory, ReadsAClientWhenItIsAskedForAndOnce) {
  const auto directory = stored({"one", "two"});
  EXPECT_EQ(reads, 0);
  const auto* one = directory.client(kIssuer, "one");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->id.value, "one");
  EXPECT_EQ(directory.client(kIssuer, "one"), one);
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(directory.client(kIssuer, "three"), nullptr);
  EXPECT_EQ(directory.client(Issuer("https://other.example.org"), "one"), nullptr);
}

TEST(LazyDirectory, WhatCannotBeReadIsUnknown) {
  const auto directory = stored({"bad damaged", "good"});
  EXPECT_EQ(directory.client(kIssuer, "bad"), nullptr);
  ASSERT_EQ(directory.clients(kIssuer)->size(), 1U);
  EXPECT_EQ(directory.clients(kIssuer)->front()->id.value, "good");
}

TEST(LazyDirectory, ARevocationFromBeforeTheReadCounts) {
  EXPECT_EQ(stored({"one"}, from_seconds(500)).client(kIssuer, "one")->tokens_valid_from, from_seconds(500));
  EXPECT_EQ(stored({"one"}, from_seconds(50)).client(kIssuer, "one")->tokens_valid_from, from_seconds(100));
}

TEST(LazyDirectory, SnapshotsShareWhatDidNotChange) {
  const auto before = stored({"one", "two"});
  Directory after = before;
  const auto* one = after.client(kIssuer, "one");
  EXPECT_EQ(before.client(kIssuer, "one"), one);
  EXPECT_EQ(reads, 1);
  after.remove_client(kIssuer, "one");
  EXPECT_EQ(after.client(kIssuer, "one"), nullptr);
  EXPECT_EQ(before.client(kIssuer, "one"), one);
  model::Client fresh;
  fresh.issuer = kIssuer;
  fresh.id = ClientId("two");
  fresh.enabled = false;
  after.add(fresh);
  EXPECT_FALSE(after.client(kIssuer, "two")->enabled);
  EXPECT_TRUE(before.client(kIssuer, "two")->enabled);
}

TEST(LazyDirectory, ASearchForOriginsReadsOnlyWhatMayHaveSome) {
  auto directory = stored({"one", "two \"origins\"", "three"});
  model::Client known;
  known.issuer = kIssuer;
  known.id = ClientId("known");
  directory.add(known);
  EXPECT_EQ(directory.clients(kIssuer, Clients::with_origins)->size(), 2U) << "a stored one, and the one that was read";
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(directory.clients(kIssuer)->size(), 4U);
}

TEST(LazyDirectory, ManyThreadsSeeOneRecord) {
  const auto directory = stored({"one"});
  std::vector<const model::Client*> seen(4);
  {
    std::vector<std::jthread> threads;
    for (auto& place : seen) threads.emplace_back([&] { place = directory.client(kIssuer, "one"); });
  }
  for (const auto* each : seen) EXPECT_EQ(each, seen.front());
  ASSERT_NE(seen.front(), nullptr);
}

}  // namespace
}  // namespace mitral::ports
