// PostgresServer: a real PostgreSQL in a temporary folder, for tests.
//
//   MITRAL_NEEDS_POSTGRES();                                  // skips the test where Debian's `postgresql` is missing
//   PostgresServer& server = PostgresServer::shared();        // one for the process, started at its first use
//   auto options = server.fresh();                            // a schema of its own in it
//
// It listens on a Unix socket in its folder (anybody is let in) and on a port of 127.0.0.1 (user postgres, password
// kPassword). It runs without fsync unless asked, as `postgres` or `nobody` when the tests run as root (initdb refuses
// root), and ends with the process that started it, however that ends. Servers of one's own can be stopped, killed,
// followed by a standby and promoted.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "store/postgres/connection.h"

#define MITRAL_NEEDS_POSTGRES()                                \
  if (!::mitral::testing_support::PostgresServer::installed()) \
  GTEST_SKIP() << "no PostgreSQL server here (Debian: postgresql-15); see /usr/lib/postgresql/*/bin"

namespace mitral::testing_support {

/// A session of its own that plays an operator, another program or an attacker. Blocks without a deadline.
class PostgresIntruder {
 public:
  explicit PostgresIntruder(const std::string& url, const std::string& schema = {})
      : connection_(PQconnectdb(url.c_str())) {
    EXPECT_EQ(PQstatus(connection_), CONNECTION_OK) << PQerrorMessage(connection_);
    PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
    if (!schema.empty()) run("SET search_path TO " + schema);
  }
  ~PostgresIntruder() { PQfinish(connection_); }
  PostgresIntruder(const PostgresIntruder&) = delete;
  PostgresIntruder& operator=(const PostgresIntruder&) = delete;

