// Catalog: every declared key, in the order of declaration; documentation made from it.
//
// Threads:   filled while the program loads (Key constructors), read-only afterwards.
// Ownership: the catalog owns the KeyInfos; pointers stay valid for ever.
// Errors:    declaring a name twice aborts.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "config/key.h"

namespace ox::config {

class Catalog {
 public:
  static Catalog& instance();

  const KeyInfo* add(KeyInfo info);
  // Also finds "readProperty.7" through "readProperty.N". Null when unknown.
  const KeyInfo* find(const std::string& name) const;
  const std::deque<KeyInfo>& all() const { return keys_; }
  std::vector<const KeyInfo*> ofFile(const std::string& file) const;
  // Files that hold keys, sorted.
  std::vector<std::string> files() const;

  // True when every name with this beginning should be known: a foreign one is a typing error.
  bool inKnownNamespace(const std::string& name, const std::string& file) const;
  // The known key with the fewest edits, if it is near enough to be meant; empty otherwise.
  std::string nearest(const std::string& name) const;

 private:
  std::deque<KeyInfo> keys_;
  std::map<std::string, const KeyInfo*> byName_;
};

// Levenshtein with neighbouring swaps, at most `limit + 1`.
int editDistance(const std::string& a, const std::string& b, int limit);

// docs/properties.md
std::string renderCatalogMarkdown(const Catalog& catalog = Catalog::instance());

// The delivered files below etc/ that are made from the catalog, and one of them as text.
std::vector<std::string> stockFiles();
std::string renderStockFile(const std::string& file, const Catalog& catalog = Catalog::instance());

}  // namespace ox::config
