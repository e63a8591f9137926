#include "portable_session.h"

#include <algorithm>
#include <optional>

#include "serialization/portable.h"

namespace ox::sessionstorage {
namespace {

using serialization::PortableReader;
using serialization::PortableWriter;
using services::Session;

constexpr serialization::PortableClass kType{873, 1, 5};
constexpr std::size_t kFields = 20;

// Where the original has null our Session has an empty text.
std::optional<std::string_view> orNull(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace

Bytes encodeSession(const Session& s, const Obfuscator& obfuscator) {
  const std::string hidden =
      s.password.empty() ? std::string() : obfuscator.hide(s.password, s.sessionId);
  return serialization::portableToData(kType, kFields, [&](PortableWriter& w) {
    w.utf("loginName", orNull(s.loginName));
    w.utf("password", orNull(hidden));
    w.i32("contextId", s.contextId);
    w.i32("userId", s.userId);
    w.utf("sessionId", s.sessionId);
    w.utf("secret", orNull(s.secret));
    w.utf("login", orNull(s.login));
    w.utf("randomToken", orNull(s.randomToken));
    w.utf("localIp", orNull(s.localIp));
    w.utf("authId", orNull(s.authId));
    w.utf("hash", orNull(s.hash));
    w.utf("client", orNull(s.client));
    w.utf("userLogin", orNull(s.userLogin));
    w.utf("altId", orNull(s.altId));
    w.utf("userAgent", orNull(s.userAgent));
    w.i64("loginTime", s.loginTime > 0 ? s.loginTime : -1);
    w.i64("localLastActive", s.changedMillis > 0 ? s.changedMillis : -1);
    w.utf("remoteParameters", orNull(s.remoteParameters));
    w.utf("origin", s.origin);
    w.boolean("staySignedIn", s.staySignedIn);
  });
}

Result<Session> decodeSession(BytesView data, const Obfuscator& obfuscator) {
  if (data.size() > kMaxRecordBytes)
    return Error(Code::kInvalid, "stored session: larger than allowed");
  const auto reader = PortableReader::open(data);
  if (!reader) return Error(Code::kInvalid, "stored session: " + reader.error().message);
  if (reader->type().factoryId != kType.factoryId || reader->type().classId != kType.classId)
    return Error(Code::kInvalid, "stored session: a record of another class");
  Session s;
  std::string problem;
  const auto text = [&](const char* name, std::string& into, bool optional = false) {
    if (optional && !reader->has(name)) return;
    auto value = reader->utf(name);
    if (!value || (*value && (*value)->size() > kMaxFieldBytes)) {
      if (problem.empty()) problem = name;
      return;
    }
    if (*value) into = std::move(**value);
  };
  const auto number = [&](const char* name, auto value, auto& into) {
    if (value) into = *value;
    else if (problem.empty()) problem = name;
  };
  std::string hidden;
  text("loginName", s.loginName);
  text("password", hidden);
  number("contextId", reader->i32("contextId"), s.contextId);
  number("userId", reader->i32("userId"), s.userId);
  text("sessionId", s.sessionId);
  text("secret", s.secret);
  text("login", s.login);
  text("randomToken", s.randomToken);
  text("localIp", s.localIp);
  text("authId", s.authId);
  text("hash", s.hash);
  text("client", s.client);
  text("userLogin", s.userLogin);
  text("altId", s.altId);
  // Records of older classes end before one of these.
  text("userAgent", s.userAgent, true);
  if (reader->has("loginTime")) number("loginTime", reader->i64("loginTime"), s.loginTime);
  if (reader->has("localLastActive"))
    number("localLastActive", reader->i64("localLastActive"), s.localLastActive);
  text("remoteParameters", s.remoteParameters, true);
  text("origin", s.origin, true);
  if (reader->has("staySignedIn"))
    number("staySignedIn", reader->boolean("staySignedIn"), s.staySignedIn);
  if (!problem.empty())
    return Error(Code::kInvalid, "stored session: field " + problem + " is missing, too long or "
                                 "of another type");
  if (s.sessionId.empty()) return Error(Code::kInvalid, "stored session: field sessionId is empty");
  s.loginTime = std::max<std::int64_t>(s.loginTime, 0);
  s.changedMillis = s.localLastActive = std::max<std::int64_t>(s.localLastActive, 0);
  if (!hidden.empty()) {
    auto password = obfuscator.reveal(hidden, s.sessionId);
    if (!password) return password.error();
    s.password = std::move(*password);
  }
  return s;
}

}  // namespace ox::sessionstorage
