// Tasks of the member executor: submitted by all to all, with results that take their time.
//
// Judged:   every task is answered exactly once; a result is the task's own and of a task that ran
//           once, at the member it was given to; no task ever runs twice; an error is the loss of the
//           member or the link, in good time, or a time-out when the time is over.
// Commands: on | off | judge [whole] (whole: nothing broke, so nothing but time-outs may fail)
#include <optional>

#include "side_load.h"

namespace ox::sim {
namespace {

constexpr int kClients = 6;
constexpr Micros kSlowest = 3 * kSecond;      // of a task
constexpr std::int64_t kLongMillis = 120'000;  // time-out of most tasks
constexpr std::int64_t kShortMillis = 500;
constexpr Micros kDrain = 200 * kSecond;
constexpr Micros kGrain = kSecond;             // ticks, and the way of an answer

struct Task {
  MemberId from, to;
  std::int64_t timeoutMillis = 0;
  Micros begun = 0, ended = 0;
  int answers = 0, runs = 0;
  std::optional<Bytes> result;
  Code error = Code::kInternal;
};

class TaskLoad final : public SideLoad {
 public:
  TaskLoad(World& world, std::uint64_t seed) : state_(std::make_shared<State>(world, seed)) {}

  std::string command(const Words& words) override {
    const std::string what = words.empty() ? std::string() : words[0];
    if (what == "on") return state_->start();
    if (what == "off") return state_->stop();
    if (what == "judge") return state_->judge(words.size() > 1 && words[1] == "whole");
    return "tasks on|off|judge [whole]";
  }

 private:
  struct State : std::enable_shared_from_this<State> {
    State(World& w, std::uint64_t seed) : world(w), random(seed) {}
    World& world;
    SeededRandom random;
    bool running = false;
    std::vector<Task> tasks;
    std::string failed;

    static Bytes resultOf(std::size_t number, const MemberId& at) {
      return "done " + std::to_string(number) + " at " + at.toString();
    }
    Micros below(Micros most) {
      return static_cast<Micros>(random.below(static_cast<std::uint64_t>(most))) + 1;
    }

    std::string start() {
      if (std::exchange(running, true)) return {};
      world.onTask = [weak = weak_from_this()](SimMember& m, const std::string&, const Bytes& number,
                                               services::Completion<Bytes> done) {
        if (const auto self = weak.lock()) self->run(m, number, std::move(done));
      };
      for (int i = 0; i < kClients; ++i) later();
      return {};
    }
    void later() {
      world.after(below(200 * kMillisecond), [self = shared_from_this()] { self->client(); });
    }
    void client() {
      if (!running) return;
      later();
      std::vector<SimMember*> joined;
      for (SimMember* m : world.living())
        if (m->view() && m->data().view()) joined.push_back(m);
      if (joined.empty()) return;
      SimMember& from = *joined[random.below(joined.size())];
      const auto& members = from.data().view()->members;
      const std::size_t number = tasks.size();
      Task task;
      task.from = from.id;
      task.to = members[random.below(members.size())].id;
      task.timeoutMillis = random.below(10) == 0 ? kShortMillis : kLongMillis;
      task.begun = world.now();
      tasks.push_back(task);
      from.data().submitTask(task.to, "sim", std::to_string(number), task.timeoutMillis,
                             [self = shared_from_this(), number](Result<Bytes> r) {
                               self->answered(number, r);
                             });
    }
    void run(SimMember& m, const Bytes& argument, services::Completion<Bytes> done) {
      const std::size_t number = std::stoul(argument);
      Task& task = tasks.at(number);
      if (++task.runs > 1) fail(number, "runs again");
      if (task.to != m.id) fail(number, "runs at another member");
      world.post(m.id, below(kSlowest), [number, done = std::move(done)](SimMember& self) {
        done(resultOf(number, self.id));
      });
    }
    void answered(std::size_t number, const Result<Bytes>& r) {
      Task& task = tasks.at(number);
      if (++task.answers > 1) return fail(number, "is answered twice");
      task.ended = world.now();
      if (r) task.result = *r;
      else task.error = r.error().code;
    }
    void fail(std::size_t number, const std::string& what) {
      if (failed.empty())
        failed = "task " + std::to_string(number) + " " + what + " at " +
                 std::to_string(world.now() / 1000) + " ms";
    }

    bool drained() {
      for (const Task& t : tasks)
        if (t.answers == 0 && world.find(t.from)->alive) return false;
      return true;
    }
    std::string stop() {
      running = false;
      return world.run(kDrain, [&] { return drained(); }) ? std::string()
                                                          : "tasks: one is never answered";
    }
    std::string judge(bool whole) {
      if (!failed.empty()) return failed;
      // Heartbeats, suspicion, the next view.
      const Micros noticed = (3 * world.tunables.silenceMillis + 10'000) * kMillisecond;
      std::size_t good = 0;
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        const Task& t = tasks[i];
        if (t.answers == 0) continue;  // its caller has died
        const std::string name = "task " + std::to_string(i) + " of " +
                                 std::to_string(t.begun / 1000) + " ms ";
        const Micros limit = t.timeoutMillis * kMillisecond;
        const bool over = t.ended - t.begun >= limit - kMillisecond;  // its clock counts milliseconds
        if (t.result) {
          ++good;
          if (*t.result != resultOf(i, t.to) || t.runs != 1)
            return name + "has the result '" + *t.result + "' after " + std::to_string(t.runs) +
                   " runs";
        } else if (t.error == Code::kNetTimeout) {
          if (!over) return name + "timed out early";
        } else if (t.error != Code::kGridMemberLost) {
          return name + "failed with " + Error(t.error).toString();
        } else if (whole) {
          return name + "lost a member although nothing broke";
        }
        if (t.ended - t.begun > limit + kGrain) return name + "was answered after its time";
        const SimMember* target = world.find(t.to);
        const bool died = target != nullptr && !target->alive;
        if (died && t.timeoutMillis == kLongMillis && t.ended - t.begun > kSlowest + kGrain + noticed)
          return name + "was told of the loss of its member only after " +
                 std::to_string((t.ended - t.begun) / 1000) + " ms";
      }
      return good < 20 ? "tasks: hardly one had a result" : std::string();
    }
  };
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<SideLoad> makeTasks(World& world, std::uint64_t seed) {
  return std::make_unique<TaskLoad>(world, seed);
}

}  // namespace ox::sim
