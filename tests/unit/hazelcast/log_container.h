// A toy container for tests: a list of texts. Requests: "+text" appends and answers the number of
// texts, "?" answers all of them, "#n" waits for n texts, "-" removes all, "!" is an error.
// A last text "watch" is followed by "gone" when member {7, 3} has gone.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "structures/registry.h"

namespace ox::grid::test {

class LogContainer final : public Container {
 public:
  ContainerOutcome apply(BytesView request, const ContainerContext& context) override {
    ContainerOutcome out;
    const char what = request.empty() ? '!' : request.front();
    if (what == '+') {
      texts_.emplace_back(request.substr(1));
      out.delta = Bytes(request);
      out.reply = std::to_string(texts_.size());
    } else if (what == '-') {
      texts_.clear();
      out.delta = "-";
    } else if (what == '?') {
      for (const auto& text : texts_) out.reply += text + " ";
    } else if (what == '#') {
      if (texts_.size() >= std::stoul(std::string(request.substr(1)))) out.reply = "enough";
      else if (context.lastTry) out.reply = "too few";
      else out.park = true;
    } else {
      out.error = Error(Code::kInvalid, "no such request");
    }
    return out;
  }
  bool replay(BytesView delta) override {
    if (delta.starts_with('+')) texts_.emplace_back(delta.substr(1));
    else if (delta == "-") texts_.clear();
    else return false;
    return true;
  }
  void snapshot(const Piece& out) const override {
    for (const auto& text : texts_) out("+" + text);
  }
  bool restore(BytesView piece) override { return replay(piece); }
  ContainerOutcome merge(BytesView piece, const ContainerContext& context) override {
    const std::string text(piece.substr(1));
    if (std::find(texts_.begin(), texts_.end(), text) != texts_.end()) return {};
    return apply(piece, context);
  }
  Bytes membersChanged(const Present& present, const ContainerContext&) override {
    // "watch" waits for member {7, 3} to go.
    Bytes delta;
    if (texts_.empty() || texts_.back() != "watch" || present({7, 3})) return delta;
    delta = "+gone";
    replay(delta);
    return delta;
  }
  bool empty() const override { return texts_.empty(); }
  std::size_t bytes() const override { return texts_.size() * sizeof(std::string); }

 private:
  std::vector<std::string> texts_;
};

inline std::shared_ptr<const ContainerRegistry> logRegistry() {
  auto registry = std::make_shared<ContainerRegistry>();
  registry->add("log", [](const std::string&) { return std::make_unique<LogContainer>(); });
  return registry;
}

}  // namespace ox::grid::test
