// A task for tests: name, dependencies, kind, namespace, and what perform() does.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "services/updates.h"

namespace ox::test {

class PlainTask final : public services::UpdateTask {
 public:
  using Work = std::function<Status(services::UpdateContext&)>;
  PlainTask(std::string name, std::vector<std::string> depends = {},
            services::Concurrency kind = services::Concurrency::kBlocking, std::string space = {},
            Work work = {})
      : name_(std::move(name)), depends_(std::move(depends)), kind_(kind),
        space_(std::move(space)), work_(std::move(work)) {}
  const std::string& name() const override { return name_; }
  std::vector<std::string> dependencies() const override { return depends_; }
  services::Concurrency concurrency() const override { return kind_; }
  std::string nameSpace() const override { return space_; }
  Status perform(services::UpdateContext& context) override {
    return work_ ? work_(context) : Status();
  }

 private:
  std::string name_;
  std::vector<std::string> depends_;
  services::Concurrency kind_;
  std::string space_;
  Work work_;
};

template <typename... Args>
std::shared_ptr<services::UpdateTask> plain(Args&&... args) {
  return std::make_shared<PlainTask>(std::forward<Args>(args)...);
}

}  // namespace ox::test
