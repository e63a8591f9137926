#include "map/sql_where.h"

#include <charconv>

#include "map/predicate.h"

namespace ox::grid {
namespace {
using services::Predicate;
using services::PredicateKind;

bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool isDigit(char c) { return c >= '0' && c <= '9'; }

struct Token {
  enum class Type : std::uint8_t { kEnd, kName, kText, kNumber, kSign } type = Type::kEnd;
  std::size_t at = 0;
  std::string text;  // names as written, texts without quotes
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Predicate> run() {
    next();
    Predicate p = anyOf(0);
    if (ok() && token_.type != Token::Type::kEnd) fail("expected AND, OR or the end");
    if (!ok()) return Error(Code::kInvalid, error_);
    return p;
  }

 private:
  bool ok() const { return error_.empty(); }
  void fail(const std::string& what) {
    if (!ok()) return;
    error_ = "where, position " + std::to_string(token_.at + 1) + ": " + what;
    if (token_.type != Token::Type::kEnd) error_ += ", found '" + token_.text.substr(0, 40) + "'";
  }

  void next() {
    while (at_ < text_.size() && isSpace(text_[at_])) ++at_;
    token_ = Token();
    token_.at = at_;
    if (at_ >= text_.size()) return;
    const char c = text_[at_];
    if (isNameStart(c)) {
      token_.type = Token::Type::kName;
      while (at_ < text_.size() && (isNameStart(text_[at_]) || isDigit(text_[at_]) ||
                                    text_[at_] == '.' || text_[at_] == '[' || text_[at_] == ']'))
        token_.text.push_back(text_[at_++]);
    } else if (isDigit(c) || c == '-' || c == '+') {
      token_.type = Token::Type::kNumber;
      token_.text.push_back(text_[at_++]);
      while (at_ < text_.size() &&
             (isDigit(text_[at_]) || text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E' ||
              ((text_[at_] == '-' || text_[at_] == '+') &&
               (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))))
        token_.text.push_back(text_[at_++]);
    } else if (c == '\'' || c == '"') {
      quoted(c);
    } else {
      token_.type = Token::Type::kSign;
      for (const char* sign : {"<>", "<=", ">=", "!=", "=="}) {
        if (text_.substr(at_, 2) != sign) continue;
        token_.text = sign;
        at_ += 2;
        return;
      }
      token_.text = std::string(1, c);
      ++at_;
    }
  }

