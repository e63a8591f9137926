// The handshake of a member link: any frames, given to the accepting and to the dialling side,
// with and without a password, are refused or answered. Nobody gets in who has not the password.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "member_protocol/handshake.h"

using namespace ox;
using namespace ox::grid;

namespace {
constexpr int kMaxFrames = 4;

LinkIdentity identity(bool password) {
  LinkIdentity self;
  self.clusterName = "fuzz-10.1";
  self.self = {{1, 1}, {"127.0.0.1", 5711}, false};
  if (password) self.key = Bytes(32, 'q');  // not the key of the kept inputs
  return self;
}

void feed(Handshake handshake, BytesView in, bool password) {
  for (int i = 0; i < kMaxFrames && in.size() >= 2; ++i) {
    const std::size_t n = (static_cast<std::size_t>(static_cast<std::uint8_t>(in[0])) << 8) |
                          static_cast<std::uint8_t>(in[1]);
    in.remove_prefix(2);
    const auto step = handshake.received(in.substr(0, n));
    in.remove_prefix(n < in.size() ? n : in.size());
    OX_CHECK(!step.send || step.send->size() <= kMaxHandshakeFrame);
    OX_CHECK(!(step.done && password));  // the fuzzer does not know the key
    if (step.done || step.refused != Refusal::kNone) return;
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView in(reinterpret_cast<const char*>(data), size);
  for (const bool password : {false, true}) {
    const auto self = identity(password);
    feed(Handshake::accept(self, Bytes(kNonceBytes, 'n')), in, password);
    auto dialled = Handshake::dial(self, {}, Bytes(kNonceBytes, 'n'));
    (void)dialled.hello();
    feed(std::move(dialled), in, password);
  }
  return 0;
}
