#include "map/attributes.h"

#include <cmath>

#include "serialization/data.h"
#include "serialization/portable.h"

namespace ox::grid {
namespace {
using serialization::FieldType;
using serialization::TypeId;
using Steps = std::vector<PathStep>;

Error bad(std::string_view text, std::size_t at, const char* what) {
  return Error(Code::kInvalid, "attribute '" + std::string(text.substr(0, 80)) + "', position " +
                                   std::to_string(at) + ": " + what);
}

void add(std::vector<QueryValue>& out, QueryValue value) {
  if (out.size() < kMaxAttributeValues) out.push_back(std::move(value));
}

std::string text(ByteReader& in) {
  const std::int32_t length = in.i32();
  if (length < 0) in.fail();
  return std::string(in.raw(length < 0 ? 0 : static_cast<std::size_t>(length)));
}

// A value that stands for itself at the reader.
bool readScalar(FieldType type, ByteReader& in, QueryValue& out) {
  switch (type) {
    case FieldType::kByte: out = static_cast<std::int64_t>(static_cast<std::int8_t>(in.u8())); break;
    case FieldType::kBoolean: out = in.boolean(); break;
    case FieldType::kChar: out = static_cast<std::int64_t>(in.u16()); break;
    case FieldType::kShort: out = static_cast<std::int64_t>(in.i16()); break;
    case FieldType::kInt: out = static_cast<std::int64_t>(in.i32()); break;
    case FieldType::kLong: out = in.i64(); break;
    case FieldType::kFloat: out = static_cast<double>(std::bit_cast<float>(in.u32())); break;
    case FieldType::kDouble: out = in.f64(); break;
    case FieldType::kUtf: {
      ByteReader probe = in;
      if (probe.i32() == -1) out = std::monostate{};
      else out = text(in);
      break;
    }
    default: return false;
  }
  return in.ok();
}

// Types of elements of the arrays; source: Hazelcast's FieldType (10 + the single type).
constexpr int kFirstArray = 10;

// Records looked at for one attribute: arrays of a damaged blob may all lead to the same record.
constexpr std::size_t kMaxRecords = 4096;

struct Walk {
  BytesView data;
  const Steps& steps;
  std::vector<QueryValue>& out;
  std::size_t records = 0;
};

void readPortable(Walk& walk, std::size_t at, std::size_t step);

void readArray(Walk& walk, FieldType type, ByteReader& in, std::size_t step) {
  const Steps& steps = walk.steps;
  std::vector<QueryValue>& out = walk.out;
  const std::int32_t index = steps[step].index;
  if (index == PathStep::kNoIndex) return;
  const std::int32_t count = in.i32();
  if (!in.ok() || count <= 0) return;
  if (type == FieldType::kPortableArray) {
    in.u32();  // factory and class say nothing about where fields are
    in.u32();
    if (static_cast<std::size_t>(count) > in.remaining() / 4) return;
    for (std::int32_t i = 0; i < count && in.ok(); ++i) {
      const std::size_t at = in.u32();
      if (index != PathStep::kAny && i != index) continue;
      if (step + 1 < steps.size()) readPortable(walk, at, step + 1);
      if (index == i || out.size() >= kMaxAttributeValues) return;
    }
    return;
  }
  if (step + 1 != steps.size()) return;
  const auto element = static_cast<FieldType>(static_cast<int>(type) - kFirstArray);
  for (std::int32_t i = 0; i < count; ++i) {
    QueryValue value;
    const std::size_t before = in.position();
    if (!readScalar(element, in, value)) return;
    if (element == FieldType::kUtf && in.position() == before) in.i32();  // null
    if (index == PathStep::kAny || index == i) add(out, std::move(value));
    if (index == i || out.size() >= kMaxAttributeValues) return;
  }
}

// The record whose version number stands at `at`; layout: serialization/portable.h.
void readPortable(Walk& walk, std::size_t at, std::size_t step) {
  if (++walk.records > kMaxRecords) return;
  const BytesView data = walk.data;
  const Steps& steps = walk.steps;
  ByteReader in(data);
  in.seek(at);
  in.i32();
  const std::size_t end = in.u32();
  const std::uint32_t fields = in.count(4);
  if (!in.ok() || fields > serialization::kMaxFields || end > data.size()) return;
  const std::size_t table = in.position();
  const PathStep& want = steps[step];
  for (std::uint32_t i = 0; i < fields; ++i) {
    in.seek(table + std::size_t{4} * i);
    const std::size_t offset = in.u32();
    if (offset < table || offset >= end) return;
    in.seek(offset);
    const BytesView name = in.raw(in.u16());
    const int raw = in.u8();
    if (!in.ok()) return;
    if (name != want.name) continue;
    const auto type = static_cast<FieldType>(raw);
    const bool last = step + 1 == steps.size();
    if (raw >= kFirstArray) return readArray(walk, type, in, step);
    if (want.index != PathStep::kNoIndex) return;
    if (type == FieldType::kPortable) {
      if (last || in.boolean()) return;  // null, or no value by itself
      in.u32();
      in.u32();
      // Inner records lie behind their field: a chain of them ends.
      if (in.ok() && in.position() > at) readPortable(walk, in.position(), step + 1);
      return;
    }
    QueryValue value;
    if (last && readScalar(type, in, value)) add(walk.out, std::move(value));
    return;
  }
}

void readBlob(const AttributePath& path, BytesView data, std::vector<QueryValue>& out) {
  const auto type = static_cast<TypeId>(serialization::typeOf(data));
  ByteReader in(serialization::payloadOf(data));
  if (!path.steps().empty()) {
    if (type == TypeId::kPortable) {
      Walk walk{data, path.steps(), out};
      readPortable(walk, serialization::kDataHeaderBytes + 8, 0);
    } else if (type == TypeId::kJson) {
      const BytesView json = in.blob();
      if (in.ok() && json.size() <= kMaxJsonBytes) readJson(json, path.steps(), out);
    }
    return;
  }
  QueryValue value;
  bool known = true;
  switch (type) {
    case TypeId::kByte: known = readScalar(FieldType::kByte, in, value); break;
    case TypeId::kBoolean: known = readScalar(FieldType::kBoolean, in, value); break;
    case TypeId::kShort: known = readScalar(FieldType::kShort, in, value); break;
    case TypeId::kInteger: known = readScalar(FieldType::kInt, in, value); break;
    case TypeId::kLong: known = readScalar(FieldType::kLong, in, value); break;
    case TypeId::kDouble: known = readScalar(FieldType::kDouble, in, value); break;
    case TypeId::kString: known = readScalar(FieldType::kUtf, in, value); break;
    default: known = false;
  }
  if (known) add(out, std::move(value));
}

int rank(const QueryValue& v) {
  constexpr int kRanks[] = {0, 1, 2, 2, 3};
  return kRanks[v.index()];
}

// Exact, also where a double cannot hold the integer.
std::partial_ordering compareNumbers(std::int64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= 9223372036854775808.0) return std::partial_ordering::less;
  if (b < -9223372036854775808.0) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto n = static_cast<std::int64_t>(whole);
  if (a != n) return a < n ? std::partial_ordering::less : std::partial_ordering::greater;
  return 0.0 <=> (b - whole);
}

std::partial_ordering reversed(std::partial_ordering o) { return 0 <=> o; }
}  // namespace

