#include "lateral_transport.h"

#include <algorithm>
#include <charconv>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "lateral_frames.h"
#include "net/acceptor.h"
#include "net/interfaces.h"
#include "net/multicast.h"
#include "net/shard.h"
#include "net/stream.h"
#include "ticker.h"

namespace ox::caching {
namespace {

using Kind = LateralFrame::Kind;

constexpr std::int64_t kDialMillis = 3'000;
constexpr std::size_t kMaxTargets = 1'000;
constexpr std::int64_t kLastWordsMillis = 1'000;

struct Target {
  std::string host;
  std::uint16_t port = 0;
  auto operator<=>(const Target&) const = default;
  std::string text() const { return host + ":" + std::to_string(port); }
};

Target targetOf(const std::string& text) {
  const auto colon = text.rfind(':');
  Target out{text.substr(0, colon), 0};
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), out.port);
  return out;
}

std::string hostOf(const std::string& remote) { return remote.substr(0, remote.rfind(':')); }

std::string sourceName(std::uint64_t process) { return "lateral-" + std::to_string(process); }

}  // namespace

std::string bindAddress(const LateralSettings& settings) {
  if (!settings.listenerHost.empty())
    return settings.listenerHost == "*" ? "0.0.0.0" : settings.listenerHost;
  if (settings.discovery) return "0.0.0.0";
  for (const auto& server : settings.servers) {
    const std::string host = targetOf(server).host;
    if (host != "localhost" && !net::isLoopback(host)) return "0.0.0.0";
  }
  return "127.0.0.1";
}

// What is posted to the shard holds a plain pointer: stop() ends the shard before anything else goes.
struct LateralTransport::Impl : std::enable_shared_from_this<Impl> {
  struct Link {
    std::shared_ptr<net::Stream> stream;
    std::uint64_t process = 0;  // 0 = has not said hello
    std::string address;        // of its listener, as far as known
    Target target;              // what was dialled; empty = accepted
  };

  LateralSettings settings;
  std::uint64_t process = 0;
  std::shared_ptr<services::GridTopic> topic;
  std::unique_ptr<services::Subscription> heardOnGrid;
  EventSink sink;
  std::atomic<std::uint64_t> inFlight{0};
  std::atomic<std::size_t> peers{0};
  std::atomic<bool> stopped{false};
  std::mutex numbering;  // a number and its place in the queue belong together
  std::uint64_t number = 0;

  // On the shard.
  std::list<Link> links;
  std::set<Target> dialling;
  std::set<Target> ourselves;

  std::mutex targetsMutex;
  std::set<Target> targets;
  std::set<Target> failing;             // said once
  std::set<std::string> allowed;        // numeric addresses that may connect

  net::Shard shard{0, "cache-lateral"};
  std::unique_ptr<net::Acceptor> acceptor;
  std::unique_ptr<net::Multicast> multicast;
  std::unique_ptr<Ticker> dialler;

  void add(std::shared_ptr<net::Stream> stream, const Target& target);
  void accepted(net::Detached connection, const std::string& remote);
  void received(std::list<Link>::iterator link, BytesView bytes);
  void remove(std::list<Link>::iterator link, const std::string& why);
  void broadcast(const Bytes& frame);
  void tellMembers();
  void dialAll();
  void dial(const Target& target, const std::string& address);
  void discover();
  bool linked(const Target& target) const {
    return std::any_of(links.begin(), links.end(),
                       [&](const Link& link) { return link.target == target; });
  }
};

void LateralTransport::Impl::add(std::shared_ptr<net::Stream> stream, const Target& target) {
  if (stopped || links.size() >= kMaxLinks) return stream->close();
  links.push_back({stream, 0, hostOf(stream->remote()), target});
  const auto link = std::prev(links.end());
  LateralFrame hello;
  hello.process = process;
  hello.port = acceptor ? acceptor->port() : 0;
  stream->setFrameLimit(kMaxHello);
  stream->send(hello.encode());
  stream->start([this, link](BytesView bytes) { received(link, bytes); },
                [this, link](net::CloseReason, const std::string& text) { remove(link, text); });
}

void LateralTransport::Impl::accepted(net::Detached connection, const std::string& remote) {
  {
    std::lock_guard lock(targetsMutex);
    if (!settings.discovery && !allowed.contains(hostOf(remote))) {
      log::warn("a lateral cache connection from " + remote + " is refused: its address is not in "
                "jcs.auxiliary.LTCP.attributes.TcpServers");
      return;
    }
  }
  net::Stream::Limits limits;
  limits.frameBytes = kMaxLateralFrame;
  limits.queuedBytes = kMaxLinkBytes;
  add(net::Stream::adopt(shard, std::move(connection), limits), {});
}

