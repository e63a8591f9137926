#include "hzclient/transcripts.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/check.h"

namespace ox::hzclient::test {
namespace {
const std::filesystem::path kRoot = std::string(OX_SOURCE_ROOT) + "/tests/fixtures/hazelcast";

Bytes unhex(const std::string& text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return out;
}

std::string text(const nlohmann::json& j, const char* key) {
  const auto it = j.find(key);
  return it != j.end() && it->is_string() ? it->get<std::string>() : std::string();
}
}  // namespace

std::string hex(BytesView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::vector<std::string> transcriptFiles() {
  std::vector<std::string> out;
  for (const auto& e : std::filesystem::recursive_directory_iterator(kRoot))
    if (e.path().extension() == ".jsonl")
      out.push_back(e.path().parent_path().filename().string() + "/" + e.path().stem().string());
  std::sort(out.begin(), out.end());
  return out;
}

Transcript readTranscript(const std::string& file) {
  Transcript t;
  t.file = file;
  std::ifstream in(kRoot / (file + ".jsonl"));
  OX_CHECK(in.good());
  std::string line;
  for (bool first = true; std::getline(in, line); first = false) {
    const auto j = nlohmann::json::parse(line);
    if (first) {
      t.version = text(j, "version");
      t.scenario = text(j, "scenario");
      t.name = text(j, "name");
      t.password = text(j, "password");
      const std::string protocol = text(j, "protocol");
      t.protocol = protocol == "CB2"                ? Protocol::kCb2
                   : protocol == "CP2"              ? Protocol::kCp2
                   : text(j, "dialect") == "A" ? Protocol::kCb1A
                                                    : Protocol::kCb1B;
      if (const auto it = j.find("received"); it != j.end() && it->is_array())
        for (const auto& r : *it) t.received.push_back(unhex(r.get<std::string>()));
      continue;
    }
    Line l;
    l.connection = j.value("conn", 1);
    l.client = text(j, "dir") == "client";
    l.type = text(j, "type");
    l.event = text(j, "event");
    l.cid = j.value("cid", std::int64_t{0});
    l.bytes = unhex(text(j, "hex"));
    if (const auto parts = j.find("parts"); parts != j.end())
      for (const auto& p : *parts) {
        const Bytes one = unhex(text(p, "hex"));
        for (int n = p.value("n", 1); n > 0; --n) l.bytes += one;
      }
    t.lines.push_back(std::move(l));
  }
  return t;
}

}  // namespace ox::hzclient::test
