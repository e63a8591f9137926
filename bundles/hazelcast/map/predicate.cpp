#include "map/predicate.h"

#include <re2/re2.h>

#include <algorithm>

#include "map/sql_where.h"

namespace ox::grid {
using services::Predicate;
using services::PredicateKind;

class Regex {
 public:
  explicit Regex(const std::string& pattern) : re_(pattern, options()) {}
  bool ok() const { return re_.ok(); }
  const std::string& error() const { return re_.error(); }
  bool matches(const std::string& text) const { return RE2::FullMatch(text, re_); }

 private:
  static RE2::Options options() {
    RE2::Options o;
    o.set_log_errors(false);
    o.set_max_mem(kMaxRegexMemory);
    o.set_dot_nl(true);
    return o;
  }
  RE2 re_;
};

namespace {

Error invalid(const std::string& what) { return Error(Code::kInvalid, "predicate: " + what); }

bool isLeaf(PredicateKind k) { return k >= PredicateKind::kEqual && k <= PredicateKind::kRegex; }
bool known(PredicateKind k) { return k >= PredicateKind::kTrue && k <= PredicateKind::kRegex; }
bool isPattern(PredicateKind k) { return k >= PredicateKind::kLike && k <= PredicateKind::kRegex; }

std::size_t valuesWanted(PredicateKind k) {
  if (!isLeaf(k)) return 0;
  return k == PredicateKind::kBetween ? 2 : 1;
}

Status checkShape(const Predicate& p) {
  if (!known(p.kind)) return invalid("unknown kind " + std::to_string(static_cast<int>(p.kind)));
  if (p.kind == PredicateKind::kNot && p.children.size() != 1)
    return invalid("a negation has exactly one part");
  const bool parent = p.kind == PredicateKind::kAnd || p.kind == PredicateKind::kOr ||
                      p.kind == PredicateKind::kNot;
  if (!parent && !p.children.empty()) return invalid("a comparison has no parts");
  if (p.kind == PredicateKind::kIn) {
    if (p.values.size() > kMaxInValues)
      return invalid("IN has " + std::to_string(p.values.size()) + " values, allowed are " +
                     std::to_string(kMaxInValues));
  } else if (p.values.size() != valuesWanted(p.kind)) {
    return invalid("a comparison of '" + p.attribute.substr(0, 80) + "' has " +
                   std::to_string(p.values.size()) + " values instead of " +
                   std::to_string(valuesWanted(p.kind)));
  }
  for (const QueryValue& v : p.values) {
    const auto* s = std::get_if<std::string>(&v);
    if (s != nullptr && s->size() > (isPattern(p.kind) ? kMaxPatternBytes : kMaxQueryString))
      return invalid("a text of '" + p.attribute.substr(0, 80) + "' is too long");
    if (isPattern(p.kind) && s == nullptr)
      return invalid("the pattern of '" + p.attribute.substr(0, 80) + "' is not a text");
  }
  return {};
}

void write(ByteWriter& out, const Predicate& p) {
  out.u8(static_cast<std::uint8_t>(p.kind));
  if (isLeaf(p.kind)) {
    out.blob(p.attribute);
    out.u16(static_cast<std::uint16_t>(p.values.size()));
    for (const auto& v : p.values) writeValue(out, v);
  } else if (p.kind >= PredicateKind::kAnd && p.kind <= PredicateKind::kNot) {
    out.u16(static_cast<std::uint16_t>(p.children.size()));
    for (const auto& c : p.children) write(out, c);
  }
}

Predicate read(ByteReader& in, int depth, std::size_t& nodes) {
  Predicate p;
  p.kind = static_cast<PredicateKind>(in.u8());
  if (!known(p.kind) || depth > kMaxPredicateDepth || ++nodes > kMaxPredicateNodes) in.fail();
  if (!in.ok()) return p;
  if (isLeaf(p.kind)) {
    const BytesView name = in.blob();
    if (name.size() > kMaxPathBytes) in.fail();
    p.attribute = std::string(name);
    const std::size_t n = in.u16();
    if (n > kMaxInValues || n > in.remaining()) in.fail();
    for (std::size_t i = 0; i < n && in.ok(); ++i) p.values.push_back(readValue(in, kMaxQueryString));
  } else if (p.kind >= PredicateKind::kAnd && p.kind <= PredicateKind::kNot) {
    const std::size_t n = in.u16();
    if (n > kMaxPredicateNodes || n > in.remaining()) in.fail();
    for (std::size_t i = 0; i < n && in.ok(); ++i) p.children.push_back(read(in, depth + 1, nodes));
  }
  return p;
}

char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::size_t characterBytes(std::string_view text, std::size_t at) {
  std::size_t n = 1;
  while (at + n < text.size() && (static_cast<unsigned char>(text[at + n]) & 0xc0) == 0x80) ++n;
  return n;
}

}  // namespace

// Greedy with one way back (to the last %): at most text x pattern steps.
bool likeMatches(std::string_view text, std::string_view pattern, bool ignoreCase) {
  std::size_t t = 0, p = 0;
  std::size_t star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = ++p;
      mark = t;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '_') {
      ++p;
      t += characterBytes(text, t);
      continue;
    }
    if (p < pattern.size()) {
      const std::size_t literal = pattern[p] == '\\' && p + 1 < pattern.size() ? p + 1 : p;
      const char a = ignoreCase ? lowered(text[t]) : text[t];
      const char b = ignoreCase ? lowered(pattern[literal]) : pattern[literal];
      if (a == b) {
        p = literal + 1;
        ++t;
        continue;
      }
    }
    if (star == std::string_view::npos) return false;
    p = star;
    mark += characterBytes(text, mark);
    t = mark;
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

Result<Predicate> parsedPredicate(const Predicate& p, int depth) {
  if (depth > kMaxPredicateDepth)
    return invalid("nested deeper than " + std::to_string(kMaxPredicateDepth));
  if (p.kind == PredicateKind::kWhere) return parseWhere(p.attribute);
  Predicate out{p.kind, p.attribute, p.values, {}};
  for (const auto& child : p.children) {
    auto parsed = parsedPredicate(child, depth + 1);
    if (!parsed) return parsed.error();
    out.children.push_back(std::move(*parsed));
  }
  return out;
}

Result<Bytes> encodePredicate(const Predicate& predicate) {
  auto parsed = parsedPredicate(predicate);
  if (!parsed) return parsed.error();
  if (auto compiled = CompiledPredicate::compile(*parsed); !compiled) return compiled.error();
  ByteWriter out;
  write(out, *parsed);
  if (out.size() > kMaxPredicateBytes)
    return invalid("has " + std::to_string(out.size()) + " bytes, allowed are " +
                   std::to_string(kMaxPredicateBytes));
  return out.take();
}

Result<Predicate> decodePredicate(BytesView bytes) {
  ByteReader in(bytes);
  std::size_t nodes = 0;
  if (bytes.size() > kMaxPredicateBytes) in.fail();
  Predicate p = read(in, 0, nodes);
  if (!in.ok() || !in.atEnd()) return Error(Code::kGridBadMessage, "undecodable predicate");
  return p;
}

Result<std::shared_ptr<const CompiledPredicate>> CompiledPredicate::decode(BytesView bytes) {
  auto tree = decodePredicate(bytes);
  if (!tree) return tree.error();
  return compile(*tree);
}

Result<std::shared_ptr<const CompiledPredicate>> CompiledPredicate::compile(const Predicate& tree) {
  auto out = std::make_shared<CompiledPredicate>();
  out->nodes_.emplace_back();  // the root comes first
  auto root = out->add(tree, 0);
  if (!root) return root.error();
  Node top = std::move(out->nodes_[*root]);
  out->nodes_.front() = std::move(top);
  return std::shared_ptr<const CompiledPredicate>(std::move(out));
}

Result<std::uint32_t> CompiledPredicate::add(const Predicate& tree, int depth) {
  if (depth > kMaxPredicateDepth)
    return invalid("nested deeper than " + std::to_string(kMaxPredicateDepth));
  if (nodes_.size() > kMaxPredicateNodes)
    return invalid("more than " + std::to_string(kMaxPredicateNodes) + " parts");
  if (auto shape = checkShape(tree); !shape) return shape.error();
  Node node;
  node.kind = tree.kind;
  if (isLeaf(tree.kind)) {
    auto path = AttributePath::parse(tree.attribute);
    if (!path) return path.error();
    node.path = std::move(*path);
    for (const auto& v : tree.values) node.values.push_back(normalized(v));
    if (node.kind == PredicateKind::kIn)
      std::sort(node.values.begin(), node.values.end(), orderedBefore);
    if (node.kind == PredicateKind::kRegex) {
      auto regex = std::make_shared<Regex>(std::get<std::string>(node.values.front()));
      if (!regex->ok())
        return invalid("regular expression of '" + tree.attribute.substr(0, 80) +
                       "': " + regex->error());
      node.regex = std::move(regex);
    }
  }
  const auto at = static_cast<std::uint32_t>(nodes_.size());
  nodes_.emplace_back();
  for (const auto& child : tree.children) {
    auto index = add(child, depth + 1);
    if (!index) return index.error();
    node.children.push_back(*index);
  }
  nodes_[at] = std::move(node);
  return at;
}

bool CompiledPredicate::test(const Node& n, const QueryValue& v) {
  const auto order = [&](std::size_t i) { return compareValues(v, n.values[i]); };
  const bool null = v.index() == 0;
  switch (n.kind) {
    case PredicateKind::kEqual:
    case PredicateKind::kNotEqual: return order(0) == 0;
    case PredicateKind::kLess: return !null && order(0) < 0;
    case PredicateKind::kLessEqual: return !null && order(0) <= 0;
    case PredicateKind::kGreater: return !null && order(0) > 0;
    case PredicateKind::kGreaterEqual: return !null && order(0) >= 0;
    case PredicateKind::kBetween: return !null && order(0) >= 0 && order(1) <= 0;
    case PredicateKind::kIn: {
      const auto it = std::lower_bound(n.values.begin(), n.values.end(), v, orderedBefore);
      return it != n.values.end() && compareValues(*it, v) == 0;
    }
    default: break;
  }
  const auto* s = std::get_if<std::string>(&v);
  if (s == nullptr) return false;
  if (n.kind == PredicateKind::kRegex) return n.regex->matches(*s);
  return likeMatches(*s, std::get<std::string>(n.values.front()), n.kind == PredicateKind::kILike);
}

bool CompiledPredicate::matches(const Node& n, BytesView key, BytesView value) const {
  switch (n.kind) {
    case PredicateKind::kTrue: return true;
    case PredicateKind::kFalse: return false;
    case PredicateKind::kAnd:
      return std::all_of(n.children.begin(), n.children.end(),
                         [&](std::uint32_t c) { return matches(nodes_[c], key, value); });
    case PredicateKind::kOr:
      return std::any_of(n.children.begin(), n.children.end(),
                         [&](std::uint32_t c) { return matches(nodes_[c], key, value); });
    case PredicateKind::kNot: return !matches(nodes_[n.children.front()], key, value);
    default: break;
  }
  std::vector<QueryValue> values;
  readAttribute(n.path, key, value, values);
  const bool any = std::any_of(values.begin(), values.end(),
                               [&](const QueryValue& v) { return test(n, v); });
  return any != (n.kind == PredicateKind::kNotEqual);
}

}  // namespace ox::grid
