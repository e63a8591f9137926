#include "services/session_attributes.h"

#include <algorithm>

namespace ox::services {

bool validAttributeName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxAttributeNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

}  // namespace ox::services
