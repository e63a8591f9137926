// TLS of the HTTPS connector. Included by listener.cpp and server.cpp only (OpenSSL stays in the
// .cpp).
//
// Errors: kConfig, naming file or key and what is wrong. Allowed: TLS 1.2 and 1.3, no compression,
//         no renegotiation; ALPN answers http/1.1.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace boost::asio::ssl {
class context;
}

namespace ox::http {

struct HttpSettings;

Result<std::shared_ptr<boost::asio::ssl::context>> serverTls(const HttpSettings& settings);

}  // namespace ox::http
