// Tool: one command line tool of the multi-call program `oxtool`.
//
// A tool is one file sbin/<tool>.cpp that ends with
//   OX_TOOL(run, "what it does", "listbundles")                  // further names are aliases
// where `int run(ox::tool::Invocation& call)` returns the exit code. The first name is the name of
// the file; each name becomes a link build/<flavour>/sbin/<name> (sbin/link_tools.py reads the
// macro).
//
// Threads:   one; tools are short programs.
// Exit:      0 or the `exit` column of base/codes.def (101..115 as in the original's tools).
// Output:    results on stdout, errors and usage on stderr.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"
#include "output.h"
#include "rmi.h"

namespace ox::tool {

using Run = int (*)(Invocation& call);

struct Tool {
  Run run = nullptr;
  std::string summary;
  std::vector<std::string> names;  // the first is the real one
};

// All linked tools, sorted by name.
const std::vector<Tool>& allTools();
const Tool* findTool(std::string_view name);

struct Registration {
  Registration(Run run, const char* summary, std::initializer_list<const char*> names);
};

}  // namespace ox::tool

#define OX_TOOL(RUN, SUMMARY, ...) \
  static const ox::tool::Registration oxToolRegistration(RUN, SUMMARY, {__VA_ARGS__});
