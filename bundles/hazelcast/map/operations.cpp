#include "map/operations.h"

namespace ox::grid {
namespace {
using services::MapOp;

// Longest life that is kept exactly; longer ones (overflow) mean for ever.
constexpr std::int64_t kMaxLifeMillis = 1000ll * 365 * 24 * 3600 * 1000;

std::int64_t life(std::int64_t wanted, std::int64_t defaultSeconds) {
  if (wanted < 0) {
    if (defaultSeconds <= 0 || defaultSeconds > kMaxLifeMillis / 1000) return 0;
    return defaultSeconds * 1000;
  }
  return wanted > kMaxLifeMillis ? 0 : wanted;
}

Record* store(const OperationInput& in, RecordStore& records, const Record* former,
              const MapConfig& config, std::int64_t now, HybridClock& clock) {
  RecordMeta meta;
  if (former != nullptr) clock.merge(former->version);
  meta.version = clock.next(now);
  meta.creation = former != nullptr ? former->creation : now;
  meta.hits = former != nullptr ? former->hits : 0;
  meta.lastAccess = now;
  meta.ttl = life(in.ttlMillis, config.timeToLiveSeconds);
  meta.maxIdle = life(in.maxIdleMillis, config.maxIdleSeconds);
  meta.expiry = meta.ttl == 0 ? 0 : now + meta.ttl;
  return records.put(in.key, in.value, meta);
}
}  // namespace

bool isWrite(MapOp op) {
  return op != MapOp::kGet && op != MapOp::kContainsKey && op != MapOp::kTouch;
}

Outcome applyOperation(const OperationInput& in, RecordStore& records, Record* record,
                       const MapConfig& config, std::int64_t now, HybridClock& clock) {
  Outcome out;
  bool write = false;
  bool remove = false;
  switch (in.op) {
    case MapOp::kGet:
    case MapOp::kContainsKey:
      if (record == nullptr) return out;
      records.touch(record, now);
      ++record->hits;
      out.reply.applied = true;
      if (in.op == MapOp::kGet) out.reply.value = Bytes(record->value());
      return out;
    case MapOp::kTouch:
      if (record == nullptr) return out;
      records.touch(record, now);
      out.reply.applied = true;
      return out;
    case MapOp::kSet:
      write = true;
      break;
    case MapOp::kPut:
      if (record != nullptr) out.reply.value = Bytes(record->value());
      write = true;
      break;
    case MapOp::kPutIfAbsent:
      if (record != nullptr) {
        records.touch(record, now);
        ++record->hits;
        out.reply.value = Bytes(record->value());
        return out;
      }
      write = true;
      break;
    case MapOp::kReplace:
      if (record == nullptr) return out;
      out.reply.value = Bytes(record->value());
      write = true;
      break;
    case MapOp::kReplaceIfSame:
      if (record == nullptr || !sameData(record->value(), in.expected)) return out;
      write = true;
      break;
    case MapOp::kRemove:
      if (record == nullptr) return out;
      out.reply.value = Bytes(record->value());
      remove = true;
      break;
    case MapOp::kRemoveIfSame:
      if (record == nullptr || !sameData(record->value(), in.expected)) return out;
      remove = true;
      break;
  }
  out.reply.applied = true;
  if (write) {
    out.record = store(in, records, record, config, now, clock);
    out.effect = Effect::kStored;
  } else if (remove) {
    clock.merge(record->version);
    out.removed = clock.next(now);
    records.erase(record);
    out.effect = Effect::kRemoved;
  }
  return out;
}

}  // namespace ox::grid
