// Client: one connection to a cluster of an older Hazelcast line, for as long as it is needed.
//
// Purpose:   connect and log in, publish and listen to topics, have tasks run by members, read and
//            write maps, name the members, leave. The upgrade bridge lives on it.
// Threads:   all of it on the shard that it was made for; answers come there, too.
// Ownership: shared; whoever asked keeps it until close(). Answers come exactly once, also when
//            the connection is lost or closed meanwhile.
// Time:      every step has its limit (ClientSettings); nothing waits for ever.
// Bounds:    kMaxCalls under way, kMaxListeners, kMaxAddresses tried; messages as in wire.h.
// Errors:    one sentence: which step failed at which address, what the member answered, what to
//            check. NET-0001 refused, NET-0002 in time, NET-0003 closed, NET-0004 not understood,
//            GRID-0007 login refused, RUN-0007 an error of the member.
// Hazard:    the protocol comes from the settings and is never guessed: a 3.5 member can be hung by
//            bytes of CB2 (docs/formats/hazelcast-client.md). Whole messages only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "hzclient/dialect.h"
#include "net/shard.h"
#include "net/source_ports.h"
#include "net/stream.h"
#include "net/tls.h"

namespace ox::hzclient {

inline constexpr std::size_t kMaxCalls = 10'000;
inline constexpr std::size_t kMaxListeners = 1000;
inline constexpr std::size_t kMaxAddresses = 64;

struct Endpoint {
  std::string host;  // name or address
  std::uint16_t port = 5701;
};

struct ClientSettings {
  Protocol protocol = Protocol::kCp2;
  std::vector<Endpoint> endpoints;  // tried in this order
  std::string group = "dev";
  std::optional<std::string> password;  // CP2: only where security is on
  Identity identity;
  std::int32_t partitionCount = 271;    // where the member does not tell
  std::shared_ptr<const net::TlsContext> tls;  // null = in the clear
  net::Source from;
  std::int64_t connectMillis = 3000;    // one TCP connection
  std::int64_t loginMillis = 5000;      // TLS and the answer to the login
  std::int64_t callMillis = 10'000;     // everything else
  std::int64_t heartbeatMillis = 5000;  // a ping after that long without a request
  std::int64_t silenceMillis = 60'000;  // without a byte of the member: given up
};

// What the client needs of its surroundings.
struct ClientHost {
  net::Shard* shard = nullptr;
  Random* random = nullptr;
  // Blocking; called in the background, anew at each connect().
  std::function<Result<std::vector<std::string>>(const std::string& host)> resolve;
  // Runs a blocking task elsewhere; false = not now.
  std::function<bool(std::function<void()>)> background;
};

struct Connected {
  std::string address;       // that answered
  std::string version;       // of the member; empty where it does not say
};
struct MemberAnswer {
  LegacyMember member;
  Result<std::optional<Bytes>> result = Error(Code::kShutdown);
};
struct Registration {
  std::string topic, id;
  std::int64_t call = 0;
};

class Client : public std::enable_shared_from_this<Client> {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using OnMessage = std::function<void(TopicMessage message)>;
  using OnLost = std::function<void(const Error& why)>;

  static std::shared_ptr<Client> make(ClientSettings settings, ClientHost host);
  ~Client();

  // Once at a time. `lost` is called when the connection ends later without close().
  void connect(Done<Connected> done, OnLost lost = {});
  void publish(const std::string& topic, Bytes data, Done<bool> done);
  // Messages of the whole cluster; some may come before `done`.
  void listen(const std::string& topic, OnMessage onMessage, Done<Registration> done);
  void unlisten(const Registration& registration, Done<bool> done);
  void members(Done<std::vector<LegacyMember>> done);
  void submit(const std::string& executor, const LegacyMember& member, Bytes callable,
              Done<std::optional<Bytes>> done);
  // To every member; the answers in the order of the list.
  void submitToEach(const std::string& executor, Bytes callable,
                    Done<std::vector<MemberAnswer>> done);
  void mapGet(const std::string& map, Bytes key, Done<std::optional<Bytes>> done);
  void mapPut(const std::string& map, Bytes key, Bytes value, Done<std::optional<Bytes>> done);
  void mapRemove(const std::string& map, Bytes key, Done<std::optional<Bytes>> done);
  // Calls under way are answered with RUN-0002; what was sent is still written.
  void close();

  bool connected() const { return loggedIn_; }
  Protocol protocol() const { return settings_.protocol; }
  std::uint64_t pingsSent() const { return pings_; }
  std::uint64_t unexpected() const { return unexpected_; }  // messages nobody waited for

 private:
  struct Call {
    Ask ask = Ask::kPing;
    Done<Incoming> done;
    OnMessage onMessage;  // of a listener; stays when the call is answered
    std::uint64_t timer = 0;
    bool answered = false;
    bool acknowledged = false;  // kMembers: the list may still be on the way
    std::optional<std::vector<LegacyMember>> members;  // told by an event
  };
  struct Attempt;
  Client(ClientSettings settings, ClientHost host);
  void resolveNext(std::shared_ptr<Attempt> attempt);
  void dialNext(std::shared_ptr<Attempt> attempt);
  void opened(std::shared_ptr<Attempt> attempt, std::shared_ptr<net::Stream> stream);
  void failedAttempt(std::shared_ptr<Attempt> attempt, Error why);
  void ask(Request request, Done<Incoming> done, OnMessage onMessage = {});
  void value(Request request, Done<std::optional<Bytes>> done);
  void send(Bytes bytes);
  void received(BytesView bytes);
  void take(const Incoming& incoming);
  void answer(std::int64_t call, Result<Incoming> result);
  void broken(Error why);
  void drop(const Error& why);
  void heartbeat();
  std::string at() const;
  std::string notSpoken() const;

  const ClientSettings settings_;
  const ClientHost host_;
  std::unique_ptr<Dialect> dialect_;
  std::shared_ptr<net::Stream> stream_;
  std::shared_ptr<Attempt> attempt_;
  OnLost lost_;
  std::map<std::int64_t, Call> calls_;
  std::int64_t nextCall_ = 0;
  std::int32_t partitionCount_ = 271;
  Bytes buffered_;
  std::size_t scanned_ = 0;
  std::string address_;
  bool loggedIn_ = false, closed_ = false, anyByte_ = false;
  bool wroteSince_ = false, readSince_ = false;
  std::int64_t silentMillis_ = 0;
  std::uint64_t beat_ = 0, pings_ = 0, unexpected_ = 0;
};

}  // namespace ox::hzclient
