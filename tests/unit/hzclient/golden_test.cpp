// Every recorded message: cut out of the stream, decoded, encoded again to the same bytes.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "hzclient/cb1.h"
#include "hzclient/cb2.h"
#include "hzclient/cp2.h"
#include "hzclient/transcripts.h"

using namespace ox;
using namespace ox::hzclient;
using namespace ox::hzclient::test;

namespace {

// Types that the client reads as frames only: it never sends them and nobody sends them to it.
const std::set<std::string> kCb2FramesOnly = {
    "0008", "0012", "006a", "006c", "0073", "0075", "00cb", "00d9", "0104", "0105", "0109", "010c",
    "0111", "0112", "0113", "0114", "0115", "0116", "011c", "011e", "0126", "0127", "0128", "0129",
    "012a", "012b", "012c", "012e", "012f", "0130", "0131", "0137", "1902", "1904", "1906", "190a",
    "7f77"};
const std::set<std::string> kCp2Services = {"00", "01", "17", "7f"};  // see cp2FramesOnly

bool foreign(const Transcript& t) { return t.scenario.starts_with("other-protocol"); }

std::string same(const Bytes& encoded, const Line& line) {
  if (encoded == line.bytes) return {};
  return line.type + ": " + hex(line.bytes).substr(0, 400) + "\nbecame " +
         hex(encoded).substr(0, 400);
}

std::string again(const cb2::Message& m, const Line& line, std::set<std::string>& framesOnly) {
  const char* pattern = cb2::patternOf(m.type);
  if (pattern == nullptr) {
    framesOnly.insert(line.type);
    return same(cb2::encode(m), line);
  }
  const auto fields = cb2::readFields(pattern, m.parameters);
  if (!fields) return line.type + ": " + fields.error().message;
  cb2::Message copy = m;
  copy.parameters = cb2::writeFields(pattern, *fields);
  return same(cb2::encode(copy), line);
}

std::string again(const cp2::Message& m, const Line& line, std::set<std::string>& framesOnly) {
  const cp2::Pattern pattern = cp2::patternOf(m.type);
  if (pattern.fixed == nullptr) {
    framesOnly.insert(line.type);
    return same(cp2::encode(m), line);
  }
  const auto fields = cp2::readFields(pattern, m);
  if (!fields) return line.type + ": " + fields.error().message;
  cp2::Message copy = m;
  cp2::writeFields(pattern, *fields, copy);
  return same(cp2::encode(copy), line);
}

std::string again(Protocol dialect, const cb1::Packet& p, const Line& line, std::size_t& records) {
  cb1::Packet copy = p;
  const auto record = [&](const cb1::Data& data) -> Result<cb1::Data> {
    const auto r = cb1::readRecord(dialect, data);
    if (!r) return r.error();
    ++records;
    cb1::Data out = cb1::writeRecord(dialect, *r);
    if (data.hash != out.hash && data.hash == 0) out.hash = 0;
    return out;
  };
  if (p.data.type == cb1::kTypeRecord) {
    const auto data = record(p.data);
    if (!data) return line.type + ": " + data.error().message;
    copy.data = *data;
  } else {
    auto response = cb1::readResponse(dialect, p.data);
    if (!response) return line.type + ": " + response.error().message;
    if (response->data && response->data->type == cb1::kTypeRecord &&
        response->data->definition.factoryId != 873) {
      // Records of the client protocol; values of the users' own classes stay as they are.
      const auto plain = cb1::readRecord(dialect, *response->data);
      const bool ours = plain && (plain->type.factoryId == -3 || plain->type.factoryId == -18);
      if (ours) {
        const auto data = record(*response->data);
        if (!data) return line.type + ": " + data.error().message;
        response->data = *data;
      }
    }
    copy.data = cb1::writeResponse(dialect, *response, p.data.hash);
  }
  return same(cb1::encode(dialect, copy), line);
}

}  // namespace

