// Predicates over the entries of a map: built here, evaluated at the owners of the partitions.
//
// Purpose:   what a query, an entry listener or a removal over many keys asks for.
// Threads:   plain values; a Predicate may be copied and shared freely.
// Attributes: fields of Portable records and JSON objects ("a.b", "list[0]", "list[any]"), `__key`,
//            `__key.path`, and `this` (the value itself when it is a string, number or boolean).
// Types:     null, boolean, integer, floating point, string. Integers and floating point compare by
//            value; any other pair of types is never equal, less or greater. A missing field is null.
// Wire form: docs/formats/predicates.md (bundles/hazelcast/map/predicate.h writes and reads it).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace ox::services {

using QueryValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

enum class PredicateKind : std::uint8_t {
  kTrue = 1, kFalse = 2, kAnd = 3, kOr = 4, kNot = 5,
  kEqual = 6, kNotEqual = 7, kLess = 8, kLessEqual = 9, kGreater = 10, kGreaterEqual = 11,
  kBetween = 12,  // both bounds included
  kIn = 13, kLike = 14, kILike = 15, kRegex = 16,
  kWhere = 32,    // text that the engine parses before it is sent; never on the wire
};

struct Predicate {
  PredicateKind kind = PredicateKind::kTrue;
  std::string attribute;            // kWhere: the text
  std::vector<QueryValue> values;   // kBetween: two; kIn: any number; the others one
  std::vector<Predicate> children;  // kAnd, kOr: any number; kNot: one
  bool operator==(const Predicate&) const = default;
};

namespace query {

inline Predicate leaf(PredicateKind kind, std::string attribute, std::vector<QueryValue> values) {
  return {kind, std::move(attribute), std::move(values), {}};
}
inline QueryValue value(std::nullptr_t) { return std::monostate{}; }
inline QueryValue value(bool b) { return b; }
inline QueryValue value(int n) { return static_cast<std::int64_t>(n); }
inline QueryValue value(std::int64_t n) { return n; }
inline QueryValue value(double d) { return d; }
inline QueryValue value(std::string s) { return QueryValue(std::move(s)); }
inline QueryValue value(const char* s) { return QueryValue(std::string(s)); }
inline QueryValue value(QueryValue v) { return v; }

inline Predicate always() { return {PredicateKind::kTrue, {}, {}, {}}; }
inline Predicate never() { return {PredicateKind::kFalse, {}, {}, {}}; }
template <typename V>
Predicate equal(std::string attribute, V v) {
  return leaf(PredicateKind::kEqual, std::move(attribute), {value(v)});
}
template <typename V>
Predicate notEqual(std::string attribute, V v) {
  return leaf(PredicateKind::kNotEqual, std::move(attribute), {value(v)});
}
template <typename V>
Predicate less(std::string attribute, V v) {
  return leaf(PredicateKind::kLess, std::move(attribute), {value(v)});
}
template <typename V>
Predicate lessEqual(std::string attribute, V v) {
  return leaf(PredicateKind::kLessEqual, std::move(attribute), {value(v)});
}
template <typename V>
Predicate greater(std::string attribute, V v) {
  return leaf(PredicateKind::kGreater, std::move(attribute), {value(v)});
}
template <typename V>
Predicate greaterEqual(std::string attribute, V v) {
  return leaf(PredicateKind::kGreaterEqual, std::move(attribute), {value(v)});
}
template <typename V>
Predicate between(std::string attribute, V low, V high) {
  return leaf(PredicateKind::kBetween, std::move(attribute), {value(low), value(high)});
}
inline Predicate in(std::string attribute, std::vector<QueryValue> values) {
  return leaf(PredicateKind::kIn, std::move(attribute), std::move(values));
}
// % = any characters, _ = one character, \ takes the meaning from the next one.
inline Predicate like(std::string attribute, std::string pattern) {
  return leaf(PredicateKind::kLike, std::move(attribute), {QueryValue(std::move(pattern))});
}
// As like, without regard to the case of ASCII letters.
inline Predicate ilike(std::string attribute, std::string pattern) {
  return leaf(PredicateKind::kILike, std::move(attribute), {QueryValue(std::move(pattern))});
}
// The whole text must match; syntax of RE2 (no back references, time linear in the text).
inline Predicate regex(std::string attribute, std::string pattern) {
  return leaf(PredicateKind::kRegex, std::move(attribute), {QueryValue(std::move(pattern))});
}
inline Predicate both(std::vector<Predicate> all) {
  return {PredicateKind::kAnd, {}, {}, std::move(all)};
}
inline Predicate either(std::vector<Predicate> any) {
  return {PredicateKind::kOr, {}, {}, std::move(any)};
}
inline Predicate negated(Predicate p) {
  return {PredicateKind::kNot, {}, {}, {std::move(p)}};
}
// "userId = 3 AND contextId IN (1,2) AND name LIKE 'a%' AND NOT active"; grammar in
// docs/formats/predicates.md. A mistake is reported by the call that uses it.
inline Predicate where(std::string text) { return {PredicateKind::kWhere, std::move(text), {}, {}}; }

}  // namespace query

