// What the client protocols of older Hazelcast lines have in common: the units they send, and
// numbers in little-endian order.
//
//   kCb1A  3.0 - 3.2   bare Data objects, one after the other (big-endian)
//   kCb1B  3.5         packets of 11 bytes and a Data (big-endian)
//   kCb2   3.6 - 3.12  frames of 22 bytes and parameters (little-endian)
//   kCp2   4.x, 5.x    messages of several frames (little-endian)
//
// Threads:   plain functions and values.
// Bounds:    a unit has at most kMaxUnitBytes; a CP2 message at most kMaxFrames frames.
// Errors:    NET-0004 (kNetProtocol) with what was wrong; the connection is to be given up.
// Source:    docs/formats/hazelcast-client.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace ox::hzclient {

enum class Protocol : std::uint8_t { kCb1A, kCb1B, kCb2, kCp2 };
const char* nameOf(Protocol protocol);  // "CB1 of 3.2", for texts

inline constexpr std::size_t kMaxUnitBytes = 16u << 20;
inline constexpr std::size_t kMaxFrames = 100'000;

// Bytes of the first complete unit in `buffered`; 0 = it has not arrived in full.
// `scanned` makes asking again cheap: 0 for each new unit, kept between calls.
Result<std::size_t> unitLength(Protocol protocol, BytesView buffered, std::size_t& scanned);

Error badMessage(const std::string& what);

class LittleWriter {
 public:
  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t v) { integer(v, 2); }
  void i32(std::int32_t v) { integer(static_cast<std::uint32_t>(v), 4); }
  void i64(std::int64_t v) { integer(static_cast<std::uint64_t>(v), 8); }
  void raw(BytesView v) { out_.append(v); }
  std::size_t size() const { return out_.size(); }
  Bytes take() { return std::move(out_); }

 private:
  void integer(std::uint64_t v, int bytes) {
    for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<char>(v >> (8 * i)));
  }
  Bytes out_;
};

// As ByteReader: after the first failure everything is zero or empty.
class LittleReader {
 public:
  explicit LittleReader(BytesView in) : in_(in) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(integer(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(integer(2)); }
  std::int32_t i32() { return static_cast<std::int32_t>(integer(4)); }
  std::int64_t i64() { return static_cast<std::int64_t>(integer(8)); }
  BytesView raw(std::size_t n) {
    if (!ok_ || n > in_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += n;
    return in_.substr(at_ - n, n);
  }
  void fail() { ok_ = false; }
  bool ok() const { return ok_; }
  bool atEnd() const { return at_ == in_.size(); }
  std::size_t remaining() const { return in_.size() - at_; }

 private:
  std::uint64_t integer(std::size_t n) {
    const BytesView bytes = raw(n);
    std::uint64_t v = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) v = v << 8 | static_cast<std::uint8_t>(bytes[i]);
    return v;
  }
  BytesView in_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace ox::hzclient
