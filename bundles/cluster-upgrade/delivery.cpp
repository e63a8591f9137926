#include "delivery.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "hzclient/invalidation.h"
#include "hzclient/payload.h"

namespace ox::upgrade {
namespace {
using hzclient::Client;

constexpr const char* kTopic = "cacheEvents-3";
constexpr const char* kExecutor = "default";
constexpr std::size_t kPairsOfOne = 1000;  // schemas in one callable

std::string listed(const std::vector<hzclient::LegacyMember>& members) {
  std::string out;
  for (const auto& m : members) out += (out.empty() ? "" : ", ") + m.toString();
  return out;
}
}  // namespace

std::shared_ptr<Delivery> Delivery::make(const LegacyLine& line, const BridgeSettings& settings,
                                         Surroundings around, Batch batch, std::string sender,
                                         std::size_t firstGroup) {
  return std::shared_ptr<Delivery>(new Delivery(line, settings, std::move(around), std::move(batch),
                                                std::move(sender), firstGroup));
}

Delivery::Delivery(const LegacyLine& line, const BridgeSettings& settings, Surroundings around,
                   Batch batch, std::string sender, std::size_t firstGroup)
    : line_(line), settings_(settings), around_(std::move(around)), batch_(std::move(batch)),
      sender_(std::move(sender)),
      group_(settings.groups.empty() ? 0 : firstGroup % settings.groups.size()) {}

void Delivery::say(const std::string& text) const {
  log::info(line_.bundleName() + ": " + text);
}

std::int64_t Delivery::millis() const { return systemClock().steadyMillis() - began_; }

void Delivery::start(Done done) {
  done_ = std::move(done);
  began_ = systemClock().steadyMillis();
  if (!batch_.empty()) say("Processing cache event: " + batch_.text(kNamedKeys));
  const bool asked = around_.background([self = shared_from_this()] {
    auto failed = std::make_shared<std::vector<std::string>>();
    auto found = std::make_shared<std::vector<hzclient::Endpoint>>(endpointsNow(
        self->settings_, self->around_.ownMembers(), self->around_.resolve, *failed));
    self->around_.shard->post([self, found, failed] { self->found(std::move(*found), *failed); });
  });
  if (!asked) finish(Error(Code::kBusy, "too much waits in the background to look names up"));
}

void Delivery::found(std::vector<hzclient::Endpoint> endpoints,
                     const std::vector<std::string>& failed) {
  if (!done_) return;
  endpoints_ = std::move(endpoints);
  if (!endpoints_.empty()) return connect();
  std::string text = "no address of the older cluster is left to contact (those of members of this "
                     "cluster do not count)";
  for (const auto& f : failed) text += "; " + f;
  finish(failed.empty() ? Error(Code::kConfig, text) : Error(Code::kNotFound, text));
}

void Delivery::connect() {
  hzclient::ClientSettings s;
  s.protocol = line_.protocol;
  s.endpoints = endpoints_;
  s.group = settings_.groups.at(group_);
  s.password = settings_.password;
  s.tls = settings_.tls;
  s.identity = settings_.identity;
  client_ = Client::make(s, {around_.shard, around_.random, around_.resolve, around_.background});
  client_->connect([self = shared_from_this()](Result<hzclient::Connected> r) {
    if (!self->done_) return;
    if (r) return self->connected(*r);
    const bool again = r.error().code == Code::kGridPassword &&
                       ++self->tried_ < self->settings_.groups.size();
    if (!again) return self->finish(r.error());
    self->say("Failed to initialize Hazelcast client as group " +
              self->settings_.groups[self->group_] + ", trying alternative configuration: " +
              r.error().message);
    self->client_->close();
    self->group_ = (self->group_ + 1) % self->settings_.groups.size();
    self->connect();
  });
}

void Delivery::connected(const hzclient::Connected& to) {
  outcome_.address = to.address;
  outcome_.version = to.version;
  outcome_.group = settings_.groups[group_];
  if (batch_.empty()) return look();
  // These lines are what operators look for (the spelling is the original's).
  say("Successfully initialzed Hazelcast client: " + outcome_.group + " at " + to.address);
  if (line_.mechanism == Mechanism::kCallable) {
    pairs_ = batch_.pairs();
    return submit();
  }
  say(std::string("Successfully got reference to cache event topic: ") + kTopic);
  events_ = batch_.events(hzclient::kMaxEventKeys);
  say("Publishing legacy cache event: " + batch_.text(kNamedKeys));
  publish(0);
}

void Delivery::publish(std::size_t next) {
  if (next == events_.size()) return finish({});
  const auto data = hzclient::cacheEventData(line_.protocol, sender_, events_[next]);
  if (!data) return finish(data.error());
  client_->publish(kTopic, *data, [self = shared_from_this(), next](Result<bool> r) {
    if (!self->done_) return;
    if (!r) return self->finish(r.error());
    self->publish(next + 1);
  });
}

void Delivery::look() {
  client_->members([self = shared_from_this()](Result<std::vector<hzclient::LegacyMember>> list) {
    if (!self->done_) return;
    if (!list) return self->finish(list.error());
    self->outcome_.members = std::move(*list);
    self->finish({});
  });
}

// Part by part, each to every member.
void Delivery::submit() {
  const std::size_t end = std::min(pairs_.size(), pairsAt_ + kPairsOfOne);
  const auto data = hzclient::invalidationCallable(
      line_.protocol, {pairs_.begin() + static_cast<long>(pairsAt_),
                       pairs_.begin() + static_cast<long>(end)});
  if (!data) return finish(data.error());
  pairsAt_ = end;
  client_->submitToEach(kExecutor, *data, [self = shared_from_this()](auto answers) {
    if (!self->done_) return;
    if (!answers) return self->finish(answers.error());
    self->answered(*answers);
  });
}

void Delivery::answered(const std::vector<hzclient::MemberAnswer>& answers) {
  outcome_.members.clear();
  for (const auto& a : answers) {
    outcome_.members.push_back(a.member);
    std::string why;
    if (!a.result) {
      why = a.result.error().message;
    } else {
      const auto flag = *a.result ? hzclient::flagOf(line_.protocol, **a.result)
                                  : Result<bool>(Error(Code::kNetProtocol, "no answer inside"));
      if (!flag) why = flag.error().message;
      else if (!*flag) why = "it answered that it could not (its log says why)";
    }
    if (why.empty()) say("Successfully executed invalidation task on member " + a.member.toString());
    else outcome_.failed.push_back(a.member.toString() + ": " + why);
  }
  if (answers.empty())
    return finish(Error(Code::kNotFound, "the older cluster names no members to tell"));
  if (!outcome_.failed.empty()) {
    std::string text = "not done by " + std::to_string(outcome_.failed.size()) + " of " +
                       std::to_string(answers.size()) + " members of the older cluster";
    for (const auto& f : outcome_.failed) text += "; " + f;
    return finish(Error(Code::kUnavailable, text));
  }
  if (pairsAt_ < pairs_.size()) return submit();
  say("Invalidation task was executed by " + listed(outcome_.members));
  finish({});
}

void Delivery::finish(Status status) {
  if (!done_) return;
  outcome_.status = std::move(status);
  outcome_.millis = millis();
  if (outcome_.status.ok() && !batch_.empty())
    say("Successfully published legacy cache event, shutting down client after " +
        std::to_string(outcome_.millis) + "ms...");
  if (client_) client_->close();
  const Done done = std::exchange(done_, {});
  done(std::move(outcome_));
}

void Delivery::cancel() { finish(Error(Code::kShutdown)); }

}  // namespace ox::upgrade
