#include "topic_load.h"

#include <map>
#include <set>

#include "data_side.h"
#include "structures/topic_writer.h"

namespace ox::sim {
namespace {

constexpr const char* kTopic = "@topic:t";
constexpr std::int64_t kReadWaitMillis = 1000;
constexpr std::size_t kTopicBacklog = 10;  // a publisher that waits for so many goes slower
constexpr Micros kTopicDrain = 120 * kSecond;
using services::ReliableMessage;
using services::TopicGap;
using Seen = TopicLoad::Seen;

std::string text(const MemberId& source, std::int64_t number) {
  return source.toString().substr(0, 8) + "/" + std::to_string(number);
}

}  // namespace

struct TopicLoad::State : std::enable_shared_from_this<State> {
  State(World& w, std::uint64_t seed) : world(w), random(seed) {}

  struct Reading {
    explicit Reading(const MemberId& id) : reader(id, {.sequence = -1, .lossTolerant = true}) {
      subscriber.member = id;
    }
    grid::TopicReader reader;
    Subscriber subscriber;
  };

  World& world;
  SeededRandom random;
  bool running = false;
  bool looping = false;
  std::map<MemberId, std::shared_ptr<Reading>> readings;
  std::map<MemberId, std::shared_ptr<grid::TopicWriter>> writers;
  std::vector<Published> published;
  std::map<std::size_t, MemberId> outstanding;  // index in published
  std::string failed;

  int partition() const { return partitionOf(kTopic, world.tunables.partitions); }

  void loop() {
    for (SimMember* m : world.living()) {
      if (!m->view() || m->options.lite || readings.count(m->id) != 0) continue;
      auto reading = std::make_shared<Reading>(m->id);
      readings.emplace(m->id, reading);
      read(std::move(reading));
    }
    if (running && random.chance(3, 4)) publishOne();
    world.after(static_cast<Micros>(random.below(30 * kMillisecond)) + 1,
                [self = shared_from_this()] { self->loop(); });
  }

  void publishOne() {
    const auto living = world.living();
    if (living.empty()) return;
    SimMember* m = living[random.below(living.size())];
    const auto writer = writers.find(m->id);
    if (writer != writers.end() && writer->second->waiting() >= kTopicBacklog) return;
    if (m->view()) publish(m->id);
  }

  void publish(const MemberId& member) {
    world.post(member, 1, [self = shared_from_this()](SimMember& m) {
      auto& writer = self->writers[m.id];
      if (!writer)
        writer = std::make_shared<grid::TopicWriter>(
            m.id, static_cast<std::size_t>(self->world.tunables.ringCapacity));
      const std::size_t index = self->published.size();
      Published p;
      p.source = m.id;
      p.begun = self->world.now();
      self->outstanding[index] = m.id;
      self->published.push_back(p);
      self->published[index].number = static_cast<std::int64_t>(
          writer->publish({}, 0, [self, index](Result<std::int64_t> r) {
            self->outstanding.erase(index);
            if (!r) return;
            self->published[index].sequence = *r;
          }));
      self->pump(m, writer);
    });
  }

  void pump(SimMember& m, const std::shared_ptr<grid::TopicWriter>& writer) {
    Bytes request = writer->next();
    if (request.empty()) return;
    const MemberId member = m.id;
    m.data().invoke(kTopic, partition(), std::move(request), 0,
                    [self = shared_from_this(), writer, member](const Result<Bytes>& r) {
                      writer->answered(r);
                      self->world.post(member, 1, [self, writer](SimMember& again) {
                        self->pump(again, writer);
                      });
                    });
  }

  void fail(const std::string& what) {
    if (failed.empty()) failed = what;
  }

  void read(std::shared_ptr<Reading> reading) {
    const MemberId member = reading->subscriber.member;
    world.post(member, 1, [self = shared_from_this(), reading](SimMember& m) {
      m.data().invoke(kTopic, self->partition(), reading->reader.request(), kReadWaitMillis,
                      [self, reading](Result<Bytes> r) { self->answered(reading, r); });
    });
  }

  void answered(const std::shared_ptr<Reading>& reading, const Result<Bytes>& r) {
    if (!r) {
      world.after(20 * kMillisecond, [self = shared_from_this(), reading] { self->read(reading); });
      return;
    }
    auto events = reading->reader.answered(*r);
    if (!events) return fail("undecodable answer");
    Subscriber& s = reading->subscriber;
    for (const auto& event : *events) {
      Seen seen;
      if (const auto* message = std::get_if<ReliableMessage>(&event)) {
        for (const auto& [id, _] : writers)
          if (id.toString() == message->source) seen.source = id;
        seen.from = seen.to = static_cast<std::int64_t>(message->number);
        seen.sequence = message->sequence;
      } else {
        const auto& gap = std::get<TopicGap>(event);
        seen.gap = true;
        seen.at = world.now();
        seen.reason = static_cast<int>(gap.reason);
        seen.from = gap.from;
        seen.to = gap.to;
        for (const auto& [id, _] : writers)
          if (id.toString() == gap.source) seen.source = id;
      }
      s.seen.push_back(seen);
    }
    if (s.since < 0 && reading->reader.placed()) s.since = world.now();
    read(reading);
  }

