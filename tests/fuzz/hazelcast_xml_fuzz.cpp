// hazelcast.xml: any text becomes settings within their bounds, or problems; never a crash.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "hazelcast_xml.h"

using namespace ox;
using namespace ox::grid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const config::Config nothing;
  std::vector<config::Problem> problems;
  Reader reader(nothing, problems);
  GridConfig out;
  applyHazelcastXml(BytesView(reinterpret_cast<const char*>(data), size), out, reader);
  OX_CHECK(out.basePort >= 1 && out.basePort <= 65535);
  for (const auto& range : out.outboundPorts) OX_CHECK(range.first >= 1 && range.first <= range.last);
  for (const auto& [name, map] : out.maps->all())
    OX_CHECK(map.backupCount + map.asyncBackupCount <= 6);
  return 0;
}
