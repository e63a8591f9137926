// EventTransport: how the messages of cache events reach the other nodes: the grid's topics, or the lateral
// TCP connection.
//
// Contract:  per source and topic the numbers rise by one; what is lost shows as a gap. Own messages come
//            back as local ones, with their number.
// Threads:   publish() and announce() from any thread. The sink is called by threads of the transport, one
//            message of a source after the other; it must not block. After stop() it is not called.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "event_receiver.h"

namespace ox::caching {

struct EventSink {
  std::function<void(const std::string& source, int topic, std::uint64_t number, const Bytes& payload,
                     bool local)>
      message;
  std::function<void(const std::string& source, const Bytes& payload)> announcement;
  std::function<void(std::vector<EventSource> others)> members;
};

class EventTransport {
 public:
  virtual ~EventTransport() = default;
  virtual void start(EventSink sink) = 0;
  virtual Status publish(int topic, Bytes payload) = 0;
  virtual Status announce(Bytes payload) = 0;
  virtual void stop() = 0;
  virtual bool lateral() const = 0;
};

}  // namespace ox::caching
