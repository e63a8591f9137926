// The operations on databases, schemas, file stores and servers beyond registering and listing.
#include <nlohmann/json.hpp>

#include "counts.h"
#include "operation_parts.h"

namespace ox::provisioning {
namespace {

using nlohmann::json;
using management::Access;
using management::Caller;

Handler checkCountsConsistency(const Storages& s) {
  return [util = s.util, journal = s.journal](Arguments&, const Caller&) -> Result<json> {
    const std::size_t undone = journal->settle(true);
    auto corrected = checkCounts(*util);
    if (!corrected) return corrected.error();
    return json{{"corrected", *corrected}, {"undone", undone}};
  };
}

}  // namespace

void addDatabaseOperations(const AddOperation& add, const Storages& storages) {
  add({"OXUtilService/checkCountsConsistency", Access::kMaster, checkCountsConsistency(storages),
       true});
}

}  // namespace ox::provisioning
