#include "runtime/host.h"

#include <dlfcn.h>

#include <algorithm>
#include <exception>
#include <filesystem>

#include "base/log.h"

namespace ox::runtime {
namespace {

using DescriptorFunction = const BundleDescriptor* (*)();

std::vector<std::string> splitList(const char* text) {
  std::vector<std::string> out;
  std::string word;
  for (const char* at = text; ; ++at) {
    if (*at == ',' || *at == '\0') {
      if (!word.empty()) out.push_back(word);
      word.clear();
      if (*at == '\0') return out;
    } else if (*at != ' ') {
      word += *at;
    }
  }
}

bool isOptional(const std::string& need) { return need.ends_with('?'); }
std::string serviceOf(const std::string& need) {
  return isOptional(need) ? need.substr(0, need.size() - 1) : need;
}
bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Runs bundle code; whatever escapes becomes an error, because it must not cross the boundary.
template <typename F>
Status guarded(F&& call) {
  try {
    return call();
  } catch (const std::exception& e) {
    return Error(Code::kBundleStartFailed, std::string("exception: ") + e.what());
  } catch (...) {
    return Error(Code::kBundleStartFailed, "unknown exception");
  }
}

}  // namespace

const char* stateName(BundleState state) {
  switch (state) {
    case BundleState::kInstalled: return "INSTALLED";
    case BundleState::kResolved: return "RESOLVED";
    case BundleState::kActive: return "ACTIVE";
    case BundleState::kFailed: return "FAILED";
    case BundleState::kDisabled: return "DISABLED";
  }
  return "?";
}

Host::Host(ServiceRegistry& services, bool quiet) : services_(services), quiet_(quiet) {}

Host::~Host() { stop(); }

Status Host::load(const std::string& directory) {
  std::error_code failed;
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator it(directory, failed), end; !failed && it != end;
       it.increment(failed))
    if (it->path().extension() == ".so") files.push_back(it->path().string());
  if (failed)
    return Error(Code::kIo, "bundle directory " + directory + ": " + failed.message());
  if (files.size() > kMaxBundles)
    return Error(Code::kBusy, "bundle directory " + directory + " holds more than " +
                                  std::to_string(kMaxBundles) + " modules");
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) loadFile(file);
  std::lock_guard lock(mutex_);
  std::sort(bundles_.begin(), bundles_.end(),
            [](const auto& a, const auto& b) { return a->info.name < b->info.name; });
  return {};
}

void Host::loadFile(const std::string& path) {
  auto bundle = std::make_unique<Bundle>();
  bundle->info.file = path;
  bundle->info.name = std::filesystem::path(path).stem().string();
  Bundle& added = *bundle;
  {
    std::lock_guard lock(mutex_);
    bundles_.push_back(std::move(bundle));
  }
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    const char* why = dlerror();
    return giveUp(added, BundleState::kFailed,
                  Error(Code::kBundleLoad, path + " cannot be loaded: " + (why ? why : "?")));
  }
  const auto function =
      reinterpret_cast<DescriptorFunction>(dlsym(module, "ox_bundle_descriptor"));
  const BundleDescriptor* descriptor = function != nullptr ? function() : nullptr;
  if (descriptor == nullptr) {
    dlclose(module);
    return giveUp(added, BundleState::kFailed,
                  Error(Code::kBundleLoad, path + " is no bundle: it exports no descriptor"));
  }
  if (descriptor->abi != kBundleAbi) {  // nothing behind this field may be read before
    const int abi = descriptor->abi;
    dlclose(module);
    return giveUp(
        added, BundleState::kFailed,
        Error(Code::kBundleAbi, path + " was built for kernel ABI " + std::to_string(abi) +
                                    ", this kernel has " + std::to_string(kBundleAbi)));
  }
  if (descriptor->name == nullptr || descriptor->version == nullptr ||
      descriptor->needs == nullptr || descriptor->offers == nullptr ||
      descriptor->create == nullptr) {
    return giveUp(added, BundleState::kFailed,
                  Error(Code::kBundleLoad, path + ": its descriptor is incomplete"));
  }
  const std::string name = descriptor->name;
  const Bundle* twin = nullptr;
  for (const auto& other : bundles_)
    if (other->descriptor != nullptr && other->info.name == name) twin = other.get();
  if (twin != nullptr)
    return giveUp(added, BundleState::kFailed,
                  Error(Code::kBundleLoad, path + ": bundle '" + name +
                                               "' was already loaded from " + twin->info.file));
  std::lock_guard lock(mutex_);
  added.descriptor = descriptor;
  added.info.name = name;
  added.info.version = descriptor->version;
  added.info.needs = splitList(descriptor->needs);
  added.info.offers = splitList(descriptor->offers);
  added.waiting = true;
}

