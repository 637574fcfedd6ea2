// mitral audit …: the record that an auditor must be able to trust.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iterator>

#include "app/cli.h"
#include "app/installation.h"
#include "app/segment_folder.h"
#include "audit/fhir_export.h"
#include "audit/render.h"
#include "audit/verify.h"
#include "codec/base64url.h"

namespace mitral::app {
namespace {

constexpr std::size_t kPage = 1000;

struct AuditOptions {
  bool gateway = false;
  std::string head;   // "<seq>:<hash>" of an earlier verification
  std::string begin;  // the same, of the record before the first that is there
  std::vector<std::string> folders;
  std::string format = "fhir";
  std::int64_t after = 0;
  std::size_t count = 20;
};

// The record that a command is about: the authorization server's, or a gateway's own.
struct Source {
  store::ServerStore* store = nullptr;
  std::vector<Issuer> owners;  // of the keys that seal it
  std::string folder;          // where its segments are written, if they are
};

// Every audit key that the owners ever had: checkpoints outlive their keys.
Result<audit::CheckpointVerifier> verifier(const Source& in) {
  std::vector<jose::JwkSet> sets;
  for (const auto& owner : in.owners) {
    MITRAL_TRY(const auto records, run_sync(in.store->keys(owner)));
    jose::JwkSet set;
    for (const auto& record : records) {
      if (record.purpose != "audit") continue;
      MITRAL_TRY(const auto json, codec::Json::parse(record.public_jwk));
      MITRAL_TRY(auto key, jose::Jwk::parse(json));
      MITRAL_CHECK(set.add(std::move(key)));
    }
    sets.push_back(std::move(set));
  }
  return audit::verifier_of(std::move(sets));
}

Result<audit::Checkpoint> parse_head(const std::string& text) {
  audit::Checkpoint out;
  const auto colon = text.find(':');
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(colon, text.size()), out.seq);
  if (colon == std::string::npos || error != std::errc{} || end != text.data() + colon ||
      !codec::base64url_decode_into(std::string_view(text).substr(colon + 1), out.hash)) {
    return fail(ErrorCode::config_invalid, {}, "a head is what 'mitral audit verify' prints: <seq>:<hash>");
  }
  return out;
}

/// The folders of segments that are named, or the one of the configuration if it is there.
Result<std::vector<SegmentFolder>> open_folders(const Source& in, const AuditOptions& options) {
  std::vector<SegmentFolder> out;
  for (const auto& path : options.folders) {
    MITRAL_TRY(auto folder, SegmentFolder::open(path));
    out.push_back(std::move(folder));
  }
  if (!options.folders.empty() || in.folder.empty()) return out;
  // Not there yet when nothing was written: then it is as good as empty.
  if (auto folder = SegmentFolder::open(in.folder)) out.push_back(std::move(*folder));
  return out;
}

Result<audit::Verdict> verdict_of(const Source& in, const AuditOptions& options) {
  audit::VerifyOptions rules;
  MITRAL_TRY(rules.checkpoints, verifier(in));
  if (!options.head.empty()) {
    MITRAL_TRY(rules.expected, parse_head(options.head));
  }
  MITRAL_TRY(const auto anchor, run_sync(in.store->anchor()));
  if (options.begin == "anchor") {
    rules.begins = anchor;
  } else if (!options.begin.empty()) {
    MITRAL_TRY(const auto head, parse_head(options.begin));
    rules.begins = {head.seq, head.hash};
  }
  MITRAL_TRY(const auto folders, open_folders(in, options));
  std::vector<audit::FoundSegment> segments;
  for (const auto& folder : folders) {
    MITRAL_TRY(auto found, folder.found());
    std::ranges::move(found, std::back_inserter(segments));
  }
  const auto read = [&](std::int64_t after, std::size_t limit) { return run_sync(in.store->read(after, limit)); };
  return audit::verify_all(std::move(segments), anchor, read, rules);
}

std::string_view remedy(audit::Finding finding) {
  switch (finding) {
    case audit::Finding::segment_missing:
      return "records before that were let go by the database, and no segment given here has them: name the folders "
             "with "
             "--segments, or, if older ones are archived elsewhere, say --begin HEAD\n";
    case audit::Finding::segment_altered: return "the segment that holds this record is damaged or was changed\n";
    case audit::Finding::segment_foreign: return "segments and database don't tell the same from there on\n";
    case audit::Finding::anchor_mismatch: return "the database does not begin where the segments end\n";
    default: return "";
  }
}

Result<int> verify(const Source& in, const Cli& cli, const AuditOptions& options) {
  MITRAL_TRY(const audit::Verdict verdict, verdict_of(in, options));
  const std::string head = fmt::format("{}:{}", verdict.head.seq, codec::base64url_encode(ByteSpan(verdict.head.hash)));
  if (cli.json) {
    fmt::print("{}\n", codec::Json::object({{"finding", name(verdict.finding)},
                                            {"broken_at", verdict.broken_at},
                                            {"records", verdict.records},
                                            {"checkpoints", verdict.checkpoints},
                                            {"unsealed", verdict.unsealed},
                                            {"head", head}})
                           .dump());
  } else if (verdict.intact()) {
    fmt::print(
        "intact: {} records, {} signed checkpoints, {} records after the last one\nhead {}\n"
        "(keep the head elsewhere; next time: mitral audit verify --expect HEAD)\n",
        verdict.records, verdict.checkpoints, verdict.unsealed, head);
  } else {
    fmt::print("NOT INTACT: {} at record {}\n{}", name(verdict.finding), verdict.broken_at, remedy(verdict.finding));
  }
  return verdict.intact() ? kExitDone : kExitFound;
}

Result<int> tail(const Source& in, const Cli& cli, const AuditOptions& options) {
  const std::int64_t last = in.store->last_seq();
  const std::int64_t first = std::max<std::int64_t>(0, last - static_cast<std::int64_t>(options.count));
  MITRAL_TRY(const auto records, run_sync(in.store->read(first, options.count)));
  for (const auto& record : records) {
    fmt::print("{}\n", cli.json ? audit::render_json(record).dump() : audit::render_line(record));
  }
  return kExitDone;
}

Result<int> export_all(const Source& in, const AuditOptions& options) {
  if (options.format != "fhir" && options.format != "json")
    return fail(ErrorCode::config_invalid, {}, "--format is fhir or json");
  std::int64_t after = options.after;
  while (true) {
    MITRAL_TRY(const auto records, run_sync(in.store->read(after, kPage)));
    if (records.empty()) return kExitDone;
    for (const auto& record : records) {
      const auto json = options.format == "fhir" ? audit::to_fhir(record, "mitral") : audit::render_json(record);
      fmt::print("{}\n", json.dump());
    }
    after = records.back().seq;
  }
}

void work_on(Cli& cli, const std::shared_ptr<AuditOptions>& options, std::function<Result<int>(const Source&)> work) {
  cli.with([&cli, options, work = std::move(work)]() -> Result<int> {
    if (options->gateway) {
      MITRAL_TRY(const auto gateway, open_gateway_audit(cli.config));
      const auto& segments = gateway->config.gateway->audit_segments;
      return work({gateway->store.get(), {gateway->owner()}, segments ? segments->directory : ""});
    }
    MITRAL_TRY(const auto installation, open_installation(cli.config));
    const auto& segments = installation->server().audit_segments;
    Source source{installation->store.get(), {}, segments ? segments->directory : ""};
    for (const auto& entry : installation->server().issuers) source.owners.emplace_back(entry.id);
    return work(source);
  });
}

}  // namespace

