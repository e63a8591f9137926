// Numbers of replicas in the grid: the entry processor on hostile entries and arguments stores only numbers,
// never a lower one, and what it stores it can read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "replica_positions.h"
#include "serialization/data.h"

using namespace ox;
using namespace ox::database;
using Action = services::EntryChange::Action;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t split = data[0] % size;
  const BytesView rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Bytes key = serialization::toData(std::int32_t{1});
  const BytesView value = rest.substr(0, split), argument = rest.substr(split);
  const auto change = raisePosition({key, value}, argument);
  if (change.action == Action::kRemove) std::abort();
  if (change.action == Action::kKeep) return 0;
  const auto stored = serialization::longFrom(change.value);
  if (!stored || *stored < 0) std::abort();
  const auto there = serialization::longFrom(value);
  if (there && *there > *stored) std::abort();
  if (raisePosition({key, change.value}, argument).action != Action::kKeep) std::abort();
  return 0;
}
