// Checks of single values that a type and a range cannot express; named by KeyInfo::check.
//
// Each takes the trimmed text and returns what is wrong with it, or nothing. What is allowed is in
// KeyInfo::allowed. Pure functions; nothing is resolved or opened.
#pragma once

#include <string>

namespace ox::config {

std::string checkNotBlank(const std::string& text);
std::string checkGroupName(const std::string& text);
std::string checkStaticNodes(const std::string& text);
std::string checkInterfaces(const std::string& text);
std::string checkMulticastGroup(const std::string& text);
std::string checkPortOffset(const std::string& text);
std::string checkAutoPort(const std::string& text);
std::string checkPortRanges(const std::string& text);
std::string checkListenHost(const std::string& text);
std::string checkBackendRoute(const std::string& text);
std::string checkServerName(const std::string& text);
std::string checkHeaderName(const std::string& text);
std::string checkPathPrefix(const std::string& text);
std::string checkCookieTtl(const std::string& text);
std::string checkWebUrl(const std::string& text);
std::string checkLogForm(const std::string& text);
std::string checkRedis(const std::string& text);
std::string checkProxies(const std::string& text);
std::string checkMaskV4(const std::string& text);
std::string checkMaskV6(const std::string& text);
std::string checkJdbcUrl(const std::string& text);
std::string checkNameValue(const std::string& text);
std::string checkCharacterClass(const std::string& text);

}  // namespace ox::config
