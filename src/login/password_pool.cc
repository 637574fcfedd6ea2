#include "login/password_pool.h"

#include <algorithm>
#include <utility>

namespace mitral::login {
namespace {

Error busy() { return {ErrorCode::unavailable, "Too many people are signing in right now", "password pool full"}; }

}  // namespace

Result<std::unique_ptr<PasswordPool>> PasswordPool::create(crypto::Argon2Params params, Random& random,
                                                           std::size_t threads, std::size_t queue_max) {
  MITRAL_TRY(auto hasher, crypto::PasswordHasher::create(params, random));
  return std::unique_ptr<PasswordPool>(new PasswordPool(std::move(hasher), random, threads, queue_max));
}

PasswordPool::PasswordPool(crypto::PasswordHasher hasher, Random& random, std::size_t threads, std::size_t queue_max)
    : hasher_(std::move(hasher)), random_(random), queue_max_(queue_max) {
  threads = std::max<std::size_t>(threads, 1);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

PasswordPool::~PasswordPool() {
  std::deque<Work> left;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    left.swap(queue_);
  }
  wake_.notify_all();
  for (auto& work : left) work(false);
  for (auto& thread : threads_) thread.join();
}

bool PasswordPool::offer(Work& work) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void PasswordPool::run() {
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work(true);
  }
}

// The lambdas are named before they are awaited, and take what they need by reference to this coroutine's frame, which
// lives until the work has called back.
Task<Result<std::string>> PasswordPool::hash(Secret password) {
  using Answer = Result<std::string>;
  Completion<Answer> done;
  done.start = [this, &password](std::function<void(Answer)> resume) {
    Work work = [this, &password, resume](bool serve) {
      resume(serve ? hasher_.hash(password, random_) : Answer(std::unexpected(busy())));
    };
    if (!offer(work)) resume(std::unexpected(busy()));
  };
  co_return co_await done;
}

Task<Result<bool>> PasswordPool::verify(std::string phc, Secret password) {
  using Answer = Result<bool>;
  Completion<Answer> done;
  done.start = [this, &phc, &password](std::function<void(Answer)> resume) {
    Work work = [this, &phc, &password, resume](bool serve) {
      if (!serve) {
        resume(std::unexpected(busy()));
      } else {
        resume(phc.empty() ? hasher_.verify_unknown_user(password) : hasher_.verify(phc, password));
      }
    };
    if (!offer(work)) resume(std::unexpected(busy()));
  };
  co_return co_await done;
}

}  // namespace mitral::login
