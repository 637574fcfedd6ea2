#include "net/client_pool.h"

namespace mitral::net {
namespace {

std::string tls_key(const ClientOptions& options) {
  std::string out = options.extra_ca_file;
  (out += '\n') += options.certificate_file;
  (out += '\n') += options.key_file;
  return out;
}

}  // namespace

std::string ClientPool::key_of(const Url& url, const ClientOptions& options) {
  std::string out = url.tls ? "s" : "p";
  out += static_cast<char>('0' + static_cast<int>(options.addresses));
  out += url.host;
  (out += ' ') += std::to_string(url.port);
  if (url.tls) (out += ' ') += tls_key(options);
  return out;
}

std::unique_ptr<Stream> ClientPool::take(const std::string& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  auto& list = found->second;
  std::unique_ptr<Stream> out;
  while (!list.empty() && !out) {
    auto newest = std::move(list.back());
    list.pop_back();
    --count_;
    if (newest.until > Loop::ticks_now() && newest.stream->quiet()) {
      out = std::move(newest.stream);
    } else {
      newest.stream->close();
    }
  }
  if (list.empty()) idle_.erase(found);
  return out;
}

void ClientPool::give_back(const std::string& key, std::unique_ptr<Stream> stream) {
  if (count_ >= limits::kClientPoolTotal) return stream->close();
  auto& list = idle_[key];
  if (list.size() >= limits::kClientPoolPerOrigin) return stream->close();
  list.push_back({std::move(stream), Loop::ticks_now() + Loop::ticks_of(limits::kClientIdleTimeout)});
  ++count_;
  if (!set()) loop_.set(*this, limits::kClientIdleTimeout);
}

// Oldest first in each list.
void ClientPool::expired() noexcept {
  const auto now = Loop::ticks_now();
  for (auto& [key, list] : idle_) {
    while (!list.empty() && list.front().until <= now) {
      list.front().stream->close();
      list.pop_front();
      --count_;
    }
  }
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
  if (count_ > 0) loop_.set(*this, limits::kClientIdleTimeout);
}

Result<SSL_CTX*> ClientPool::tls_for(const ClientOptions& options) {
  const auto key = tls_key(options);
  if (const auto found = contexts_.find(key); found != contexts_.end()) return found->second.get();
  MITRAL_TRY(auto context, make_client_context(options.extra_ca_file, options.certificate_file, options.key_file));
  auto* const raw = context.get();
  contexts_.emplace(key, std::move(context));
  return raw;
}

void ClientPool::clear() {
  TimerWheel::cancel(*this);
  for (auto& [key, list] : idle_) {
    for (auto& idle : list) idle.stream->close();
  }
  idle_.clear();
  contexts_.clear();
  count_ = 0;
}

}  // namespace mitral::net
