#include "net/keyed_hash.h"

#include <doctest/doctest.h>

using namespace ox;
using namespace ox::net;

namespace {
std::string hex(BytesView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : bytes) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}
}  // namespace

TEST_CASE("HMAC-SHA256: the second case of RFC 4231") {
  CHECK(hex(hmacSha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("PBKDF2-HMAC-SHA256: RFC 7914, section 11, and any size") {
  const Bytes whole = keyOfPassword("passwd", "salt", 1, 64);
  CHECK(hex(whole) == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                      "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
  CHECK(keyOfPassword("passwd", "salt", 1, 48) == whole.substr(0, 48));
}

TEST_CASE("proofs are the same in every byte, or not at all") {
  CHECK(sameProof("abc", "abc"));
  CHECK_FALSE(sameProof("abc", "abd"));
  CHECK_FALSE(sameProof("abc", "ab"));
}
