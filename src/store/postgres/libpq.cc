#include "store/postgres/libpq.h"

#include <dlfcn.h>

#include <string>

namespace mitral::store::postgres {
namespace {

Libpq functions;

/// What is missing; empty when everything was found.
std::string load() {
  void* const library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return "libpq.so.5 can't be loaded (Debian: apt install libpq5)";
#define MITRAL_FIND(name)                                                        \
  functions.name = reinterpret_cast<decltype(&::name)>(::dlsym(library, #name)); \
  if (functions.name == nullptr) return "libpq.so.5 is too old: it has no " #name;
  MITRAL_LIBPQ_FUNCTIONS(MITRAL_FIND)
#undef MITRAL_FIND
  return {};
}

}  // namespace

Result<void> load_libpq() {
  static const std::string missing = load();
  if (missing.empty()) return {};
  return fail(ErrorCode::unavailable, {}, missing);
}

const Libpq& libpq() noexcept { return functions; }

}  // namespace mitral::store::postgres
