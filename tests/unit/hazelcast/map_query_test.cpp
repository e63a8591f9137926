// Attributes, predicates, the where text, indexes and pages.
#include <set>

#include "data_harness.h"
#include "map/indexes.h"
#include "map/query.h"
#include "map/sql_where.h"
#include "serialization/data.h"
#include "serialization/portable.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;
using serialization::PortableWriter;
using serialization::toData;
using services::Predicate;
using services::QueryOptions;
using services::QueryResult;
namespace q = services::query;

namespace {

Bytes jsonData(const std::string& text) {
  ByteWriter out;
  out.u32(0);
  out.i32(static_cast<std::int32_t>(serialization::TypeId::kJson));
  out.blob(text);
  return out.take();
}

Bytes session(std::int32_t user, std::int32_t context, const std::string& name, bool active) {
  return serialization::portableToData({1, 2, 3}, 6, [&](PortableWriter& w) {
    w.i32("userId", user);
    w.i32("contextId", context);
    w.utf("name", name);
    w.boolean("active", active);
    w.utfArray("tags", {"t" + std::to_string(user % 3), "all"});
    w.portableArray("parts", {1, 9, 0}, 2, [&](std::size_t i, ByteWriter& out) {
      PortableWriter inner(out, 0, 1);
      inner.i64("size", static_cast<std::int64_t>(i) * 100 + user);
      inner.end();
    });
  });
}

std::vector<QueryValue> read(const std::string& path, BytesView value, BytesView key = {}) {
  auto parsed = AttributePath::parse(path);
  REQUIRE_MESSAGE(parsed.ok(), path);
  std::vector<QueryValue> out;
  readAttribute(*parsed, key, value, out);
  return out;
}

bool matches(const Predicate& p, BytesView value, BytesView key = {}) {
  auto bytes = encodePredicate(p);
  REQUIRE_MESSAGE(bytes.ok(), bytes.error().toString());
  auto compiled = CompiledPredicate::decode(*bytes);
  REQUIRE(compiled.ok());
  return (*compiled)->matches(key, value);
}

QueryResult ask(Cluster& c, int node, const Predicate& p, QueryOptions options = {}) {
  auto body = encodeQuery(p, options);
  REQUIRE_MESSAGE(body.ok(), body.error().toString());
  Answer<QueryPart> a;
  c.core(node).query("m", *body, options.pageSize > 0, a.take());
  c.settle();
  REQUIRE(a.done());
  REQUIRE_MESSAGE(a.got->front().ok(), a.got->front().error().toString());
  return finishPage(a.got->front().value(), options);
}

}  // namespace

TEST_CASE("attributes of Portable records: fields, arrays, inner records") {
  const Bytes v = session(7, 3, "anna", true);
  CHECK(read("userId", v) == std::vector<QueryValue>{std::int64_t{7}});
  CHECK(read("name", v) == std::vector<QueryValue>{std::string("anna")});
  CHECK(read("active", v) == std::vector<QueryValue>{true});
  CHECK(read("tags[1]", v) == std::vector<QueryValue>{std::string("all")});
  CHECK(read("tags[any]", v).size() == 2);
  CHECK(read("parts[1].size", v) == std::vector<QueryValue>{std::int64_t{107}});
  CHECK(read("parts[any].size", v) ==
        std::vector<QueryValue>{std::int64_t{7}, std::int64_t{107}});
  for (const char* missing : {"nothing", "userId.x", "userId[0]", "tags", "tags[9]", "parts[0]"})
    CHECK(read(missing, v) == std::vector<QueryValue>{QueryValue()});
  CHECK(read("this", toData("x")) == std::vector<QueryValue>{std::string("x")});
  CHECK(read("__key", v, toData(std::int32_t{5})) == std::vector<QueryValue>{std::int64_t{5}});
  for (std::size_t cut = 0; cut < v.size(); ++cut)
    CHECK(read("parts[any].size", BytesView(v).substr(0, cut)).size() >= 1);
}

