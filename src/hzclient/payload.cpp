#include "hzclient/payload.h"

#include "hzclient/cb1.h"
#include "hzclient/utf16.h"
#include "serialization/murmur.h"
#include "serialization/partition.h"

namespace ox::hzclient {
namespace {
constexpr std::int32_t kBoolean = -4, kString = -11, kByteArray = -12;

bool cb1Of(Protocol p) { return p == Protocol::kCb1A || p == Protocol::kCb1B; }

Bytes made(Protocol protocol, std::int32_t type, Bytes payload) {
  if (cb1Of(protocol)) {
    cb1::Data data;
    data.type = type;
    data.payload = std::move(payload);
    if (protocol == Protocol::kCb1A) data.hash = cb1::fnvHash(data.payload);
    return cb1::writeData(protocol, data);
  }
  ByteWriter out;
  out.i32(0);
  out.i32(type);
  out.raw(payload);
  return out.take();
}

Result<cb1::Data> taken(Protocol protocol, BytesView data) {
  ByteReader in(data);
  if (cb1Of(protocol)) return cb1::readData(protocol, in);
  cb1::Data out;
  in.i32();
  out.type = in.i32();
  out.payload = Bytes(in.raw(in.remaining()));
  if (!in.ok()) return badMessage("a cut object");
  return out;
}

Error other(std::int32_t type, const char* wanted) {
  return badMessage("an object of type " + std::to_string(type) + ", wanted is " + wanted);
}
}  // namespace

Bytes textData(Protocol protocol, const std::string& text) {
  ByteWriter out;
  if (cb1Of(protocol)) {
    cb1::writeText(protocol, out, text);
  } else if (protocol == Protocol::kCb2) {
    const auto units = utf16(text);
    Bytes bytes;
    appendUnits(bytes, units, false);
    out.u32(static_cast<std::uint32_t>(units.size()));
    out.raw(bytes);
  } else {
    out.blob(text);
  }
  return made(protocol, kString, out.take());
}

Bytes bytesData(Protocol protocol, BytesView bytes) {
  ByteWriter out;
  if (protocol == Protocol::kCb1A) out.raw(bytes);
  else out.blob(bytes);
  return made(protocol, kByteArray, out.take());
}

Result<std::string> textOf(Protocol protocol, BytesView data) {
  const auto object = taken(protocol, data);
  if (!object) return object.error();
  if (object->type != kString) return other(object->type, "a text");
  ByteReader in(object->payload);
  if (cb1Of(protocol)) {
    auto text = cb1::readText(protocol, in);
    if (!text || !in.atEnd()) return badMessage("a cut text");
    return std::move(*text);
  }
  if (protocol == Protocol::kCp2) {
    std::string text(in.blob());
    if (!in.ok() || !in.atEnd()) return badMessage("a cut text");
    return text;
  }
  const std::uint32_t count = in.u32();
  BytesView rest = in.raw(in.remaining());
  const auto units = takeUnits(rest, count);
  if (!units || !rest.empty()) return badMessage("a cut text");
  return utf8(*units);
}

Result<bool> flagOf(Protocol protocol, BytesView data) {
  const auto object = taken(protocol, data);
  if (!object) return object.error();
  if (object->type != kBoolean || object->payload.size() != 1)
    return other(object->type, "a Boolean");
  return object->payload[0] != 0;
}

int partitionOfKey(Protocol protocol, BytesView data, int partitionCount) {
  if (!cb1Of(protocol)) return serialization::partitionOf(data, partitionCount);
  const auto object = taken(protocol, data);
  if (!object) return -1;
  const std::int32_t hash = protocol == Protocol::kCb1A ? cb1::fnvHash(object->payload)
                                                        : serialization::murmur3(object->payload);
  return serialization::partitionOfHash(hash, partitionCount);
}

int partitionOfName(Protocol protocol, const std::string& name, int partitionCount) {
  const auto at = name.find('@');
  return partitionOfKey(protocol,
                        textData(protocol, at == std::string::npos ? name : name.substr(at + 1)),
                        partitionCount);
}

}  // namespace ox::hzclient
