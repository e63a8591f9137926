#include "base/error.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace ox {
namespace {
constexpr CodeInfo kTable[] = {
#define OX_CODE(id, name, retryable, exit, meaning) {name, retryable, exit, meaning},
#include "base/codes.def"
#undef OX_CODE
};
}  // namespace

const CodeInfo& codeInfo(Code code) {
  const auto index = static_cast<std::size_t>(code);
  OX_CHECK(index < std::size(kTable));
  return kTable[index];
}

Code codeByName(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kTable); ++i)
    if (kTable[i].name == name) return static_cast<Code>(i);
  return Code::kInternal;
}

void checkFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "FATAL: check failed: %s at %s:%d\n", condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace ox
