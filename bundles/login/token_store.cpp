#include "token_store.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/random.h"
#include "serialization/data.h"

namespace ox::login {
namespace {

constexpr std::size_t kTokenBytes = 16;
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

Result<std::string> TokenStore::add(const std::string& value) {
  if (value.size() > kMaxTokenValue) return Error(Code::kInvalid, "the value of a token is too long");
  const std::int64_t now = clock_.wallMillis();
  std::string token = secureHex(kTokenBytes);
  {
    std::lock_guard lock(mutex_);
    if (mine_.size() >= kMaxTokens) return Error(Code::kBusy, "too many tokens wait to be used");
    if (mine_.empty()) nextExpiry_ = now + life_;
    mine_.emplace(token, Entry{map_ ? std::string() : value, now});
  }
  if (!map_) return token;
  const Status stored = map_->set(serialization::toData(token),
                                  serialization::toData(std::to_string(now) + " " + value),
                                  kMapLives * life_);
  if (stored.ok()) return token;
  std::lock_guard lock(mutex_);
  mine_.erase(token);
  return stored.error();
}

Result<std::optional<std::string>> TokenStore::take(const std::string& token) {
  if (!isToken(token)) return std::optional<std::string>();
  const std::int64_t now = clock_.wallMillis();
  std::optional<Entry> entry;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = mine_.find(token); found != mine_.end()) {
      entry = std::move(found->second);
      mine_.erase(found);
    }
  }
  if (!map_) {
    if (!entry || now - entry->made > life_) return std::optional<std::string>();
    return std::optional<std::string>(std::move(entry->value));
  }
  auto removed = map_->remove(serialization::toData(token));
  if (!removed) return removed.error();
  if (!*removed) return std::optional<std::string>();
  const auto text = serialization::stringFrom(**removed);
  if (!text) {
    log::warn("a token of the cluster cannot be decoded");
    return std::optional<std::string>();
  }
  return unpacked(*text, now, life_);
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

std::vector<std::string> TokenStore::expired() {
  std::vector<std::string> out;
  for (auto& [token, entry] : tooOld(clock_.wallMillis())) {
    if (!map_) {
      out.push_back(std::move(entry.value));
      continue;
    }
    const auto removed = map_->remove(serialization::toData(token));
    if (!removed || !*removed) continue;  // taken somewhere, or the map lets it go by itself
    if (const auto text = serialization::stringFrom(**removed))
      if (auto value = unpacked(*text, 0, 0)) out.push_back(std::move(*value));
  }
  return out;
}

}  // namespace ox::login
