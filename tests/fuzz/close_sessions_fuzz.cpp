// Bodies of the administrative REST interface: whatever comes is a bounded request or one error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "close_sessions.h"

using namespace ox;
using namespace ox::sessiond;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const char* const kKinds[] = {"", "sessionIds", "contextIds", "users"};
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto request =
      closeRequest(nlohmann::json::parse(body, nullptr, false), kKinds[data[0] % 4]);
  if (request) {
    const std::size_t n =
        request->sessionIds.size() + request->contextIds.size() + request->users.size();
    if (n == 0 || n > kMaxClosed) std::abort();
  }
  (void)basicAuthorized(body, "admin", "secret");
  return 0;
}
