// Portable records and Data blobs from outside: any bytes give a value or an Error.
#include <cstddef>
#include <cstdint>

#include "serialization/data.h"
#include "serialization/partition.h"
#include "serialization/portable.h"

using namespace ox;
using namespace ox::serialization;

namespace {
// Elements of an array may all point at one record, so the walk has a budget of its own.
void walk(const PortableReader& record, int& budget) {
  if (--budget < 0) return;
  for (const auto& name : record.fieldNames()) {
    (void)record.utf(name).ok();
    (void)record.i32(name).ok();
    (void)record.i64(name).ok();
    (void)record.boolean(name).ok();
    (void)record.i32Array(name).ok();
    (void)record.utfArray(name).ok();
    if (auto inner = record.portableArray(name); inner && inner->size() < 16)
      for (const auto& element : *inner) walk(element, budget);
  }
  ByteReader raw = record.raw();
  for (int i = 0; i < 4 && raw.ok(); ++i) {
    auto object = record.object(raw);
    if (!object) break;
    walk(*object, budget);
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const BytesView data(reinterpret_cast<const char*>(bytes), size);
  (void)partitionOf(data, 271);
  (void)stringFrom(data).ok();
  (void)bytesFrom(data).ok();
  int budget = 200;
  if (auto record = PortableReader::open(data)) walk(*record, budget);
  return 0;
}
