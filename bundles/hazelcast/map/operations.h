// What each map operation does to the record of its key. Pure: time and clock come in.
//
// Threads: one (its shard's). The record given is the living one of the key (expired ones have
//          been removed by the caller) or null.
#pragma once

#include "map/map_config.h"
#include "map/record_store.h"
#include "services/grid.h"

namespace ox::grid {

struct OperationInput {
  services::MapOp op = services::MapOp::kGet;
  BytesView key;
  BytesView value;
  BytesView expected;
  std::int64_t ttlMillis = -1;
  std::int64_t maxIdleMillis = -1;
};

enum class Effect : std::uint8_t { kNone, kStored, kRemoved, kCleared, kContainer = 16 };

struct Outcome {
  services::MapReply reply;
  Effect effect = Effect::kNone;
  Record* record = nullptr;  // when kStored
  Stamp removed;             // when kRemoved: newer than the record was
};

bool isWrite(services::MapOp op);
Outcome applyOperation(const OperationInput& in, RecordStore& store, Record* record,
                       const MapConfig& config, std::int64_t now, HybridClock& clock);

}  // namespace ox::grid