TEST_CASE("attributes of JSON: paths, arrays, types, damage") {
  const Bytes v = jsonData(R"({"a":{"b":[1,2.5,{"c":"x"}],"d":null},"e":true,"big":18446744073709551615})");
  CHECK(read("a.b[0]", v) == std::vector<QueryValue>{std::int64_t{1}});
  CHECK(read("a.b[1]", v) == std::vector<QueryValue>{2.5});
  CHECK(read("a.b[2].c", v) == std::vector<QueryValue>{std::string("x")});
  CHECK(read("a.b[any].c", v) == std::vector<QueryValue>{std::string("x")});
  CHECK(read("a.b[any]", v).size() == 2);
  CHECK(read("a.d", v) == std::vector<QueryValue>{QueryValue()});
  CHECK(read("e", v) == std::vector<QueryValue>{true});
  CHECK(read("c", v) == std::vector<QueryValue>{QueryValue()});
  CHECK(read("e", jsonData(R"({"e":true)")) == std::vector<QueryValue>{QueryValue()});
  const std::string deep(200, '[');
  CHECK(read("e", jsonData(R"({"e":1,"x":)" + deep)) == std::vector<QueryValue>{QueryValue()});
}

TEST_CASE("paths that make no sense are refused with their position") {
  for (const char* bad : {"", ".a", "a.", "a..b", "a[", "a[x]", "a[0]b", "a b", "a]", "[0]"})
    CHECK_FALSE_MESSAGE(AttributePath::parse(bad).ok(), bad);
  CHECK(AttributePath::parse("a[x]").error().message.find("position 1") != std::string::npos);
}

TEST_CASE("values compare by value; other pairs of types never match") {
  CHECK(compareValues(std::int64_t{3}, 3.0) == 0);
  CHECK(compareValues(std::int64_t{INT64_MAX}, 9223372036854775808.0) < 0);
  CHECK(compareValues(2.5, std::int64_t{2}) > 0);
  CHECK(compareValues(std::string("3"), std::int64_t{3}) == std::partial_ordering::unordered);
  CHECK(normalized(3.0) == QueryValue(std::int64_t{3}));
}

TEST_CASE("predicates: every kind, on the wire and back") {
  const Bytes v = session(7, 3, "an%na", true);
  CHECK(matches(q::equal("userId", 7), v));
  CHECK(matches(q::equal("userId", 7.0), v));
  CHECK_FALSE(matches(q::equal("userId", "7"), v));
  CHECK(matches(q::notEqual("userId", 8), v));
  CHECK(matches(q::less("userId", 8), v));
  CHECK_FALSE(matches(q::less("nothing", 8), v));
  CHECK(matches(q::greaterEqual("userId", 7), v));
  CHECK(matches(q::between("userId", 7, 9), v));
  CHECK(matches(q::in("userId", {std::int64_t{1}, std::int64_t{7}}), v));
  CHECK(matches(q::equal("nothing", nullptr), v));
  CHECK(matches(q::like("name", "a%"), v));
  CHECK(matches(q::like("name", "an\\%na"), v));
  CHECK_FALSE(matches(q::like("name", "an\\_na"), v));
  CHECK(matches(q::like("name", "a__na"), v));
  CHECK(matches(q::ilike("name", "AN%A"), v));
  CHECK(matches(q::regex("name", "an.n[ab]"), v));
  CHECK_FALSE(matches(q::regex("name", "an"), v));
  CHECK(matches(q::equal("tags[any]", "all"), v));
  CHECK(matches(q::both({q::equal("userId", 7), q::negated(q::equal("contextId", 4))}), v));
  CHECK(matches(q::either({q::never(), q::always()}), v));
  CHECK_FALSE(encodePredicate(q::regex("name", "(")).ok());
  CHECK_FALSE(encodePredicate(q::regex("name", "a{1000}{1000}")).ok());
  CHECK_FALSE(encodePredicate(q::equal("a[", 1)).ok());
  Predicate deep = q::always();
  for (int i = 0; i < 40; ++i) deep = q::negated(deep);
  CHECK_FALSE(encodePredicate(deep).ok());
  const Bytes wire = encodePredicate(q::where("a = 1 AND b LIKE 'x%' OR c IN (1,2,'z')")).value();
  CHECK(encodePredicate(decodePredicate(wire).value()).value() == wire);
  for (std::size_t cut = 0; cut < wire.size(); ++cut)
    CHECK_FALSE(decodePredicate(BytesView(wire).substr(0, cut)).ok());
}

TEST_CASE("a pattern never takes more than text times pattern") {
  const std::string text(20000, 'a');
  CHECK_FALSE(likeMatches(text, "%a%a%a%a%a%a%a%a%b", false));
  CHECK_FALSE(matches(q::regex("this", "(a*)*b"), toData(text)));
}

