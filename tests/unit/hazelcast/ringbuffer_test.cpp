// Ringbuffer: sequences, capacity, time to live, waiting reads, eras, copies, merge. And the reader
// of a reliable topic: order, every kind of gap.
#include <doctest/doctest.h>

#include "structures/topic_writer.h"

using namespace ox;
using namespace ox::grid;
using services::ReliableMessage;
using services::TopicGap;

namespace {

ViewId term(std::uint64_t epoch) { return {epoch, 1, {1, 1}}; }

struct Ring {
  explicit Ring(RingSettings settings = {}) : ring(settings) {}
  Ringbuffer ring;
  ContainerContext context{.now = 1000, .caller = {}, .term = term(1)};
  std::vector<Bytes> deltas;

  std::int64_t add(std::vector<Bytes> values, bool overwrite = true) {
    RingAdd request;
    request.overwrite = overwrite;
    for (const auto& v : values) request.values.push_back(v);
    auto out = ring.apply(request.encode(), context);
    REQUIRE_FALSE(out.error);
    if (!out.delta.empty()) deltas.push_back(out.delta);
    return RingAdded::decode(out.reply)->last;
  }
  ContainerOutcome ask(RingRead read) { return ring.apply(read.encode(), context); }
  RingAnswer read(std::int64_t start, std::uint32_t atMost = 100, std::uint64_t era = 0) {
    auto out = ask({.start = start, .era = era, .atLeast = 0, .atMost = atMost});
    REQUIRE_FALSE(out.error);
    return RingAnswer::decode(out.reply).value();
  }
  std::string text(std::int64_t start = 0) {
    std::string all;
    for (const auto& item : read(start).items) all += item.value;
    return all;
  }
  std::vector<Bytes> copy() const {
    std::vector<Bytes> pieces;
    ring.snapshot([&](BytesView piece) { pieces.emplace_back(piece); });
    return pieces;
  }
  void mergeFrom(const Ring& other) {
    for (const auto& piece : other.copy()) CHECK_FALSE(ring.merge(piece, context).error);
  }
};

Bytes message(std::uint64_t publisher, std::uint64_t number) {
  TopicEnvelope e;
  e.source = {9, publisher};
  e.number = number;
  e.publishMillis = 5;
  const std::string payload = std::to_string(publisher) + "/" + std::to_string(number);
  e.payload = payload;
  return e.encode();
}

// What the reader tells when it reads to the end.
std::string drain(TopicReader& reader, Ring& ring) {
  std::string told;
  for (int i = 0; i < 100 && !reader.ended(); ++i) {
    auto out = ring.ring.apply(reader.request(), ring.context);
    if (out.park) break;
    REQUIRE_FALSE(out.error);
    const auto events = reader.answered(out.reply);
    REQUIRE(events.ok());
    for (const auto& event : *events) {
      if (const auto* m = std::get_if<ReliableMessage>(&event)) {
        told += m->payload + " ";
        continue;
      }
      const auto& gap = std::get<TopicGap>(event);
      const char* why[] = {"overwritten", "replaced", "publisher"};
      told += std::string(why[static_cast<int>(gap.reason)]) + ":" + std::to_string(gap.from) + "-" +
              std::to_string(gap.to) + (gap.ended ? "! " : " ");
    }
  }
  return told;
}

}  // namespace

TEST_CASE("sequences rise from 0; the oldest items make room") {
  Ring r({.capacity = 3});
  CHECK(r.add({"a"}) == 0);
  CHECK(r.add({"b", "c"}) == 2);
  CHECK(r.add({"d"}) == 3);
  CHECK(r.text(1) == "bcd");
  const auto a = r.read(1);
  CHECK(a.head == 1);
  CHECK(a.tail == 3);
  CHECK(a.capacity == 3);
  CHECK(a.items.front().storedMillis == 1000);
}

TEST_CASE("policy fail: no room means nothing is added") {
  Ring r({.capacity = 3});
  r.add({"a", "b"});
  CHECK(r.add({"c", "d"}, false) == -1);
  CHECK(r.add({"c"}, false) == 2);
  CHECK(r.add({"d"}, false) == -1);
  CHECK(r.text() == "abc");
  CHECK(r.deltas.size() == 2);
}

