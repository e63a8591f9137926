#include "structures/tasks.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"

namespace ox::grid {
namespace {
constexpr std::size_t kMaxTaskErrorText = 512;
}

Bytes TaskMessage::encode(std::uint16_t slot) const {
  ByteWriter out;
  out.reserve(32 + name.size() + argument.size());
  out.u8(static_cast<std::uint8_t>(Kind::kTask));
  out.u16(slot);
  out.u64(id);
  out.i64(timeoutMillis);
  out.blob(name);
  out.blob(argument);
  return out.take();
}
Result<TaskMessage> TaskMessage::decode(ByteReader& in) {
  TaskMessage m;
  m.id = in.u64();
  m.timeoutMillis = in.i64();
  m.name = in.blob();
  m.argument = in.blob();
  if (!in.ok() || !in.atEnd() || m.name.empty() || m.name.size() > kMaxTaskName ||
      m.argument.size() > kMaxTaskBytes || m.timeoutMillis < 0 || m.timeoutMillis > kMaxTaskMillis)
    return Error(Code::kGridBadMessage, "undecodable member message: task");
  return m;
}
Bytes TaskReplyMessage::encode(std::uint16_t slot) const {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Kind::kTaskReply));
  out.u16(slot);
  out.u64(id);
  out.boolean(ok);
  if (ok) {
    out.blob(value);
  } else {
    out.blob(code);
    out.blob(text.substr(0, kMaxTaskErrorText));
  }
  return out.take();
}
Result<TaskReplyMessage> TaskReplyMessage::decode(ByteReader& in) {
  TaskReplyMessage m;
  m.id = in.u64();
  const auto ok = in.u8();
  m.ok = ok == 1;
  if (m.ok) {
    m.value = in.blob();
  } else {
    m.code = in.blob();
    m.text = in.blob();
  }
  if (!in.ok() || !in.atEnd() || ok > 1 || m.value.size() > kMaxTaskBytes || m.code.size() > 16 ||
      m.text.size() > kMaxTaskErrorText)
    return Error(Code::kGridBadMessage, "undecodable member message: task reply");
  return m;
}

void Tasks::submit(const MemberId& to, std::uint16_t slot, const std::string& name, Bytes argument,
                   std::int64_t timeoutMillis, std::int64_t now,
                   services::Completion<Bytes> done) {
  if (name.empty() || name.size() > kMaxTaskName)
    return done(Error(Code::kInvalid,
                      "a task name has 1.." + std::to_string(kMaxTaskName) + " bytes"));
  if (argument.size() > kMaxTaskBytes)
    return done(Error(Code::kNetTooLarge, "task " + name + ": an argument may have 4 MiB"));
  if (out_.size() >= kMaxTasksOut)
    return done(Error(Code::kBusy, "more than " + std::to_string(kMaxTasksOut) +
                                       " tasks of this shard are under way"));
  const std::uint64_t id = ++lastId_;
  const std::int64_t limit = std::clamp<std::int64_t>(timeoutMillis, 1, kMaxTaskMillis);
  out_[id] = Out{to, now + limit, std::move(done)};
  deadlines_.emplace(now + limit, id);
  TaskMessage message{id, limit, name, argument};
  if (to != self_) return send_(to, message.encode(slot));
  if (!run_) return finish(id, Error(Code::kGridUnknownTask));
  run_(name, std::move(argument), limit, [this, id](Result<Bytes> r) { finish(id, std::move(r)); });
}

void Tasks::received(const MemberId& from, std::uint16_t slot, const TaskMessage& message) {
  const auto reply = [this, from, slot, id = message.id](const Result<Bytes>& r) {
    TaskReplyMessage m;
    m.id = id;
    m.ok = r.ok();
    const bool tooLarge = r.ok() && r->size() > kMaxTaskBytes;
    const Error large(Code::kNetTooLarge, "the result of a task may have 4 MiB");
    if (tooLarge || !r.ok()) {
      const Error& error = tooLarge ? large : r.error();
      m.ok = false;
      m.code = error.name();
      m.text = error.message;
      return send_(from, m.encode(slot));
    }
    m.value = *r;
    send_(from, m.encode(slot));
  };
  if (!run_) return reply(Error(Code::kGridUnknownTask));
  run_(std::string(message.name), Bytes(message.argument), message.timeoutMillis, reply);
}

bool Tasks::answered(const MemberId& from, const TaskReplyMessage& message) {
  if (message.id > lastId_) return false;
  const auto it = out_.find(message.id);
  if (it == out_.end()) return true;  // too late
  if (it->second.to != from) return false;
  if (message.ok) finish(message.id, Bytes(message.value));
  else finish(message.id, Error(codeByName(message.code), std::string(message.text)));
  return true;
}

void Tasks::finish(std::uint64_t id, Result<Bytes> result) {
  const auto it = out_.find(id);
  if (it == out_.end()) return;
  const Out out = std::move(it->second);
  out_.erase(it);
  const auto [begin, end] = deadlines_.equal_range(out.deadline);
  for (auto d = begin; d != end; ++d)
    if (d->second == id) {
      deadlines_.erase(d);
      break;
    }
  out.done(std::move(result));
}

void Tasks::tick(std::int64_t now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    finish(deadlines_.begin()->second, Error(Code::kNetTimeout, "the task has no result in time"));
}

void Tasks::lostWhere(const std::function<bool(const MemberId&)>& gone) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, out] : out_)
    if (out.to != self_ && gone(out.to)) ids.push_back(id);
  for (const auto id : ids) finish(id, Error(Code::kGridMemberLost));
}
// What was under way on the link may be lost: the task, or its result.
void Tasks::lost(const MemberId& member) {
  lostWhere([&](const MemberId& to) { return to == member; });
}
void Tasks::membersChanged(const std::function<bool(const MemberId&)>& present) {
  lostWhere([&](const MemberId& to) { return !present(to); });
}

}  // namespace ox::grid
