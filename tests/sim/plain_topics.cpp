#include "plain_topics.h"

namespace ox::sim {

std::string judgeOrder(const std::string& receiver, const Heard& heard, const Publications& sent) {
  std::map<std::string, std::uint64_t> last;
  for (const Arrival& a : heard.arrivals) {
    const std::string where = receiver + " heard '" + a.payload + "' as number " +
                              std::to_string(a.sequence) + " of " + a.source;
    const auto source = sent.find(a.source);
    if (source == sent.end() || a.sequence == 0 || a.sequence > source->second.size())
      return where + ", which was never published";
    if (const auto& was = source->second[a.sequence - 1].payload; was != a.payload)
      return where + ", published was '" + was + "'";
    std::uint64_t& before = last[a.source];
    if (a.sequence <= before) return where + " after number " + std::to_string(before);
    before = a.sequence;
  }
  return {};
}

std::string judgeGaps(const std::string& receiver, const Heard& heard) {
  std::map<std::string, std::uint64_t> last;
  std::uint64_t missing = 0;
  for (const Arrival& a : heard.arrivals) {
    std::uint64_t& before = last[a.source];
    if (before != 0) missing += a.sequence - before - 1;
    before = a.sequence;
  }
  return missing == heard.gaps ? std::string()
                               : receiver + " missed " + std::to_string(missing) +
                                     " messages and counted " + std::to_string(heard.gaps);
}

std::string judgeComplete(const std::string& receiver, const Heard& heard,
                          const Publications& sent) {
  std::set<std::string> have;
  for (const Arrival& a : heard.arrivals) have.insert(a.payload);
  for (const auto& [source, list] : sent)
    for (const PlainMessage& p : list)
      if (p.receivers.count(receiver) != 0 && have.count(p.payload) == 0)
        return receiver + " never heard '" + p.payload + "' of " + source;
  return {};
}

struct PlainTopics::State : std::enable_shared_from_this<State> {
  State(World& w, int count, std::uint64_t seed) : world(w), topics(count), random(seed) {}
  World& world;
  int topics;
  SeededRandom random;
  bool running = false;
  std::size_t published = 0;
  std::map<std::string, Publications> sent;                      // topic ->
  std::map<std::string, std::map<std::string, Heard>> arrived;   // topic -> receiver ->

  std::string name(std::uint64_t i) const { return "topic-" + std::to_string(i); }
  void again() {
    world.after(static_cast<Micros>(random.below(10 * kMillisecond)) + 1,
                [self = shared_from_this()] { self->publish(); });
  }
  void publish() {
    if (!running) return;
    again();
    const auto living = world.living();
    if (living.empty()) return;
    SimMember& m = *living[random.below(living.size())];
    const std::string topic = name(random.below(static_cast<std::uint64_t>(topics)));
    const std::string source = m.id.toString();
    auto& list = sent[topic][source];
    PlainMessage p;
    p.payload = topic + ":" + m.address.toString() + ":" + std::to_string(++published);
    p.receivers.insert(source);
    if (const ViewPtr& view = m.data().view())
      for (const grid::Member& other : view->members) p.receivers.insert(other.id.toString());
    list.push_back(p);
    m.data().publish(topic, p.payload);
  }
};

PlainTopics::PlainTopics(World& world, int topics, std::uint64_t seed)
    : state_(std::make_shared<State>(world, topics, seed)) {
  world.onTopic = [state = std::weak_ptr(state_)](SimMember& m, const std::string& topic,
                                                  const services::TopicMessage& message) {
    if (const auto s = state.lock())
      s->arrived[topic][m.id.toString()].arrivals.push_back(
          {message.source, message.sequence, message.payload});
  };
}
PlainTopics::~PlainTopics() = default;
void PlainTopics::start() {
  if (!std::exchange(state_->running, true)) state_->again();
}
void PlainTopics::stop() { state_->running = false; }
std::size_t PlainTopics::published() const { return state_->published; }

std::string PlainTopics::judge(bool gaps, bool complete) const {
  for (int i = 0; i < state_->topics; ++i) {
    const std::string topic = state_->name(static_cast<std::uint64_t>(i));
    for (SimMember* m : state_->world.living()) {
      const std::string receiver = m->id.toString();
      Heard& heard = state_->arrived[topic][receiver];
      heard.gaps = m->data().topicGaps(topic);
      std::string wrong = judgeOrder(receiver, heard, state_->sent[topic]);
      if (wrong.empty() && gaps) wrong = judgeGaps(receiver, heard);
      if (wrong.empty() && complete) wrong = judgeComplete(receiver, heard, state_->sent[topic]);
      if (!wrong.empty()) return topic + ": " + m->address.toString() + ": " + wrong;
    }
  }
  return {};
}

}  // namespace ox::sim
