#include "data_side.h"
#include "world.h"

namespace ox::sim {
namespace {

// Holds nothing and needs a random while for each migration it is ordered to do.
class Stub final : public DataSide {
 public:
  Stub(World& world, SimMember& member, std::uint64_t seed)
      : world_(world), member_(member), random_(seed) {}
  void tick() override {}
  const grid::ViewPtr& view() const override { return view_; }
  void publish(const std::string&, Bytes) override {}
  std::uint64_t topicGaps(const std::string&) const override { return 0; }
  void installed(const grid::ViewPtr& view) override {
    view_ = view;
    if (!view) return;
    for (const grid::Migration& m : view->migrations) {
      if (view->partitions[m.partition].at[0] != member_.id) continue;
      const auto delay = static_cast<Micros>(random_.below(20 * kMillisecond));
      world_.post(member_.id, delay, [id = view->id, m](SimMember& self) {
        self.control().migrationDone(id, m);
      });
    }
  }
  void peer(const grid::MemberId&, bool) override {}
  void received(const grid::MemberId&, BytesView) override {}
  void keepEntriesForMerge() override {}
  std::uint64_t ownedEntries() const override { return 0; }
  std::uint64_t unsynced() const override { return 0; }
  void execute(const std::string&, services::MapRequest,
               services::Completion<services::MapReply> done) override {
    done(Error(Code::kUnavailable));
  }
  void process(const std::string&, const Bytes&, const Bytes&,
               services::Completion<services::MapReply> done, const std::string&) override {
    done(Error(Code::kGridNotJoined));
  }
  void query(const std::string&, const services::Predicate&, services::QueryOptions,
             services::Completion<services::QueryResult> done) override {
    done(Error(Code::kGridNotJoined));
  }
  void listen(std::uint64_t, const std::string&) override {}
  void submitTask(const MemberId&, const std::string&, Bytes, std::int64_t,
                  services::Completion<Bytes> done) override {
    done(Error(Code::kUnavailable));
  }
  void invoke(const std::string&, int, Bytes, std::int64_t,
              services::Completion<Bytes> done) override {
    done(Error(Code::kUnavailable));
  }

 private:
  World& world_;
  SimMember& member_;
  SeededRandom random_;
  grid::ViewPtr view_;
};

}  // namespace

std::unique_ptr<DataSide> makeStub(World& world, SimMember& member, std::uint64_t seed) {
  return std::make_unique<Stub>(world, member, seed);
}

}  // namespace ox::sim
