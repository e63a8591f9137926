// A test bundle; name, needs, offers and behaviour come from the build file.
#include <stdexcept>

#include "runtime/bundle.h"
#include "trace.h"

namespace {

#define BEHAVIOUR_good 0
#define BEHAVIOUR_throws 1
#define BEHAVIOUR_refuses 2
#define BEHAVIOUR_silent 3
#define BEHAVIOUR_off 4

class Activator final : public ox::runtime::BundleActivator {
 public:
  ox::Status start(ox::runtime::BundleContext& context) override {
    trace_ = context.need<Trace>("trace");
    name_ = context.name;
    trace_->events.push_back("start " + name_);
    const std::string offers = OFFERS;
    if (!offers.empty() && BEHAVIOUR != BEHAVIOUR_silent)
      context.offer<std::string>(offers, std::make_shared<std::string>(name_));
    if (BEHAVIOUR == BEHAVIOUR_throws) throw std::runtime_error("no luck");
    if (BEHAVIOUR == BEHAVIOUR_refuses)
      return ox::Error(ox::Code::kNetBind, "port 1 is taken");
    if (BEHAVIOUR == BEHAVIOUR_off) context.switchedOff = "some.key=false";
    return {};
  }
  void stop() override { trace_->events.push_back("stop " + name_); }
  void reload() override { trace_->events.push_back("reload " + name_); }

 private:
  std::shared_ptr<Trace> trace_;
  std::string name_;
};

}  // namespace

OX_BUNDLE(NAME, "1.2.3", NEEDS, OFFERS, Activator)
