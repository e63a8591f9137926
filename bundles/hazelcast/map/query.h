// Queries: what is asked of an owner, what it answers, and how pages of many partitions become one.
//
// Threads:   plain values and functions, one thread.
// Bounds:    kQueryReplyBytes per answer of a partition, kMaxQueryResultBytes of a whole result.
// Errors:    GRID-0008 for undecodable bytes; RUN-0004 for an order or anchor that makes no sense.
// Pages:     entries are ordered by (value of the order attribute, key without its hash). A partition
//            answers the first ones behind the anchor; one that has more than fitted says so, and
//            the page ends at the last entry up to which every partition has answered.
// Wire form: docs/formats/predicates.md
#pragma once

#include <optional>
#include <vector>

#include "map/predicate.h"
#include "map/record_store.h"
#include "services/grid_query.h"

namespace ox::grid {

inline constexpr std::size_t kQueryReplyBytes = 1u << 20;
inline constexpr std::size_t kMaxQueryResultBytes = 256u << 20;
inline constexpr std::size_t kMaxAnchorBytes = 96u << 10;

// The body of OpKind::kQuery.
struct QueryBody {
  services::QueryWant want = services::QueryWant::kEntries;
  std::uint32_t pageSize = 0;
  std::string orderBy;
  bool descending = false;
  Bytes anchor;
  Bytes predicate;

  Bytes encode() const;
  static Result<QueryBody> decode(BytesView bytes);
};
Result<Bytes> encodeQuery(const services::Predicate& predicate,
                          const services::QueryOptions& options);

struct PageItem {
  QueryValue order;
  Bytes key;
  Bytes value;
};
// One partition's answer, or several joined.
struct QueryPart {
  std::vector<PageItem> items;
  std::vector<std::pair<QueryValue, Bytes>> bounds;  // behind each of them something follows
  std::size_t bytes = 0;
  void join(QueryPart other);
};
services::QueryResult finishPage(QueryPart part, const services::QueryOptions& options);

// At the owner: a query ready to be run over one store.
class OwnerQuery {
 public:
  static Result<OwnerQuery> open(BytesView body,
                                 std::shared_ptr<const CompiledPredicate> predicate);
  bool paged() const { return body_.pageSize > 0; }
  bool wantsValues() const { return body_.want == services::QueryWant::kEntries; }
  const CompiledPredicate& predicate() const { return *predicate_; }

  struct Hit {
    Record* record = nullptr;
    QueryValue order;
  };
  // Paged: keeps the hit when it belongs behind the anchor.
  void offer(Record* record);
  // Paged: the first ones, in order; `more` = others follow.
  std::vector<Hit> page(bool& more);

 private:
  QueryBody body_;
  std::shared_ptr<const CompiledPredicate> predicate_;
  AttributePath order_;
  std::optional<std::pair<QueryValue, Bytes>> anchor_;
  std::vector<Hit> hits_;
};

// Orders of a paged answer, in MapReply::value beside the entries.
Bytes encodeOrders(const std::vector<QueryValue>& orders);
Result<std::vector<QueryValue>> decodeOrders(BytesView bytes, std::size_t count);

}  // namespace ox::grid