void add_audit_commands(CLI::App& app, Cli& cli) {
  auto* command = app.add_subcommand("audit", "verify, read and export the audit record");
  command->require_subcommand(1);
  auto options = std::make_shared<AuditOptions>();
  command->add_flag("--gateway", options->gateway, "the gateway's own record, instead of the authorization server's");

  auto* check = command->add_subcommand(
      "verify", "recompute the whole chain and its signed checkpoints; exit code 3 if it does not hold");
  check->add_option("--expect", options->head, "a head that an earlier verification printed");
  check->add_option("--segments", options->folders,
                    "folder with segments of the record (repeat for several); default: that of the configuration");
  check->add_option("--begin", options->begin,
                    "head of the record before the oldest that is here, when older segments are archived elsewhere; "
                    "'anchor': begin where the database begins, and believe it");
  check->callback([&cli, options] {
    work_on(cli, options, [&cli, options](const Source& in) { return verify(in, cli, *options); });
  });

  auto* last = command->add_subcommand("tail", "the newest records");
  last->add_option("-n,--count", options->count, "how many")->capture_default_str();
  last->callback([&cli, options] {
    work_on(cli, options, [&cli, options](const Source& in) { return tail(in, cli, *options); });
  });

  auto* out = command->add_subcommand("export", "all records, one JSON object a line");
  out->add_option("--format", options->format, "fhir (AuditEvent resources) or json (with the hashes)")
      ->capture_default_str();
  out->add_option("--after", options->after, "only records after this number")->capture_default_str();
  out->callback(
      [&cli, options] { work_on(cli, options, [options](const Source& in) { return export_all(in, *options); }); });
}

}  // namespace mitral::app
