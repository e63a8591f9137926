// CB1 of 3.2 and 3.5 (the first byte chooses): what a member sends; what is read is written the same.
#include "base/check.h"
#include "hzclient/cb1.h"

using namespace ox;
using namespace ox::hzclient;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const auto dialect = (bytes[0] & 1) != 0 ? Protocol::kCb1A : Protocol::kCb1B;
  const BytesView all(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  std::size_t scanned = 0;
  const auto length = unitLength(dialect, all, scanned);
  if (!length || *length == 0) return 0;
  OX_CHECK(*length <= all.size());
  const auto packet = cb1::decode(dialect, all.substr(0, *length));
  if (!packet) return 0;
  const auto again = cb1::decode(dialect, cb1::encode(dialect, *packet));
  OX_CHECK(again.ok() && again->data.payload == packet->data.payload);
  cb1::Data data = packet->data;
  if (const auto response = cb1::readResponse(dialect, data)) {
    OX_CHECK(cb1::readResponse(dialect, cb1::writeResponse(dialect, *response, 0)).ok());
    if (!response->data) return 0;
    data = *response->data;
  }
  if (const auto record = cb1::readRecord(dialect, data))
    OX_CHECK(cb1::readRecord(dialect, cb1::writeRecord(dialect, *record)).ok());
  return 0;
}