TEST_CASE("where texts: grammar, precedence, errors with positions") {
  const Bytes v = session(3, 2, "abc", false);
  const auto yes = [&](const char* text) { return matches(q::where(text), v); };
  CHECK(yes("userId = 3 AND contextId IN (1,2) AND name LIKE 'a%' AND NOT active"));
  CHECK(yes("userId = 9 OR userId = 3 AND contextId = 2"));
  CHECK_FALSE(yes("(userId = 9 OR userId = 3) AND contextId = 1"));
  CHECK(yes("userId BETWEEN 1 AND 3 and name not like 'x%'"));
  CHECK(yes("nothing IS NULL AND userId IS NOT NULL"));
  CHECK(yes("name = 'abc' AND userId <> -4 AND userId >= 2.5"));
  CHECK(yes("active = false"));
  CHECK(yes("name ILIKE 'ABC' AND name REGEX '[a-c]+'"));
  CHECK(parseWhere("a = 'it''s'").value().values.front() == QueryValue(std::string("it's")));
  struct Wrong {
    const char* text;
    const char* where;
  };
  for (const Wrong& w : {Wrong{"", "position 1"}, Wrong{"userId =", "position 9"},
                         Wrong{"userId = 3 AND", "position 15"}, Wrong{"a IN (1 2)", "position 9"},
                         Wrong{"a = 'x", "position 5"}, Wrong{"(a = 1", "position 7"},
                         Wrong{"a LIKE 3", "position 8"}, Wrong{"a = 1 b", "position 7"},
                         Wrong{"a[x] = 1", "position 1"}, Wrong{"AND", "position 1"}}) {
    const auto r = parseWhere(w.text);
    REQUIRE_MESSAGE(!r.ok(), w.text);
    CHECK_MESSAGE(r.error().message.find(w.where) != std::string::npos, r.error().message);
  }
  CHECK_FALSE(parseWhere(std::string(5000, '(')).ok());
}

TEST_CASE("an index answers what a scan answers, through every change") {
  MapConfig config;
  config.indexes = {"userId", "tags[any]", "name"};
  config.orderedIndexes = {"contextId", "userId", "name"};
  RecordStore store;
  TombstoneLog log;
  SeededRandom random(42);
  const auto text = [&](std::uint64_t n) {
    return std::string(1, static_cast<char>('a' + n % 4)) + std::to_string(n % 7);
  };
  MapIndexes* indexes = nullptr;
  std::size_t used = 0;
  for (int round = 0; round < 3000; ++round) {
    const Bytes key = toData("k" + std::to_string(random.below(200)));
    const auto dice = random.below(100);
    if (dice < 60) {
      const auto n = random.below(40);
      store.put(key, session(static_cast<std::int32_t>(n % 20), static_cast<std::int32_t>(n % 9),
                             text(n), n % 2 == 0), {});
    } else if (dice < 65) {
      store.put(key, jsonData("{\"userId\":" + std::to_string(random.below(20)) + ".0}"), {});
    } else if (dice < 80) {
      if (Record* r = store.find(key)) store.erase(r);
    } else if (dice == 80 && round % 10 == 0) {
      store.clear();
    } else if (dice == 81) {
      store.bury(log, key, Burial::kRemoved, {1, 1}, 0);
    }
    if (round == 500) indexes = indexesOf(store, config);
    if (round < 500 || round % 5 != 0) continue;
    const auto leaf = [&]() -> Predicate {
      const auto n = static_cast<int>(random.below(20));
      switch (random.below(8)) {
        case 0: return q::equal("userId", n);
        case 1: return q::in("userId", {std::int64_t{n}, double(n + 1), std::string("x")});
        case 2: return q::less("contextId", n % 9);
        case 3: return q::greaterEqual("userId", n);
        case 4: return q::between("contextId", n % 5, n % 9);
        case 5: return q::like("name", text(static_cast<std::uint64_t>(n)).substr(0, 1) + "%");
        case 6: return q::equal("tags[any]", "t" + std::to_string(n % 4));
        default: return q::equal("name", nullptr);
      }
    };
    Predicate p = leaf();
    if (random.below(2) == 0) p = q::both({p, leaf(), q::notEqual("name", "zz")});
    if (random.below(3) == 0) p = q::either({p, leaf()});
    if (random.below(5) == 0) p = q::both({q::negated(leaf()), p});
    const auto compiled = CompiledPredicate::compile(p).value();
    std::set<Record*> scanned, looked;
    for (std::size_t i = 0; i < store.size(); ++i)
      if (compiled->matches(store.at(i)->key(), store.at(i)->value())) scanned.insert(store.at(i));
    const auto candidates = indexes->candidates(*compiled);
    if (!candidates) continue;
    ++used;
    for (Record* r : *candidates) {
      CHECK(looked.count(r) == 0);
      if (compiled->matches(r->key(), r->value())) looked.insert(r);
    }
    CHECK(scanned == looked);
  }
  CHECK(used > 300);
}

