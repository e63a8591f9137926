// TLS of the member links: any bytes, given in pieces to a dialling and to an accepting session with
// a shared key, end in an error or in waiting for more. Nobody gets in, and what is kept is bounded.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "net/tls.h"
#include "net/tls_impl.h"

using namespace ox;
using namespace ox::net;

namespace {
const std::shared_ptr<const TlsContext>& context() {
  static const auto made = [] {
    TlsSharedKey s;
    s.key = Bytes(kTlsKeyBytes, 'k');
    s.protocol = {"oxm1-key", "oxm1", "the other side uses certificates"};
    return *TlsContext::make(s);
  }();
  return made;
}

void feed(TlsSession::Side side, BytesView in, std::size_t piece) {
  TlsSession session(context(), side);
  char room[512];
  while (!in.empty()) {
    const Status fed = session.feed(in.substr(0, piece));
    in.remove_prefix(in.size() < piece ? in.size() : piece);
    OX_CHECK(session.read(room, sizeof room) == 0);
    OX_CHECK(!session.ready());
    OX_CHECK(fed.ok() != session.failed());
    OX_CHECK(session.output().size() <= kMaxTlsHandshake);
    if (!fed) {
      OX_CHECK(!session.problem().empty());
      return;
    }
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView in(reinterpret_cast<const char*>(data), size);
  const std::size_t piece = size == 0 ? 1 : 1 + data[size - 1];
  for (const auto side : {TlsSession::Side::kDialler, TlsSession::Side::kAcceptor})
    feed(side, in, piece);
  (void)alpnOffers(in, "oxm1");
  return 0;
}
