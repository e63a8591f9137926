#include "places.h"

#include <climits>
#include <cstdlib>
#include <stdexcept>

namespace ox::bench {

std::string absolute(const std::string& path) {
  char out[PATH_MAX];
  if (!realpath(path.c_str(), out)) throw std::runtime_error("no such directory: " + path);
  return out;
}

std::string buildTree() {
  std::string path = absolute("/proc/self/exe");
  for (int up = 0; up < 4; ++up) path.resize(path.rfind('/'));
  return path;
}

std::string sourceTree(const std::string& build) {
  const char* const source = std::getenv("OX_SOURCE");
  return absolute(source ? source : build + "/../..");
}

}  // namespace ox::bench
