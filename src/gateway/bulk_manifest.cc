#include "gateway/bulk_manifest.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/text.h"
#include "codec/uri.h"

namespace mitral::gateway {
namespace {

using codec::Json;

constexpr std::size_t kInstantMax = 40;

/// Nothing that a request line could be broken with; escapes stay as they are.
bool is_plain_target(std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  return (path.empty() || codec::is_plain_path(path)) && std::ranges::all_of(target, [](char c) {
           return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '\\' && c != '<' && c != '>';
         });
}

std::string_view path_of(std::string_view base) {
  const auto url = codec::parse_http_url(base);
  if (!url) return {};
  return url->path == "/" ? std::string_view{} : url->path;
}

/// The rest of a URL after a base of the same origin; the path must go on at a segment.
std::optional<std::string_view> after_base(std::string_view url, std::string_view base) {
  const auto parsed = codec::parse_http_url(url);
  if (!parsed || parsed->has_userinfo || parsed->has_fragment) return std::nullopt;
  if (codec::origin_of(url) != codec::origin_of(base)) return std::nullopt;
  const auto start = static_cast<std::size_t>(parsed->path.data() - url.data());
  auto rest = url.substr(start);
  const auto prefix = path_of(base);
  if (!rest.starts_with(prefix)) return std::nullopt;
  rest.remove_prefix(prefix.size());
  const bool whole_segment = prefix.ends_with('/') || rest.empty() || rest.front() == '/' || rest.front() == '?';
  if (!whole_segment || !is_plain_target(url.substr(start))) return std::nullopt;
  return rest;
}

bool is_instant(std::string_view text) {
  return !text.empty() && text.size() <= kInstantMax && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == 'T' || c == 'Z' || c == '+';
  });
}

class Builder {
 public:
  Builder(const Json& upstream, const BulkJob& job, std::string_view client, const BulkSealer& sealer,
          const Config& config)
      : upstream_(upstream), job_(job), client_(client), sealer_(sealer), config_(config) {}

  Result<Manifest> run() {
    const auto at = upstream_["transactionTime"].string_or();
    if (!is_instant(at) || !upstream_["output"].is_array()) {
      return fail(ErrorCode::malformed, {}, "not a Bulk Data manifest");
    }
    Json body = Json::object({{"transactionTime", at}, {"request", job_.request}, {"requiresAccessToken", true}});
    body.set("output", list("output", BulkFileKind::output));
    if (!upstream_["deleted"].empty()) body.set("deleted", list("deleted", BulkFileKind::deleted));
    body.set("error", list("error", BulkFileKind::error));
    out_.body = std::move(body);
    return std::move(out_);
  }

 private:
  Json list(std::string_view name, BulkFileKind kind) {
    Json out = Json::array();
    for (const auto& entry : upstream_[name].items()) {
      auto made = file(entry, kind);
      if (!made || out_.files >= limits::kBulkFilesMax) {
        ++out_.left_out;
        continue;
      }
      ++out_.files;
      out.push_back(std::move(*made));
    }
    return out;
  }

  std::optional<Json> file(const Json& entry, BulkFileKind kind) const {
    const auto type = entry["type"].string_or();
    BulkFile file{.kind = kind,
                  .job = job_.id,
                  .path = job_.path,
                  .types = job_.types,
                  .storage = false,
                  .location = {},
                  .expires = job_.expires};
    switch (kind) {
      case BulkFileKind::output:
        if (std::ranges::find(job_.types, type) == job_.types.end()) return std::nullopt;
        file.types = {std::string(type)};
        break;
      case BulkFileKind::deleted:
        if (type != "Bundle" || groups_of(config_, client_) != nullptr) return std::nullopt;
        break;
      case BulkFileKind::error:
        if (type != "OperationOutcome") return std::nullopt;
        break;
    }
    auto place = file_place(entry["url"].string_or(), config_);
    if (!place) return std::nullopt;
    file.storage = place->storage;
    file.location = std::move(place->location);
    const auto sealed = sealer_.seal(file, client_);
    if (!sealed) return std::nullopt;
    Json out = Json::object({{"type", type}, {"url", config_.public_base + "/_bulk/file/" + *sealed}});
    // Lines may be dropped when they are judged: a count that is not sure to be true would tell of what is hidden.
    return out;
  }

  const Json& upstream_;
  const BulkJob& job_;
  std::string_view client_;
  const BulkSealer& sealer_;
  const Config& config_;
  Manifest out_;
};

}  // namespace

std::optional<std::string> below_upstream(std::string_view url, const Config& config) {
  if (!url.starts_with('/')) {
    auto rest = after_base(url, config.upstream);
    // Some servers name themselves by the address that clients use.
    if (!rest) rest = after_base(url, config.public_base);
    if (!rest || rest->empty() || rest->front() != '/') return std::nullopt;
    return std::string(*rest);
  }
  const auto prefix = path_of(config.upstream);
  if (!url.starts_with(prefix) || !is_plain_target(url)) return std::nullopt;
  url.remove_prefix(prefix.size());
  if (!url.starts_with('/')) return std::nullopt;
  return std::string(url);
}

std::optional<FilePlace> file_place(std::string_view url, const Config& config) {
  if (auto below = below_upstream(url, config)) return FilePlace{false, std::move(*below)};
  for (const auto& base : config.bulk_storage) {
    if (after_base(url, base)) return FilePlace{true, std::string(url)};
  }
  return std::nullopt;
}

const BulkGroups* groups_of(const Config& config, std::string_view client) noexcept {
  const auto rule = std::ranges::find(config.bulk_groups, client, &BulkGroups::client);
  return rule == config.bulk_groups.end() ? nullptr : &*rule;
}

Result<Manifest> public_manifest(std::string_view upstream, const BulkJob& job, std::string_view client,
                                 const BulkSealer& sealer, const Config& config) {
  MITRAL_TRY(const auto json, Json::parse_object(upstream, {.max_bytes = limits::kBulkManifestMax}));
  return Builder(json, job, client, sealer, config).run();
}

}  // namespace mitral::gateway
