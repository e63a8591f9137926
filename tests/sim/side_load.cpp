#include "side_load.h"

namespace ox::sim {
namespace {
constexpr Micros kAnswerLimit = 120 * kSecond;
}

MapAnswer askNow(World& world, SimMember& member, const std::string& map, services::MapOp op,
                 const std::string& key, const std::string& value) {
  services::MapRequest request;
  request.op = op;
  request.key = key;
  request.value = value;
  auto got = std::make_shared<std::optional<MapAnswer>>();
  member.data().execute(map, std::move(request), [got](MapAnswer r) { *got = std::move(r); });
  world.run(kAnswerLimit, [&] { return got->has_value() || !member.alive; });
  if (!got->has_value()) return Error(Code::kGridIndeterminate, "never answered");
  return **got;
}

std::map<MemberId, std::vector<SimMember*>> clusters(World& world) {
  std::map<MemberId, std::vector<SimMember*>> out;
  for (SimMember* m : world.living())
    if (m->view()) out[m->view()->id.master].push_back(m);
  return out;
}

bool atRest(World& world) {
  for (SimMember* m : world.living())
    if (!m->view() || m->data().view() != m->view()) return false;
  for (const auto& [master, members] : clusters(world))
    for (const SimMember* m : members) {
      const auto& view = *m->view();
      if (view.members.size() != members.size() || !view.migrations.empty() ||
          view.id != members.front()->view()->id || m->data().unsynced() > 0 ||
          m->data().mergeBacklog() > 0)
        return false;
    }
  return true;
}

}  // namespace ox::sim