void Host::setState(Bundle& bundle, BundleState state, std::string error) {
  std::lock_guard lock(mutex_);
  bundle.info.state = state;
  bundle.info.error = std::move(error);
}

void Host::giveUp(Bundle& bundle, BundleState state, const Error& error) {
  bundle.waiting = false;
  setState(bundle, state, error.toString());
  if (!quiet_) log::error("Bundle " + bundle.info.name + " does not run: " + error.toString());
}

void Host::stayOff(Bundle& bundle, const std::string& why) {
  bundle.waiting = false;
  setState(bundle, BundleState::kDisabled, why);
  if (!quiet_) log::info("Bundle " + bundle.info.name + " stays off: " + why);
}

bool Host::onlyDisabledOffer(const std::string& service) const {
  bool any = false;
  for (const auto& bundle : bundles_) {
    if (!contains(bundle->info.offers, service)) continue;
    if (bundle->info.state != BundleState::kDisabled) return false;
    any = true;
  }
  return any;
}

std::vector<Host::Bundle*> Host::waitingProviders(const std::string& service,
                                                  const Bundle& except) const {
  std::vector<Bundle*> found;
  for (const auto& bundle : bundles_)
    if (bundle->waiting && bundle.get() != &except && contains(bundle->info.offers, service))
      found.push_back(bundle.get());
  return found;
}

Host::Readiness Host::readiness(const Bundle& bundle, bool ignoreOptional,
                                std::string* missing) const {
  bool waits = false;
  for (const std::string& need : bundle.info.needs) {
    const std::string service = serviceOf(need);
    const bool providersWait = !waitingProviders(service, bundle).empty();
    if (isOptional(need)) {
      if (providersWait && !ignoreOptional) waits = true;
    } else if (providersWait) {
      waits = true;
    } else if (!services_.offered(service)) {
      *missing = service;
      return Readiness::kHopeless;
    }
  }
  return waits ? Readiness::kWaits : Readiness::kReady;
}

std::string Host::whyMissing(const std::string& service) const {
  std::string who;
  for (const auto& bundle : bundles_)
    if (contains(bundle->info.offers, service))
      who += (who.empty() ? "" : ", ") + bundle->info.name + " (" +
             stateName(bundle->info.state) + ")";
  return who.empty() ? "no installed bundle offers it" : "only offered by " + who;
}

// One round over the waiting bundles. True when anything was started or given up.
bool Host::pass(bool ignoreOptional) {
  for (const auto& bundle : bundles_) {
    if (!bundle->waiting) continue;
    std::string missing;
    switch (readiness(*bundle, ignoreOptional, &missing)) {
      case Readiness::kWaits: break;
      case Readiness::kHopeless:
        if (onlyDisabledOffer(missing)) {
          stayOff(*bundle, "needs service '" + missing + "', " + whyMissing(missing));
          return true;
        }
        giveUp(*bundle, BundleState::kInstalled,
               Error(Code::kBundleMissingService, "bundle '" + bundle->info.name +
                                                      "' needs service '" + missing + "', " +
                                                      whyMissing(missing)));
        return true;
      case Readiness::kReady: startOne(*bundle); return true;
    }
  }
  return false;
}