void LateralTransport::Impl::received(std::list<Link>::iterator link, BytesView bytes) {
  auto frame = LateralFrame::decode(bytes);
  const bool hello = frame.ok() && frame->kind == Kind::kHello;
  if (!frame.ok() || hello != (link->process == 0) || (hello && frame->process == 0)) {
    log::warn("the lateral cache connection with " + link->stream->remote() + " is closed: " +
              (frame.ok() ? std::string("a hello at the wrong time") : frame.error().message));
    link->stream->close();
    return remove(link, "");
  }
  if (hello) {
    if (frame->process == process) {  // TcpServers may name all nodes, this one included
      if (link->target.port != 0) ourselves.insert(link->target);
      link->stream->close();
      return remove(link, "");
    }
    link->process = frame->process;
    link->address += ":" + std::to_string(frame->port);
    link->stream->setFrameLimit(kMaxLateralFrame);
    log::info("lateral cache connection with " + link->address);
    return tellMembers();
  }
  if (!settings.receive || stopped) return;
  const std::string source = sourceName(link->process);
  if (frame->kind == Kind::kEvent) sink.message(source, 0, frame->number, frame->payload, false);
  else sink.announcement(source, frame->payload);
}

void LateralTransport::Impl::remove(std::list<Link>::iterator link, const std::string& why) {
  const bool known = link->process != 0;
  if (known && !stopped) log::info("the lateral cache connection with " + link->address + " ended: " + why);
  links.erase(link);
  if (known) tellMembers();
}

// The other processes that are connected.
void LateralTransport::Impl::tellMembers() {
  std::map<std::uint64_t, std::string> known;
  for (const Link& link : links)
    if (link.process != 0) known.emplace(link.process, link.address);
  peers = known.size();
  if (!settings.receive || stopped) return;
  std::vector<EventSource> others;
  for (const auto& [id, address] : known) others.push_back({sourceName(id), address});
  sink.members(std::move(others));
}

void LateralTransport::Impl::broadcast(const Bytes& frame) {
  std::set<std::uint64_t> told;
  // A send that finds its link overflowing closes it and removes it from the list.
  std::vector<std::shared_ptr<net::Stream>> streams;
  for (const Link& link : links)
    if (link.process != 0 && link.stream->open() && told.insert(link.process).second)
      streams.push_back(link.stream);
  for (const auto& stream : streams) stream->send(frame);
}

void LateralTransport::Impl::dial(const Target& target, const std::string& address) {
  if (stopped || linked(target) || ourselves.contains(target) || !dialling.insert(target).second)
    return;
  net::Stream::Limits limits;
  limits.frameBytes = kMaxLateralFrame;
  limits.queuedBytes = kMaxLinkBytes;
  net::Stream::connect(
      shard, address, target.port, {}, kDialMillis, limits,
      [weak = weak_from_this(), target](Result<std::shared_ptr<net::Stream>> made) {
        const auto self = weak.lock();
        if (!self) return;
        self->dialling.erase(target);
        {
          std::lock_guard lock(self->targetsMutex);
          if (made.ok()) self->failing.erase(target);
          else if (!self->stopped && self->failing.insert(target).second)
            log::warn("the lateral cache connection to " + target.text() +
                      " cannot be made, it is tried again each second: " + made.error().message);
        }
        if (!made.ok()) return;
        (*made)->sendRaw(kLateralMagic);
        self->add(*made, target);
      });
}

// On the dialler's thread: names are resolved each time, so that a node may move.
void LateralTransport::Impl::dialAll() {
  std::set<Target> all;
  {
    std::lock_guard lock(targetsMutex);
    all = targets;
  }
  for (const Target& target : all) {
    const auto addresses = net::resolve(target.host, false);
    if (!addresses.ok() || addresses->empty()) {
      std::lock_guard lock(targetsMutex);
      if (failing.insert(target).second)
        log::warn("the node " + target.text() + " of TcpServers cannot be resolved, it is tried again "
                  "each second");
      continue;
    }
    {
      std::lock_guard lock(targetsMutex);
      allowed.insert(addresses->begin(), addresses->end());
    }
    shard.post([this, target, address = addresses->front()] { dial(target, address); });
  }
  if (settings.discovery) shard.post([this] { discover(); });
}

void LateralTransport::Impl::discover() {
  if (!multicast || !acceptor) return;
  DiscoveryPacket packet;
  packet.process = process;
  packet.port = acceptor->port();
  for (auto& address : net::localAddresses())
    if (packet.addresses.size() < kMaxDiscoveryAddresses && !net::isLoopback(address))
      packet.addresses.push_back(address);
  if (!packet.addresses.empty()) static_cast<void>(multicast->send(packet.encode()));
}

