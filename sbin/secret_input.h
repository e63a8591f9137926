// Reads a secret: without echo from a terminal, else one line of standard input.
#pragma once

#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <string>

namespace ox::tool {

inline std::string readSecret(const std::string& prompt) {
  termios before{};
  const bool terminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    std::cerr << prompt << std::flush;
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::cerr << "\n";
  }
  return line;
}

}  // namespace ox::tool
