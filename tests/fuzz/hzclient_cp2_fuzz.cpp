// CP2: what a member sends; what is read is written the same.
#include "base/check.h"
#include "hzclient/cp2.h"

using namespace ox;
using namespace ox::hzclient;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const BytesView all(reinterpret_cast<const char*>(bytes), size);
  std::size_t scanned = 0;
  const auto length = unitLength(Protocol::kCp2, all, scanned);
  if (!length || *length == 0) return 0;
  OX_CHECK(*length <= all.size());
  const auto message = cp2::decode(all.substr(0, *length));
  if (!message) return 0;
  OX_CHECK(cp2::encode(*message) == all.substr(0, *length));
  const cp2::Pattern pattern = cp2::patternOf(message->type);
  if (pattern.fixed == nullptr) return 0;
  const auto fields = cp2::readFields(pattern, *message);
  if (!fields) return 0;
  cp2::Message copy = *message;
  cp2::writeFields(pattern, *fields, copy);
  const auto again = cp2::readFields(pattern, copy);
  OX_CHECK(again.ok() && *again == *fields);
  return 0;
}
