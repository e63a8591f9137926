// Dialect: what one protocol says for each thing that a client asks, and what the answers mean.
//
// Purpose:   pure logic between hzclient/client.h and the codecs; one implementation per protocol.
// Threads:   plain objects of one owner. Errors: see Client.
// Source:    docs/formats/hazelcast-client.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hzclient/wire.h"

namespace ox::hzclient {

struct Identity {  // what the client says it is
  std::string type = "CPP";  // three letters
  std::string version = "1.0";
  std::string name = "open-xchange";
};

struct Credentials {
  std::string group = "dev";
  std::optional<std::string> password;  // CP2: none unless security is on
  Identity identity;
  std::uint64_t uuidHigh = 0, uuidLow = 0;  // CP2: of the client
};

struct LegacyMember {
  std::string host;
  std::uint16_t port = 0;
  std::string uuid;
  std::string toString() const;
};

enum class Ask : std::uint8_t {
  kLogin, kPing, kMembers, kPublish, kListen, kUnlisten, kSubmit, kMapGet, kMapPut, kMapRemove
};
const char* nameOf(Ask ask);  // "publishing"

struct Request {
  Ask ask = Ask::kPing;
  std::string name;          // of topic, map, executor
  Bytes key, data;           // serialized as the line wants it (hzclient/payload.h)
  std::string registration;  // kUnlisten
  LegacyMember member;       // kSubmit
  std::uint64_t taskHigh = 0, taskLow = 0;  // kSubmit: a uuid
  std::int32_t partitionCount = 271;
};

struct TopicMessage {
  Bytes data;
  std::int64_t publishedMillis = 0;  // since 1970, by the member's clock
  std::string publisher;             // uuid of the member
};

// One message of a member.
struct Incoming {
  std::int64_t call = 0;
  bool event = false;
  std::optional<Error> failure;  // the member answered an error
  // What it holds, as far as the question is known.
  bool refused = false;          // kLogin; `text` says how
  std::string text;
  std::int32_t partitionCount = 0;  // kLogin: 0 = not told
  std::string version;              // kLogin: of the member, may be empty
  std::optional<Bytes> value;       // kSubmit, kMapGet ...; nothing = null
  std::string registration;         // kListen
  bool flag = false;                // kUnlisten
  std::optional<std::vector<LegacyMember>> members;
  TopicMessage message;
};

class Dialect {
 public:
  static std::unique_ptr<Dialect> make(Protocol protocol, Credentials credentials);
  virtual ~Dialect() = default;
  virtual Protocol protocol() const = 0;
  // Goes out in one write with the login.
  virtual Bytes preamble() const = 0;
  // An error: this line has no such thing, or the request is not sound.
  virtual Result<Bytes> encode(std::int64_t call, const Request& request) const = 0;
  // `asked` of a call id: nothing for ids that nobody waits for.
  using Asked = std::function<std::optional<Ask>(std::int64_t call)>;
  virtual Result<Incoming> decode(BytesView unit, const Asked& asked) const = 0;
  // Does the line answer pings?
  virtual bool pings() const { return true; }
  // kMembers: the list comes as an event beside the answer.
  virtual bool membersByEvent() const { return true; }
};

std::unique_ptr<Dialect> makeCb1(Protocol dialect, Credentials credentials);
std::unique_ptr<Dialect> makeCb2(Credentials credentials);
std::unique_ptr<Dialect> makeCp2(Credentials credentials);

// The sentence of a member's error, bounded: "java.lang.IllegalStateException: text".
Error memberError(const std::string& className, const std::string& text);

}  // namespace ox::hzclient