inline constexpr std::uint32_t kMaxPageSize = 10'000;

enum class QueryWant : std::uint8_t { kEntries = 0, kKeys = 1 };

// Pages are consistent over the partitions: ordered by (attribute, key bytes), each page begins
// behind the last entry of the former. Entries that change meanwhile may or may not be seen.
struct QueryOptions {
  QueryWant want = QueryWant::kEntries;
  std::uint32_t pageSize = 0;  // 0 = everything at once, in no order
  std::string orderBy;         // empty = __key
  bool descending = false;
  Bytes anchor;                // of the former page; empty = from the beginning
};

struct QueryEntry {
  Bytes key;
  Bytes value;  // empty for kKeys
};

struct QueryResult {
  std::vector<QueryEntry> entries;  // a page may be shorter than asked (1 MiB per partition)
  Bytes anchor;                     // for the next page
  bool last = true;                 // nothing follows
};

// --- entry processors

struct EntryView {
  BytesView key;
  std::optional<BytesView> value;  // nothing = no such entry
};
struct EntryChange {
  enum class Action : std::uint8_t { kKeep, kSet, kRemove } action = Action::kKeep;
  Bytes value;                     // kSet
  std::int64_t ttlMillis = -1;     // kSet: as in MapRequest
  std::int64_t maxIdleMillis = -1;
  Bytes reply;                     // to the caller, at most kMaxProcessorReply
};
inline constexpr std::size_t kMaxProcessorReply = 64u << 10;
// Runs on the owner's shard thread: short, without waiting, the same for the same input.
using EntryProcessor = std::function<EntryChange(const EntryView& entry, BytesView argument)>;

struct ProcessorAnswer {
  Bytes key;
  Bytes reply;
};

// --- entry listeners

enum class EntryEventType : std::uint8_t {
  kAdded = 0, kUpdated = 1, kRemoved = 2, kEvicted = 3, kExpired = 4, kMerged = 5,
  kCleared = 6,  // all entries of one partition were removed; no key
  kGap = 7,      // events of one partition may have been lost before this point; no key
};

struct EntryEvent {
  EntryEventType type = EntryEventType::kGap;
  int partition = 0;
  Bytes key;
  std::optional<Bytes> value;     // new value; when asked for
  std::optional<Bytes> oldValue;  // when asked for
};
// Called on an engine thread, in order per key; must not block.
using EntryListener = std::function<void(const EntryEvent&)>;

// --- locks

// Who locks: a token of the caller's choice, not 0, unique in its member (a thread, a request). The
// same token in MapRequest::lockToken writes to the key while it is locked.
struct LockRequest {
  Bytes key;
  std::uint32_t token = 0;
  std::int64_t waitMillis = 0;    // 0 = try once; at most half the call timeout
  std::int64_t leaseMillis = 0;   // 0 = until unlocked or the member is gone
};
struct LockState {
  bool locked = false;
  std::string owner;              // uuid of the member
  std::uint32_t token = 0;
  std::uint32_t count = 0;        // reentrant
};

}  // namespace ox::services
