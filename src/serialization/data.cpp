#include "serialization/data.h"

namespace ox::serialization {
namespace {

ByteWriter begin(TypeId type) {
  ByteWriter out;
  out.u32(0);
  out.i32(static_cast<std::int32_t>(type));
  return out;
}

// A reader over the payload; failed when the blob is of another type.
ByteReader payload(BytesView data, TypeId type) {
  ByteReader in(payloadOf(data));
  if (data.size() < kDataHeaderBytes || typeOf(data) != static_cast<std::int32_t>(type)) in.fail();
  return in;
}

template <typename T>
Result<T> finish(const ByteReader& in, T value, const char* what) {
  if (in.ok() && in.atEnd()) return value;
  return Error(Code::kInvalid, std::string("Data blob does not hold ") + what);
}

}  // namespace

Bytes toData(std::string_view text) {
  ByteWriter out = begin(TypeId::kString);
  out.blob(text);
  return out.take();
}
Bytes toData(std::int32_t number) {
  ByteWriter out = begin(TypeId::kInteger);
  out.i32(number);
  return out.take();
}
Bytes toData(std::int64_t number) {
  ByteWriter out = begin(TypeId::kLong);
  out.i64(number);
  return out.take();
}
Bytes toData(bool flag) {
  ByteWriter out = begin(TypeId::kBoolean);
  out.boolean(flag);
  return out.take();
}
Bytes bytesToData(BytesView bytes) {
  ByteWriter out = begin(TypeId::kByteArray);
  out.blob(bytes);
  return out.take();
}

std::int32_t typeOf(BytesView data) {
  if (data.size() < kDataHeaderBytes) return 0;
  ByteReader in(data);
  in.u32();
  return in.i32();
}
BytesView payloadOf(BytesView data) {
  return data.size() < kDataHeaderBytes ? BytesView() : data.substr(kDataHeaderBytes);
}
bool sameData(BytesView a, BytesView b) {
  if (a.size() < kDataHeaderBytes || b.size() < kDataHeaderBytes) return a == b;
  return a.substr(4) == b.substr(4);
}

Result<std::string> stringFrom(BytesView data) {
  ByteReader in = payload(data, TypeId::kString);
  std::string text(in.blob());
  return finish(in, std::move(text), "a string");
}
Result<std::int32_t> intFrom(BytesView data) {
  ByteReader in = payload(data, TypeId::kInteger);
  const std::int32_t n = in.i32();
  return finish(in, n, "an int");
}
Result<std::int64_t> longFrom(BytesView data) {
  ByteReader in = payload(data, TypeId::kLong);
  const std::int64_t n = in.i64();
  return finish(in, n, "a long");
}
Result<bool> boolFrom(BytesView data) {
  ByteReader in = payload(data, TypeId::kBoolean);
  const bool b = in.boolean();
  return finish(in, b, "a boolean");
}
Result<Bytes> bytesFrom(BytesView data) {
  ByteReader in = payload(data, TypeId::kByteArray);
  Bytes bytes(in.blob());
  return finish(in, std::move(bytes), "a byte array");
}

}  // namespace ox::serialization