// Called when every waiting bundle waits for a waiting one: walking along the needs must come
// back to a bundle seen before.
void Host::breakCircle() {
  std::vector<Bundle*> path;
  Bundle* at = nullptr;
  for (const auto& bundle : bundles_)
    if (bundle->waiting) { at = bundle.get(); break; }
  OX_CHECK(at != nullptr);
  while (std::find(path.begin(), path.end(), at) == path.end()) {
    path.push_back(at);
    Bundle* next = nullptr;
    for (const std::string& need : at->info.needs) {
      if (isOptional(need)) continue;
      const auto providers = waitingProviders(need, *at);
      if (!providers.empty()) { next = providers.front(); break; }
    }
    OX_CHECK(next != nullptr);
    at = next;
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::string circle;
  for (const Bundle* bundle : path) circle += bundle->info.name + " -> ";
  circle += at->info.name;
  for (Bundle* bundle : path)
    giveUp(*bundle, BundleState::kInstalled,
           Error(Code::kBundleCycle, "bundles need each other: " + circle));
}

void Host::startOne(Bundle& bundle) {
  bundle.waiting = false;
  log::info("Starting bundle " + bundle.info.name + " " + bundle.info.version);
  BundleContext context{services_, bundle.info.name};
  const Status status = guarded([&]() -> Status {
    bundle.activator.reset(bundle.descriptor->create());
    if (bundle.activator == nullptr) return Error(Code::kBundleStartFailed, "no activator");
    return bundle.activator->start(context);
  });
  if (status.ok() && !context.switchedOff.empty()) {
    services_.withdrawAll(bundle.info.name);
    (void)guarded([&]() -> Status { bundle.activator.reset(); return {}; });
    return stayOff(bundle, context.switchedOff);
  }
  if (status.ok()) {
    started_.push_back(&bundle);
    setState(bundle, BundleState::kActive, {});
    return;
  }
  services_.withdrawAll(bundle.info.name);
  (void)guarded([&]() -> Status { bundle.activator.reset(); return {}; });
  const Error& cause = status.error();
  const bool named = cause.code == Code::kBundleStartFailed;
  giveUp(bundle, BundleState::kFailed,
         Error(Code::kBundleStartFailed, "bundle '" + bundle.info.name + "' failed to start: " +
                                             (named ? cause.message : cause.toString())));
}

int Host::start() {
  while (std::any_of(bundles_.begin(), bundles_.end(), [](const auto& b) { return b->waiting; })) {
    if (pass(false) || pass(true)) continue;
    breakCircle();
  }
  return static_cast<int>(
      std::count_if(bundles_.begin(), bundles_.end(), [](const auto& bundle) {
        return bundle->info.state != BundleState::kActive &&
               bundle->info.state != BundleState::kDisabled;
      }));
}

void Host::stop() {
  while (!started_.empty()) {
    Bundle& bundle = *started_.back();
    started_.pop_back();
    log::info("Stopping bundle " + bundle.info.name);
    const Status status = guarded([&]() -> Status {
      bundle.activator->stop();
      return {};
    });
    if (!status.ok())
      log::error("Bundle " + bundle.info.name + " did not stop cleanly: " + status.error().message);
    services_.withdrawAll(bundle.info.name);
    (void)guarded([&]() -> Status { bundle.activator.reset(); return {}; });
    setState(bundle, BundleState::kResolved, {});
  }
}

void Host::reload() {
  for (Bundle* bundle : started_) {
    const Status status = guarded([&]() -> Status {
      bundle->activator->reload();
      return {};
    });
    if (!status.ok())
      log::error("Bundle " + bundle->info.name + " failed to reload: " + status.error().message);
  }
}

std::vector<BundleInfo> Host::list() const {
  std::vector<BundleInfo> out;
  std::lock_guard lock(mutex_);
  for (const auto& bundle : bundles_) out.push_back(bundle->info);
  std::sort(out.begin(), out.end(),
            [](const BundleInfo& a, const BundleInfo& b) { return a.name < b.name; });
  return out;
}

}  // namespace ox::runtime
