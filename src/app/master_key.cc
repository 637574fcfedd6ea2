#include "app/master_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

#include "codec/base64url.h"
#include "crypto/hash.h"

namespace mitral::app {
namespace {

Result<std::string> read_private_file(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail(ErrorCode::config_invalid, {}, path + " can't be read");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::config_invalid, {}, fmt::format("{} may be read by others; run: chmod 600 {}", path, path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::config_invalid, {}, path + " can't be read");
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

Secret random_key(Random& random) {
  std::string bytes(crypto::kMasterKeySize, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return Secret(std::move(bytes));
}

Result<void> add(MasterKey& out, std::uint8_t id, Secret key) {
  MITRAL_CHECK(out.ring.add(id, key));
  out.roots.push_back({id, std::move(key)});
  return {};
}

}  // namespace

Result<MasterKey> parse_master_key(std::string_view text) {
  MasterKey out;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    unsigned id = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), id);
    const auto used = static_cast<std::size_t>(rest - line.data());
    if (error != std::errc{} || id == 0 || id > 255 || used >= line.size() || line[used] != ' ') {
      return fail(ErrorCode::config_invalid, {},
                  fmt::format("line {} of the master key file is not '<id> <key>'", number));
    }
    auto bytes = codec::base64url_decode(line.substr(used + 1));
    if (!bytes || bytes->size() != crypto::kMasterKeySize) {
      return fail(ErrorCode::config_invalid, {},
                  fmt::format("line {} of the master key file holds no key of 32 bytes", number));
    }
    MITRAL_CHECK(add(out, static_cast<std::uint8_t>(id), Secret(std::move(*bytes))));
  }
  if (out.roots.empty()) return fail(ErrorCode::config_invalid, {}, "the master key file holds no key");
  return out;
}

Result<MasterKey> load_master_key(const std::string& path) {
  MITRAL_TRY(std::string text, read_private_file(path));
  auto parsed = parse_master_key(text);
  wipe(text);
  if (!parsed) parsed.error().detail = path + ": " + parsed.error().detail;
  return parsed;
}

Result<void> create_master_key(const std::string& path, Random& random) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return fail(ErrorCode::conflict, {}, path + " exists already or can't be written; it is never replaced");
  const Secret key = random_key(random);
  std::string text = "1 " + codec::base64url_encode(key.reveal()) + "\n";
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  wipe(text);
  if (!written) return fail(ErrorCode::unavailable, {}, path + " can't be written");
  return {};
}

Result<MasterKey> ephemeral_master_key(Random& random) {
  MasterKey out;
  MITRAL_CHECK(add(out, 1, random_key(random)));
  return out;
}

Secret derive_page_key(const MasterKey& master, std::string_view public_base) {
  const auto mac = crypto::hmac_sha256(master.roots.back().key.reveal(), "gateway-paging\n" + std::string(public_base));
  return Secret(mitral::to_string(ByteSpan(mac)));
}

Secret derive_ticket_secret(const MasterKey& master) {
  const auto mac = crypto::hmac_sha256(master.roots.back().key.reveal(), "tls-tickets");
  return Secret(mitral::to_string(ByteSpan(mac)));
}

Result<Secret> load_secret_file(const std::string& path) {
  MITRAL_TRY(std::string text, read_private_file(path));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return fail(ErrorCode::config_invalid, {}, path + " is empty");
  return Secret(std::move(text));
}

}  // namespace mitral::app
