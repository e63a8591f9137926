// What a client says to a 3.2 or 3.5 member.
#include "hzclient/cb1.h"
#include "hzclient/dialect.h"
#include "hzclient/payload.h"

namespace ox::hzclient {
namespace {
using cb1::FieldType;

constexpr std::int32_t kClient = -3, kMap = -10, kTopic = -18, kCollections = -1, kCluster = 0;
constexpr std::int32_t kThread = 1;  // locks belong to threads; this client has none
constexpr std::int32_t kTypeText = -11, kTypeFlag = -4;
constexpr std::uint32_t kMaxMembers = 10'000;

class Cb1 final : public Dialect {
 public:
  Cb1(Protocol dialect, Credentials c) : dialect_(dialect), credentials_(std::move(c)) {}
  Protocol protocol() const override { return dialect_; }
  Bytes preamble() const override { return "CB1" + credentials_.identity.type; }
  bool pings() const override { return !a(); }
  bool membersByEvent() const override { return !a(); }

  Result<Bytes> encode(std::int64_t call, const Request& r) const override {
    cb1::Packet packet;
    cb1::Record record;
    const auto ask = [&](std::int32_t factory, std::int32_t number,
                         std::vector<cb1::FieldDefinition> fields, Fields values) {
      record.type = cb1::request(dialect_, factory, number, std::move(fields));
      record.values = std::move(values);
      record.values.insert(record.values.begin(), ox::hzclient::number(call));
    };
    const auto raw = [&](BytesView data) {
      record.hasRaw = true;
      if (!a()) {
        record.raw.push_back('\0');
        ByteWriter size;
        size.u32(static_cast<std::uint32_t>(data.size()));
        record.raw += size.take();
      }
      record.raw += data;
    };
    const cb1::FieldDefinition n{"n", FieldType::kUtf}, t{"t", FieldType::kLong},
        async{"a", FieldType::kBoolean}, threadId{"threadId", FieldType::kLong};
    const auto ofName = [&] { return partitionOfName(dialect_, r.name, r.partitionCount); };
    const auto ofKey = [&] { return partitionOfKey(dialect_, r.key, r.partitionCount); };
    switch (r.ask) {
      case Ask::kLogin: record = login(call); break;
      case Ask::kPing: ask(kClient, 11, {}, {}); break;
      case Ask::kMembers: ask(kClient, a() ? 10 : 16, {}, {}); break;
      case Ask::kPublish:
        ask(kTopic, 1, {n}, {bytes(r.name)});
        raw(r.data);
        packet.partition = ofName();
        break;
      case Ask::kListen:
        ask(kTopic, 2, {n}, {bytes(r.name)});
        packet.partition = ofName();
        break;
      case Ask::kUnlisten:
        ask(kTopic, 3, {n, {"r", FieldType::kUtf}}, {bytes(r.name), bytes(r.registration)});
        break;
      case Ask::kMapGet:
        if (a()) ask(kMap, 1, {n}, {bytes(r.name)});
        else ask(kMap, 1, {n, async, threadId}, {bytes(r.name), number(0), number(kThread)});
        raw(r.key);
        packet.partition = ofKey();
        break;
      case Ask::kMapPut: {
        const cb1::FieldDefinition ttl{"ttl", FieldType::kLong};
        if (a()) ask(kMap, 2, {n, t, ttl}, {bytes(r.name), number(kThread), number(-1)});
        else
          ask(kMap, 2, {n, t, ttl, async}, {bytes(r.name), number(kThread), number(-1), number(0)});
        raw(r.key);
        raw(r.data);
        packet.partition = ofKey();
        break;
      }
      case Ask::kMapRemove:
        if (a()) ask(kMap, 9, {n, t}, {bytes(r.name), number(kThread)});
        else ask(kMap, 9, {n, t, async}, {bytes(r.name), number(kThread), number(0)});
        raw(r.key);
        packet.partition = ofKey();
        break;
      case Ask::kSubmit:
        return Error(Code::kInvalid, std::string(ox::hzclient::nameOf(dialect_)) +
                                         ": executors are offered from 3.6 on");
    }
    packet.data = cb1::writeRecord(dialect_, record);
    return cb1::encode(dialect_, packet);
  }

  Result<Incoming> decode(BytesView unit, const Asked& asked) const override {
    const auto packet = cb1::decode(dialect_, unit);
    if (!packet) return packet.error();
    const auto response = cb1::readResponse(dialect_, packet->data);
    if (!response) return response.error();
    Incoming in;
    in.call = response->call;
    in.event = response->event || (packet->bits & cb1::kEventBits) != 0;
    const auto what = asked(in.call);
    if (!what) return in;
    Status status;
    if (response->error) status = failure(*response, *what, in);
    else if (in.event && *what == Ask::kListen) status = message(response->data, in);
    else if (response->data) status = value(*response->data, *what, in);
    if (!status) return status.error();
    return in;
  }

