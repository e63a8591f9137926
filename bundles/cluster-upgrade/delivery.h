// Delivery: one visit to the older cluster: log in, deliver a batch or only look around, leave.
//
// Threads:   make() anywhere; the rest and the answer on the shard.
// Ownership: shared; keeps itself until its answer, which comes exactly once. cancel() answers at once.
// Time:      each step has the client's limit; a visit ends by itself.
// Errors:    one sentence per failure, as the client says it; members that failed are listed.
// Again:     an invalidation may be delivered twice, never harmfully.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "batch.h"
#include "hzclient/client.h"
#include "settings.h"

namespace ox::upgrade {

inline constexpr std::size_t kNamedKeys = 20;  // of each kind in a log line

struct Outcome {
  Status status;                   // kConfig: nobody to contact
  std::string address, version;    // of the member that answered
  std::string group;               // that it took
  std::vector<hzclient::LegacyMember> members;  // as the older cluster lists them
  std::vector<std::string> failed; // members that did not do it, with why
  std::int64_t millis = 0;
};

// What a visit needs of its surroundings.
struct Surroundings {
  net::Shard* shard = nullptr;
  Random* random = nullptr;
  std::function<bool(std::function<void()>)> background;  // blocking tasks
  Resolver resolve;                                       // blocking
  std::function<std::vector<OwnMember>()> ownMembers;     // any thread
};

class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  using Done = std::function<void(Outcome)>;
  // An empty batch = only look. `firstGroup`: which name of the cluster to try first.
  static std::shared_ptr<Delivery> make(const LegacyLine& line, const BridgeSettings& settings,
                                        Surroundings around, Batch batch, std::string sender,
                                        std::size_t firstGroup);
  void start(Done done);
  void cancel();
  std::size_t group() const { return group_; }  // that was tried last

 private:
  Delivery(const LegacyLine& line, const BridgeSettings& settings, Surroundings around, Batch batch,
           std::string sender, std::size_t firstGroup);
  void found(std::vector<hzclient::Endpoint> endpoints, const std::vector<std::string>& failed);
  void connect();
  void connected(const hzclient::Connected& to);
  void publish(std::size_t next);
  void submit();
  void answered(const std::vector<hzclient::MemberAnswer>& answers);
  void look();
  void finish(Status status);
  void say(const std::string& text) const;
  std::int64_t millis() const;

  const LegacyLine& line_;
  const BridgeSettings settings_;
  const Surroundings around_;
  const Batch batch_;
  const std::string sender_;
  std::vector<hzclient::Endpoint> endpoints_;
  std::vector<services::CacheEvent> events_;
  std::vector<std::pair<std::int32_t, std::string>> pairs_;
  std::size_t pairsAt_ = 0;  // the next one to be submitted
  std::shared_ptr<hzclient::Client> client_;
  std::size_t group_;
  std::size_t tried_ = 0;  // names of the cluster
  std::int64_t began_ = 0;
  Outcome outcome_;
  Done done_;
};

}  // namespace ox::upgrade
