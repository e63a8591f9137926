#include "batch.h"

#include <algorithm>

namespace ox::upgrade {

using services::CacheEvent;
using services::CacheKey;

namespace {
template <typename Name>
std::string names(const std::vector<CacheKey>& keys, std::size_t most, Name name) {
  std::string out;
  for (std::size_t i = 0; i < std::min(most, keys.size()); ++i)
    out += (i == 0 ? " " : ", ") + name(keys[i]);
  if (keys.size() > most) out += " and " + std::to_string(keys.size() - most) + " more";
  return out;
}
}  // namespace

std::string Batch::text(std::size_t most) const {
  std::string out;
  if (!schemas.empty())
    out = "schemas" + names(schemas, most, [](const CacheKey& k) {
            return k.parts.front() + " (pool " + std::to_string(k.id) + ")";
          });
  if (!contexts.empty())
    out += (out.empty() ? "contexts" : "; contexts") + names(contexts, most, [](const CacheKey& k) {
             return k.parts.empty() ? std::to_string(k.id) : "\"" + k.parts.front() + "\"";
           });
  return out;
}

std::vector<CacheEvent> Batch::events(std::size_t keysOfOne) const {
  std::vector<CacheEvent> out;
  const auto cut = [&](const char* region, const std::vector<CacheKey>& keys) {
    for (std::size_t at = 0; at < keys.size(); at += keysOfOne) {
      CacheEvent event;
      event.region = region;
      const auto end = std::min(keys.size(), at + keysOfOne);
      event.keys.assign(keys.begin() + static_cast<long>(at), keys.begin() + static_cast<long>(end));
      out.push_back(std::move(event));
    }
  };
  cut(services::kRegionSchema, schemas);
  cut(services::kRegionContext, contexts);
  return out;
}

std::vector<std::pair<std::int32_t, std::string>> Batch::pairs() const {
  std::vector<std::pair<std::int32_t, std::string>> out;
  for (const CacheKey& key : schemas) out.emplace_back(key.id, key.parts.front());
  return out;
}

Collector::Taken Collector::add(const CacheEvent& event, std::size_t& strange) {
  const bool schema = event.region == services::kRegionSchema;
  const bool context = event.region == services::kRegionContext;
  const bool told = schema || (context && mechanism_ == Mechanism::kTopic);
  if (!told || event.operation != CacheEvent::Operation::kInvalidate || event.keys.empty())
    return Taken::kSkipped;
  Taken taken = Taken::kSkipped;
  for (const CacheKey& key : event.keys) {
    const bool known = schema ? key.parts.size() == 1
                              : key.parts.empty() || (key.parts.size() == 1 && key.id == -1);
    if (!known) {
      ++strange;
      continue;
    }
    auto& seen = schema ? seenSchemas_ : seenContexts_;
    const std::pair id(key.id, key.parts.empty() ? std::string() : key.parts.front());
    if (size() >= kMaxBatchKeys && !seen.contains(id)) return Taken::kFull;
    if (seen.insert(id).second) (schema ? waiting_.schemas : waiting_.contexts).push_back(key);
    taken = Taken::kTaken;
  }
  return taken;
}

Batch Collector::take() {
  seenSchemas_.clear();
  seenContexts_.clear();
  return std::exchange(waiting_, {});
}

}  // namespace ox::upgrade
