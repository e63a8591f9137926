// Entry and EntryIndex: one cached value, and the open-addressing table of one shard of a region.
//
// Purpose:   one allocation per value (header, group, key, value in one block) and one word per slot of
//            the table, so that a look-up reads one line of the table and then the value itself.
// Threads:   none of its own; the shard's mutex guards both.
// Ownership: make() gives a block that destroy() takes back; the table and the list only point to it.
// Layout:    a slot is 0 or (16 bits of the hash << 48 | pointer); x86-64 and AArch64 user space
//            pointers have 48 bits (checked when a slot is made).
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace ox::caching {

struct Entry {
  Entry* newer = nullptr;  // list from the most to the least recently used
  Entry* older = nullptr;
  std::int64_t putMillis = 0;
  std::int64_t readMillis = 0;
  std::uint32_t hash = 0;
  std::uint32_t valueBytes = 0;
  std::uint32_t movedSeconds = 0;  // when it came to the front of the list
  std::uint16_t keyBytes = 0;
  std::uint16_t groupBytes = 0;

  static constexpr std::size_t kMaxKeyBytes = 65'535;

  static Entry* make(std::uint32_t hash, BytesView group, BytesView key, BytesView value) {
    void* const block = std::malloc(sizeof(Entry) + group.size() + key.size() + value.size());
    if (block == nullptr) throw std::bad_alloc();
    Entry* const e = new (block) Entry();
    e->hash = hash;
    e->groupBytes = static_cast<std::uint16_t>(group.size());
    e->keyBytes = static_cast<std::uint16_t>(key.size());
    e->valueBytes = static_cast<std::uint32_t>(value.size());
    char* to = e->bytes();
    for (const BytesView part : {group, key, value}) {
      if (!part.empty()) std::memcpy(to, part.data(), part.size());
      to += part.size();
    }
    return e;
  }
  static void destroy(Entry* entry) { std::free(entry); }

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  BytesView group() const { return {bytes(), groupBytes}; }
  BytesView key() const { return {bytes() + groupBytes, keyBytes}; }
  BytesView value() const { return {bytes() + groupBytes + keyBytes, valueBytes}; }
  std::uint64_t size() const { return sizeof(Entry) + groupBytes + keyBytes + valueBytes; }
};

class EntryIndex {
 public:
  static constexpr std::size_t kLeast = 16;

  std::size_t size() const { return size_; }
  std::size_t slots() const { return slots_.size(); }
  Entry* at(std::size_t slot) const { return slots_[slot] ? entryOf(slots_[slot]) : nullptr; }

  Entry* find(std::uint32_t hash, BytesView group, BytesView key) const {
    if (slots_.empty()) return nullptr;
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      const std::uint64_t slot = slots_[i];
      if (slot == 0) return nullptr;
      if (tagOf(slot) != tag(hash)) continue;
      Entry* const e = entryOf(slot);
      if (e->hash == hash && e->key() == key && e->group() == group) return e;
    }
  }
  // The key is not there yet.
  void insert(Entry* entry) {
    if ((size_ + 1) * 5 > slots_.size() * 4) resize(slots_.empty() ? kLeast : slots_.size() * 2);
    place(entry);
    ++size_;
  }
  void erase(const Entry* entry) {
    std::size_t i = entry->hash & mask();
    while (entryOf(slots_[i]) != entry) {
      OX_CHECK(slots_[i] != 0);
      i = (i + 1) & mask();
    }
    // What follows moves up when its place allows it: no holes, no tombstones.
    for (std::size_t next = (i + 1) & mask(); slots_[next] != 0; next = (next + 1) & mask()) {
      const std::size_t home = entryOf(slots_[next])->hash & mask();
      if (((next - home) & mask()) < ((next - i) & mask())) continue;
      slots_[i] = slots_[next];
      i = next;
    }
    slots_[i] = 0;
    --size_;
  }
  // Gives back the room of a table that became much too large.
  void fit() {
    std::size_t want = kLeast;
    while (size_ * 5 > want * 3) want *= 2;
    if (want * 4 <= slots_.size()) resize(want);
  }
  void clear() {
    slots_ = {};
    size_ = 0;
  }

 private:
  static constexpr std::uint64_t kPointer = (std::uint64_t{1} << 48) - 1;
  static std::uint64_t tag(std::uint32_t hash) { return hash >> 16; }
  static std::uint64_t tagOf(std::uint64_t slot) { return slot >> 48; }
  static Entry* entryOf(std::uint64_t slot) { return reinterpret_cast<Entry*>(slot & kPointer); }
  std::size_t mask() const { return slots_.size() - 1; }

  void place(Entry* entry) {
    const auto pointer = reinterpret_cast<std::uint64_t>(entry);
    OX_CHECK((pointer & ~kPointer) == 0);
    std::size_t i = entry->hash & mask();
    while (slots_[i] != 0) i = (i + 1) & mask();
    slots_[i] = tag(entry->hash) << 48 | pointer;
  }
  void resize(std::size_t slots) {
    std::vector<std::uint64_t> before(slots, 0);
    before.swap(slots_);
    for (const std::uint64_t slot : before)
      if (slot != 0) place(entryOf(slot));
  }

  std::vector<std::uint64_t> slots_;
  std::size_t size_ = 0;
};

}  // namespace ox::caching
