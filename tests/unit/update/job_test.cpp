// Jobs without a database: estimates and settings.
#include <doctest/doctest.h>

#include "jobs/job_operations.h"

using namespace ox::update;

TEST_CASE("the estimate of a host: mean time per schema, shared by its workers") {
  CHECK(etaMillis(0, 0, 10, 1) == -1);       // nothing ended yet
  CHECK(etaMillis(5, 5000, 0, 1) == 0);      // nothing left
  CHECK(etaMillis(5, 5000, 10, 1) == 10000);
  CHECK(etaMillis(5, 5000, 10, 4) == 2500);
  CHECK(etaMillis(5, 5000, 2, 4) == 1000);   // no more workers than schemas
}

TEST_CASE("settings survive their text; what is missing or odd becomes the default") {
  JobSettings settings;
  settings.parallel = 4;
  settings.stopOnError = true;
  settings.maxLagSeconds = 7;
  settings.maxRunning = 20;
  settings.until = 123456789012;
  settings.task = "com.example.Task";
  settings.retryFailed = true;
  const JobSettings back = JobSettings::parse(settings.text());
  CHECK(back.parallel == 4);
  CHECK(back.stopOnError);
  CHECK(back.maxLagSeconds == 7);
  CHECK(back.maxRunning == 20);
  CHECK(back.until == 123456789012);
  CHECK(back.task == "com.example.Task");
  CHECK(back.retryFailed);
  for (const char* odd : {"", "[]", "{\"parallel\":\"x\"}", "{\"parallel\":0}", "{\"parallel\":1.5}"}) {
    const JobSettings read = JobSettings::parse(odd);
    CHECK(read.parallel == 1);
    CHECK(read.maxLagSeconds == -1);
  }
  CHECK(JobSettings::parse("{\"parallel\":100000}").parallel == 64);
}
