#include "http/ajp_packets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace ox::http {
namespace {

constexpr std::array<const char*, 28> kMethods = {
    "",        "OPTIONS",   "GET",        "HEAD",        "POST",     "PUT",    "DELETE",
    "TRACE",   "PROPFIND",  "PROPPATCH",  "MKCOL",       "COPY",     "MOVE",   "LOCK",
    "UNLOCK",  "ACL",       "REPORT",     "VERSION-CONTROL", "CHECKIN", "CHECKOUT", "UNCHECKOUT",
    "SEARCH",  "MKWORKSPACE", "UPDATE",   "LABEL",       "MERGE",    "BASELINE-CONTROL",
    "MKACTIVITY"};
constexpr std::uint8_t kStoredMethod = 0xff;
constexpr std::array<const char*, 15> kRequestHeaders = {
    "",           "accept",       "accept-charset", "accept-encoding", "accept-language",
    "authorization", "connection", "content-type",  "content-length",  "cookie",
    "cookie2",    "host",         "pragma",         "referer",         "user-agent"};
constexpr std::array<const char*, 12> kAnswerHeaders = {
    "",         "Content-Type", "Content-Language", "Content-Length", "Date",   "Last-Modified",
    "Location", "Set-Cookie",   "Set-Cookie2",      "Servlet-Engine", "Status", "WWW-Authenticate"};
constexpr std::uint8_t kCodedHeader = 0xa0;
constexpr std::uint16_t kNoText = 0xffff;

enum Attribute : std::uint8_t {
  kContext = 1, kServletPath, kRemoteUser, kAuthType, kQueryString, kJvmRoute, kSslCert,
  kSslCipher, kSslSession, kNamed, kSslKeySize, kSecret, kMethodText, kEnd = 0xff,
};

Error broken(const char* what) {
  return Error(Code::kNetProtocol, std::string("AJP: ") + what);
}

class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}
  bool good() const { return good_; }
  std::uint8_t byte() {
    if (rest_.empty()) return fail(), std::uint8_t{0};
    const auto out = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return out;
  }
  std::uint8_t peek() const { return rest_.empty() ? 0 : static_cast<std::uint8_t>(rest_.front()); }
  std::uint16_t number() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  // No text is an empty one.
  std::string text() {
    const std::uint16_t size = number();
    if (size == kNoText || !good_) return {};
    if (rest_.size() < std::size_t{size} + 1 || rest_[size] != '\0') return fail(), std::string();
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(std::size_t{size} + 1);
    return out;
  }

 private:
  void fail() {
    good_ = false;
    rest_ = {};
  }
  BytesView rest_;
  bool good_ = true;
};

