#include "token_store.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/one_shot.h"
#include "serialization/data.h"

namespace ox::login {

using services::Completion;
using services::MapOp;
using services::MapReply;

namespace {

// The entry outlives the token, so that the node that made it can tell "nobody came" from "taken".
constexpr int kMapLives = 3;

bool isToken(const std::string& text) {
  return text.size() == 2 * kTokenBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// "<ms since 1970> <value>"
std::optional<std::string> unpacked(const std::string& text, std::int64_t now, std::int64_t life) {
  std::int64_t made = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, made);
  if (read.ec != std::errc() || read.ptr == end || *read.ptr != ' ' || now - made > life)
    return std::nullopt;
  return std::string(read.ptr + 1, end);
}

}  // namespace

void TokenStore::add(const std::string& value, Completion<std::string> done) {
  if (value.size() > kMaxTokenValue)
    return done(Error(Code::kInvalid, "the value of a token is too long"));
  const std::int64_t now = clock_.wallMillis();
  std::string token = newToken_();
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    full = mine_.size() >= kMaxTokens;
    if (mine_.empty()) nextExpiry_ = now + life_;
    if (!full && (told_ || !map_)) mine_.emplace(token, Entry{map_ ? std::string() : value, now});
  }
  if (full) return done(Error(Code::kBusy, "too many tokens wait to be used"));
  if (!map_) return done(std::move(token));
  map_->execute({.op = MapOp::kSet,
                 .key = serialization::toData(token),
                 .value = serialization::toData(std::to_string(now) + " " + value),
                 .expected = {},
                 .ttlMillis = (told_ ? kMapLives : 1) * life_},
                [this, token, done = std::move(done)](const Result<MapReply>& stored) {
                  if (stored.ok()) return done(token);
                  {
                    std::lock_guard lock(mutex_);
                    mine_.erase(token);
                  }
                  done(stored.error());
                });
}

// What another node has handed out or this one has kept in the map; nothing when it is not there.
void TokenStore::fetch(const std::string& token, Completion<std::optional<std::string>> done) {
  map_->execute({.op = MapOp::kRemove, .key = serialization::toData(token), .value = {}, .expected = {}},
                [done = std::move(done)](const Result<MapReply>& removed) {
                  if (!removed) return done(removed.error());
                  if (!removed->value) return done(std::optional<std::string>());
                  auto text = serialization::stringFrom(*removed->value);
                  if (!text) log::warn("a token of the cluster cannot be decoded");
                  done(text ? std::optional<std::string>(std::move(*text)) : std::nullopt);
                });
}

void TokenStore::take(const std::string& token, Completion<std::optional<std::string>> done) {
  if (!isToken(token)) return done(std::optional<std::string>());
  std::optional<Entry> entry;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = mine_.find(token); found != mine_.end()) {
      entry = std::move(found->second);
      mine_.erase(found);
    }
  }
  if (!map_) {
    const bool good = entry && clock_.wallMillis() - entry->made <= life_;
    return done(good ? std::optional<std::string>(std::move(entry->value)) : std::nullopt);
  }
  fetch(token, [this, done = std::move(done)](const Result<std::optional<std::string>>& text) {
    if (!text) return done(text.error());
    // The time of the answer counts: it may have waited for a member that is gone.
    done(*text ? unpacked(**text, clock_.wallMillis(), life_) : std::nullopt);
  });
}

std::vector<std::pair<std::string, TokenStore::Entry>> TokenStore::tooOld(std::int64_t now) {
  std::vector<std::pair<std::string, Entry>> out;
  std::lock_guard lock(mutex_);
  if (mine_.empty() || now < nextExpiry_) return out;
  nextExpiry_ = now + life_;
  for (auto it = mine_.begin(); it != mine_.end();) {
    if (now - it->second.made <= life_) {
      nextExpiry_ = std::min(nextExpiry_, it->second.made + life_ + 1);
      ++it;
      continue;
    }
    out.emplace_back(it->first, std::move(it->second));
    it = mine_.erase(it);
  }
  return out;
}

void TokenStore::expired(Completion<std::vector<std::string>> done) {
  struct All {
    std::mutex mutex;
    std::vector<std::string> values;
    std::size_t left = 1;
  };
  const auto all = std::make_shared<All>();
  const auto one = [all, done = std::move(done)](std::optional<std::string> value) {
    {
      std::lock_guard lock(all->mutex);
      if (value) all->values.push_back(std::move(*value));
      if (--all->left > 0) return;
    }
    done(std::move(all->values));
  };
  for (auto& [token, entry] : tooOld(clock_.wallMillis())) {
    {
      std::lock_guard lock(all->mutex);
      ++all->left;
    }
    if (!map_) {
      one(std::move(entry.value));
      continue;
    }
    fetch(token, [one](const Result<std::optional<std::string>>& text) {
      // Nothing: taken somewhere, or the map lets it go by itself.
      one(text.ok() && *text ? unpacked(**text, 0, 0) : std::nullopt);
    });
  }
  one(std::nullopt);
}

namespace {
// The grid answers each call by its time-out: that bounds the waiting.
template <typename T, typename Start>
Result<T> await(const Start& start) {
  struct Waiter {
    OneShot answered;
    std::optional<Result<T>> result;
  };
  const auto waiter = std::make_shared<Waiter>();
  start([waiter](Result<T> r) {
    waiter->result.emplace(std::move(r));
    waiter->answered.done();
  });
  waiter->answered.wait();
  return std::move(*waiter->result);
}
}  // namespace

Result<std::string> TokenStore::add(const std::string& value) {
  return await<std::string>([&](auto done) { add(value, done); });
}

Result<std::optional<std::string>> TokenStore::take(const std::string& token) {
  return await<std::optional<std::string>>([&](auto done) { take(token, done); });
}

std::vector<std::string> TokenStore::expired() {
  auto values = await<std::vector<std::string>>([&](auto done) { expired(done); });
  return values.ok() ? std::move(*values) : std::vector<std::string>();
}

}  // namespace ox::login
