// Values as each line serializes them: what is published, stored, or handed to an executor.
//
// Threads:   plain functions. Errors: NET-0004 when bytes hold something else or are cut off.
// Forms:     CB1 of 3.2: the object with its hash; CB1 of 3.5: type, hash mark, payload; later ones:
//            hash (0), type, payload. Texts count UTF-16 units up to 3.12, bytes from 4.0 on.
// Source:    docs/formats/hazelcast-client.md.
#pragma once

#include <string>

#include "hzclient/wire.h"

namespace ox::hzclient {

Bytes textData(Protocol protocol, const std::string& utf8);
Bytes bytesData(Protocol protocol, BytesView bytes);  // byte[]
Result<std::string> textOf(Protocol protocol, BytesView data);
// Of a Boolean, as executors answer.
Result<bool> flagOf(Protocol protocol, BytesView data);

// Partition of a key, or of an object by its name, as that line computes it.
int partitionOfKey(Protocol protocol, BytesView data, int partitionCount);
int partitionOfName(Protocol protocol, const std::string& name, int partitionCount);

}  // namespace ox::hzclient
