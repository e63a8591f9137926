// Keys: hazelcast.properties, what came later than the rest: details of joining, and properties of
// the original's library that are known here.
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::int64_t> kMulticastTimeToLive;
//   com.openexchange.hazelcast.network.join.multicast.timeToLive
extern const Key<bool> kMulticastLoopback;
//   com.openexchange.hazelcast.network.join.multicast.loopback
extern const Key<std::string> kK8sServiceName;
//   com.openexchange.hazelcast.network.join.k8s.serviceName
extern const Key<std::string> kK8sNamespace;
//   com.openexchange.hazelcast.network.join.k8s.namespace

// Blank = not set: the key of the product counts.
extern const Key<std::string> kPassMergeFirst;     // hazelcast.merge.first.run.delay.seconds
extern const Key<std::string> kPassMergeNext;      // hazelcast.merge.next.run.delay.seconds
extern const Key<std::string> kPassCallTimeout;    // hazelcast.operation.call.timeout.millis
extern const Key<std::string> kPassConnectTimeout; // hazelcast.socket.connect.timeout.seconds
extern const Key<std::string> kPassBindAny;        // hazelcast.socket.bind.any

}  // namespace ox::config::keys
