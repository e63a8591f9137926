// What a client says to a member of 3.6 - 3.12.
#include "hzclient/cb2.h"
#include "hzclient/cp2.h"
#include "hzclient/dialect.h"
#include "hzclient/payload.h"

namespace ox::hzclient {
namespace {
constexpr std::int64_t kSerializationVersion = 1, kThread = 1;

LegacyMember memberOf(const Fields& address, const std::string& uuid) {
  return {address[0].bytes, static_cast<std::uint16_t>(address[1].number), uuid};
}

class Cb2 final : public Dialect {
 public:
  explicit Cb2(Credentials c) : credentials_(std::move(c)) {}
  Protocol protocol() const override { return Protocol::kCb2; }
  Bytes preamble() const override { return "CB2"; }

  Result<Bytes> encode(std::int64_t call, const Request& r) const override {
    cb2::Message m;
    m.correlation = call;
    const auto ask = [&](cb2::Type type, const Fields& fields) {
      m.type = type;
      m.parameters = cb2::writeFields(cb2::patternOf(type), fields);
    };
    const auto ofKey = [&] {
      return partitionOfKey(Protocol::kCb2, r.key, r.partitionCount);
    };
    switch (r.ask) {
      case Ask::kLogin:
        // The form of 3.6, which every later release takes: group, password, no uuids (the
        // member gives them), first connection, client type, serialization version.
        ask(cb2::kAuthentication,
            {bytes(credentials_.group), bytes(credentials_.password.value_or(std::string())), none(),
             none(), number(1), bytes(credentials_.identity.type), number(kSerializationVersion)});
        break;
      case Ask::kPing: ask(cb2::kPing, {}); break;
      case Ask::kMembers: ask(cb2::kMembershipListener, {number(0)}); break;
      case Ask::kPublish:
        ask(cb2::kPublish, {bytes(r.name), bytes(r.data)});
        m.partition = partitionOfName(Protocol::kCb2, r.name, r.partitionCount);
        break;
      // Not of this member only: it is the one connection there is.
      case Ask::kListen: ask(cb2::kListen, {bytes(r.name), number(0)}); break;
      case Ask::kUnlisten: ask(cb2::kUnlisten, {bytes(r.name), bytes(r.registration)}); break;
      case Ask::kSubmit:
        ask(cb2::kSubmit, {bytes(r.name), bytes(cp2::uuidText(cp2::uuidWire(r.taskHigh, r.taskLow))),
                           bytes(r.data), group({bytes(r.member.host), number(r.member.port)})});
        break;
      case Ask::kMapGet:
        ask(cb2::kMapGet, {bytes(r.name), bytes(r.key), number(kThread)});
        m.partition = ofKey();
        break;
      case Ask::kMapPut:
        ask(cb2::kMapPut,
            {bytes(r.name), bytes(r.key), bytes(r.data), number(kThread), number(-1)});
        m.partition = ofKey();
        break;
      case Ask::kMapRemove:
        ask(cb2::kMapRemove, {bytes(r.name), bytes(r.key), number(kThread)});
        m.partition = ofKey();
        break;
    }
    return cb2::encode(m);
  }

  Result<Incoming> decode(BytesView unit, const Asked& asked) const override {
    const auto m = cb2::decode(unit);
    if (!m) return m.error();
    Incoming in;
    in.call = m->correlation;
    in.event = m->event();
    const auto what = asked(in.call);
    const char* pattern = cb2::patternOf(m->type);
    if (!what || pattern == nullptr) return in;
    const auto fields = cb2::readFields(pattern, m->parameters);
    if (!fields) return fields.error();
    const Fields& f = *fields;
    switch (m->type) {
      case cb2::kException: in.failure = memberError(f[1].bytes, f[2].bytes); break;
      case cb2::kAuthenticated: authenticated(f, in); break;
      case cb2::kText: in.registration = f[0].bytes; break;
      case cb2::kBoolean: in.flag = f[0].number != 0; break;
      case cb2::kData:
        if (!f[0].null) in.value = f[0].bytes;
        break;
      case cb2::kTopicEvent: in.message = {f[0].bytes, f[1].number, f[2].bytes}; break;
      case cb2::kMemberList: {
        std::vector<LegacyMember> list;
        for (const Fields& item : f[0].items) {
          const Fields& member = item[0].items.front();
          list.push_back(memberOf(member[0].items.front(), member[1].bytes));
        }
        in.members = std::move(list);
        break;
      }
      default: break;
    }
    return in;
  }

 private:
  static void authenticated(const Fields& f, Incoming& in) {
    const std::int64_t status = f[0].number;
    in.refused = status != 0;
    in.text = status == 1   ? "group name or password is not accepted"
              : status == 2 ? "another serialization version is wanted"
              : status == 3 ? "the client is not allowed in this cluster"
                            : "status " + std::to_string(status);
    if (f.size() > 5) in.version = f[5].bytes;
    if (f.size() > 7) in.partitionCount = static_cast<std::int32_t>(f[7].number);
  }
  const Credentials credentials_;
};

}  // namespace

std::unique_ptr<Dialect> makeCb2(Credentials credentials) {
  return std::make_unique<Cb2>(std::move(credentials));
}

}  // namespace ox::hzclient
