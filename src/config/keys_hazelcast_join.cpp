#include "config/keys_hazelcast_join.h"

#include "config/value.h"

namespace ox::config::keys {
namespace {

std::function<std::string(const std::string&)> blankOr(std::int64_t least, std::int64_t most) {
  return [least, most](const std::string& text) -> std::string {
    if (text.empty()) return {};
    const auto number = parseInt(text);
    return number && *number >= least && *number <= most ? "" : "is no number in range";
  };
}

std::string blankOrBool(const std::string& text) {
  return text.empty() || parseBool(text) ? "" : "is neither true nor false";
}

}  // namespace

const Key<std::int64_t> kMulticastTimeToLive(
    {.name = "com.openexchange.hazelcast.network.join.multicast.timeToLive",
     .file = "hazelcast.properties", .defaultText = "32", .min = 0, .max = 255, .ours = true,
     .help = "How many routers a multicast announcement may pass with join=multicast; 0 keeps it on "
     "this machine."});

const Key<bool> kMulticastLoopback(
    {.name = "com.openexchange.hazelcast.network.join.multicast.loopback",
     .file = "hazelcast.properties", .defaultText = "true", .ours = true,
     .help = "Whether nodes on the same machine hear each other's announcements with "
     "join=multicast."});

const Key<std::string> kK8sServiceName(
    {.name = "com.openexchange.hazelcast.network.join.k8s.serviceName",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true,
     .help = "With join=kubernetes: the headless service (clusterIP: None, with "
     "publishNotReadyAddresses: true) that selects all nodes. Its DNS name leads to the addresses "
     "of their pods. A name with a dot is taken as the whole DNS name; one that begins with an "
     "underscore is asked for SRV records."});

const Key<std::string> kK8sNamespace(
    {.name = "com.openexchange.hazelcast.network.join.k8s.namespace",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true, .ours = true,
     .help = "Namespace of that service; empty means the one of the pod."});

const Key<std::string> kPassMergeFirst(
    {.name = "hazelcast.merge.first.run.delay.seconds", .file = "hazelcast.properties",
     .type = "int", .defaultText = "", .allowed = "blank|1..86400", .ours = true,
     .help = "The same as merge.firstRunDelay, by the name that the original's library knows it by; "
     "wins when set.",
     .check = blankOr(1, 86400)});

const Key<std::string> kPassMergeNext(
    {.name = "hazelcast.merge.next.run.delay.seconds", .file = "hazelcast.properties",
     .type = "int", .defaultText = "", .allowed = "blank|1..86400", .ours = true,
     .help = "The same as merge.runDelay; wins when set.",
     .check = blankOr(1, 86400)});

const Key<std::string> kPassCallTimeout(
    {.name = "hazelcast.operation.call.timeout.millis", .file = "hazelcast.properties",
     .type = "int", .defaultText = "", .allowed = "blank|100..3600000", .ours = true,
     .help = "The same as maxOperationTimeout; wins when set.",
     .check = blankOr(100, 3600000)});

const Key<std::string> kPassConnectTimeout(
    {.name = "hazelcast.socket.connect.timeout.seconds", .file = "hazelcast.properties",
     .type = "int", .defaultText = "", .allowed = "blank|1..3600", .ours = true,
     .help = "The same as join.static.connectionTimeout; wins when set.",
     .check = blankOr(1, 3600)});

const Key<std::string> kPassBindAny(
    {.name = "hazelcast.socket.bind.any", .file = "hazelcast.properties", .type = "bool",
     .defaultText = "", .allowed = "blank|true|false", .ours = true,
     .help = "The same as socket.bindAny; wins when set.",
     .check = blankOrBool});

}  // namespace ox::config::keys
