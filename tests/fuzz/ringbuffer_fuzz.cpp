// Ring buffers and the readers of reliable topics: any request, delta, snapshot piece and answer is
// taken or refused, and the state stays sound.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "structures/topic_reader.h"

using namespace ox;
using namespace ox::grid;

namespace {
void sound(const Ringbuffer& ring) {
  if (ring.head() < 0 || ring.head() > ring.tail() + 1) std::abort();
  Ringbuffer copy({});
  bool good = true;
  ring.snapshot([&](BytesView piece) { good = good && copy.restore(piece); });
  if (!good || copy.tail() != ring.tail() || copy.bytes() != ring.bytes()) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Ringbuffer owner({.capacity = 5, .ttlSeconds = 1}), backup({.capacity = 5}), copy({});
  TopicReader reader({1, 1}, {.sequence = 0, .lossTolerant = true});
  ContainerContext context;
  context.now = 1'700'000'000'000;
  context.term = {1, 1, {1, 1}};
  // u8 what, u16 length, bytes; again and again.
  BytesView in(reinterpret_cast<const char*>(data), size);
  for (int i = 0; i < 32 && in.size() >= 3; ++i) {
    const auto what = static_cast<std::uint8_t>(in[0]) % 6;
    const std::size_t n = (static_cast<std::size_t>(static_cast<std::uint8_t>(in[1])) << 8) |
                          static_cast<std::uint8_t>(in[2]);
    in.remove_prefix(3);
    const BytesView bytes = in.substr(0, n);
    in.remove_prefix(bytes.size());
    Bytes delta;
    switch (what) {
      case 0: delta = owner.apply(bytes, context).delta; break;
      case 1: delta = owner.merge(bytes, context).delta; break;
      case 2: (void)copy.restore(bytes); break;
      case 3: (void)copy.replay(bytes); break;
      case 4: (void)reader.answered(bytes); break;
      case 5: context.now += 400; ++context.term.epoch; delta = owner.tick(context); break;
    }
    if (!delta.empty() && !backup.replay(delta)) std::abort();
    auto answer = owner.apply(reader.request(), context);
    if (!answer.park && !answer.error && !reader.answered(answer.reply)) std::abort();
  }
  if (owner.tail() != backup.tail() || owner.bytes() != backup.bytes()) std::abort();
  sound(owner);
  sound(copy);
  return 0;
}
