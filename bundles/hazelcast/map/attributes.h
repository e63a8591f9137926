// Attributes: named values inside the Data blobs of an entry.
//
// Purpose:   what predicates, indexes and paging look at. Portable records are walked in place;
//            JSON is read by an event parser that stops at the value (attributes_json.cpp).
// Threads:   plain functions; an AttributePath is immutable and may be shared.
// Bounds:    kMaxPathBytes, kMaxPathSteps, kMaxAttributeValues values of one [any] attribute,
//            kMaxJsonBytes and kMaxJsonDepth: beyond them the attribute is null.
// Errors:    AttributePath::parse names the position; damaged blobs have null attributes.
// Source:    Hazelcast's attribute paths ("a.b", "wheels[0].name", "wheels[any]", "__key", "this").
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "services/grid_query.h"

namespace ox::grid {

using services::QueryValue;

inline constexpr std::size_t kMaxPathBytes = 256;
inline constexpr std::size_t kMaxPathSteps = 16;
inline constexpr std::size_t kMaxAttributeValues = 1024;
inline constexpr std::size_t kMaxJsonBytes = 1u << 20;
inline constexpr std::size_t kMaxJsonDepth = 64;

struct PathStep {
  static constexpr std::int32_t kNoIndex = -1;
  static constexpr std::int32_t kAny = -2;
  std::string name;                 // empty only in the first step of "[...]"
  std::int32_t index = kNoIndex;
};

class AttributePath {
 public:
  static Result<AttributePath> parse(std::string_view text);
  const std::string& text() const { return text_; }
  bool ofKey() const { return key_; }
  const std::vector<PathStep>& steps() const { return steps_; }  // empty = the blob itself

 private:
  std::string text_;
  bool key_ = false;
  std::vector<PathStep> steps_;
};

// Appends the values; at least one (null when there is none).
void readAttribute(const AttributePath& path, BytesView key, BytesView value,
                   std::vector<QueryValue>& out);
// The JSON half: `steps` from `first` on.
void readJson(BytesView text, const std::vector<PathStep>& steps, std::vector<QueryValue>& out);

// Integral floating point becomes an integer, so that equal values are equal variants.
QueryValue normalized(QueryValue value);
// Of two values that can be compared; unordered otherwise.
std::partial_ordering compareValues(const QueryValue& a, const QueryValue& b);
// A total order over all values: null, boolean, number, string; NaN before the other numbers.
bool orderedBefore(const QueryValue& a, const QueryValue& b);

void writeValue(ByteWriter& out, const QueryValue& value);
QueryValue readValue(ByteReader& in, std::size_t maxString);

}  // namespace ox::grid
