// A node's update runner as a process of its own, for kill_runner_test.py and task_set_test.py: it
// runs the SQL tasks of a directory on one schema, if told so also those of the bundle, and can kill or
// freeze itself at a named point.
//
//   update_runner --port N --schema S --node NAME --etc DIR [--idle MS] [--refresh MS] [--wait MS]
//                 [--master-retry MS] [--die POINT] [--freeze POINT] [--count N] [--until-free]
//                 [--builtin] [--exclude NAMESPACE]
//   update_runner --list   one line per task of the bundle: name, blocking or background,
//                          description, dependencies; separated by tabs
// Points: those of Phase, "statement" after each statement of a file and whenever a task says what it
//         has changed, "changed" after each ALTER TABLE and each statement that changed rows.
// Output: one line per event: "point P" before dying, "T: what it changed", "executed T",
//         "failed T: why", "error CODE: text", at last "end".
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>

#include "runner.h"
#include "sql_file_task.h"
#include "tasks/builtin.h"
#include "unit/update/test_database.h"

namespace {

using namespace ox;

constexpr int kTriesMillis = 50;
constexpr int kLongestWaitMillis = 60000;

struct Settings {
  std::map<std::string, std::string> words;
  std::string text(const std::string& name) const {
    const auto found = words.find(name);
    return found == words.end() ? std::string() : found->second;
  }
  std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    const auto found = words.find(name);
    return found == words.end() ? otherwise : std::atoll(found->second.c_str());
  }
};

class Doom {
 public:
  explicit Doom(const Settings& settings)
      : die_(settings.text("die")), freeze_(settings.text("freeze")),
        left_(settings.number("count", 1)) {}
  void at(const std::string& point) {
    if (point != die_ && point != freeze_) return;
    if (--left_ != 0) return;
    std::printf("point %s\n", point.c_str());
    std::fflush(stdout);
    static_cast<void>(kill(getpid(), point == die_ ? SIGKILL : SIGSTOP));
  }

 private:
  const std::string die_, freeze_;
  std::int64_t left_;
};

// Passes the end of each statement on as a point, and prints what the task says.
class Watched final : public services::UpdateTask {
 public:
  Watched(std::shared_ptr<services::UpdateTask> task, Doom& doom)
      : task_(std::move(task)), doom_(doom) {}
  const std::string& name() const override { return task_->name(); }
  std::vector<std::string> dependencies() const override { return task_->dependencies(); }
  services::Concurrency concurrency() const override { return task_->concurrency(); }
  std::string nameSpace() const override { return task_->nameSpace(); }
  Status perform(services::UpdateContext& context) override {
    services::UpdateContext watched = context;
    watched.progress = [&](const std::string& line) {
      std::printf("%s: %s\n", task_->name().c_str(), line.c_str());
      doom_.at("statement");
    };
    watched.change = [&](const std::string& sql) {
      auto done = context.change(sql);
      if (done && (*done > 0 || update::ddlTarget(sql) || sql.rfind("CREATE", 0) == 0))
        doom_.at("changed");
      return done;
    };
    return task_->perform(watched);
  }

 private:
  std::shared_ptr<services::UpdateTask> task_;
  Doom& doom_;
};

int list() {
  for (const auto& task : update::BuiltinTasks().tasks()) {
    std::string after;
    for (const std::string& name : task->dependencies()) after += (after.empty() ? "" : ",") + name;
    std::printf("%s\t%s\t%s\t%s\n", task->name().c_str(),
                update::phaseName(task->concurrency()).c_str(), task->description().c_str(),
                after.c_str());
  }
  return 0;
}

int run(const Settings& words) {
  if (words.words.count("list") != 0) return list();
  db::ConnectionSettings server;
  server.host = "127.0.0.1";
  server.port = static_cast<std::uint16_t>(words.number("port", 0));
  server.user = server.password = "ox";
  test::TestDatabase database(server);
  Doom doom(words);
  update::TaskSet tasks;
  if (words.words.count("builtin") != 0)
    for (auto& task : update::BuiltinTasks().tasks())
      tasks.tasks.push_back(std::make_shared<Watched>(task, doom));
  for (auto& task : update::readSqlFiles(words.text("etc")).tasks)
    tasks.tasks.push_back(std::make_shared<Watched>(task, doom));
  update::Exclusions exclusions;
  if (!words.text("exclude").empty()) exclusions.nameSpaces.insert(words.text("exclude"));
  update::RunnerSettings settings;
  settings.node = words.text("node");
  settings.refreshMillis = words.number("refresh", 100);
  settings.idle.lockedMillis = words.number("idle", 1000);
  settings.takeoverWaitMillis = words.number("wait", 60000);
  settings.masterRetryMillis = words.number("master-retry", 60000);
  settings.probe = [&](const std::string& point) { doom.at(point); };
  update::Runner runner(database, nullptr);
  const services::SchemaRef schema{1, words.text("schema")};
  Result<services::UpdateReport> report = Error(Code::kUpdLocked);
  for (int waited = 0;; waited += kTriesMillis) {
    report = runner.run(schema, tasks, exclusions, settings);
    if (report || report.error().code != Code::kUpdLocked || words.words.count("until-free") == 0 ||
        waited > kLongestWaitMillis)
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds(kTriesMillis));
  }
  if (!report) {
    std::printf("error %s\n", report.error().toString().c_str());
    return 1;
  }
  for (const std::string& name : report->executed) std::printf("executed %s\n", name.c_str());
  for (const services::TaskFailure& f : report->failed)
    std::printf("failed %s: %s\n", f.task.c_str(), f.reason.c_str());
  std::printf("end\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) return 2;
    const bool alone = word == "--until-free" || word == "--builtin" || word == "--list";
    words.words[word.substr(2)] = alone ? "" : (i + 1 < argc ? argv[++i] : "");
  }
  return run(words);
}