TEST_CASE("recorded messages are encoded to the same bytes again") {
  std::size_t messages = 0, records = 0;
  std::set<std::string> cb2Only, cp2Only;
  for (const auto& file : transcriptFiles()) {
    const Transcript t = readTranscript(file);
    if (foreign(t)) continue;
    CAPTURE(file);
    for (const Line& line : t.lines) {
      if (line.type.empty() || line.type == "preamble" || line.type == "raw") continue;
      ++messages;
      std::string wrong;
      if (t.protocol == Protocol::kCb2) {
        const auto m = cb2::decode(line.bytes);
        wrong = m ? again(*m, line, cb2Only) : m.error().message;
        if (m) CHECK(m->correlation == line.cid);
      } else if (t.protocol == Protocol::kCp2) {
        const auto m = cp2::decode(line.bytes);
        wrong = m ? again(*m, line, cp2Only) : m.error().message;
        if (m) CHECK(m->correlation == line.cid);
      } else {
        const auto p = cb1::decode(t.protocol, line.bytes);
        wrong = p ? again(t.protocol, *p, line, records) : p.error().message;
      }
      CHECK_MESSAGE(wrong.empty(), wrong);
    }
  }
  CHECK(messages > 4000);
  CHECK(records > 180);
  CHECK(cb2Only == kCb2FramesOnly);
  for (const auto& type : cp2Only) CHECK(kCp2Services.contains(type.substr(0, 2)));
  for (const char* used : {"000100", "000101", "000302", "010100", "010201"})
    CHECK_FALSE(cp2Only.contains(used));
}

TEST_CASE("units are found whatever the pieces in which they arrive") {
  for (const auto& file : transcriptFiles()) {
    const Transcript t = readTranscript(file);
    if (foreign(t) || t.scenario == "big-value") continue;
    CAPTURE(file);
    std::map<std::pair<int, bool>, std::vector<const Line*>> streams;
    for (const Line& line : t.lines)
      if (!line.type.empty() && line.type != "preamble" && line.type != "raw")
        streams[{line.connection, line.client}].push_back(&line);
    for (const auto& [_, lines] : streams) {
      Bytes all;
      for (const Line* line : lines) all += line->bytes;
      for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
        Bytes buffered;
        std::size_t next = 0, scanned = 0;
        for (std::size_t at = 0; at < all.size(); at += piece) {
          buffered += all.substr(at, piece);
          for (;;) {
            const auto length = unitLength(t.protocol, buffered, scanned);
            REQUIRE(length);
            if (*length == 0) break;
            REQUIRE(next < lines.size());
            CHECK(buffered.substr(0, *length) == lines[next++]->bytes);
            buffered.erase(0, *length);
            scanned = 0;
          }
        }
        CHECK(next == lines.size());
        CHECK(buffered.empty());
      }
    }
  }
}

TEST_CASE("texts of 3.2 and 3.5: chunks, characters beyond the first plane, null") {
  std::string longText;
  for (int i = 0; i < 40'000; ++i) longText += i % 7 == 0 ? "\xf0\x9f\x98\x80" : "\xc3\xa9";
  for (const auto dialect : {Protocol::kCb1A, Protocol::kCb1B})
    for (const auto& text : {std::optional<std::string>(), std::optional<std::string>(""),
                             std::optional<std::string>("\xe2\x82\xac z"), std::optional(longText)}) {
      ByteWriter out;
      cb1::writeText(dialect, out, text);
      const Bytes bytes = out.take();
      ByteReader in(bytes);
      CHECK(cb1::readText(dialect, in) == text);
      CHECK(in.ok());
      CHECK(in.atEnd());
      ByteReader cut(BytesView(bytes).substr(0, bytes.size() - 1));
      cb1::readText(dialect, cut);
      CHECK_FALSE((cut.ok() && bytes.size() > 1));
    }
}

TEST_CASE("lengths that no member sends are refused before anything is kept") {
  std::size_t scanned = 0;
  CHECK_FALSE(unitLength(Protocol::kCb2, std::string("\x05\0\0\0", 4), scanned));
  CHECK_FALSE(unitLength(Protocol::kCb2, "\xff\xff\xff\x7f", scanned));
  CHECK_FALSE(unitLength(Protocol::kCp2, std::string("\x05\0\0\0\0\0", 6), scanned));
  CHECK_FALSE(unitLength(Protocol::kCb1B, std::string("\x03\0\0\0\0\0\0\0\0\0\0", 11), scanned));
  CHECK_FALSE(unitLength(Protocol::kCb1B, "ERROR\r\nERROR\r\n", scanned));
  CHECK_FALSE(unitLength(Protocol::kCb1A,
                         std::string("\xff\xff\xff\xfe\0\0\0\0\x7f\xff\xff\xff", 12), scanned));
}
