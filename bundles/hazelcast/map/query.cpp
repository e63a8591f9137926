#include "map/query.h"

#include <algorithm>

namespace ox::grid {
namespace {
using services::QueryOptions;
using services::QueryWant;

constexpr const char* kDefaultOrder = "__key";

// (order, key) a before b.
bool before(const QueryValue& a, BytesView aKey, const QueryValue& b, BytesView bKey, bool down) {
  if (orderedBefore(a, b)) return !down;
  if (orderedBefore(b, a)) return down;
  const int c = comparable(aKey).compare(comparable(bKey));
  return down ? c > 0 : c < 0;
}

Bytes encodeAnchor(const QueryValue& order, BytesView key) {
  ByteWriter out;
  writeValue(out, order);
  out.blob(key);
  return out.take();
}
Result<std::pair<QueryValue, Bytes>> decodeAnchor(BytesView bytes) {
  ByteReader in(bytes);
  QueryValue order = readValue(in, kMaxQueryString);
  const BytesView key = in.blob();
  if (!in.ok() || !in.atEnd() || key.size() > kMaxKeyBytes)
    return Error(Code::kInvalid, "query: the anchor is none of a former page");
  return std::pair{std::move(order), Bytes(key)};
}

// What fits an anchor: of longer texts the beginning orders.
QueryValue shortened(QueryValue v) {
  if (auto* s = std::get_if<std::string>(&v); s != nullptr && s->size() > kMaxQueryString)
    s->resize(kMaxQueryString);
  return v;
}
}  // namespace

Bytes QueryBody::encode() const {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(want));
  out.u32(pageSize);
  out.blob(orderBy);
  out.boolean(descending);
  out.blob(anchor);
  out.blob(predicate);
  return out.take();
}

Result<QueryBody> QueryBody::decode(BytesView bytes) {
  ByteReader in(bytes);
  QueryBody q;
  const auto want = in.u8();
  if (want > static_cast<std::uint8_t>(QueryWant::kKeys)) in.fail();
  q.want = static_cast<QueryWant>(want);
  q.pageSize = in.u32();
  const BytesView order = in.blob();
  const auto down = in.u8();
  const BytesView anchor = in.blob();
  const BytesView predicate = in.blob();
  if (!in.ok() || !in.atEnd() || down > 1 || q.pageSize > services::kMaxPageSize ||
      order.size() > kMaxPathBytes || anchor.size() > kMaxAnchorBytes ||
      predicate.size() > kMaxPredicateBytes)
    return Error(Code::kGridBadMessage, "undecodable query");
  q.orderBy = std::string(order);
  q.descending = down == 1;
  q.anchor = Bytes(anchor);
  q.predicate = Bytes(predicate);
  return q;
}

Result<Bytes> encodeQuery(const services::Predicate& predicate, const QueryOptions& options) {
  if (options.pageSize > services::kMaxPageSize)
    return Error(Code::kInvalid, "query: a page may have " +
                                     std::to_string(services::kMaxPageSize) + " entries");
  auto bytes = encodePredicate(predicate);
  if (!bytes) return bytes.error();
  QueryBody body;
  body.want = options.want;
  body.pageSize = options.pageSize;
  body.orderBy = options.orderBy.empty() ? kDefaultOrder : options.orderBy;
  if (auto path = AttributePath::parse(body.orderBy); !path) return path.error();
  body.descending = options.descending;
  body.anchor = options.anchor;
  if (!body.anchor.empty())
    if (auto anchor = decodeAnchor(body.anchor); !anchor) return anchor.error();
  body.predicate = std::move(*bytes);
  return body.encode();
}

void QueryPart::join(QueryPart other) {
  bytes += other.bytes;
  if (items.empty()) items = std::move(other.items);
  else std::move(other.items.begin(), other.items.end(), std::back_inserter(items));
  std::move(other.bounds.begin(), other.bounds.end(), std::back_inserter(bounds));
}

services::QueryResult finishPage(QueryPart part, const QueryOptions& options) {
  services::QueryResult out;
  if (options.pageSize > 0) {
    const bool down = options.descending;
    std::sort(part.items.begin(), part.items.end(), [&](const PageItem& a, const PageItem& b) {
      return before(a.order, a.key, b.order, b.key, down);
    });
    const std::size_t all = part.items.size();
    for (const auto& [order, key] : part.bounds)
      std::erase_if(part.items, [&](const PageItem& i) {
        return before(order, key, i.order, i.key, down);
      });
    if (part.items.size() > options.pageSize) part.items.resize(options.pageSize);
    out.last = part.bounds.empty() && part.items.size() == all;
    if (!part.items.empty())
      out.anchor = encodeAnchor(part.items.back().order, part.items.back().key);
  }
  out.entries.reserve(part.items.size());
  for (auto& i : part.items) out.entries.push_back({std::move(i.key), std::move(i.value)});
  return out;
}

Result<OwnerQuery> OwnerQuery::open(BytesView bytes,
                                    std::shared_ptr<const CompiledPredicate> predicate) {
  OwnerQuery q;
  auto body = QueryBody::decode(bytes);
  if (!body) return body.error();
  q.body_ = std::move(*body);
  q.predicate_ = std::move(predicate);
  auto path = AttributePath::parse(q.body_.orderBy);
  if (!path) return path.error();
  q.order_ = std::move(*path);
  if (!q.body_.anchor.empty()) {
    auto anchor = decodeAnchor(q.body_.anchor);
    if (!anchor) return anchor.error();
    q.anchor_ = std::move(*anchor);
  }
  return q;
}

void OwnerQuery::offer(Record* record) {
  std::vector<QueryValue> values;
  readAttribute(order_, record->key(), record->value(), values);
  Hit hit{record, shortened(normalized(std::move(values.front())))};
  if (anchor_ && !before(anchor_->first, anchor_->second, hit.order, record->key(),
                         body_.descending))
    return;
  hits_.push_back(std::move(hit));
}

std::vector<OwnerQuery::Hit> OwnerQuery::page(bool& more) {
  const auto order = [&](const Hit& a, const Hit& b) {
    return before(a.order, a.record->key(), b.order, b.record->key(), body_.descending);
  };
  more = hits_.size() > body_.pageSize;
  const auto count = std::min<std::size_t>(hits_.size(), body_.pageSize);
  std::partial_sort(hits_.begin(), hits_.begin() + static_cast<std::ptrdiff_t>(count), hits_.end(),
                    order);
  hits_.resize(count);
  return std::move(hits_);
}

Bytes encodeOrders(const std::vector<QueryValue>& orders) {
  ByteWriter out;
  for (const auto& v : orders) writeValue(out, v);
  return out.take();
}

Result<std::vector<QueryValue>> decodeOrders(BytesView bytes, std::size_t count) {
  ByteReader in(bytes);
  std::vector<QueryValue> out;
  for (std::size_t i = 0; i < count && in.ok(); ++i) out.push_back(readValue(in, kMaxQueryString));
  if (!in.ok() || !in.atEnd())
    return Error(Code::kGridBadMessage, "undecodable orders of a page");
  return out;
}

}  // namespace ox::grid