TEST_CASE("bytes are bounded, too") {
  Ring r;
  const Bytes big(kMaxRingItem, 'x');
  for (int i = 0; i < 20; ++i) r.add({big});
  CHECK(r.ring.bytes() <= kMaxRingBytes);
  CHECK(r.ring.head() == 5);
  CHECK(r.add({big}, false) == -1);
  RingAdd tooBig;
  const Bytes bigger(kMaxRingItem + 1, 'x');
  tooBig.values = {bigger};
  CHECK(r.ring.apply(tooBig.encode(), r.context).error->code == Code::kInvalid);
}

TEST_CASE("reads: stale, waiting, batches, never reached") {
  Ring r({.capacity = 3});
  CHECK(r.ask({.start = 0}).park);
  r.context.lastTry = true;
  CHECK(RingAnswer::decode(r.ask({.start = 0}).reply)->items.empty());
  r.context.lastTry = false;
  r.add({"a", "b", "c"});
  r.add({"d", "e"});
  CHECK(r.ask({.start = 3, .atLeast = 3}).park);
  CHECK_FALSE(r.ask({.start = 3, .atLeast = 2}).park);
  const auto stale = r.read(0);
  CHECK(stale.status == RingStatus::kStale);
  CHECK(stale.first == 2);
  CHECK(stale.items.size() == 3);
  CHECK(r.read(2, 2).items.size() == 2);
  CHECK(r.read(6).status == RingStatus::kDiverged);
  CHECK(r.read(kFromTail).tail == 4);
  CHECK(r.ask({.start = 0, .atLeast = 4, .atMost = 4}).error);
  CHECK(r.ask({.start = 0, .atMost = 1001}).error);
  CHECK(r.ring.apply("rubbish", r.context).error);
}

