// A DatabaseService on one real server, without configdb: what the runner of the tests works on.
#pragma once

#include <memory>
#include <vector>

#include "database/pool.h"
#include "services/database.h"

namespace ox::test {

class TestDatabase : public services::DatabaseService {
 public:
  explicit TestDatabase(const db::ConnectionSettings& settings)
      : settings_(settings), pool_(db::Pool::make("test", {}, settings)) {}
  Result<db::Lease> configRead() override { return pool_->borrow("configdb"); }
  Result<db::Lease> configWrite() override { return pool_->borrow("configdb"); }
  Result<services::Assignment> assignment(std::int32_t) override {
    return Error(Code::kCtxNotFound);
  }
  Result<db::Lease> read(std::int32_t) override { return Error(Code::kCtxNotFound); }
  Result<db::Lease> write(std::int32_t) override { return Error(Code::kCtxNotFound); }
  Result<db::Lease> schemaWrite(const services::SchemaRef& schema, bool longRunning) override {
    if (!longRunning) return pool_->borrow(schema.schema);
    db::ConnectionSettings settings = settings_;
    settings.readTimeoutMillis = 0;
    settings.schema = schema.schema;
    auto connection = db::Connection::open(settings);
    if (!connection) return connection.error();
    return db::Lease(nullptr, std::move(*connection));
  }
  Result<db::Lease> pool(std::int32_t) override { return pool_->borrow(); }
  Result<std::vector<services::SchemaRef>> schemas() override {
    return std::vector<services::SchemaRef>{};
  }
  Result<services::SchemaRef> findSchema(const std::string&) override {
    return Error(Code::kUpdUnknownSchema);
  }
  Result<std::vector<std::int32_t>> contextsIn(const services::SchemaRef&) override {
    return std::vector<std::int32_t>{3, 5};
  }
  void invalidate(std::int32_t) override {}
  void invalidatePools() override {}
  std::int32_t serverId() override { return 1; }

 private:
  const db::ConnectionSettings settings_;
  std::shared_ptr<db::Pool> pool_;
};

}  // namespace ox::test
