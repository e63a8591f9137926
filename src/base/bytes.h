// Bytes, and bounded big-endian reading and writing of outside bytes.
//
// Bytes is std::string: contiguous, cheap to move, hashable, with small-buffer storage.
// ByteReader never reads past its end: once a read fails, ok() stays false and every later read
// returns zero or empty, so a decoder checks ok() once at the end. Big-endian because both the
// Hazelcast formats and our member protocol are.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ox {

using Bytes = std::string;
using BytesView = std::string_view;

class ByteWriter {
 public:
  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void boolean(bool v) { u8(v ? 1 : 0); }
  void u16(std::uint16_t v) { integer(v); }
  void u32(std::uint32_t v) { integer(v); }
  void u64(std::uint64_t v) { integer(v); }
  void i16(std::int16_t v) { integer(static_cast<std::uint16_t>(v)); }
  void i32(std::int32_t v) { integer(static_cast<std::uint32_t>(v)); }
  void i64(std::int64_t v) { integer(static_cast<std::uint64_t>(v)); }
  void f64(double v) { u64(std::bit_cast<std::uint64_t>(v)); }
  void raw(BytesView v) { out_.append(v); }
  // u32 length, then the bytes
  void blob(BytesView v) { u32(static_cast<std::uint32_t>(v.size())); raw(v); }

  std::size_t size() const { return out_.size(); }
  // Overwrites four bytes written earlier; `at + 4 <= size()`.
  void patchU32(std::size_t at, std::uint32_t v) {
    for (int i = 0; i < 4; ++i) out_[at + i] = static_cast<char>(v >> (24 - 8 * i));
  }
  const Bytes& bytes() const { return out_; }
  Bytes take() { return std::move(out_); }
  void reserve(std::size_t n) { out_.reserve(n); }

 private:
  template <typename U>
  void integer(U v) {
    char buffer[sizeof(U)];
    for (std::size_t i = 0; i < sizeof(U); ++i)
      buffer[i] = static_cast<char>(static_cast<std::uint8_t>(v >> (8 * (sizeof(U) - 1 - i))));
    out_.append(buffer, sizeof(U));
  }
  Bytes out_;
};

class ByteReader {
 public:
  explicit ByteReader(BytesView in) : in_(in) {}

  std::uint8_t u8() { return integer<std::uint8_t>(); }
  bool boolean() { return u8() != 0; }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  std::int16_t i16() { return static_cast<std::int16_t>(u16()); }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  double f64() { return std::bit_cast<double>(u64()); }
  // View into the input: valid as long as the input is.
  BytesView raw(std::size_t n) {
    if (!take(n)) return {};
    return in_.substr(pos_ - n, n);
  }
  BytesView blob() { return raw(u32()); }
  // Reads a count that precedes `count` items of at least `minItemBytes` each; a count that
  // cannot fit into what is left fails the reader, so that no decoder allocates on a lie.
  std::uint32_t count(std::size_t minItemBytes) {
    const std::uint32_t n = u32();
    if (ok_ && minItemBytes != 0 && n > remaining() / minItemBytes) ok_ = false;
    return ok_ ? n : 0;
  }
  void seek(std::size_t pos) {
    if (pos > in_.size()) ok_ = false;
    else pos_ = pos;
  }
  void fail() { ok_ = false; }
  bool ok() const { return ok_; }
  bool atEnd() const { return pos_ == in_.size(); }
  std::size_t position() const { return pos_; }
  std::size_t remaining() const { return in_.size() - pos_; }

 private:
  bool take(std::size_t n) {
    if (!ok_ || n > in_.size() - pos_) return ok_ = false;
    pos_ += n;
    return true;
  }
  template <typename U>
  U integer() {
    if (!take(sizeof(U))) return 0;
    U v = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i)
      v = static_cast<U>((static_cast<std::uint64_t>(v) << 8) |
                         static_cast<std::uint8_t>(in_[pos_ - sizeof(U) + i]));
    return v;
  }
  BytesView in_;
  std::size_t pos_ = 0;
  bool ok_ = true;
};

}  // namespace ox
