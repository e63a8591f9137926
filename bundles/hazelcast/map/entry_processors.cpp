#include "map/entry_processors.h"

namespace ox::grid {
using services::EntryChange;

EntryProcessors::EntryProcessors() {
  byName_[kRemoveProcessor] = std::make_shared<const services::EntryProcessor>(
      [](const services::EntryView& entry, BytesView) {
        EntryChange change;
        if (entry.value) change.action = EntryChange::Action::kRemove;
        return change;
      });
}

Status EntryProcessors::add(const std::string& name, services::EntryProcessor processor) {
  if (name.empty() || name.size() > kMaxProcessorName || name.front() == '@')
    return Error(Code::kInvalid, "the name of an entry processor has 1.." +
                                     std::to_string(kMaxProcessorName) +
                                     " bytes and does not begin with '@'");
  std::lock_guard lock(mutex_);
  if (byName_.size() >= kMaxProcessors && !byName_.contains(name))
    return Error(Code::kBusy, "more than " + std::to_string(kMaxProcessors) + " entry processors");
  byName_[name] = std::make_shared<const services::EntryProcessor>(std::move(processor));
  return {};
}

std::shared_ptr<const services::EntryProcessor> EntryProcessors::find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto it = byName_.find(name);
  return it == byName_.end() ? nullptr : it->second;
}

Bytes encodeProcess(BytesView name, BytesView argument) {
  ByteWriter out;
  out.blob(name);
  out.blob(argument);
  return out.take();
}

Result<ProcessBody> ProcessBody::decode(BytesView bytes) {
  ByteReader in(bytes);
  ProcessBody body;
  body.name = in.blob();
  body.argument = in.blob();
  if (!in.ok() || !in.atEnd() || body.name.size() > kMaxProcessorName ||
      body.argument.size() > kMaxProcessorArgument)
    return Error(Code::kGridBadMessage, "undecodable request of an entry processor");
  return body;
}

}  // namespace ox::grid
