#include "wire.h"

#include <optional>

#include "serialization/data.h"
#include "serialization/portable.h"

namespace ox::caching {
namespace {

using serialization::PortableClass;
using serialization::PortableReader;
using serialization::PortableWriter;
using serialization::TypeId;
using services::CacheEvent;
using services::CacheKey;

constexpr PortableClass kMessage{873, 3, 0};
constexpr PortableClass kEvent{873, 4, 0};
constexpr PortableClass kKey{873, 17, 0};
enum Kind : std::int32_t { kNull = 0, kCacheKey = 1, kOther = 2 };

struct OperationName {
  CacheEvent::Operation operation;
  std::string_view id;
};
constexpr OperationName kOperations[] = {
    {CacheEvent::Operation::kInvalidate, "invalidate"},
    {CacheEvent::Operation::kInvalidateGroup, "invalidate_group"},
    {CacheEvent::Operation::kClear, "clear"}};

std::string_view idOf(CacheEvent::Operation operation) {
  for (const auto& known : kOperations)
    if (known.operation == operation) return known.id;
  return kOperations[0].id;
}

Error broken(const std::string& what) { return Error(Code::kInvalid, "cache event: " + what); }

void writeKey(ByteWriter& out, const CacheKey& key) {
  const bool number = key.parts.empty();
  const bool text = key.id == -1 && key.parts.size() == 1;
  PortableWriter w(out, kKey.version, 3);
  w.i32("k", number || text ? kOther : kCacheKey);
  w.i32("c", number || text ? -1 : key.id);
  w.i32("s", number || text ? -1 : static_cast<std::int32_t>(key.parts.size()));
  ByteWriter& raw = w.raw();
  if (number) {
    raw.i32(static_cast<std::int32_t>(TypeId::kInteger));
    raw.i32(key.id);
  } else if (text) {
    raw.i32(static_cast<std::int32_t>(TypeId::kString));
    serialization::writeUtf(raw, key.parts.front());
  } else {
    for (const auto& part : key.parts) serialization::writeUtf(raw, part);
  }
  w.end();
}

void writeEvent(ByteWriter& out, const CacheEvent& event) {
  const bool hasKeys = !event.keys.empty();
  serialization::writePortableObject(out, kEvent, hasKeys ? 5 : 4, [&](PortableWriter& w) {
    w.utf("r", event.region);
    w.utf("g", event.group.empty() ? std::nullopt : std::optional<std::string_view>(event.group));
    w.utf("o", idOf(event.operation));
    w.boolean("hk", hasKeys);
    if (hasKeys)
      w.portableArray("k", kKey, event.keys.size(),
                      [&](std::size_t i, ByteWriter& element) { writeKey(element, event.keys[i]); });
  });
}

Result<std::string> boundedText(ByteReader& in) {
  auto text = serialization::readUtf(in);
  if (!in.ok()) return broken("a text is cut off");
  if (text && text->size() > kMaxTextBytes) return broken("a text is too long");
  return text ? std::move(*text) : std::string();
}

// Nothing for a null key and for objects of types that no region of ours uses.
Result<std::optional<CacheKey>> readKey(const PortableReader& reader) {
  const auto kind = reader.i32("k");
  const auto id = reader.i32("c");
  const auto count = reader.i32("s");
  if (!kind || !id || !count) return broken("a key lacks a field");
  CacheKey key;
  if (*kind == kNull) return std::optional<CacheKey>();
  if (*kind == kCacheKey) {
    key.id = *id;
    if (*count > static_cast<std::int32_t>(kMaxParts)) return broken("a key has too many parts");
    if (*count <= 0) return std::optional<CacheKey>(std::move(key));
    ByteReader raw = reader.raw();
    for (std::int32_t i = 0; i < *count; ++i) {
      auto part = boundedText(raw);
      if (!part) return part.error();
      key.parts.push_back(std::move(*part));
    }
    return std::optional<CacheKey>(std::move(key));
  }
  if (*kind != kOther) return broken("a key of unknown kind");
  ByteReader raw = reader.raw();
  const std::int32_t type = raw.i32();
  if (!raw.ok()) return broken("a key is cut off");
  if (type == static_cast<std::int32_t>(TypeId::kInteger)) {
    key.id = raw.i32();
    if (!raw.ok()) return broken("a key is cut off");
    return std::optional<CacheKey>(std::move(key));
  }
  if (type == static_cast<std::int32_t>(TypeId::kString)) {
    auto text = boundedText(raw);
    if (!text) return text.error();
    key.parts.push_back(std::move(*text));
    return std::optional<CacheKey>(std::move(key));
  }
  return std::optional<CacheKey>();
}

Result<CacheEvent> readEvent(const PortableReader& reader) {
  if (reader.type().factoryId != kEvent.factoryId || reader.type().classId != kEvent.classId)
    return broken("an object of another class");
  const auto region = reader.utf("r");
  const auto group = reader.utf("g");
  const auto operation = reader.utf("o");
  const auto hasKeys = reader.boolean("hk");
  if (!region || !group || !operation || !hasKeys) return broken("a field is missing");
  CacheEvent event;
  event.region = region->value_or(std::string());
  event.group = group->value_or(std::string());
  if (event.region.empty() || event.region.size() > kMaxTextBytes ||
      event.group.size() > kMaxTextBytes)
    return broken("region or group is empty or too long");
  bool known = false;
  for (const auto& candidate : kOperations)
    if (*operation && **operation == candidate.id) {
      event.operation = candidate.operation;
      known = true;
    }
  if (!known) return broken("unknown operation");
  if (!*hasKeys) return event;
  const auto keys = reader.portableArray("k");
  if (!keys) return broken("the keys cannot be read");
  if (keys->size() > kMaxKeys) return broken("too many keys");
  for (const auto& element : *keys) {
    auto key = readKey(element);
    if (!key) return key.error();
    if (*key) event.keys.push_back(std::move(**key));
  }
  return event;
}

}  // namespace

Bytes encodeMessage(const Message& message) {
  return serialization::portableToData(kMessage, 0, [&](PortableWriter& w) {
    ByteWriter& raw = w.raw();
    serialization::writeUtf(raw, message.senderId);
    raw.boolean(!message.events.empty());
    raw.i32(static_cast<std::int32_t>(message.events.size()));
    for (const auto& event : message.events) writeEvent(raw, event);
  });
}

Result<Message> decodeMessage(BytesView data) {
  const auto reader = PortableReader::open(data);
  if (!reader) return reader.error();
  if (reader->type().factoryId != kMessage.factoryId || reader->type().classId != kMessage.classId)
    return broken("a message of another class");
  ByteReader raw = reader->raw();
  Message out;
  auto sender = boundedText(raw);
  if (!sender) return sender.error();
  out.senderId = std::move(*sender);
  const bool hasPayload = raw.boolean();
  if (!raw.ok()) return broken("the message is cut off");
  if (!hasPayload) return out;
  const std::int32_t count = raw.i32();
  if (!raw.ok() || count < 0 || count > static_cast<std::int32_t>(kMaxEvents))
    return broken("impossible number of events");
  for (std::int32_t i = 0; i < count; ++i) {
    const auto object = reader->object(raw);
    if (!object) return object.error();
    auto event = readEvent(*object);
    if (!event) return event.error();
    out.events.push_back(std::move(*event));
  }
  return out;
}

}  // namespace ox::caching