LateralTransport::LateralTransport(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
LateralTransport::~LateralTransport() { stop(); }

Result<std::shared_ptr<LateralTransport>> LateralTransport::open(
    const LateralSettings& settings, std::uint64_t process,
    std::shared_ptr<services::GridTopic> announcements) {
  auto impl = std::make_shared<Impl>();
  impl->settings = settings;
  impl->process = std::max<std::uint64_t>(process, 1);
  impl->topic = std::move(announcements);
  for (const auto& server : settings.servers) impl->targets.insert(targetOf(server));
  const std::string host = bindAddress(settings);
  if (settings.receive) {
    net::Acceptor::Protocol protocol;
    protocol.magic = kLateralMagic;
    protocol.accepted = [weak = std::weak_ptr(impl)](net::Detached connection,
                                                     const std::string& remote) {
      if (const auto self = weak.lock()) self->accepted(std::move(connection), remote);
    };
    auto made = net::Acceptor::open(impl->shard, host, settings.listenerPort, 1, {protocol});
    if (!made) return made.error();
    impl->acceptor = std::move(*made);
    if (!net::isLoopback(host))
      log::warn("the lateral cache connection listens on " + host + ":" +
                std::to_string(impl->acceptor->port()) +
                " and is neither encrypted nor authenticated; "
                "com.openexchange.caching.jcs.eventInvalidation=true goes over the grid");
  }
  if (settings.discovery) {
    net::Multicast::Options options;
    options.group = settings.discoveryAddress;
    options.port = settings.discoveryPort;
    for (auto& address : net::localAddresses())
      if (options.interfaces.size() < net::Multicast::kMaxInterfaces &&
          address.find(':') == std::string::npos && !net::isLoopback(address))
        options.interfaces.push_back(address);
    Status opened;
    impl->shard.runAndWait([&] {
      auto socket = net::Multicast::open(
          impl->shard, options, [self = impl.get()](BytesView bytes) {
            const auto packet = DiscoveryPacket::decode(bytes);
            if (!packet.ok() || packet->process == self->process) return;
            std::lock_guard lock(self->targetsMutex);
            for (const auto& address : packet->addresses)
              if (self->targets.size() < kMaxTargets) self->targets.insert({address, packet->port});
          });
      if (socket) impl->multicast = std::move(*socket);
      else opened = socket.error();
    });
    if (!opened) {
      impl->acceptor.reset();
      return opened.error();
    }
  }
  return std::shared_ptr<LateralTransport>(new LateralTransport(std::move(impl)));
}

void LateralTransport::start(EventSink sink) {
  impl_->sink = std::move(sink);
  if (impl_->topic)
    impl_->heardOnGrid =
        impl_->topic->subscribe([impl = impl_.get()](const services::TopicMessage& m) {
          const auto said = Announcement::decode(m.payload);
          if (!m.local && said.ok() && !said->lateral) impl->sink.announcement(m.source, m.payload);
        });
  impl_->dialAll();
  impl_->dialler = std::make_unique<Ticker>("cache-dial", kDialEveryMillis,
                                            [impl = impl_.get()] { impl->dialAll(); });
}

Status LateralTransport::publish(int, Bytes payload) {
  if (payload.size() + 16 > kMaxLateralFrame)
    return Error(Code::kNetTooLarge, "a cache event is larger than the lateral connection takes");
  if (impl_->inFlight >= kMaxInFlight)
    return Error(Code::kBusy, "too many cache events wait for the lateral connection");
  ++impl_->inFlight;
  LateralFrame frame;
  frame.kind = Kind::kEvent;
  {
    std::lock_guard lock(impl_->numbering);
    frame.number = ++impl_->number;
    frame.payload = std::move(payload);
    impl_->shard.post([impl = impl_.get(), bytes = frame.encode()] {
      --impl->inFlight;
      impl->broadcast(bytes);
    });
  }
  impl_->sink.message(sourceName(impl_->process), 0, frame.number, frame.payload, true);
  return {};
}

Status LateralTransport::announce(Bytes payload) {
  if (impl_->topic) static_cast<void>(impl_->topic->publish(payload));
  LateralFrame frame;
  frame.kind = Kind::kAnnouncement;
  frame.payload = std::move(payload);
  impl_->shard.post([impl = impl_.get(), bytes = frame.encode()] { impl->broadcast(bytes); });
  return {};
}

void LateralTransport::stop() {
  if (impl_->stopped.exchange(true)) return;
  impl_->dialler.reset();
  impl_->heardOnGrid.reset();
  impl_->acceptor.reset();
  // What was announced last still goes out.
  std::vector<std::shared_ptr<net::Stream>> ending;
  impl_->shard.runAndWait([&, impl = impl_.get()] {
    impl->multicast.reset();
    for (auto& link : impl->links) ending.push_back(link.stream);
    for (auto& stream : ending) stream->closeWhenWritten();
    impl->links.clear();
    impl->peers = 0;
  });
  const std::int64_t until = systemClock().steadyMillis() + kLastWordsMillis;
  for (bool open = true; open && systemClock().steadyMillis() < until;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    impl_->shard.runAndWait([&] {
      open = std::any_of(ending.begin(), ending.end(), [](const auto& s) { return s->open(); });
    });
  }
  impl_->shard.runAndWait([&] {
    for (auto& stream : ending) stream->close();
    ending.clear();
  });
  impl_->shard.stop();
}

std::uint16_t LateralTransport::port() const {
  return impl_->acceptor ? impl_->acceptor->port() : std::uint16_t{0};
}
std::size_t LateralTransport::connected() const { return impl_->peers; }

void LateralTransport::found(const std::string& host, std::uint16_t port) {
  std::lock_guard lock(impl_->targetsMutex);
  if (impl_->targets.size() < kMaxTargets) impl_->targets.insert({host, port});
}

}  // namespace ox::caching