void appendNumber(std::string& out, std::size_t value) {
  out.push_back(static_cast<char>(value >> 8 & 0xff));
  out.push_back(static_cast<char>(value & 0xff));
}
void appendText(std::string& out, std::string_view text) {
  appendNumber(out, text.size());
  out += text;
  out.push_back('\0');
}
std::string packet(const std::string& payload) {
  std::string out = "AB";
  appendNumber(out, payload.size());
  return out + payload;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Status readHeaders(Reader& in, AjpRequest& out) {
  const std::size_t count = in.number();
  if (count > kMaxAjpHeaders) return broken("too many headers");
  for (std::size_t i = 0; i < count && in.good(); ++i) {
    std::string name;
    if (in.peek() == kCodedHeader) {
      const std::size_t code = in.number() & 0xff;
      if (code == 0 || code >= kRequestHeaders.size()) return broken("unknown header code");
      name = kRequestHeaders[code];
    } else {
      name = lower(in.text());
    }
    std::string value = in.text();
    if (!in.good() || name.empty()) return broken("a header is cut off");
    if (name == "content-length") {
      std::uint64_t length = 0;
      const char* end = value.data() + value.size();
      const auto read = std::from_chars(value.data(), end, length);
      if (read.ec != std::errc() || read.ptr != end || value.empty())
        return broken("bad content length");
      if (out.contentLength && *out.contentLength != length)
        return broken("two different content lengths");
      out.contentLength = length;
    }
    if (name == "transfer-encoding") out.chunked = lower(value) == "chunked";
    out.raw.headers.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

Status readAttributes(Reader& in, AjpRequest& out, std::string& query) {
  static constexpr const char* kNames[] = {
      "", "context", "servlet_path", "remote_user", "auth_type", "query_string", "jvm_route",
      "ssl_cert", "ssl_cipher", "ssl_session"};
  for (std::size_t i = 0; i <= kMaxAjpHeaders; ++i) {
    const std::uint8_t code = in.byte();
    if (!in.good()) return broken("the attributes are cut off");
    if (code == kEnd) return {};
    if (code == kNamed) {
      std::string name = in.text();
      std::string value = in.text();
      if (in.good()) out.raw.attributes.emplace_back(std::move(name), std::move(value));
      continue;
    }
    if (code == kSslKeySize) {
      out.raw.attributes.emplace_back("ssl_key_size", std::to_string(in.number()));
      continue;
    }
    if (code == 0 || code > kMethodText) return broken("unknown attribute");
    std::string value = in.text();
    switch (code) {
      case kRemoteUser: out.raw.remoteUser = std::move(value); break;
      case kQueryString: query = std::move(value); break;
      case kJvmRoute: out.jvmRoute = std::move(value); break;
      case kSecret: out.secret = std::move(value); break;
      case kMethodText: out.raw.method = std::move(value); break;
      default: out.raw.attributes.emplace_back(kNames[code], std::move(value));
    }
  }
  return broken("too many attributes");
}

}  // namespace

Result<std::size_t> ajpLength(BytesView head) {
  if (head.size() < kAjpHead || head[0] != '\x12' || head[1] != '\x34')
    return broken("not a packet of a web server");
  return static_cast<std::size_t>(static_cast<std::uint8_t>(head[2])) << 8 |
         static_cast<std::uint8_t>(head[3]);
}

Result<AjpRequest> parseAjpRequest(BytesView payload) {
  Reader in(payload);
  if (in.byte() != static_cast<std::uint8_t>(AjpCode::kForward)) return broken("not a request");
  AjpRequest out;
  const std::uint8_t method = in.byte();
  if (method != kStoredMethod) {
    if (method == 0 || method >= kMethods.size()) return broken("unknown method");
    out.raw.method = kMethods[method];
  }
  in.text();  // the protocol of the client
  out.raw.target = in.text();
  out.raw.remoteAddress = in.text();
  in.text();    // name of the client
  in.text();    // name of the server: the Host header says it
  in.number();  // its port
  out.raw.secure = in.byte() != 0;
  if (!in.good()) return broken("the request is cut off");
  if (const Status headers = readHeaders(in, out); !headers.ok()) return headers.error();
  std::string query;
  if (const Status attributes = readAttributes(in, out, query); !attributes.ok())
    return attributes.error();
  if (!in.good()) return broken("the request is cut off");
  if (out.raw.method.empty()) return broken("no method");
  if (!query.empty()) out.raw.target += "?" + query;
  return out;
}

Result<BytesView> parseAjpBody(BytesView payload) {
  if (payload.empty()) return payload;
  if (payload.size() < 2) return broken("a body packet is cut off");
  const std::size_t size = static_cast<std::size_t>(static_cast<std::uint8_t>(payload[0])) << 8 |
                           static_cast<std::uint8_t>(payload[1]);
  if (payload.size() - 2 < size) return broken("a body packet is shorter than it says");
  return payload.substr(2, size);
}

std::optional<std::string> ajpHeaders(
    int status, std::string_view reason,
    const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string out(1, '\x04');
  appendNumber(out, static_cast<std::size_t>(status));
  appendText(out, reason);
  appendNumber(out, headers.size());
  for (const auto& [name, value] : headers) {
    const auto known = std::find_if(kAnswerHeaders.begin() + 1, kAnswerHeaders.end(),
                                    [&](const char* each) { return name == each; });
    if (known == kAnswerHeaders.end()) {
      appendText(out, name);
    } else {
      out.push_back(static_cast<char>(kCodedHeader));
      out.push_back(static_cast<char>(known - kAnswerHeaders.begin()));
    }
    appendText(out, value);
    if (out.size() > kAjpSend - kAjpHead) return std::nullopt;
  }
  return packet(out);
}

void appendAjpBody(std::string& out, std::string_view piece) {
  out += "AB";
  appendNumber(out, piece.size() + 4);
  out.push_back('\x03');
  appendText(out, piece);
}

std::string ajpEnd(bool keepConnection) {
  return packet({'\x05', keepConnection ? '\x01' : '\x00'});
}

std::string ajpAskBody(std::size_t bytes) {
  std::string out(1, '\x06');
  appendNumber(out, bytes);
  return packet(out);
}

std::string ajpCpong() { return packet("\x09"); }

}  // namespace ox::http
