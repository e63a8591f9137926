#include "sim_map.h"

namespace ox::sim {
namespace {

using services::Completion;

class SimMap final : public services::GridMap {
 public:
  SimMap(World& world, MemberId member, std::string name)
      : world_(world), member_(member), name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  void execute(services::MapRequest request, Completion<services::MapReply> done) override {
    later([name = name_, request = std::move(request), done = std::move(done)](SimMember& m) {
      m.data().execute(name, request, done);
    });
  }
  void query(const services::Predicate& predicate, services::QueryOptions options,
             Completion<services::QueryResult> done) override {
    later([name = name_, predicate, options, done = std::move(done)](SimMember& m) {
      m.data().query(name, predicate, options, done);
    });
  }
  void process(Bytes key, const std::string& processor, Bytes argument,
               const services::Predicate*, Completion<std::optional<Bytes>> done) override {
    later([name = name_, key = std::move(key), processor, argument = std::move(argument),
           done = std::move(done)](SimMember& m) {
      m.data().process(
          name, key, argument,
          [done](Result<services::MapReply> r) {
            if (!r) done(r.error());
            else done(std::move(r->value));
          },
          processor);
    });
  }
  void size(Completion<std::uint64_t> done) override {
    services::QueryOptions options;
    options.want = services::QueryWant::kKeys;
    query(services::query::always(), options, [done](const Result<services::QueryResult>& all) {
      if (!all) done(all.error());
      else done(std::uint64_t{all->entries.size()});
    });
  }
  void keys(Completion<std::vector<Bytes>> done) override { done(Error(Code::kUnavailable)); }
  void entries(Completion<std::vector<services::MapEntry>> done) override {
    done(Error(Code::kUnavailable));
  }
  void clear(Completion<std::uint64_t> done) override { done(Error(Code::kUnavailable)); }
  services::MapStats localStats() const override { return {}; }

 private:
  void later(std::function<void(SimMember&)> what) { world_.post(member_, 1, std::move(what)); }
  World& world_;
  const MemberId member_;
  const std::string name_;
};

}  // namespace

std::shared_ptr<services::GridMap> makeSimMap(World& world, const MemberId& member,
                                              std::string name) {
  return std::make_shared<SimMap>(world, member, std::move(name));
}

}  // namespace ox::sim
