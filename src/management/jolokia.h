// Jolokia: reading MBeans over HTTP and JSON (source: the Jolokia protocol, version 7).
//
// Supported: version, list, search, read (one bean, one or several attributes, patterns), single
// and bulk requests. Not offered: write, exec and notifications (403): operations live on the RMI
// port.
// Threads:   any.
// Bounds:    kMaxBulk requests in one body; the size of the body is bounded by the server.
// GET paths: percent-decoded, then split at '/', where "!/" is a slash, "!!" an exclamation mark
// and
//            "!\"" a quotation mark.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "management/registry.h"

namespace ox::management {

inline constexpr std::size_t kMaxBulk = 1000;

// `path` is what follows "/jolokia" in the raw request line, without the query. JSON text.
std::string jolokiaGet(const ManagementRegistry& registry, std::string_view path);
std::string jolokiaPost(const ManagementRegistry& registry, const std::string& body);

// Nothing when a '%' is not followed by two hex digits or a NUL would result.
std::optional<std::string> percentDecoded(std::string_view text);
std::vector<std::string> splitEscaped(std::string_view path);

}  // namespace ox::management
