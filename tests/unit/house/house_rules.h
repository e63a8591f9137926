// The house rules as pure functions over a list of files; house_test runs them over the tree and over
// bad examples that each must reject.
//
// Each returns one sentence per violation: where, what, and what is allowed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ox::house {

struct SourceFile {
  std::string path;  // relative to the root, with '/'
  std::string text;
};
using Files = std::vector<SourceFile>;
using Violations = std::vector<std::string>;

// A permission with its reason.
struct Exception {
  std::string path;    // the file that may
  std::string what;    // for includes the header, for keys the key
  std::string reason;  // never empty
};

struct Literal {
  std::string text;
  int line = 0;
};
// String literals of C++ text, without comments; adjacent ones stay apart.
std::vector<Literal> literals(std::string_view text);

// Lower rooms of src/ never include upper ones.
Violations layerOrder(const Files& files, const std::vector<Exception>& allowed);
// src/ includes only src/; a bundle includes src/ and itself; sbin/ includes src/ and itself.
Violations ownRoomsOnly(const Files& files);
// No C++ file above 500 lines without a reason; an exception that is not needed is one too many.
Violations fileLength(const Files& files, const std::vector<Exception>& allowed);
// com.openexchange.* literals in src/, bundles/ and sbin/ are catalog keys, beginnings of such, MBean
// names ("...:name=") or names of Java classes.
Violations keysInCatalog(const Files& files, const std::vector<std::string>& catalog,
                         const std::vector<Exception>& allowed);
// Each catalog key (name -> stock file) stands in its stock file and in docs/properties.md.
Violations keysDelivered(const Files& files, const std::map<std::string, std::string>& catalog);
// Each tool registered by OX_TOOL has a page docs/operating/tools/<name>.md.
Violations toolPages(const Files& files);
// Each folder below src/ and bundles/ that holds C++ files has a README.md.
Violations readmes(const Files& files);
// No file names the checkout directory or a home directory of this machine.
Violations machinePaths(const Files& files, const std::string& root);

}  // namespace ox::house
