// LateralTransport: cache events over TCP connections of our own between the nodes, without the grid.
//
// Purpose:   what `com.openexchange.caching.jcs.eventInvalidation=false` asks for: the nodes of TcpServers
//            (and those that UDP discovery finds) are dialled, others are accepted on TcpListenerPort; each
//            event goes once to each process that is connected, whoever dialled.
// Threads:   everything on a shard of its own; names are resolved on a thread of its own; publish() and
//            announce() from any. Listens only where configured, see bindAddress().
// Trust:     neither encrypted nor authenticated, as in the original: connections are taken from the
//            addresses of TcpServers only (with discovery from everybody). All that a stranger can do is
//            make caches forget.
// Bounds:    kMaxLinks connections; kMaxInFlight events on their way to the shard; frames as lateral_frames.h
//            says; what a link does not take (kMaxLinkBytes) closes it.
// Losses:    who is not connected misses events and sees it by the numbers (EventReceiver).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "region_settings.h"
#include "services/grid.h"
#include "transport.h"

namespace ox::caching {

inline constexpr std::size_t kMaxLinks = 256;
inline constexpr std::uint64_t kMaxInFlight = 10'000;
inline constexpr std::size_t kMaxLinkBytes = 16u << 20;
inline constexpr std::int64_t kDialEveryMillis = 1'000;

// TcpListenerHost where it is set; else this machine only, unless a server elsewhere is named or discovery
// is on: then all addresses.
std::string bindAddress(const LateralSettings& settings);

class LateralTransport final : public EventTransport {
 public:
  // `announcements`: the grid's topic, if there is a grid: nodes with the other setting are warned there.
  static Result<std::shared_ptr<LateralTransport>> open(
      const LateralSettings& settings, std::uint64_t process,
      std::shared_ptr<services::GridTopic> announcements);
  ~LateralTransport() override;

  void start(EventSink sink) override;
  Status publish(int topic, Bytes payload) override;
  Status announce(Bytes payload) override;
  void stop() override;
  bool lateral() const override { return true; }

  std::uint16_t port() const;          // where it listens, 0 = nowhere
  std::size_t connected() const;       // processes
  // One more address to dial, as discovery does.
  void found(const std::string& host, std::uint16_t port);

 private:
  struct Impl;
  explicit LateralTransport(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ox::caching
