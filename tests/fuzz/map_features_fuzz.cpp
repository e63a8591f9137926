// Predicates, where texts, queries, entry events, locks, listeners, attributes of blobs: any bytes are
// understood or refused and never harm. The first byte chooses the decoder.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "map/entry_listeners.h"
#include "map/entry_processors.h"
#include "map/locks.h"
#include "map/query.h"
#include "map/sql_where.h"

using namespace ox;
using namespace ox::grid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const BytesView in(reinterpret_cast<const char*>(data) + 1, size - 1);
  ContainerContext context;
  context.now = 1'700'000'000'000;
  context.caller = {1, 1};
  switch (data[0] % 8) {
    case 0: {
      auto p = CompiledPredicate::decode(in);
      if (!p) return 0;
      (void)(*p)->matches(in, in);
      const auto again = encodePredicate(decodePredicate(in).value());
      if (!again || *again != in) std::abort();  // one form of everything that is understood
      return 0;
    }
    case 1: {
      auto p = parseWhere(in);
      if (p && !CompiledPredicate::compile(*p)) (void)encodePredicate(*p);
      return 0;
    }
    case 2: {
      auto body = QueryBody::decode(in);
      if (!body) return 0;
      auto p = CompiledPredicate::decode(body->predicate);
      if (p) (void)OwnerQuery::open(in, *p);
      return 0;
    }
    case 3: {
      ByteReader reader(in);
      auto m = EntryEventMessage::decode(reader);
      if (!m) return 0;
      ListenerProgress progress;
      const auto never = [](const MemberId&) { return false; };
      for (int i = 0; i < 3; ++i) {
        progress.received({2, 2}, in, *m, 0, i, never, [](services::EntryEvent) {});
        m->term.counter += 1;
        m->from += static_cast<std::uint64_t>(i);
        m->to = m->from + 1;
      }
      progress.tick(0, 5000, never, [](services::EntryEvent) {});
      return 0;
    }
    case 4: {
      LockTable locks, copy;
      (void)locks.apply(in, context);
      (void)locks.replay(in);
      (void)locks.apply(in, context);
      locks.snapshot([&](BytesView piece) {
        if (!copy.restore(piece)) std::abort();
      });
      if (copy.size() != locks.size()) std::abort();
      return 0;
    }
    case 5: {
      ListenTable table, copy;
      (void)table.apply(in, context);
      (void)table.replay(in);
      table.snapshot([&](BytesView piece) {
        if (!copy.restore(piece)) std::abort();
      });
      return 0;
    }
    case 6: {
      const std::size_t n = std::min<std::size_t>(in.size(), data[0] / 8u);
      auto path = AttributePath::parse(in.substr(0, n));
      if (!path) return 0;
      std::vector<QueryValue> out;
      readAttribute(*path, in.substr(n), in.substr(n), out);
      if (out.empty()) std::abort();
      return 0;
    }
    default:
      (void)ProcessBody::decode(in);
      (void)decodeOrders(in, 4);
      (void)decodeLockState(in);
      return 0;
  }
}