TEST_CASE("queries reach all partitions; pages are consistent and complete") {
  MapConfig config = mapOf("m", 1);
  config.indexes = {"userId"};
  MapConfigs configs;
  configs.add(config);
  Cluster c(3, configs, 6);
  c.installNew({{0, 1}, {1, 2}, {2, 0}, {0, 2}, {1, 0}, {2, 1}});
  c.settle();
  for (int i = 0; i < 300; ++i)
    c.call(i % 3, MapOp::kSet, toData("k" + std::to_string(i)), session(i % 10, i, "n", i % 2 == 0),
           "m", {}, -1, -1, i % 6);
  c.settle();
  CHECK(ask(c, 0, q::equal("userId", 4)).entries.size() == 30);
  CHECK(ask(c, 1, q::where("userId = 4 AND NOT active")).entries.empty());
  QueryOptions keys;
  keys.want = services::QueryWant::kKeys;
  for (const auto& e : ask(c, 2, q::always(), keys).entries) CHECK(e.value.empty());
  services::MapStats sum;
  for (int n = 0; n < 3; ++n) {
    sum.queryCount += c.core(n).localStats("m").queryCount;
    sum.indexedQueryCount += c.core(n).localStats("m").indexedQueryCount;
  }
  CHECK(sum.queryCount == 18);
  CHECK(sum.indexedQueryCount == 12);

  for (const bool down : {false, true}) {
    QueryOptions page;
    page.pageSize = 7;
    page.orderBy = "contextId";
    page.descending = down;
    std::vector<std::int64_t> got;
    for (int n = 0; n < 100; ++n) {
      const QueryResult r = ask(c, n % 3, q::less("userId", 9), page);
      for (const auto& e : r.entries)
        got.push_back(std::get<std::int64_t>(read("contextId", e.value).front()));
      if (r.last) break;
      CHECK(r.entries.size() == 7);
      page.anchor = r.anchor;
    }
    CHECK(got.size() == 270);
    CHECK((down ? std::is_sorted(got.rbegin(), got.rend()) : std::is_sorted(got.begin(), got.end())));
    CHECK(std::set<std::int64_t>(got.begin(), got.end()).size() == 270);
  }
  QueryOptions odd;
  odd.pageSize = 10;
  odd.anchor = "junk";
  CHECK_FALSE(encodeQuery(q::always(), odd).ok());
}

TEST_CASE("pages end where the answer of a partition was full; nothing is skipped") {
  Cluster c(2, {}, 2);
  c.installNew({{0}, {1}});
  c.settle();
  for (int i = 0; i < 60; ++i)
    c.call(0, MapOp::kSet, toData(std::int32_t{i}), toData(std::string(100'000, 'x')), "m", {}, -1,
           -1, i < 50 ? 0 : 1);
  c.settle();
  QueryOptions page;
  page.pageSize = 40;
  std::set<Bytes> seen;
  int pages = 0;
  for (; pages < 50; ++pages) {
    const QueryResult r = ask(c, 1, q::always(), page);
    for (const auto& e : r.entries) CHECK(seen.insert(e.key).second);
    if (r.last) break;
    REQUIRE(!r.entries.empty());
    page.anchor = r.anchor;
  }
  CHECK(seen.size() == 60);
  CHECK(pages >= 4);
  CHECK(ask(c, 1, q::always()).entries.size() == 60);
}

TEST_CASE("indexes are built at the first query after becoming owner and dropped with the role") {
  MapConfig config = mapOf("m", 1);
  config.indexes = {"userId"};
  MapConfigs configs;
  configs.add(config);
  Cluster c(2, configs);
  c.installNew({{0, 1}});
  c.settle();
  for (int i = 0; i < 50; ++i)
    c.call(0, MapOp::kSet, toData(std::int32_t{i}), session(i % 5, 0, "n", true));
  c.settle();
  CHECK(ask(c, 1, q::equal("userId", 2)).entries.size() == 10);
  c.crash(0);
  c.installNew({{1}});
  c.call(1, MapOp::kRemove, toData(std::int32_t{2}));
  CHECK(ask(c, 1, q::equal("userId", 2)).entries.size() == 9);
  c.call(1, MapOp::kSet, toData(std::int32_t{3}), session(2, 0, "moved to another value", true));
  CHECK(ask(c, 1, q::equal("userId", 2)).entries.size() == 10);
  CHECK(ask(c, 1, q::equal("userId", 3)).entries.size() == 9);
  CHECK(c.core(1).localStats("m").indexedQueryCount == 3);
}
