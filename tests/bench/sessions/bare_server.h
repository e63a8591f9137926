// The yardstick of whoami: an HTTP answer without HTTP. Each request, that is, each empty line that ends
// one, is answered by the same bytes, from an epoll loop.
#pragma once

#include <cstddef>

namespace ox::bench {

// Serves until its standard input ends. Prints "ok port=N" first. Answers have `bytes` in all.
int bareServer(std::size_t bytes, int threads);

}  // namespace ox::bench
