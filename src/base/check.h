// OX_CHECK: an assertion that stays on in production. For programmer's mistakes only: a false
// condition prints place and text and aborts, because going on would corrupt state.
#pragma once

namespace ox {
[[noreturn]] void checkFailed(const char* condition, const char* file, int line);
}

#define OX_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::ox::checkFailed(#condition, __FILE__, __LINE__))
