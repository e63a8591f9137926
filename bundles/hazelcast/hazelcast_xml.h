// hazelcast/hazelcast.xml: the base of the grid's settings; what a file of properties sets, wins.
//
// Threads:  start and --check-config.
// Errors:   every mistake is a Problem with file and line; an element that has no effect here is a
//           WARN with its line. Without the file nothing changes.
// Source:   the original reads conf/hazelcast/hazelcast.xml as base configuration (its article on
//           custom partitioning); elements as in Hazelcast's declarative configuration, 3.x and 4.x.
#pragma once

#include <string>
#include <string_view>

#include "config_reader.h"

namespace ox::grid {

inline constexpr const char* kHazelcastXml = "hazelcast/hazelcast.xml";  // below etc

// Reads the file of the configuration directory, if there is one, into `out`; its properties go to
// the reader.
void readHazelcastXml(const config::Config& config, GridConfig& out, Reader& reader);
// The same from text.
void applyHazelcastXml(std::string_view text, GridConfig& out, Reader& reader);
// What config/rules.h and config/secrets.h ask of the properties, for what the XML has added: no
// published secret in a cluster, and a word when the grid is open to everybody.
void checkXmlSecurity(const config::Config& config, const GridConfig& out, Reader& reader);

}  // namespace ox::grid