Result<AttributePath> AttributePath::parse(std::string_view given) {
  AttributePath path;
  path.text_ = std::string(given.substr(0, kMaxPathBytes));
  if (given.empty()) return bad(given, 0, "is empty");
  if (given.size() > kMaxPathBytes) return bad(given, kMaxPathBytes, "longer than 256 bytes");
  std::string_view rest = given;
  if (rest == "this") return path;
  if (rest.starts_with("this.")) rest.remove_prefix(5);
  else if (rest == "__key" || rest.starts_with("__key.")) {
    path.key_ = true;
    if (rest == "__key") return path;
    rest.remove_prefix(6);
  }
  const std::size_t skipped = given.size() - rest.size();
  std::size_t at = 0;
  while (true) {
    if (path.steps_.size() >= kMaxPathSteps) return bad(given, skipped + at, "more than 16 steps");
    PathStep step;
    while (at < rest.size() && rest[at] != '.' && rest[at] != '[') {
      if (rest[at] == ']' || static_cast<unsigned char>(rest[at]) <= ' ')
        return bad(given, skipped + at, "unexpected character");
      step.name.push_back(rest[at++]);
    }
    if (step.name.empty()) return bad(given, skipped + at, "a name is missing");
    if (at < rest.size() && rest[at] == '[') {
      const std::size_t close = rest.find(']', at);
      if (close == std::string_view::npos) return bad(given, skipped + at, "'[' is not closed");
      const std::string_view inside = rest.substr(at + 1, close - at - 1);
      if (inside == "any") {
        step.index = PathStep::kAny;
      } else {
        if (inside.empty() || inside.size() > 6)
          return bad(given, skipped + at, "in brackets stands a number or any");
        step.index = 0;
        for (const char c : inside) {
          if (c < '0' || c > '9')
            return bad(given, skipped + at, "in brackets stands a number or any");
          step.index = step.index * 10 + (c - '0');
        }
      }
      at = close + 1;
      if (at < rest.size() && rest[at] != '.')
        return bad(given, skipped + at, "behind ']' stands a dot or the end");
    }
    path.steps_.push_back(std::move(step));
    if (at == rest.size()) return path;
    ++at;
  }
}