  bool allAnswered() {
    std::erase_if(outstanding, [&](const auto& entry) {
      SimMember* m = world.find(entry.second);
      return m == nullptr || !m->alive;  // its process died: nobody is told
    });
    return outstanding.empty();
  }

  std::vector<Subscriber> alive() {
    std::vector<Subscriber> all;
    for (const auto& [id, reading] : readings)
      if (SimMember* m = world.find(id); m != nullptr && m->alive && reading->subscriber.since >= 0)
        all.push_back(reading->subscriber);
    return all;
  }

  std::string off() {
    running = false;
    if (!world.run(kTopicDrain, [&] { return allAnswered(); })) return "publishers are never answered";
    // A last message of everybody, so that every publisher's gaps are known.
    const std::size_t first = published.size();
    for (SimMember* m : world.living())
      if (m->view() && !m->options.lite) publish(m->id);
    const bool done = world.run(kTopicDrain, [&] {
      if (!allAnswered() || published.size() == first) return false;
      for (std::size_t i = first; i < published.size(); ++i)
        for (const Subscriber& s : alive())
          if (s.since <= published[i].begun && published[i].sequence >= 0 &&
              !known(s, published[i], true))
            return false;
      return true;
    });
    return done ? failed : "the last messages do not reach every subscriber";
  }

  // A replaced history is told as far as the subscriber had read it; what it had not read yet went with
  // it: places from there on, published before the gap was told and not found again by anybody (`kept`).
  static bool known(const Subscriber& s, const Published& p, bool kept) {
    for (const Seen& e : s.seen) {
      const bool number = e.source == p.source && e.from <= p.number && p.number <= e.to;
      const bool unread = e.gap && e.reason == 1 && !kept && p.begun <= e.at;
      const bool place =
          p.sequence >= 0 && e.from <= p.sequence && (p.sequence <= e.to || unread);
      if (!e.gap ? number : e.reason == 2 ? number : place) return true;
    }
    return false;
  }
};

std::string TopicLoad::judge(const std::vector<Published>& published,
                             const std::vector<Subscriber>& subscribers, bool complete) {
  std::map<std::pair<MemberId, std::int64_t>, std::int64_t> places;
  std::set<std::pair<MemberId, std::int64_t>> kept;  // delivered from a history that replaced another
  for (const Subscriber& s : subscribers) {
    bool replaced = false;
    for (const Seen& e : s.seen) {
      replaced = replaced || (e.gap && e.reason == 1);
      if (replaced && !e.gap) kept.emplace(e.source, e.from);
    }
  }
  for (const Subscriber& s : subscribers) {
    std::map<MemberId, std::int64_t> last;
    bool replaced = false;
    for (const Seen& e : s.seen) replaced = replaced || (e.gap && e.reason == 1);
    std::int64_t before = -1;
    for (const Seen& e : s.seen) {
      if (e.gap) {
        if (e.reason == 1) before = e.from - 1;
        if (complete && e.reason != 2) return "a subscriber was told of a gap though nothing was lost";
        continue;
      }
      if (e.from <= last[e.source])
        return text(e.source, e.from) + " delivered after " + std::to_string(last[e.source]);
      last[e.source] = e.from;
      if (e.sequence <= before) return "places in the topic do not rise";
      before = e.sequence;
      // Alike for all that saw one history only.
      if (replaced) continue;
      const auto [it, first] = places.try_emplace({e.source, e.from}, e.sequence);
      if (!first && it->second != e.sequence)
        return text(e.source, e.from) + " has different places at two subscribers";
    }
    for (const Published& p : published) {
      if (p.sequence < 0 || s.since < 0 || s.since > p.begun) continue;
      bool delivered = false;
      for (const Seen& e : s.seen)
        delivered = delivered || (!e.gap && e.source == p.source && e.from == p.number);
      if (!delivered && complete) return "acknowledged " + text(p.source, p.number) + " is missing";
      if (!delivered && !State::known(s, p, kept.count({p.source, p.number}) != 0))
        return "acknowledged " + text(p.source, p.number) + " is missing in silence";
    }
  }
  return {};
}

TopicLoad::TopicLoad(World& world, std::uint64_t seed)
    : state_(std::make_shared<State>(world, seed)) {}
TopicLoad::~TopicLoad() = default;

std::string TopicLoad::command(const std::string& what) {
  if (what == "on") {
    state_->running = true;
    if (!std::exchange(state_->looping, true)) state_->loop();
    return {};
  }
  if (what == "off") return state_->off();
  if (what != "told" && what != "complete") return "unknown topic command " + what;
  std::size_t acknowledged = 0;
  for (const Published& p : state_->published) acknowledged += p.sequence >= 0 ? 1 : 0;
  if (acknowledged < 10) return "nearly nothing was published";
  const auto subscribers = state_->alive();
  if (subscribers.empty()) return "nobody subscribes";
  return judge(state_->published, subscribers, what == "complete");
}

}  // namespace ox::sim
