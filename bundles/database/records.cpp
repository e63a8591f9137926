#include "records.h"

namespace ox::database {

using services::Assignment;
using services::Context;
using services::User;

namespace {

std::string text(ByteReader& in) { return std::string(in.blob()); }

}  // namespace

Bytes encodeContext(const Context& c) {
  ByteWriter out;
  out.i32(c.id);
  out.blob(c.name);
  out.boolean(c.enabled);
  out.i32(c.writePoolId);
  out.blob(c.schema);
  return out.take();
}

std::optional<Context> decodeContext(BytesView bytes) {
  ByteReader in(bytes);
  Context c;
  c.id = in.i32();
  c.name = text(in);
  c.enabled = in.boolean();
  c.writePoolId = in.i32();
  c.schema = text(in);
  return in.ok() ? std::optional(std::move(c)) : std::nullopt;
}

Bytes encodeUser(const User& u) {
  ByteWriter out;
  out.i32(u.contextId);
  out.i32(u.id);
  for (const std::string* part : {&u.loginName, &u.mail, &u.language, &u.timeZone}) out.blob(*part);
  out.i32(u.contactId);
  out.boolean(u.mailEnabled);
  out.i32(u.guestCreatedBy);
  return out.take();
}

std::optional<User> decodeUser(BytesView bytes) {
  ByteReader in(bytes);
  User u;
  u.contextId = in.i32();
  u.id = in.i32();
  for (std::string* part : {&u.loginName, &u.mail, &u.language, &u.timeZone}) *part = text(in);
  u.contactId = in.i32();
  u.mailEnabled = in.boolean();
  u.guestCreatedBy = in.i32();
  return in.ok() ? std::optional(std::move(u)) : std::nullopt;
}

Bytes encodeAssignment(const Assignment& a) {
  ByteWriter out;
  out.i32(a.contextId);
  out.i32(a.readPoolId);
  out.i32(a.writePoolId);
  out.blob(a.schema);
  return out.take();
}

std::optional<Assignment> decodeAssignment(BytesView bytes) {
  ByteReader in(bytes);
  Assignment a;
  a.contextId = in.i32();
  a.readPoolId = in.i32();
  a.writePoolId = in.i32();
  a.schema = text(in);
  return in.ok() ? std::optional(std::move(a)) : std::nullopt;
}

Bytes encodeNumber(std::int64_t number) {
  ByteWriter out;
  out.i64(number);
  return out.take();
}

std::optional<std::int64_t> decodeNumber(BytesView bytes) {
  ByteReader in(bytes);
  const std::int64_t number = in.i64();
  return in.ok() ? std::optional(number) : std::nullopt;
}

}  // namespace ox::database
