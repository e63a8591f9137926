// oxtool: runs the tool named by argv[0] (a link) or, called as oxtool itself, by the first
//         argument.
#include <algorithm>
#include <exception>
#include <iostream>

#include "base/error.h"
#include "tool.h"

namespace ox::tool {
namespace {

constexpr const char* kOwnName = "oxtool";

int listTools() {
  std::cerr << "Usage: " << kOwnName << " <tool> <options>\n\nTools:\n";
  for (const Tool& tool : allTools())
    std::cerr << " " << tool.names[0] << "  " << tool.summary << "\n";
  return codeInfo(Code::kAdmMissingOption).exit;
}

int dispatch(int argc, char** argv) {
  std::string name = argc > 0 ? argv[0] : kOwnName;
  if (const auto slash = name.rfind('/'); slash != std::string::npos) name.erase(0, slash + 1);
  int first = 1;
  if (name == kOwnName) {
    if (argc < 2) return listTools();
    name = argv[1];
    first = 2;
  }
  const Tool* tool = findTool(name);
  if (tool == nullptr) {
    std::cerr << "Error: there is no tool '" << name << "'\n";
    return listTools();
  }
  Invocation call;
  call.name = name;
  for (int i = first; i < argc; ++i) {
    call.args.emplace_back(argv[i]);
    call.rawArgs.push_back(argv[i]);
  }
  return tool->run(call);
}

}  // namespace
}  // namespace ox::tool

int main(int argc, char** argv) {
  try {
    const int exit = ox::tool::dispatch(argc, argv);
    std::cout.flush();
    return exit;
  } catch (const std::exception& e) {
    std::cerr << "Error: " << e.what() << "\n";
    return 1;
  }
}