void readAttribute(const AttributePath& path, BytesView key, BytesView value,
                   std::vector<QueryValue>& out) {
  const std::size_t before = out.size();
  readBlob(path, path.ofKey() ? key : value, out);
  if (out.size() == before) out.emplace_back();
}

QueryValue normalized(QueryValue value) {
  const double* d = std::get_if<double>(&value);
  if (d == nullptr) return value;
  const bool fits = *d >= -9223372036854775808.0 && *d < 9223372036854775808.0;
  if (fits && std::trunc(*d) == *d) return static_cast<std::int64_t>(*d);
  return value;
}

std::partial_ordering compareValues(const QueryValue& a, const QueryValue& b) {
  const auto* ai = std::get_if<std::int64_t>(&a);
  const auto* bi = std::get_if<std::int64_t>(&b);
  const auto* ad = std::get_if<double>(&a);
  const auto* bd = std::get_if<double>(&b);
  if (ai && bi) return *ai <=> *bi;
  if (ad && bd) return *ad <=> *bd;
  if (ai && bd) return compareNumbers(*ai, *bd);
  if (ad && bi) return reversed(compareNumbers(*bi, *ad));
  if (a.index() != b.index()) return std::partial_ordering::unordered;
  if (const auto* s = std::get_if<std::string>(&a)) return s->compare(std::get<std::string>(b)) <=> 0;
  if (const auto* f = std::get_if<bool>(&a)) return *f <=> std::get<bool>(b);
  return std::partial_ordering::equivalent;  // both null
}

bool orderedBefore(const QueryValue& a, const QueryValue& b) {
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  const auto order = compareValues(a, b);
  if (order != std::partial_ordering::unordered) return order < 0;
  const auto nan = [](const QueryValue& v) {
    const auto* d = std::get_if<double>(&v);
    return d != nullptr && std::isnan(*d);
  };
  return nan(a) && !nan(b);
}

void writeValue(ByteWriter& out, const QueryValue& value) {
  out.u8(static_cast<std::uint8_t>(value.index()));
  if (const auto* b = std::get_if<bool>(&value)) out.boolean(*b);
  else if (const auto* n = std::get_if<std::int64_t>(&value)) out.i64(*n);
  else if (const auto* d = std::get_if<double>(&value)) out.f64(*d);
  else if (const auto* s = std::get_if<std::string>(&value)) out.blob(*s);
}

QueryValue readValue(ByteReader& in, std::size_t maxString) {
  switch (in.u8()) {
    case 0: return {};
    case 1: {
      const auto b = in.u8();
      if (b > 1) in.fail();
      return b == 1;
    }
    case 2: return in.i64();
    case 3: return in.f64();
    case 4: {
      const BytesView s = in.blob();
      if (s.size() > maxString) in.fail();
      return in.ok() ? QueryValue(std::string(s)) : QueryValue();
    }
    default: in.fail(); return {};
  }
}

}  // namespace ox::grid
