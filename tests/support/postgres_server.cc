#include "support/postgres_server.h"

namespace mitral::testing_support {

PostgresIntruder::PostgresIntruder(const std::string& url, const std::string& schema)
    : connection_(PQconnectdb(url.c_str())) {
  EXPECT_EQ(PQstatus(connection_), CONNECTION_OK) << PQerrorMessage(connection_);
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  if (!schema.empty()) run("SET search_path TO " + schema);
}

bool PostgresIntruder::try_run(const std::string& sql) {
  PGresult* const result = PQexec(connection_, sql.c_str());
  const auto status = PQresultStatus(result);
  PQclear(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

void PostgresIntruder::run(const std::string& sql) {
  EXPECT_TRUE(try_run(sql)) << sql << ": " << PQerrorMessage(connection_);
}

std::string PostgresIntruder::value(const std::string& sql) {
  PGresult* const result = PQexec(connection_, sql.c_str());
  std::string out;
  EXPECT_EQ(PQresultStatus(result), PGRES_TUPLES_OK) << sql << ": " << PQerrorMessage(connection_);
  if (PQntuples(result) > 0) out = PQgetvalue(result, 0, 0);
  PQclear(result);
  return out;
}

bool PostgresIntruder::await(const std::string& sql, const std::string& wanted) {
  for (int i = 0; i < 1000; ++i) {
    if (value(sql) == wanted) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

const std::string& PostgresServer::programs() {
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

PostgresServer& PostgresServer::shared() {
  static PostgresServer server{Options{}};
  return server;
}

PostgresServer::PostgresServer(Options options) : options_(std::move(options)) {
  make_folder();
  // initdb takes seconds, a copy of what it made a moment.
  static const Template pristine;
  require(run({"/bin/cp", "-a", pristine.data, data()}), "copy");
  finish_folder();
  require(start() ? 0 : 1, "start");
}

PostgresServer::PostgresServer(const PostgresServer& primary, std::string name, Options options)
    : options_(std::move(options)), name_(std::move(name)) {
  make_folder();
  require(run({programs() + "/pg_basebackup", "-D", data(), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
               primary.url() + " application_name=" + name_}),
          "pg_basebackup");
  finish_folder();
  require(start() ? 0 : 1, "start");
}

PostgresServer::~PostgresServer() {
  stop(SIGQUIT);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

bool PostgresServer::start() {
  // After a kill the old one's children may hold the memory or the port for a moment.
  for (int attempt = 0; attempt < 100; ++attempt) {
    launch();
    if (await_ready()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

void PostgresServer::stop(int signal) {
  if (process_ <= 0) return;
  ::kill(process_, signal);
  ::waitpid(process_, nullptr, 0);
  process_ = 0;
}

void PostgresServer::kill9() {
  const auto children = processes();
  for (const pid_t child : children) ::kill(child, SIGKILL);
  stop(SIGKILL);
  for (const pid_t child : children) {
    for (int i = 0; i < 1000 && state_of(child).value_or('Z') != 'Z'; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
}

std::string PostgresServer::url(const std::string& database) const {
  return fmt::format("host={} port={} user=postgres dbname={}", folder_.string(), port_, database);
}

std::string PostgresServer::tcp_url(const std::string& database, const std::string& host,
                                    const std::string& password) const {
  return fmt::format("postgresql://postgres:{}@{}:{}/{}", password, host, port_, database);
}

std::string PostgresServer::log() const {
  std::ifstream in(folder_ / "log");
  return {std::istreambuf_iterator<char>(in), {}};
}

store::postgres::ConnectOptions PostgresServer::fresh() const {
  store::postgres::ConnectOptions out;
  out.url = url();
  out.schema = fmt::format("t{}_{}", ::getpid(), number_.fetch_add(1));
  return out;
}

std::string PostgresServer::new_database() const {
  const auto name = fmt::format("d{}_{}", ::getpid(), number_.fetch_add(1));
  PostgresIntruder(url()).run("CREATE DATABASE " + name);
  return name;
}

void PostgresServer::configure(const std::string& name, const std::string& value) const {
  PostgresIntruder admin(url());
  admin.run("ALTER SYSTEM SET " + name + " = " + value);
  admin.run("SELECT pg_reload_conf()");
}

void PostgresServer::require(int status, const char* what) {
  if (status != 0) throw std::runtime_error(std::string("PostgreSQL for tests: ") + what + " failed");
}

void PostgresServer::write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
  if (const auto* user = other_user()) require(::chown(path.c_str(), user->pw_uid, user->pw_gid), "chown");
}

const passwd* PostgresServer::other_user() {
  static const std::optional<passwd> user = []() -> std::optional<passwd> {
    if (::geteuid() != 0) return std::nullopt;
    for (const char* name : {"postgres", "nobody"}) {
      if (const passwd* entry = ::getpwnam(name)) return *entry;
    }
    return std::nullopt;
  }();
  return user ? &*user : nullptr;
}

PostgresServer::Template::Template() {
  const auto password = folder / "password";
  write(password, std::string(kPassword) + "\n");
  require(
      run_in(folder, {programs() + "/initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                      "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=" + password.string(), "--no-sync"}),
      "initdb");
}

PostgresServer::Template::~Template() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

std::filesystem::path PostgresServer::new_folder() {
  remove_leftovers();
  std::string pattern = fmt::format("/tmp/mitral-pg-{}-XXXXXX", ::getpid());
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("PostgreSQL for tests: no folder");
  if (const auto* user = other_user()) require(::chown(pattern.c_str(), user->pw_uid, user->pw_gid), "chown");
  return pattern;
}

void PostgresServer::make_folder() {
  folder_ = new_folder();
  port_ = free_port();
}

void PostgresServer::remove_leftovers() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/tmp", ignored)) {
    const auto name = entry.path().filename().string();
    constexpr std::string_view kPrefix = "mitral-pg-";
    if (!name.starts_with(kPrefix)) continue;
    const pid_t owner = std::atoi(name.c_str() + kPrefix.size());
    if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) std::filesystem::remove_all(entry.path(), ignored);
  }
}

int PostgresServer::free_port() {
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

void PostgresServer::finish_folder() {
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

void PostgresServer::copy_private(const std::string& from, const std::filesystem::path& to) {
  std::ifstream in(from);
  write(to, {std::istreambuf_iterator<char>(in), {}});
  require(::chmod(to.c_str(), 0600), "chmod");
}

pid_t PostgresServer::fork_exec(const std::filesystem::path& folder, const std::vector<std::string>& words,
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

int PostgresServer::run_in(const std::filesystem::path& folder, const std::vector<std::string>& words) {
  const pid_t child = fork_exec(folder, words, false);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

void PostgresServer::launch() {
  if (process_ > 0) return;
  process_ = fork_exec(folder_, {programs() + "/postgres", "-D", data()}, true);
}

bool PostgresServer::await_ready() {
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

std::string PostgresServer::stat_of(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto end = text.rfind(')');
  return end == std::string::npos || end + 4 >= text.size() ? std::string() : text.substr(end + 2);
}

std::optional<char> PostgresServer::state_of(pid_t pid) {
  const auto stat = stat_of(pid);
  return stat.empty() ? std::nullopt : std::optional(stat[0]);
}

std::vector<pid_t> PostgresServer::processes() const {
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

void PostgresServer::signal_all(int signal) const {
  for (const pid_t pid : processes()) ::kill(pid, signal);
}

}  // namespace mitral::testing_support
