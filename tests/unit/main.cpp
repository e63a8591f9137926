// main() of every unit test program: doctest, plus the rule that an ERROR record in the log that
// the test did not announce fails the test run (see ExpectedErrors in test_log.h).
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "test_log.h"

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  ox::test::watchLog();
  const int failed = context.run();
  return failed != 0 ? failed : (ox::test::unexpectedErrors() != 0 ? 1 : 0);
}
