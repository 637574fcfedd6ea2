// A FHIR resource server of a hundred lines that enforces access tokens by itself, with mitral/resource_server.h. It
// reads its resources from a file and serves GET: reads, searches by patient, and its RFC 9728 metadata.
//
//   resource_server PORT BASE_URL ISSUER CREDENTIAL_ID SECRET_FILE RESOURCES_FILE [AUDIENCE]
//
// A real server has a real HTTP library, a real JSON library and a database; what matters here is the order: token,
// request, and then every single resource.
#include <arpa/inet.h>
#include <mitral/resource_server.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>

namespace {

namespace sdk = mitral::sdk;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// One resource on each line, "Type/id" and JSON with a tab between: this example has no JSON library.
using Store = std::map<std::string, std::string>;
Store load(const std::string& path) {
  Store out;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) {
    const auto tab = line.find('\t');
    if (tab != std::string::npos) out[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return out;
}

struct Answer {
  int status = 200;
  std::string body;
  std::string challenge{};
};

Answer refused(const sdk::Refusal& why) {
  return {why.status,
          R"({"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden","diagnostics":")" +
              why.text + "\"}]}",
          why.challenge};
}
Answer not_found() { return refused({404, "not_found", "There is no such resource, or you may not see it", {}}); }

struct Asked {
  std::string method, path, query, authorization, address;
};

Answer serve(const sdk::ResourceServer& server, const Store& store, const Asked& asked) {
  sdk::Refusal why;
  const auto token = server.authenticate(asked.authorization, asked.address, &why);
  if (!token) return refused(why);
  const auto permit = server.decide(*token, {.method = asked.method, .path = asked.path, .query = asked.query}, &why);
  if (!permit) return refused(why);
  if (permit->interaction() == "read") {
    const auto found = store.find(asked.path.substr(1));
    // Absent and not hers look alike.
    if (found == store.end() || !server.visible(*permit, found->second)) return not_found();
    return {200, found->second};
  }
  if (permit->interaction() != "search-type") return refused({405, {}, "This interaction is not offered here", {}});
  // A careless search on purpose: it finds everything of the type. What leaves is what may be seen.
  std::string entries;
  for (const auto& [name, resource] : store) {
    if (!name.starts_with(asked.path.substr(1) + "/") || !server.visible(*permit, resource)) continue;
    entries += (entries.empty() ? "" : ",") + std::string(R"({"resource":)") + resource + "}";
  }
  return {200, R"({"resourceType":"Bundle","type":"searchset","entry":[)" + entries + "]}"};
}

/// The head of one request. Not a parser for the real world: behind a proxy that has checked the syntax.
bool read_request(int socket, Asked& out) {
  std::string head;
  char buffer[4096];
  while (head.find("\r\n\r\n") == std::string::npos) {
    const auto n = recv(socket, buffer, sizeof buffer, 0);
    if (n <= 0 || head.size() > 64 * 1024) return false;
    head.append(buffer, static_cast<std::size_t>(n));
  }
  std::istringstream lines(head);
  std::string target;
  lines >> out.method >> target;
  out.path = target.substr(0, target.find('?'));
  if (out.path.size() < target.size()) out.query = target.substr(out.path.size() + 1);
  std::string line;
  std::getline(lines, line);
  for (int seen = 0; std::getline(lines, line) && line != "\r";) {
    if (strncasecmp(line.c_str(), "authorization:", 14) != 0) continue;
    if (++seen > 1) return false;
    out.authorization = line.substr(line.find_first_not_of(" \t", 14));
    out.authorization.resize(out.authorization.find_last_not_of("\r ") + 1);
  }
  return true;
}

void handle(int socket, std::string address, const std::string& base_path, const sdk::ResourceServer& server,
            const Store& store) {
  Asked asked;
  asked.address = std::move(address);
  Answer answer{400, "{}"};
  if (read_request(socket, asked)) {
    if (asked.path == "/.well-known/oauth-protected-resource" + base_path) {
      answer = {200, server.metadata()};
    } else if (asked.path.starts_with(base_path + "/")) {
      asked.path.erase(0, base_path.size());
      answer = serve(server, store, asked);
    } else {
      answer = not_found();
    }
  }
  std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " -\r\nContent-Type: application/fhir+json\r\n";
  out += "Content-Length: " + std::to_string(answer.body.size()) + "\r\nCache-Control: no-store\r\n";
  if (!answer.challenge.empty()) out += "WWW-Authenticate: " + answer.challenge + "\r\n";
  out += "Connection: close\r\n\r\n" + answer.body;
  for (std::size_t at = 0; at < out.size();) {
    const auto n = send(socket, out.data() + at, out.size() - at, MSG_NOSIGNAL);
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  close(socket);
}

volatile std::sig_atomic_t stopped = 0;

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::cerr << "usage: resource_server PORT BASE_URL ISSUER CREDENTIAL_ID SECRET_FILE RESOURCES_FILE [AUDIENCE]\n";
    return 2;
  }
  sdk::Settings settings;
  settings.resource = argv[2];
  settings.issuer = argv[3];
  settings.credential_id = argv[4];
  settings.credential_secret = read_file(argv[5]);
  while (!settings.credential_secret.empty() && settings.credential_secret.back() == '\n')
    settings.credential_secret.pop_back();
  if (argc > 7) settings.audience = argv[7];
  settings.allow_plain_http = settings.issuer.starts_with("http://127.0.0.1");
  const Store store = load(argv[6]);
  const std::string base_path = settings.resource.substr(settings.resource.find('/', 8));
  std::string problem;
  const auto server = sdk::ResourceServer::start(settings, &problem);
  if (!server) {
    std::cerr << problem << "\n";
    return 2;
  }
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(argv[1])));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(listener, 64) != 0) {
    std::cerr << "can't listen\n";
    return 1;
  }
  struct sigaction action{};
  action.sa_handler = [](int) { stopped = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  std::cout << "serving " << store.size() << " resources at " << settings.resource << std::endl;
  while (stopped == 0) {
    pollfd ready{listener, POLLIN, 0};
    if (poll(&ready, 1, 200) <= 0) continue;  // a signal may have come to another thread
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const int client = accept(listener, reinterpret_cast<sockaddr*>(&peer), &size);
    if (client < 0) continue;
    char text[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
    // One after the other: an example. authenticate() may wait for the authorization server.
    handle(client, text, base_path, *server, store);
  }
  close(listener);
  return 0;
}
