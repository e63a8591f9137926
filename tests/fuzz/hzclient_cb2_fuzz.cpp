// CB2: what a member sends; what is read is written the same.
#include "base/check.h"
#include "hzclient/cb2.h"

using namespace ox;
using namespace ox::hzclient;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const BytesView all(reinterpret_cast<const char*>(bytes), size);
  std::size_t scanned = 0;
  const auto length = unitLength(Protocol::kCb2, all, scanned);
  if (!length || *length == 0) return 0;
  OX_CHECK(*length <= all.size());
  const auto message = cb2::decode(all.substr(0, *length));
  if (!message) return 0;
  const char* pattern = cb2::patternOf(message->type);
  if (pattern == nullptr) return 0;
  const auto fields = cb2::readFields(pattern, message->parameters);
  if (!fields) return 0;
  const auto again = cb2::readFields(pattern, cb2::writeFields(pattern, *fields));
  OX_CHECK(again.ok() && again->size() == fields->size());
  return 0;
}
