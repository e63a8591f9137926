// Attributes, marks of endings and notices of sessions: decoded with their bounds; what is accepted comes
// back the same; the entry processor stores only what can be decoded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "attribute_record.h"
#include "ending_record.h"
#include "remote_parameters.h"

using namespace ox;
using namespace ox::sessionstorage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: {
      const auto record = decodeAttribute(bytes);
      if (!record) break;
      const auto again = decodeAttribute(encodeAttribute(*record));
      if (!again || again->attribute.value != record->attribute.value) std::abort();
      break;
    }
    case 1: {
      const auto ending = decodeEnding(bytes);
      if (!ending) break;
      const auto again = decodeEnding(encodeEnding(*ending));
      if (!again || again->sessionId != ending->sessionId || again->except != ending->except)
        std::abort();
      break;
    }
    case 2: {
      const auto notice = decodeNotice(bytes);
      if (notice && !decodeNotice(encodeNotice(*notice))) std::abort();
      break;
    }
    case 3: {
      const Bytes key = attributeKey("s", "n");
      const auto change = runAttributeCommand({key, std::nullopt}, bytes);
      if (change.action == services::EntryChange::Action::kSet) {
        if (!decodeAttribute(change.value)) std::abort();
        (void)runAttributeCommand({key, change.value}, bytes);
      }
      (void)runAttributeCommand({key, bytes}, bytes);
      (void)decodeAttributeReply(bytes);
      break;
    }
    default: {
      static const auto names = *remoteNames("a:b");
      (void)remoteParameters(std::string(bytes), names);
    }
  }
  return 0;
}
