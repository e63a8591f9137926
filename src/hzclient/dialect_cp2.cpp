// What a client says to a member of 4.x or 5.x.
#include "hzclient/cp2.h"
#include "hzclient/dialect.h"
#include "hzclient/payload.h"

namespace ox::hzclient {
namespace {
constexpr std::int64_t kSerializationVersion = 1, kThread = 1;
constexpr int kUuidText = 36;

// 17 bytes of a uuid in text form; nothing = it is none.
std::optional<Bytes> wireOf(const std::string& text) {
  std::uint64_t parts[2] = {0, 0};
  int digits = 0;
  if (text.size() != kUuidText) return std::nullopt;
  for (const char c : text) {
    if (c == '-') continue;
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0 || digits == 32) return std::nullopt;
    parts[digits / 16] = parts[digits / 16] << 4 | static_cast<std::uint64_t>(value);
    ++digits;
  }
  if (digits != 32) return std::nullopt;
  return cp2::uuidWire(parts[0], parts[1]);
}

class Cp2 final : public Dialect {
 public:
  explicit Cp2(Credentials c) : credentials_(std::move(c)) {}
  Protocol protocol() const override { return Protocol::kCp2; }
  Bytes preamble() const override { return "CP2"; }

  Result<Bytes> encode(std::int64_t call, const Request& r) const override {
    cp2::Message m;
    m.correlation = call;
    // Backups acknowledge to the client then, which this one does not count: not for writes.
    const bool writes = r.ask == Ask::kMapPut || r.ask == Ask::kMapRemove;
    m.flags = writes ? cp2::kWhole : cp2::kWhole | cp2::kBackupAware;
    const auto ask = [&](cp2::Type type, const Fields& fields) {
      m.type = type;
      cp2::writeFields(cp2::patternOf(type), fields, m);
    };
    const auto ofKey = [&] { return partitionOfKey(Protocol::kCp2, r.key, r.partitionCount); };
    const Field user = credentials_.password ? bytes(credentials_.group) : none();
    switch (r.ask) {
      case Ask::kLogin:
        ask(cp2::kAuthentication,
            {bytes(cp2::uuidWire(credentials_.uuidHigh, credentials_.uuidLow)),
             number(kSerializationVersion), bytes(credentials_.group), user,
             credentials_.password ? bytes(*credentials_.password) : none(),
             bytes(credentials_.identity.type), bytes(credentials_.identity.version),
             bytes(credentials_.identity.name), Field()});
        break;
      case Ask::kPing: ask(cp2::kPing, {}); break;
      case Ask::kMembers: ask(cp2::kClusterView, {}); break;
      case Ask::kPublish:
        ask(cp2::kPublish, {bytes(r.name), bytes(r.data)});
        m.partition = partitionOfName(Protocol::kCp2, r.name, r.partitionCount);
        break;
      // Not of this member only: it is the one connection there is.
      case Ask::kListen: ask(cp2::kListen, {number(0), bytes(r.name)}); break;
      case Ask::kUnlisten: {
        const auto id = wireOf(r.registration);
        if (!id) return Error(Code::kInvalid, "'" + r.registration.substr(0, 80) + "' is no uuid");
        ask(cp2::kUnlisten, {bytes(*id), bytes(r.name)});
        break;
      }
      case Ask::kSubmit: {
        const auto id = wireOf(r.member.uuid);
        if (!id) return Error(Code::kInvalid, "member " + r.member.toString() + " has no uuid");
        ask(cp2::kSubmit, {bytes(cp2::uuidWire(r.taskHigh, r.taskLow)), bytes(*id), bytes(r.name),
                           bytes(r.data)});
        break;
      }
      case Ask::kMapGet:
        ask(cp2::kMapGet, {number(kThread), bytes(r.name), bytes(r.key)});
        m.partition = ofKey();
        break;
      case Ask::kMapPut:
        ask(cp2::kMapPut,
            {number(kThread), number(-1), bytes(r.name), bytes(r.key), bytes(r.data)});
        m.partition = ofKey();
        break;
      case Ask::kMapRemove:
        ask(cp2::kMapRemove, {number(kThread), bytes(r.name), bytes(r.key)});
        m.partition = ofKey();
        break;
    }
    return cp2::encode(m);
  }

  Result<Incoming> decode(BytesView unit, const Asked& asked) const override {
    const auto m = cp2::decode(unit);
    if (!m) return m.error();
    Incoming in;
    in.call = m->correlation;
    in.event = m->event();
    const auto what = asked(in.call);
    const cp2::Pattern pattern = cp2::patternOf(m->type);
    if (!what || pattern.fixed == nullptr) return in;
    const auto fields = cp2::readFields(pattern, *m);
    if (!fields) return fields.error();
    const Fields& f = *fields;
    switch (m->type) {
      case cp2::kError: {
        const auto& causes = f[0].items;
        if (causes.empty()) return badMessage("an error without a cause");
        const Fields& first = causes.front()[0].items.front();
        in.failure = memberError(first[1].bytes, first[2].bytes);
        break;
      }
      case cp2::kAuthenticated: authenticated(f, in); break;
      case cp2::kMembersView: in.members = members(f[1]); break;
      case cp2::kListen + 1: in.registration = cp2::uuidText(f[0].bytes); break;
      case cp2::kUnlisten + 1: in.flag = f[0].number != 0; break;
      case cp2::kTopicEvent:
        in.message = {f[2].bytes, f[0].number, cp2::uuidText(f[1].bytes)};
        break;
      case cp2::kSubmit + 1:
      case cp2::kMapGet + 1:
      case cp2::kMapPut + 1:
      case cp2::kMapRemove + 1:
        if (!f[0].null) in.value = f[0].bytes;
        break;
      default: break;
    }
    return in;
  }

 private:
  static std::vector<LegacyMember> members(const Field& list) {
    std::vector<LegacyMember> out;
    for (const Fields& item : list.items) {
      const Fields& member = item[0].items.front();  // uuid, lite, address, ...
      const Fields& address = member[2].items.front();
      out.push_back({address[1].bytes, static_cast<std::uint16_t>(address[0].number),
                     cp2::uuidText(member[0].bytes)});
    }
    return out;
  }
  static void authenticated(const Fields& f, Incoming& in) {
    const std::int64_t status = f[0].number;
    in.refused = status != 0;
    in.text = status == 1   ? "the cluster name is not accepted, or it wants no or another password"
              : status == 2 ? "another serialization version is wanted"
              : status == 3 ? "the client is not allowed in this cluster"
                            : "status " + std::to_string(status);
    in.partitionCount = static_cast<std::int32_t>(f[3].number);
    in.version = f[7].bytes;
  }
  const Credentials credentials_;
};

}  // namespace

std::unique_ptr<Dialect> makeCp2(Credentials credentials) {
  return std::make_unique<Cp2>(std::move(credentials));
}

}  // namespace ox::hzclient
