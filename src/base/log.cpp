#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/clock.h"

namespace ox::log {
namespace {

thread_local std::string tThreadName = "main";

// Keeps DIR/open-xchange.log.0 as the current file and shifts older ones up, as the original's
// fixed-window policy does (Poco's FileChannel cannot name its current file ".0").
class RotatingFile {
 public:
  RotatingFile(std::string base, std::uint64_t maxBytes, int files)
      : base_(std::move(base)), maxBytes_(maxBytes), files_(files) {}
  ~RotatingFile() { if (file_) std::fclose(file_); }
  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  bool open() {
    file_ = std::fopen(name(0).c_str(), "ae");
    if (!file_) return false;
    std::error_code ignored;
    const auto size = std::filesystem::file_size(name(0), ignored);
    size_ = ignored ? 0 : size;
    return true;
  }
  void write(std::string_view text) {
    if (size_ + text.size() > maxBytes_ && size_ > 0) rotate();
    if (!file_) return;
    std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);
    size_ += text.size();
  }

 private:
  std::string name(int index) const { return base_ + "." + std::to_string(index); }
  void rotate() {
    std::fclose(file_);
    file_ = nullptr;
    std::error_code ignored;
    for (int i = files_ - 1; i > 0; --i) std::filesystem::rename(name(i - 1), name(i), ignored);
    open();
  }
  std::string base_;
  std::uint64_t maxBytes_;
  int files_;
  std::uint64_t size_ = 0;
  std::FILE* file_ = nullptr;
};

struct State {
  std::mutex mutex;
  std::unique_ptr<RotatingFile> file;
  Observer observer;
  std::atomic<Level> least{Level::kInfo};
  std::atomic<std::uint64_t> warns{0};
  std::atomic<std::uint64_t> errors{0};
};
State& state() {
  static State* instance = new State;  // outlives static destructors that still log
  return *instance;
}

constexpr const char* kLevelNames[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

std::string timestamp() {
  const std::int64_t millis = systemClock().wallMillis();
  const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  std::tm local{};
  localtime_r(&seconds, &local);
  char date[32];
  char zone[8];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local);
  std::strftime(zone, sizeof zone, "%z", &local);
  char out[64];
  std::snprintf(out, sizeof out, "%s,%03d%s", date, static_cast<int>(millis % 1000), zone);
  return out;
}

// "void ox::grid::Engine::start(int)" -> "Engine.start"
std::string place(const std::source_location& where) {
  std::string_view function = where.function_name();
  if (const auto paren = function.find('('); paren != std::string_view::npos)
    function = function.substr(0, paren);
  if (const auto space = function.rfind(' '); space != std::string_view::npos)
    function = function.substr(space + 1);
  std::string_view name = function;
  std::string_view type;
  if (const auto sep = function.rfind("::"); sep != std::string_view::npos) {
    name = function.substr(sep + 2);
    type = function.substr(0, sep);
    if (const auto outer = type.rfind("::"); outer != std::string_view::npos)
      type = type.substr(outer + 2);
  }
  std::string_view file = where.file_name();
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos)
    file = file.substr(slash + 1);
  std::string out;
  if (!type.empty()) out.append(type).append(".");
  out.append(name).append("(").append(file).append(":").append(std::to_string(where.line()));
  return out.append(")");
}

void appendSanitised(std::string& out, std::string_view message) {
  for (const char c : message) {
    const auto u = static_cast<unsigned char>(c);
    out.push_back(u < 0x20 && c != '\n' && c != '\t' ? '?' : (u == 0x7f ? '?' : c));
  }
}

}  // namespace

void setLevel(Level least) { state().least = least; }
Level level() { return state().least; }
void setThreadName(std::string_view name) { tThreadName = std::string(name.substr(0, 32)); }
std::string threadName() { return tThreadName; }

bool openFile(const std::string& directory, std::uint64_t maxBytes, int files) {
  auto file = std::make_unique<RotatingFile>(directory + "/open-xchange.log", maxBytes, files);
  if (!file->open()) return false;
  std::lock_guard lock(state().mutex);
  state().file = std::move(file);
  return true;
}

void write(Level level, std::string_view message, const std::source_location& where) {
  State& s = state();
  if (level == Level::kWarn) ++s.warns;
  if (level == Level::kError) ++s.errors;
  if (level < s.least.load(std::memory_order_relaxed)) return;
  std::string record = timestamp();
  record.append(" ").append(kLevelNames[static_cast<int>(level)]).append(" [");
  record.append(tThreadName).append("] ").append(place(where)).append("\n");
  appendSanitised(record, message);
  record.append("\n\n");
  Observer observer;
  {
    std::lock_guard lock(s.mutex);
    if (s.file) s.file->write(record);
    else std::fwrite(record.data(), 1, record.size(), stderr);
    observer = s.observer;
  }
  if (observer) observer(level, message);
}

Observer setObserver(Observer observer) {
  std::lock_guard lock(state().mutex);
  std::swap(state().observer, observer);
  return observer;
}
std::uint64_t warnCount() { return state().warns; }
std::uint64_t errorCount() { return state().errors; }

}  // namespace ox::log
