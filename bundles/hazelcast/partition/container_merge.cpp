// After a split: the joining members offer the containers they owned to the owners of the other side.
#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;

void Impl::keepContainersForMerge() {
  ContainerMerge& m = containerMerge_;
  for (const auto& p : partitions_) {
    if (!p || !p->owner) continue;
    copyContainers(p->data, 0, [&](BytesView name, BytesView piece) {
      if (m.kept.empty() || m.kept.back().partition != p->number || m.kept.back().name != name)
        m.kept.push_back({p->number, std::string(name), {}});
      m.kept.back().pieces.emplace_back(piece);
    });
  }
  m.from = view_;
}

// Never while migrations are under way; piece by piece, the next one when the former was answered.
void Impl::pumpContainerMerge() {
  ContainerMerge& m = containerMerge_;
  if (m.kept.empty() || !view_ || view_ == m.from || !view_->migrations.empty()) return;
  m.from.reset();
  while (!m.kept.empty() && m.inFlight < kMaxContainersMerging) {
    auto kept = std::make_shared<KeptContainer>(std::move(m.kept.front()));
    m.kept.pop_front();
    ++m.inFlight;
    Call call;
    call.partition = kept->partition;
    call.kind = OpKind::kMergeContainer;
    call.map = kept->name;
    call.request.value = kept->pieces.front();
    call.internal = [this, kept](const Result<OpResult>& r) {
      ContainerMerge& all = containerMerge_;
      --all.inFlight;
      if (!r && r.error().retryable) return all.kept.push_back(std::move(*kept));
      kept->changed = kept->changed || (r && r->reply.applied);
      kept->pieces.pop_front();
      if (r && !kept->pieces.empty()) return all.kept.push_front(std::move(*kept));
      containerMerged(*kept, r);
    };
    submit(std::move(call));
  }
}

void Impl::containerMerged(const KeptContainer& kept, const Result<OpResult>& last) {
  ContainerMerge& m = containerMerge_;
  auto& count = m.done[kept.name];
  ++(!last ? count.refused : kept.changed ? count.takenOver : count.stayed);
  const std::string name = kept.name.substr(0, 80);
  if (!last && count.refused == 1)
    host_.log(1, name + ": refused by the other cluster: " + last.error().toString());
  host_.log(-1, "merged " + name + " of partition " + std::to_string(kept.partition) +
                    " into the other cluster: " +
                    (!last ? "refused" : kept.changed ? "taken over" : "the state there stays"));
  if (!m.kept.empty() || m.inFlight > 0) return;
  // A map's listeners are a container in each partition: one line for all of them.
  for (const auto& [all, n] : m.done)
    host_.log(0, "merged " + all.substr(0, 80) + " into the other cluster: " +
                     std::to_string(n.takenOver) + " taken over, " + std::to_string(n.stayed) +
                     " as they are there, " + std::to_string(n.refused) + " refused");
  m.done.clear();
}

}  // namespace ox::grid