TEST_CASE("an answer ends with about 1 MiB") {
  Ring r;
  for (int i = 0; i < 8; ++i) r.add({Bytes(300'000, 'x')});
  CHECK(r.read(0).items.size() == 4);
}

TEST_CASE("time to live is kept by the owner and told to the backups") {
  Ring r({.capacity = 10, .ttlSeconds = 5});
  Ringbuffer backup({.capacity = 1});
  r.add({"a"});
  r.context.now += 3000;
  r.add({"b"});
  r.context.now += 2000;
  r.deltas.push_back(r.ring.tick(r.context));
  CHECK(r.text(1) == "b");
  CHECK(r.read(1).head == 1);
  for (const auto& delta : r.deltas) CHECK(backup.replay(delta));
  CHECK(backup.head() == 1);  // as the owner says, whatever is configured here
  CHECK(backup.tail() == 1);
  CHECK(r.ring.tick(r.context).empty());
  r.context.now += 9000;
  CHECK_FALSE(r.ring.tick(r.context).empty());
  CHECK(r.add({"c"}) == 2);  // numbers are never used twice
}

TEST_CASE("a copy in pieces is the whole buffer") {
  Ring r({.capacity = 5000});
  for (int i = 0; i < 5000; ++i) r.add({std::string(997, 'x') + std::to_string(i % 10)});
  r.context.term = term(2);
  r.add({"last"});
  const auto pieces = r.copy();
  CHECK(pieces.size() == 5);
  Ringbuffer copy({});
  for (const auto& piece : pieces) {
    CHECK(copy.restore(piece));
    Ringbuffer again({});  // sound in between, too: the era of "last" is not known before "last"
    copy.snapshot([&](BytesView part) { CHECK(again.restore(part)); });
    CHECK(again.tail() == copy.tail());
  }
  CHECK(copy.head() == 1);
  CHECK(copy.tail() == 5000);
  CHECK(copy.bytes() == r.ring.bytes());
  Ringbuffer broken({});
  CHECK(broken.restore(pieces[0]));
  CHECK_FALSE(broken.restore(pieces[2]));  // one is missing
  CHECK_FALSE(broken.restore(pieces[1].substr(0, 100)));
  CHECK_FALSE(broken.replay("rubbish"));
}

TEST_CASE("an emptied buffer keeps its sequences in a copy") {
  Ring r({.capacity = 5, .ttlSeconds = 1});
  r.add({"a", "b"});
  r.context.now += 5000;
  r.ring.tick(r.context);
  Ringbuffer copy({});
  for (const auto& piece : r.copy()) CHECK(copy.restore(piece));
  CHECK(copy.tail() == 1);
  CHECK(copy.head() == 2);
  CHECK_FALSE(copy.empty());
}

TEST_CASE("what the other side of a split wrote is appended once") {
  Ring left, right;
  left.add({"1", "2"});
  for (const auto& piece : left.copy()) right.ring.restore(piece);
  right.context.term = term(2);
  left.add({"L"});
  right.add({"R"});
  right.context.term = term(3);  // another owner on that side
  right.add({"S"});
  left.mergeFrom(right);
  CHECK(left.text() == "12LRS");
  left.mergeFrom(right);  // offered again
  CHECK(left.text() == "12LRS");
  Ring fresh;
  for (const auto& piece : left.copy()) fresh.ring.restore(piece);
  fresh.mergeFrom(right);  // remembered by copies
  CHECK(fresh.text() == "12LRS");
  CHECK(left.ring.merge("rubbish", left.context).error);
}

TEST_CASE("a merge fits the capacity and skips what is too old") {
  Ring left({.capacity = 3, .ttlSeconds = 10}), right;
  right.context.term = term(2);
  right.add({"old"});
  right.context.now = 9000;
  right.add({"a", "b", "c", "d"});
  left.context.now = 12000;
  left.mergeFrom(right);
  CHECK(left.text(left.ring.head()) == "bcd");
}

TEST_CASE("topic: from the tail on, in order") {
  Ring r;
  r.add({message(1, 1)});
  TopicReader reader({9, 2}, {});
  CHECK(drain(reader, r).empty());
  CHECK(reader.placed());
  r.add({message(1, 2), message(2, 1), message(1, 3)});
  CHECK(drain(reader, r) == "1/2 2/1 1/3 ");
  TopicReader all({9, 2}, {.sequence = 0});
  CHECK(drain(all, r) == "1/1 1/2 2/1 1/3 ");
}

TEST_CASE("topic: overwritten messages are a gap; a subscriber that tolerates no loss ends with it") {
  Ring r({.capacity = 2});
  TopicReader tolerant({9, 2}, {.sequence = 0, .lossTolerant = true});
  TopicReader strict({9, 2}, {.sequence = 0});
  r.add({message(1, 1)});
  CHECK(drain(tolerant, r) == "1/1 ");
  CHECK(drain(strict, r) == "1/1 ");
  r.add({message(1, 2), message(1, 3)});
  r.add({message(1, 4)});
  CHECK(drain(tolerant, r) == "overwritten:1-1 1/3 1/4 ");
  CHECK(drain(strict, r) == "overwritten:1-1! ");
  CHECK(strict.ended());
}

TEST_CASE("topic: a message that never came is a gap of its publisher") {
  Ring r;
  TopicReader reader({9, 2}, {.sequence = 0, .lossTolerant = true});
  r.add({message(1, 1), message(1, 4), message(1, 2), message(1, 5), message(1, 5)});
  CHECK(drain(reader, r) == "1/1 publisher:2-3 1/4 1/5 ");  // nothing late, nothing twice
}

TEST_CASE("topic: a history replaced by a split is told, and nothing of the surviving one is missed") {
  Ring left, right;
  left.add({message(1, 1)});
  for (const auto& piece : left.copy()) right.ring.restore(piece);
  right.context.term = term(2);
  TopicReader onLeft({9, 2}, {.sequence = 0, .lossTolerant = true});
  TopicReader onRight({9, 3}, {.sequence = 0, .lossTolerant = true});
  left.add({message(2, 1), message(2, 2)});
  right.add({message(3, 1)});
  CHECK(drain(onLeft, left) == "1/1 2/1 2/2 ");
  CHECK(drain(onRight, right) == "1/1 3/1 ");
  left.mergeFrom(right);
  left.add({message(1, 2)});
  CHECK(drain(onLeft, left) == "3/1 1/2 ");
  CHECK(drain(onRight, left) == "replaced:1-1 2/1 2/2 1/2 ");  // 3/1 it had already
}

TEST_CASE("topic: all copies lost") {
  Ring r;
  TopicReader reader({9, 2}, {.sequence = 0, .lossTolerant = true});
  r.add({message(1, 1), message(1, 2), message(1, 3)});
  CHECK(drain(reader, r) == "1/1 1/2 1/3 ");
  Ring fresh;
  fresh.context.term = term(7);
  CHECK(drain(reader, fresh) == "replaced:0-2 ");
  fresh.add({message(1, 5)});
  CHECK(drain(reader, fresh) == "publisher:4-4 1/5 ");
  TopicReader resumed({9, 2}, {.sequence = 40, .lossTolerant = true});
  CHECK(drain(resumed, fresh) == "replaced:1-39 ");
  CHECK(resumed.next() == 1);
}

TEST_CASE("topic: foreign bytes in the buffer and undecodable answers") {
  Ring r;
  r.add({"no envelope", message(1, 1)});
  TopicReader reader({9, 2}, {.sequence = 0});
  CHECK(drain(reader, r) == "1/1 ");
  CHECK(reader.undecodable() == 1);
  CHECK_FALSE(reader.answered("rubbish").ok());
  CHECK(reader.next() == 2);
}

TEST_CASE("topic: one request of a publisher is on its way, what waits goes together and in order") {
  Ring ring;
  TopicWriter writer({9, 1}, 2);
  std::vector<std::int64_t> sequences;
  const auto publish = [&] {
    return writer.publish("m", 5, [&](Result<std::int64_t> r) {
      sequences.push_back(r ? *r : -1);
    });
  };
  CHECK(publish() == 1);
  const Bytes first = writer.next();
  CHECK_FALSE(first.empty());
  for (int i = 0; i < 3; ++i) publish();
  CHECK(writer.next().empty());  // also while it is tried again at another owner
  writer.answered(ring.ring.apply(first, ring.context).reply);
  const Bytes second = writer.next();
  writer.answered(ring.ring.apply(second, ring.context).reply);
  CHECK(sequences == std::vector<std::int64_t>{0, 1, 2});
  CHECK(writer.waiting() == 1);

  // One that failed leaves its number unused; the next has a number of its own.
  CHECK_FALSE(writer.next().empty());
  writer.answered(Error(Code::kGridNoPartition));
  CHECK(sequences.back() == -1);
  CHECK(publish() == 5);
  writer.answered(ring.ring.apply(writer.next(), ring.context).reply);
  CHECK(sequences.back() == 3);
  TopicReader reader({9, 2}, {.sequence = 0, .lossTolerant = true});
  std::vector<std::uint64_t> numbers;
  const auto events = reader.answered(ring.ask({.start = 0, .atLeast = 0, .atMost = 100}).reply);
  for (const auto& event : events.value())
    if (const auto* m = std::get_if<ReliableMessage>(&event)) numbers.push_back(m->number);
    else CHECK(std::get<TopicGap>(event).reason == TopicGap::Reason::kPublisher);
  CHECK(numbers == std::vector<std::uint64_t>{1, 2, 3, 5});
}

TEST_CASE("topic: what waits is bounded, and is told when nobody will publish it") {
  TopicWriter writer({9, 1});
  std::size_t busy = 0, closed = 0;
  const auto done = [&](const Result<std::int64_t>& r) {
    REQUIRE_FALSE(r);
    if (r.error().code == Code::kBusy) ++busy;
    if (r.error().code == Code::kShutdown) ++closed;
  };
  for (std::size_t i = 0; i < kMaxTopicWaiting; ++i) CHECK(writer.publish("m", 5, done) == i + 1);
  CHECK(writer.publish("m", 5, done) == 0);
  CHECK(busy == 1);
  writer.close(Error(Code::kShutdown));
  CHECK(closed == kMaxTopicWaiting);
  CHECK(writer.publish(Bytes(kMaxTopicWaitingBytes, 'x'), 5, done) == 0);
  CHECK(busy == 2);
}
