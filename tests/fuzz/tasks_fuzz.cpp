// Task and task reply frames: decoded with their bounds, and encoded again byte by byte.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "structures/tasks.h"

using namespace ox;
using namespace ox::grid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(reinterpret_cast<const char*>(data), size);
  ByteReader task(bytes), reply(bytes);
  if (const auto m = TaskMessage::decode(task))
    if (BytesView(m->encode(7)).substr(3) != bytes) std::abort();
  const auto r = TaskReplyMessage::decode(reply);
  if (r && BytesView(r->encode(7)).substr(3) != bytes) std::abort();
  Tasks tasks({1, 1}, [](const MemberId&, Bytes) {});
  tasks.submit({2, 2}, 0, "t", {}, 1000, 0, [](const Result<Bytes>&) {});
  if (r) (void)tasks.answered({2, 2}, *r);
  ByteReader again(bytes);
  if (const auto m = TaskMessage::decode(again)) tasks.received({2, 2}, 0, *m);
  tasks.tick(5000);
  return 0;
}
