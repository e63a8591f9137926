#include "net/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <tuple>

#include "net/interfaces.h"

namespace ox::net {
namespace {

using Moment = std::chrono::steady_clock::time_point;

void initLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

Error failure(int status, const std::string& name) {
  const Code code = status == ARES_ENOTFOUND || status == ARES_ENODATA ? Code::kNotFound
                    : status == ARES_ETIMEOUT || status == ARES_ECANCELLED ? Code::kNetTimeout
                                                                          : Code::kIo;
  const std::string why = status == ARES_ECANCELLED ? "no answer in time" : ares_strerror(status);
  return Error(code, "\"" + name + "\": " + why);
}

// One channel for one question.
class Channel {
 public:
  explicit Channel(const DnsServer& server) : status_(open(server)) {}
  ~Channel() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int status() const { return status_; }
  ares_channel get() const { return channel_; }

  // Until `done`, or the deadline: then the question is cancelled, which answers it.
  void run(const bool& done) {
    const Moment deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kDnsMillis);
    while (!done) {
      if (std::chrono::steady_clock::now() >= deadline) return ares_cancel(channel_);
      step();
    }
  }

 private:
  int open(const DnsServer& server) {
    initLibrary();
    ares_options options{};
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    options.timeout = kDnsTryMillis;
    options.tries = kDnsTries;
    char dnsOnly[] = "b";
    if (!server.host.empty()) {
      // Another server than the system's: its answer counts, not this machine's hosts file.
      options.lookups = dnsOnly;
      mask |= ARES_OPT_LOOKUPS;
    }
    if (const int rc = ares_init_options(&channel_, &options, mask); rc != ARES_SUCCESS) {
      channel_ = nullptr;
      return rc;
    }
    if (server.host.empty()) return ARES_SUCCESS;
    const auto hosts = resolve(server.host, true);
    if (!hosts) return ARES_ENOTFOUND;
    std::string list;
    for (const auto& host : *hosts) {
      const bool six = host.find(':') != std::string::npos;
      list += (list.empty() ? "" : ",") + (six ? "[" + host + "]" : host) + ":" +
              std::to_string(server.port);
    }
    return ares_set_servers_ports_csv(channel_, list.c_str());
  }

  void step() {
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    const unsigned wanted =
        static_cast<unsigned>(ares_getsock(channel_, sockets, ARES_GETSOCK_MAXNUM));
    pollfd polled[ARES_GETSOCK_MAXNUM];
    nfds_t count = 0;
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
      short events = 0;
      if (ARES_GETSOCK_READABLE(wanted, i)) events |= POLLIN;
      if (ARES_GETSOCK_WRITABLE(wanted, i)) events |= POLLOUT;
      if (events != 0) polled[count++] = {sockets[i], events, 0};
    }
    timeval most{0, 100'000}, given{};
    const timeval* wait = ares_timeout(channel_, &most, &given);
    const int millis = static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
    ::poll(polled, count, millis);
    bool any = false;
    for (nfds_t i = 0; i < count; ++i) {
      const short got = polled[i].revents;
      if (got == 0) continue;
      any = true;
      const bool in = (got & (POLLIN | POLLERR | POLLHUP)) != 0, out = (got & POLLOUT) != 0;
      ares_process_fd(channel_, in ? polled[i].fd : ARES_SOCKET_BAD,
                      out ? polled[i].fd : ARES_SOCKET_BAD);
    }
    if (!any) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // its time-outs
  }

  ares_channel channel_ = nullptr;
  int status_;
};

struct AddressQuestion {
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<std::string> found;
  static void answered(void* arg, int status, int, ares_addrinfo* list) {
    auto& self = *static_cast<AddressQuestion*>(arg);
    self.done = true;
    self.status = status;
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> guard(list,
                                                                             ares_freeaddrinfo);
    if (list == nullptr) return;
    for (const auto* n = list->nodes; n != nullptr && self.found.size() < kMaxDnsAddresses;
         n = n->ai_next) {
      char text[INET6_ADDRSTRLEN] = "";
      const void* raw = n->ai_family == AF_INET6
                            ? static_cast<const void*>(
                                  &reinterpret_cast<const sockaddr_in6*>(n->ai_addr)->sin6_addr)
                            : &reinterpret_cast<const sockaddr_in*>(n->ai_addr)->sin_addr;
      if (n->ai_family != AF_INET && n->ai_family != AF_INET6) continue;
      if (inet_ntop(n->ai_family, raw, text, sizeof text) != nullptr) self.found.emplace_back(text);
    }
  }
};

struct ServiceQuestion {
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<DnsService> found;
  static void answered(void* arg, int status, int, unsigned char* bytes, int size) {
    auto& self = *static_cast<ServiceQuestion*>(arg);
    self.done = true;
    self.status = status;
    if (status != ARES_SUCCESS) return;
    ares_srv_reply* list = nullptr;
    self.status = ares_parse_srv_reply(bytes, size, &list);
    if (self.status != ARES_SUCCESS) return;
    const std::unique_ptr<void, decltype(&ares_free_data)> guard(list, ares_free_data);
    for (const auto* n = list; n != nullptr && self.found.size() < kMaxDnsServices; n = n->next)
      if (n->host != nullptr && n->port != 0)
        self.found.push_back({n->host, n->port, n->priority, n->weight});
  }
};

}  // namespace

Result<std::vector<std::string>> dnsAddresses(const DnsServer& server, const std::string& name,
                                              bool ipv6) {
  AddressQuestion question;  // outlives the channel, whose end answers what is open
  Channel channel(server);
  if (channel.status() != ARES_SUCCESS) return failure(channel.status(), server.host);
  ares_addrinfo_hints hints{};
  hints.ai_family = ipv6 ? AF_UNSPEC : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(channel.get(), name.c_str(), nullptr, &hints, AddressQuestion::answered,
                   &question);
  channel.run(question.done);
  if (question.status != ARES_SUCCESS) return failure(question.status, name);
  auto& found = question.found;
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.empty()) return failure(ARES_ENODATA, name);
  return std::move(found);
}

Result<std::vector<DnsService>> dnsServices(const DnsServer& server, const std::string& name) {
  ServiceQuestion question;
  Channel channel(server);
  if (channel.status() != ARES_SUCCESS) return failure(channel.status(), server.host);
  ares_search(channel.get(), name.c_str(), ns_c_in, ns_t_srv, ServiceQuestion::answered, &question);
  channel.run(question.done);
  if (question.status != ARES_SUCCESS) return failure(question.status, name);
  auto& found = question.found;
  std::sort(found.begin(), found.end(), [](const DnsService& a, const DnsService& b) {
    return std::tie(a.priority, b.weight, a.host, a.port) <
           std::tie(b.priority, a.weight, b.host, b.port);
  });
  if (found.empty()) return failure(ARES_ENODATA, name);
  return std::move(found);
}

}  // namespace ox::net
