#include <map>
#include <mutex>
#include <set>

#include "base/log.h"
#include "config/catalog.h"
#include "config/config.h"

namespace ox::config {
namespace {

constexpr std::size_t kMaxReported = 5;  // problems in the message of a refused reload

Error refused(const Config& config) {
  std::string text = "configuration is not valid, the former one stays: ";
  std::size_t shown = 0, errors = 0;
  for (const auto& p : config.problems()) {
    if (p.severity != Problem::Severity::kError) continue;
    if (++errors > kMaxReported) continue;
    text += (shown++ == 0 ? "" : " | ") + p.toString();
  }
  if (errors > kMaxReported) text += " | and " + std::to_string(errors - kMaxReported) + " more";
  return Error(Code::kConfig, text);
}

void reportUnreloadable(const Config& before, const Config& after) {
  std::set<std::string> names;
  for (const auto& [name, _] : before.withPrefix("")) names.insert(name);
  for (const auto& [name, _] : after.withPrefix("")) names.insert(name);
  for (const auto& name : names) {
    const KeyInfo* key = Catalog::instance().find(name);
    if (key == nullptr || key->reloadable) continue;
    const auto a = before.raw(name), b = after.raw(name);
    if (a.has_value() == b.has_value() && (!a || a->value == b->value)) continue;
    log::warn("Configuration: " + name + " has changed and takes effect after a restart only");
  }
}

}  // namespace

struct ConfigService::State {
  // Recursive: a listener may drop itself or ask for the current configuration.
  std::recursive_mutex reloading;  // held while listeners run, so that a dropped one has ended
  std::mutex mutex;                // guards current
  std::shared_ptr<const Config> current;
  std::map<std::uint64_t, Listener> listeners;  // guarded by reloading
  std::uint64_t nextId = 1;
};

ConfigService::ConfigService(std::shared_ptr<const Config> first)
    : state_(std::make_shared<State>()) {
  state_->current = std::move(first);
}

std::shared_ptr<const Config> ConfigService::current() const {
  std::lock_guard lock(state_->mutex);
  return state_->current;
}

Status ConfigService::reload() {
  std::lock_guard lock(state_->reloading);
  const auto before = current();
  const auto after = Config::load(before->directory());
  if (after->hasErrors()) return refused(*after);
  for (const auto& problem : after->problems()) log::warn("Configuration: " + problem.toString());
  reportUnreloadable(*before, *after);
  {
    std::lock_guard inner(state_->mutex);
    state_->current = after;
  }
  std::vector<std::uint64_t> ids;
  for (const auto& [id, _] : state_->listeners) ids.push_back(id);
  for (const auto id : ids) {
    const auto it = state_->listeners.find(id);
    if (it == state_->listeners.end()) continue;  // dropped by a listener before it
    const Listener listener = it->second;
    listener(*before, *after);
  }
  return {};
}

std::shared_ptr<void> ConfigService::onReload(Listener listener) {
  std::lock_guard lock(state_->reloading);
  const auto id = state_->nextId++;
  state_->listeners.emplace(id, std::move(listener));
  // The handle keeps the state alive; the deleter needs no service.
  return std::shared_ptr<void>(state_.get(), [state = state_, id](void*) {
    std::lock_guard inner(state->reloading);
    state->listeners.erase(id);
  });
}

}  // namespace ox::config