  bool try_run(const std::string& sql) {
    PGresult* const result = PQexec(connection_, sql.c_str());
    const auto status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  }
  void run(const std::string& sql) { EXPECT_TRUE(try_run(sql)) << sql << ": " << PQerrorMessage(connection_); }
  std::string value(const std::string& sql) {
    PGresult* const result = PQexec(connection_, sql.c_str());
    std::string out;
    EXPECT_EQ(PQresultStatus(result), PGRES_TUPLES_OK) << sql << ": " << PQerrorMessage(connection_);
    if (PQntuples(result) > 0) out = PQgetvalue(result, 0, 0);
    PQclear(result);
    return out;
  }
  /// Waits until the query answers `wanted`; false after ten seconds.
  bool await(const std::string& sql, const std::string& wanted) {
    for (int i = 0; i < 1000; ++i) {
      if (value(sql) == wanted) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  [[nodiscard]] PGconn* raw() const noexcept { return connection_; }

 private:
  PGconn* connection_;
};

struct PostgresServerOptions {
  bool fsync = false;
  std::string certificate_file{};  ///< with key_file: TLS
  std::string key_file{};
  std::vector<std::string> settings{};  ///< "name=value"
};

class PostgresServer {
 public:
  static constexpr const char* kPassword = "a-password-of-tests";
  using Options = PostgresServerOptions;

  /// Folder of the newest server's programs, or empty.
  [[nodiscard]] static const std::string& programs() {
    static const std::string found = [] {
      std::string best;
      int newest = 0;
      std::error_code failed;
      for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", failed)) {
        const int version = std::atoi(entry.path().filename().c_str());
        if (version <= newest || !std::filesystem::exists(entry.path() / "bin/postgres", failed)) continue;
        newest = version;
        best = entry.path() / "bin";
      }
      return best;
    }();
    return found;
  }
  [[nodiscard]] static bool installed() { return !programs().empty(); }

  /// The server of this process.
  [[nodiscard]] static PostgresServer& shared() {
    static PostgresServer server{Options{}};
    return server;
  }

  explicit PostgresServer(Options options) : options_(std::move(options)) {
    make_folder();
    // initdb takes seconds, a copy of what it made a moment.
    static const Template pristine;
    require(run({"/bin/cp", "-a", pristine.data, data()}), "copy");
    finish_folder();
    require(start() ? 0 : 1, "start");
  }

  /// A streaming standby of the other one, named `name` for synchronous_standby_names.
  PostgresServer(const PostgresServer& primary, std::string name, Options options)
      : options_(std::move(options)), name_(std::move(name)) {
    make_folder();
    require(run({programs() + "/pg_basebackup", "-D", data(), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
                 primary.url() + " application_name=" + name_}),
            "pg_basebackup");
    finish_folder();
    require(start() ? 0 : 1, "start");
  }

  ~PostgresServer() {
    stop(SIGQUIT);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // ---- its life

  /// Starts it and waits until it answers.
  bool start() {
    // After a kill the old one's children may hold the memory or the port for a moment.
    for (int attempt = 0; attempt < 100; ++attempt) {
      launch();
      if (await_ready()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  /// SIGINT: fast, SIGQUIT: at once (as a crash, but with farewells). Waits for the end.
  void stop(int signal = SIGINT) {
    if (process_ <= 0) return;
    ::kill(process_, signal);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  /// kill -9 of all its processes, as when the machine loses power. None of them is left when it returns.
  void kill9() {
    const auto children = processes();
    for (const pid_t child : children) ::kill(child, SIGKILL);
    stop(SIGKILL);
    for (const pid_t child : children) {
      for (int i = 0; i < 1000 && state_of(child).value_or('Z') != 'Z'; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
  }
  /// Holds every process of it still, as a frozen machine would; thaw() lets them go on.
  void freeze() { signal_all(SIGSTOP); }
  void thaw() { signal_all(SIGCONT); }
  void promote() { require(run({programs() + "/pg_ctl", "promote", "-D", data(), "-w"}), "promote"); }
  [[nodiscard]] bool running() const noexcept { return process_ > 0; }
  [[nodiscard]] pid_t process() const noexcept { return process_; }

  // ---- ways to it

  /// By the Unix socket.
  [[nodiscard]] std::string url(const std::string& database = "postgres") const {
    return fmt::format("host={} port={} user=postgres dbname={}", folder_.string(), port_, database);
  }
  /// By TCP, with the password.
  [[nodiscard]] std::string tcp_url(const std::string& database = "postgres", const std::string& host = "127.0.0.1",
                                    const std::string& password = kPassword) const {
    return fmt::format("postgresql://postgres:{}@{}:{}/{}", password, host, port_, database);
  }
  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] std::string data() const { return folder_ / "data"; }
  /// What it wrote.
  [[nodiscard]] std::string log() const {
    std::ifstream in(folder_ / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// Options with a schema that nobody else has. The schema does not exist yet.
  [[nodiscard]] store::postgres::ConnectOptions fresh() const {
    store::postgres::ConnectOptions out;
    out.url = url();
    out.schema = fmt::format("t{}_{}", ::getpid(), number_.fetch_add(1));
    return out;
  }
  /// An empty database of its own; its name.
  [[nodiscard]] std::string new_database() const {
    const auto name = fmt::format("d{}_{}", ::getpid(), number_.fetch_add(1));
    PostgresIntruder(url()).run("CREATE DATABASE " + name);
    return name;
  }
  /// Changes a setting of the running server.
  void configure(const std::string& name, const std::string& value) const {
    PostgresIntruder admin(url());
    admin.run("ALTER SYSTEM SET " + name + " = " + value);
    admin.run("SELECT pg_reload_conf()");
  }

 private:
  static void require(int status, const char* what) {
    if (status != 0) throw std::runtime_error(std::string("PostgreSQL for tests: ") + what + " failed");
  }
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    if (const auto* user = other_user()) require(::chown(path.c_str(), user->pw_uid, user->pw_gid), "chown");
  }
  /// Whom the server runs as, when this process is root.
  static const passwd* other_user() {
    static const std::optional<passwd> user = []() -> std::optional<passwd> {
      if (::geteuid() != 0) return std::nullopt;
      for (const char* name : {"postgres", "nobody"}) {
        if (const passwd* entry = ::getpwnam(name)) return *entry;
      }
      return std::nullopt;
    }();
    return user ? &*user : nullptr;
  }

  /// An empty cluster that servers of this process begin as copies of.
  struct Template {
    std::filesystem::path folder = new_folder();
    std::string data = folder / "data";
    Template() {
      const auto password = folder / "password";
      write(password, std::string(kPassword) + "\n");
      require(run_in(folder,
                     {programs() + "/initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                      "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=" + password.string(), "--no-sync"}),
              "initdb");
    }
    ~Template() {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    }
    Template(const Template&) = delete;
    Template& operator=(const Template&) = delete;
  };

  static std::filesystem::path new_folder() {
    remove_leftovers();
    std::string pattern = fmt::format("/tmp/mitral-pg-{}-XXXXXX", ::getpid());
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("PostgreSQL for tests: no folder");
    if (const auto* user = other_user()) require(::chown(pattern.c_str(), user->pw_uid, user->pw_gid), "chown");
    return pattern;
  }

  void make_folder() {
    folder_ = new_folder();
    port_ = free_port();
  }

  /// Folders of test processes that crashed.
  static void remove_leftovers() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/tmp", ignored)) {
      const auto name = entry.path().filename().string();
      constexpr std::string_view kPrefix = "mitral-pg-";
      if (!name.starts_with(kPrefix)) continue;
      const pid_t owner = std::atoi(name.c_str() + kPrefix.size());
      if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) std::filesystem::remove_all(entry.path(), ignored);
    }
  }

  static int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);          // NOLINT
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);  // NOLINT
    ::close(fd);
    return ntohs(address.sin_port);
  }

  void finish_folder() {
    std::string text = fmt::format(
        "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nport = {}\nfsync = {}\n"
        "full_page_writes = {}\nsynchronous_commit = on\nshared_buffers = 32MB\nmax_connections = 120\n"
        "max_wal_senders = 4\nwal_level = replica\nlog_min_messages = warning\nlogging_collector = off\n",
        folder_.string(), port_, options_.fsync ? "on" : "off", options_.fsync ? "on" : "off");
    if (!name_.empty()) text += fmt::format("cluster_name = '{}'\n", name_);
    if (!options_.certificate_file.empty()) {
      text += "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n";
      copy_private(options_.certificate_file, folder_ / "data/server.crt");
      copy_private(options_.key_file, folder_ / "data/server.key");
    }
    for (const auto& setting : options_.settings) text += setting + "\n";
    write(folder_ / "data/test.conf", text);
    std::ofstream(folder_ / "data/postgresql.conf", std::ios::app) << "\ninclude 'test.conf'\n";
  }
  static void copy_private(const std::string& from, const std::filesystem::path& to) {
    std::ifstream in(from);
    write(to, {std::istreambuf_iterator<char>(in), {}});
    require(::chmod(to.c_str(), 0600), "chmod");
  }

  /// Only calls that are safe between fork and exec.
  static pid_t fork_exec(const std::filesystem::path& folder, const std::vector<std::string>& words,
                         bool dies_with_us) {
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT
    arguments.push_back(nullptr);
    const auto* const user = other_user();
    const std::string log = folder / "log";
    const std::string directory = folder;
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child != 0) return child;
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);  // NOLINT
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::close(0);
    // No descriptor of the tests may live on in a server.
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    if (::chdir(directory.c_str()) != 0) ::_exit(126);
    if (user != nullptr) {
      const gid_t group = user->pw_gid;
      if (::setgroups(0, &group) != 0 || ::setgid(group) != 0 || ::setuid(user->pw_uid) != 0) ::_exit(126);
    }
    // After setuid, which forgets it. SIGQUIT ends a server at once.
    if (dies_with_us) ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (dies_with_us && ::getppid() != parent) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

  [[nodiscard]] int run(const std::vector<std::string>& words) const { return run_in(folder_, words); }
  static int run_in(const std::filesystem::path& folder, const std::vector<std::string>& words) {
    const pid_t child = fork_exec(folder, words, false);
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
  }

  void launch() {
    if (process_ > 0) return;
    process_ = fork_exec(folder_, {programs() + "/postgres", "-D", data()}, true);
  }

  bool await_ready() {
    for (int i = 0; i < 2000; ++i) {
      if (::waitpid(process_, nullptr, WNOHANG) == process_) {
        process_ = 0;
        return false;
      }
      if (PQping(url().c_str()) == PQPING_OK) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  /// The words behind the name in /proc/<pid>/stat: state, parent ...
  static std::string stat_of(pid_t pid) {
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto end = text.rfind(')');
    return end == std::string::npos || end + 4 >= text.size() ? std::string() : text.substr(end + 2);
  }
  static std::optional<char> state_of(pid_t pid) {
    const auto stat = stat_of(pid);
    return stat.empty() ? std::nullopt : std::optional(stat[0]);
  }
  /// The server's own process first, then its children.
  [[nodiscard]] std::vector<pid_t> processes() const {
    std::vector<pid_t> out;
    if (process_ <= 0) return out;
    out.push_back(process_);
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
      const pid_t pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 0) continue;
      if (const auto stat = stat_of(pid); !stat.empty() && std::atoi(stat.c_str() + 2) == process_) out.push_back(pid);
    }
    return out;
  }
  void signal_all(int signal) const {
    for (const pid_t pid : processes()) ::kill(pid, signal);
  }

  const Options options_;
  const std::string name_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t process_ = 0;
  static inline std::atomic<int> number_{1};
};

}  // namespace mitral::testing_support
