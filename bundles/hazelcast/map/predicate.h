// Predicates at the engine: wire form, checking, evaluation.
//
// Purpose:   CompiledPredicate is what owners evaluate: paths parsed, patterns compiled.
// Threads:   immutable once compiled.
// Bounds:    kMaxPredicateBytes, kMaxPredicateNodes, kMaxPredicateDepth, kMaxInValues,
//            kMaxPatternBytes; a regular expression may use kMaxRegexMemory and runs in time linear
//            in the text (RE2; docs/decisions/0006).
// Errors:    GRID-0008 for undecodable bytes, RUN-0004 for a predicate that makes no sense; the text
//            says which part and what is allowed.
// Wire form: docs/formats/predicates.md
#pragma once

#include <memory>
#include <vector>

#include "map/attributes.h"
#include "services/grid_query.h"

namespace ox::grid {

inline constexpr std::size_t kMaxPredicateBytes = 64u << 10;
inline constexpr std::size_t kMaxPredicateNodes = 1024;
inline constexpr int kMaxPredicateDepth = 32;
inline constexpr std::size_t kMaxInValues = 4096;
inline constexpr std::size_t kMaxPatternBytes = 1024;
inline constexpr std::size_t kMaxQueryString = 16u << 10;
inline constexpr std::int64_t kMaxRegexMemory = 1 << 20;

// Texts are parsed (sql_where.h), the whole is checked and compiled once, then written.
Result<Bytes> encodePredicate(const services::Predicate& predicate);
Result<services::Predicate> decodePredicate(BytesView bytes);
// The same tree without kWhere.
Result<services::Predicate> parsedPredicate(const services::Predicate& predicate, int depth = 0);

class Regex;  // hides RE2

class CompiledPredicate {
 public:
  static Result<std::shared_ptr<const CompiledPredicate>> compile(const services::Predicate& tree);
  static Result<std::shared_ptr<const CompiledPredicate>> decode(BytesView bytes);

  bool matches(BytesView key, BytesView value) const { return matches(nodes_.front(), key, value); }

  struct Node {
    services::PredicateKind kind = services::PredicateKind::kTrue;
    AttributePath path;
    std::vector<QueryValue> values;  // normalized; of kIn sorted by orderedBefore
    std::vector<std::uint32_t> children;
    std::shared_ptr<const Regex> regex;
  };
  const Node& root() const { return nodes_.front(); }
  const Node& node(std::uint32_t i) const { return nodes_[i]; }

 private:
  Result<std::uint32_t> add(const services::Predicate& tree, int depth);
  bool matches(const Node& node, BytesView key, BytesView value) const;
  static bool test(const Node& node, const QueryValue& value);
  std::vector<Node> nodes_;
};

// % and _ with \ as escape; time linear in text x pattern pieces.
bool likeMatches(std::string_view text, std::string_view pattern, bool ignoreCase);

}  // namespace ox::grid