 private:
  bool a() const { return dialect_ == Protocol::kCb1A; }

  cb1::Record login(std::int64_t call) const {
    const Field credentials = group(
        {bytes(credentials_.group), none(), bytes(credentials_.password.value_or(std::string()))});
    cb1::Record r;
    r.type = cb1::authentication(dialect_);
    r.values = {number(call), credentials, none()};
    if (a()) r.values.push_back(number(1));
    r.values.push_back(number(1));
    return r;
  }

  // A login is refused with an error as well.
  Status failure(const cb1::Response& response, Ask what, Incoming& in) const {
    std::string name = "an error", text;
    if (response.data && response.data->type == cb1::kTypeRecord) {
      const auto record = cb1::readRecord(dialect_, *response.data);
      if (!record) return record.error();
      if (record->type.factoryId == kClient && record->type.classId == 1 &&
          record->values.size() >= 2) {
        name = record->values[0].bytes;
        text = record->values[1].bytes;
      }
    }
    in.failure = memberError(name, text);
    in.refused = what == Ask::kLogin;
    in.text = in.failure->message;
    return {};
  }

  Status message(const std::optional<cb1::Data>& data, Incoming& in) const {
    if (!data) return badMessage("an event without a message");
    const auto record = cb1::readRecord(dialect_, *data);
    if (!record) return record.error();
    if (record->type.factoryId != kTopic || record->type.classId != 4 ||
        record->values.size() != 2 || !record->hasRaw)
      return badMessage("an event of another kind");
    in.message.publishedMillis = record->values[0].number;
    in.message.publisher = record->values[1].bytes;
    if (a()) {
      in.message.data = record->raw;
      return {};
    }
    ByteReader raw(record->raw);
    if (!raw.boolean()) in.message.data = Bytes(raw.blob());
    if (!raw.ok() || !raw.atEnd()) return badMessage("a cut event");
    return {};
  }

  Status value(const cb1::Data& data, Ask what, Incoming& in) const {
    ByteReader payload(data.payload);
    switch (what) {
      case Ask::kListen: {
        if (data.type != kTypeText) return badMessage("a registration that is no text");
        in.registration = cb1::readText(dialect_, payload).value_or(std::string());
        return payload.ok() ? Status() : badMessage("a cut registration");
      }
      case Ask::kUnlisten:
        in.flag = data.type == kTypeFlag && payload.u8() != 0;
        return {};
      case Ask::kMembers:
        // 3.5 answers with an id as well, which is not needed.
        return data.type == cb1::kTypeIdentified ? members(data, in) : Status();
      case Ask::kMapGet:
      case Ask::kMapPut:
      case Ask::kMapRemove:
        if (!a() || data.type != cb1::kTypeIdentified || !data.payload.empty())
          in.value = cb1::writeData(dialect_, data);
        return {};
      default:
        return {};
    }
  }

  // 01, factory, class, then: A a collection of objects, B kind of event and members one by one.
  Status members(const cb1::Data& data, Incoming& in) const {
    ByteReader list(data.payload);
    std::vector<LegacyMember> out;
    const bool identified = list.u8() == 1;
    const std::int32_t factory = list.i32(), number = list.i32();
    const bool collection = factory == kCollections && number == 7;
    if (!identified || (a() ? !collection : factory != kCluster || number != 9))
      return badMessage("a member list of another kind");
    if (!a() && list.i32() != 3) return {};  // a change, not the list
    const std::uint32_t count = list.count(9);
    if (count > kMaxMembers) list.fail();
    for (std::uint32_t i = 0; i < count && list.ok(); ++i) {
      if (!a()) {
        out.push_back(member(list));
        continue;
      }
      const auto object = cb1::readData(dialect_, list);
      if (!object) return object.error();
      ByteReader inner(object->payload);
      if (inner.u8() != 1 || inner.i32() != kCluster || inner.i32() != 2) inner.fail();
      out.push_back(member(inner));
      if (!inner.ok()) return badMessage("a cut member");
    }
    if (!list.ok()) return badMessage("a cut member list");
    in.members = std::move(out);
    return {};
  }
  LegacyMember member(ByteReader& in) const {
    LegacyMember m;
    m.port = static_cast<std::uint16_t>(in.i32());
    in.u8();  // kind of address
    m.host = std::string(in.blob());
    m.uuid = cb1::readText(dialect_, in).value_or(std::string());
    if (in.u32() != 0) in.fail();  // attributes: none in these lines
    return m;
  }

  const Protocol dialect_;
  const Credentials credentials_;
};

}  // namespace

std::unique_ptr<Dialect> makeCb1(Protocol dialect, Credentials credentials) {
  return std::make_unique<Cb1>(dialect, std::move(credentials));
}

}  // namespace ox::hzclient
