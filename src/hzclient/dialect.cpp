#include "hzclient/dialect.h"

namespace ox::hzclient {
namespace {
constexpr std::size_t kMaxErrorText = 400;
}

std::string LegacyMember::toString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

const char* nameOf(Ask ask) {
  switch (ask) {
    case Ask::kLogin: return "login";
    case Ask::kPing: return "heartbeat";
    case Ask::kMembers: return "asking for the members";
    case Ask::kPublish: return "publishing";
    case Ask::kListen: return "listening";
    case Ask::kUnlisten: return "ending a listener";
    case Ask::kSubmit: return "submitting to the executor";
    case Ask::kMapGet: return "reading from the map";
    case Ask::kMapPut: return "writing to the map";
    case Ask::kMapRemove: return "removing from the map";
  }
  return "?";
}

std::unique_ptr<Dialect> Dialect::make(Protocol protocol, Credentials credentials) {
  switch (protocol) {
    case Protocol::kCb1A:
    case Protocol::kCb1B: return makeCb1(protocol, std::move(credentials));
    case Protocol::kCb2: return makeCb2(std::move(credentials));
    case Protocol::kCp2: break;
  }
  return makeCp2(std::move(credentials));
}

Error memberError(const std::string& className, const std::string& text) {
  std::string said = className + (text.empty() ? "" : ": " + text);
  for (char& c : said)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return Error(Code::kUnavailable, "the member answered " + said.substr(0, kMaxErrorText));
}

}  // namespace ox::hzclient
