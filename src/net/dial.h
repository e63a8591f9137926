// Dialling one TCP connection; used by Stream::connect, which says what the answers mean.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "net/shard.h"
#include "net/source_ports.h"
#include "net/stream.h"

namespace ox::net {

void dialTcp(Shard& shard, const std::string& host, std::uint16_t port, const Source& from,
             std::int64_t timeoutMillis, std::function<void(Result<Detached>)> done);

}  // namespace ox::net
