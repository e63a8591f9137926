// EntryProcessors: the functions that may be run on entries by name, registered in C++.
//
// Purpose:   an owner reads an entry, lets the function decide, and stores the result as one write;
//            backups get the result, never the function. Every member must register the same names.
// Threads:   add() and find() from any thread.
// Errors:    an unknown name is RUN-0003 and names the member's missing registration.
// Bounds:    kMaxProcessors names of kMaxProcessorName bytes, arguments of kMaxProcessorArgument.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "services/grid_query.h"

namespace ox::grid {

inline constexpr std::size_t kMaxProcessors = 1024;
inline constexpr std::size_t kMaxProcessorName = 256;
inline constexpr std::size_t kMaxProcessorArgument = 1u << 20;
// Built in: removes the entry if it matches the predicate.
inline constexpr const char* kRemoveProcessor = "@remove";

class EntryProcessors {
 public:
  EntryProcessors();
  Status add(const std::string& name, services::EntryProcessor processor);  // replaces
  std::shared_ptr<const services::EntryProcessor> find(const std::string& name) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const services::EntryProcessor>> byName_;
};

struct ProcessBody {
  BytesView name, argument;
  static Result<ProcessBody> decode(BytesView bytes);
};
Bytes encodeProcess(BytesView name, BytesView argument);

}  // namespace ox::grid
