// Attributes of JSON values, read by events: nothing is built that is not asked for.
#include <nlohmann/json.hpp>

#include "map/attributes.h"

namespace ox::grid {
namespace {

// Follows the path through the document. `matched_` counts the steps (names and indexes apart)
// that the present container has behind it; a container beside the path is skipped by its depth.
class Finder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Finder(const std::vector<PathStep>& steps, std::vector<QueryValue>& out) : out_(out) {
    for (const PathStep& s : steps) {
      if (!s.name.empty()) parts_.push_back({&s.name, 0});
      if (s.index != PathStep::kNoIndex) parts_.push_back({nullptr, s.index});
    }
  }

  bool null() override { return scalar({}); }
  bool boolean(bool v) override { return scalar(v); }
  bool number_integer(number_integer_t v) override { return scalar(static_cast<std::int64_t>(v)); }
  bool number_unsigned(number_unsigned_t v) override {
    if (v > static_cast<number_unsigned_t>(INT64_MAX)) return scalar(static_cast<double>(v));
    return scalar(static_cast<std::int64_t>(v));
  }
  bool number_float(number_float_t v, const string_t&) override { return scalar(v); }
  bool string(string_t& v) override { return scalar(std::move(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    Level& top = levels_.back();
    const std::size_t part = top.matched;
    top.here = top.onPath && part < parts_.size() && parts_[part].name != nullptr &&
               *parts_[part].name == name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  struct Part {
    const std::string* name;  // null = an index
    std::int32_t index;
  };
  struct Level {
    std::size_t matched = 0;
    bool onPath = false;
    bool array = false;
    bool here = false;        // the next value is the one of the path
    std::int32_t next = 0;    // index of the next element
  };

  // Is the value that begins now on the path? Counts the elements of arrays.
  bool reached(std::size_t& matched) {
    if (levels_.empty()) {
      matched = 0;
      return true;
    }
    Level& top = levels_.back();
    matched = top.matched + 1;
    if (!top.array) return std::exchange(top.here, false);
    const std::int32_t index = top.next++;
    if (!top.onPath || top.matched >= parts_.size()) return false;
    const Part& part = parts_[top.matched];
    return part.name == nullptr && (part.index == PathStep::kAny || part.index == index);
  }
  bool scalar(QueryValue value) {
    std::size_t matched = 0;
    if (reached(matched) && matched == parts_.size() && out_.size() < kMaxAttributeValues)
      out_.push_back(std::move(value));
    return true;
  }
  bool open(bool array) {
    if (levels_.size() >= kMaxJsonDepth) return false;
    Level level;
    level.array = array;
    level.onPath = reached(level.matched);
    levels_.push_back(level);
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }

  std::vector<QueryValue>& out_;
  std::vector<Part> parts_;
  std::vector<Level> levels_;
};

}  // namespace

void readJson(BytesView text, const std::vector<PathStep>& steps, std::vector<QueryValue>& out) {
  const std::size_t before = out.size();
  Finder finder(steps, out);
  // A damaged document has no attributes, wherever the damage is.
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &finder)) out.resize(before);
}

}  // namespace ox::grid
