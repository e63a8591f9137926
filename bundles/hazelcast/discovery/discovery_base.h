// What the discoveries have in common: the list that was told, timers that end with stop(), logs,
// and one look at a time in the background, whose answer counts unless the settings changed since.
#pragma once

#include <utility>

#include "discovery/discovery.h"

namespace ox::grid {

class DiscoveryBase : public Discovery, public std::enable_shared_from_this<DiscoveryBase> {
 public:
  explicit DiscoveryBase(DiscoverySetup setup) : setup_(std::move(setup)) {}
  void members(const std::vector<Member>& members) override {
    members_ = members;
    others_ = members.size() > 1;
  }
  void stop() override {
    stopped_ = true;
    changed_ = nullptr;
    if (timer_ != 0) setup_.shard->cancelTimer(std::exchange(timer_, 0));
  }

 protected:
  // Tells and logs the list when it is new.
  void found(std::vector<Address> addresses) {
    if (stopped_ || !list_.update(std::move(addresses))) return;
    counters_.candidates = list_.all().size();
    ++counters_.changes;
    info(list_.text() + ", " + std::to_string(list_.joined(members_)) + " of them members");
    if (changed_) changed_(list_.all());
  }
  void failed(const std::map<std::string, std::string>& names) {
    counters_.failures += names.size();
    for (const auto& text : failures_.update(names)) warn(text);
  }
  // look() after that time; replaces what was planned.
  void lookAfter(std::int64_t millis) {
    if (stopped_) return;
    if (timer_ != 0) setup_.shard->cancelTimer(timer_);
    timer_ = setup_.shard->runAfter(millis, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self || self->stopped_) return;
      self->timer_ = 0;
      self->look();
    });
  }
  virtual void look() = 0;
  // The settings changed: what is being looked up belongs to the former ones.
  void forgetLook() {
    ++generation_;
    looking_ = false;
  }
  // One at a time: work() in the background, its result in done() on the shard. `work` uses of this
  // object only what never changes.
  template <typename Self, typename Work, typename Done>
  void lookInBackground(Self* me, Work work, Done done) {
    if (looking_ || stopped_) return;
    ++counters_.looks;
    looking_ = setup_.background([self = std::static_pointer_cast<Self>(me->shared_from_this()),
                                  work = std::move(work), done, looked = generation_]() mutable {
      auto answer = std::make_shared<decltype(work())>(work());
      self->setup_.shard->post([self, done, looked, answer] {
        if (self->stopped_ || looked != self->generation_) return;
        self->looking_ = false;
        ((*self).*done)(*answer);
      });
    });
  }
  void info(const std::string& text) { setup_.log(0, prefix() + text); }
  void warn(const std::string& text) { setup_.log(1, prefix() + text); }
  std::string prefix() const { return "discovery (" + setup_.settings.mode + "): "; }

  DiscoverySetup setup_;
  Changed changed_;
  CandidateList list_;
  FailureList failures_;
  std::vector<Member> members_;
  bool others_ = false;      // the view holds more than this member
  bool stopped_ = false;
  std::uint64_t timer_ = 0;

 private:
  bool looking_ = false;
  std::uint64_t generation_ = 0;
};

std::shared_ptr<Discovery> makeStaticDiscovery(DiscoverySetup setup);
std::shared_ptr<Discovery> makeMulticastDiscovery(DiscoverySetup setup);
std::shared_ptr<Discovery> makeDnsDiscovery(DiscoverySetup setup);

}  // namespace ox::grid