  // A quote inside is written twice.
  void quoted(char quote) {
    token_.type = Token::Type::kText;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != quote) {
          ++at_;
          return;
        }
        ++at_;
      }
      token_.text.push_back(text_[at_]);
    }
    fail("the text is not closed");
  }

  bool word(const char* upper) const {
    if (token_.type != Token::Type::kName) return false;
    std::size_t i = 0;
    for (; i < token_.text.size() && upper[i] != 0; ++i) {
      const char c = token_.text[i];
      if ((c >= 'a' && c <= 'z' ? c - 32 : c) != upper[i]) return false;
    }
    return i == token_.text.size() && upper[i] == 0;
  }
  bool takeWord(const char* upper) {
    if (!ok() || !word(upper)) return false;
    next();
    return true;
  }
  bool takeSign(const char* sign) {
    if (!ok() || token_.type != Token::Type::kSign || token_.text != sign) return false;
    next();
    return true;
  }
  bool reserved() const {
    for (const char* w : {"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "REGEX", "BETWEEN", "IS",
                          "NULL", "TRUE", "FALSE"})
      if (word(w)) return true;
    return false;
  }

  Predicate anyOf(int depth) {
    std::vector<Predicate> parts{allOf(depth)};
    while (takeWord("OR")) parts.push_back(allOf(depth));
    return parts.size() == 1 ? std::move(parts.front()) : services::query::either(std::move(parts));
  }
  Predicate allOf(int depth) {
    std::vector<Predicate> parts{negation(depth)};
    while (takeWord("AND")) parts.push_back(negation(depth));
    return parts.size() == 1 ? std::move(parts.front()) : services::query::both(std::move(parts));
  }
  Predicate negation(int depth) {
    // Half of what a predicate may have: each pair of brackets may add AND inside OR.
    if (depth >= kMaxPredicateDepth / 2) {
      fail("nested deeper than " + std::to_string(kMaxPredicateDepth / 2));
      return {};
    }
    if (takeWord("NOT")) return services::query::negated(negation(depth + 1));
    if (takeSign("(")) {
      Predicate inside = anyOf(depth + 1);
      if (!takeSign(")")) fail("expected )");
      return inside;
    }
    return comparison();
  }

  Predicate comparison() {
    if (!ok()) return {};
    if (takeWord("TRUE")) return services::query::always();
    if (takeWord("FALSE")) return services::query::never();
    if (token_.type != Token::Type::kName || reserved()) {
      fail("expected an attribute, NOT or (");
      return {};
    }
    if (auto path = AttributePath::parse(token_.text); !path) {
      fail(path.error().message);
      return {};
    }
    const std::string name = token_.text;
    next();
    const bool inverse = takeWord("NOT");
    Predicate p = operation(name, inverse);
    return inverse ? services::query::negated(std::move(p)) : p;
  }

  Predicate operation(const std::string& name, bool inverse) {
    using services::query::leaf;
    if (takeWord("IN")) return list(name);
    if (takeWord("LIKE")) return leaf(PredicateKind::kLike, name, {pattern()});
    if (takeWord("ILIKE")) return leaf(PredicateKind::kILike, name, {pattern()});
    if (takeWord("REGEX")) return leaf(PredicateKind::kRegex, name, {pattern()});
    if (takeWord("BETWEEN")) {
      QueryValue low = literal();
      if (!takeWord("AND")) fail("expected AND");
      return leaf(PredicateKind::kBetween, name, {std::move(low), literal()});
    }
    if (inverse) {
      fail("expected IN, LIKE, ILIKE, REGEX or BETWEEN");
      return {};
    }
    if (takeWord("IS")) {
      const bool other = takeWord("NOT");
      if (!takeWord("NULL")) fail("expected NULL");
      return leaf(other ? PredicateKind::kNotEqual : PredicateKind::kEqual, name,
                  {QueryValue(std::monostate{})});
    }
    struct Sign {
      const char* text;
      PredicateKind kind;
    };
    for (const Sign& s : {Sign{"=", PredicateKind::kEqual}, Sign{"==", PredicateKind::kEqual},
                          Sign{"!=", PredicateKind::kNotEqual}, Sign{"<>", PredicateKind::kNotEqual},
                          Sign{"<", PredicateKind::kLess}, Sign{"<=", PredicateKind::kLessEqual},
                          Sign{">", PredicateKind::kGreater},
                          Sign{">=", PredicateKind::kGreaterEqual}})
      if (takeSign(s.text)) return leaf(s.kind, name, {literal()});
    // An attribute alone: it is true.
    const bool ends = token_.type == Token::Type::kEnd || word("AND") || word("OR") ||
                      (token_.type == Token::Type::kSign && token_.text == ")");
    if (!ends) fail("expected a comparison");
    return services::query::equal(name, true);
  }

  Predicate list(const std::string& name) {
    std::vector<QueryValue> values;
    if (!takeSign("(")) fail("expected (");
    while (ok()) {
      if (values.size() >= kMaxInValues) {
        fail("more than " + std::to_string(kMaxInValues) + " values");
        break;
      }
      values.push_back(literal());
      if (!takeSign(",")) break;
    }
    if (!takeSign(")")) fail("expected , or )");
    return services::query::in(name, std::move(values));
  }

  QueryValue pattern() {
    if (token_.type != Token::Type::kText) fail("expected a text in quotes");
    return literal();
  }

  QueryValue literal() {
    if (!ok()) return {};
    QueryValue out;
    if (token_.type == Token::Type::kText) out = token_.text;
    else if (token_.type == Token::Type::kNumber) out = numeric();
    else if (word("TRUE")) out = true;
    else if (word("FALSE")) out = false;
    else if (!word("NULL")) fail("expected a number, a text in quotes, true, false or null");
    if (ok()) next();
    return out;
  }

  QueryValue numeric() {
    const std::string& t = token_.text;
    const char* begin = t.data() + (t[0] == '+' ? 1 : 0);
    const char* end = t.data() + t.size();
    std::int64_t n = 0;
    if (const auto r = std::from_chars(begin, end, n); r.ec == std::errc() && r.ptr == end) return n;
    double d = 0;
    if (const auto r = std::from_chars(begin, end, d); r.ec == std::errc() && r.ptr == end) return d;
    fail("not a number");
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Token token_;
  std::string error_;
};

}  // namespace

Result<Predicate> parseWhere(std::string_view text) {
  if (text.size() > kMaxWhereBytes)
    return Error(Code::kInvalid, "where: has " + std::to_string(text.size()) +
                                     " bytes, allowed are " + std::to_string(kMaxWhereBytes));
  return Parser(text).run();
}

}  // namespace ox::grid
