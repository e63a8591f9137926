// One thin layer on the MariaDB C API: connections, statements, pools.
//
// Why not Poco::Data: Debian's has no TLS hook, no error numbers, prepared statements only
// (docs/decisions). Threads: a Connection is used by one thread at a time. Values are bound by
// the server's prepared statements or escaped by the library, never pasted into SQL.
// Connections are utf8mb4, in UTC, strict about truncation, and use TCP for "localhost" as JDBC does.
// Limits: kMaxStatementBytes, kMaxResultRows (connection.cpp).
// Errors: DB-0001 no connection (2002, 2003, 2006, 2013; 1047 of a Galera node), DB-0005 duplicate key (1062), DB-0006
// rolled back (1205, 1213, 3101), otherwise DB-0002; sqlError() keeps the server's number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace ox::db {

struct ConnectionSettings {
  std::string host = "localhost";
  std::uint16_t port = 3306;
  std::string socketPath;  // used instead of host and port when not empty
  std::string user;
  std::string password;
  std::string schema;      // empty = none selected
  int connectTimeoutMillis = 15000;
  int readTimeoutMillis = 15000;  // 0 = none
  bool useTls = false;     // then a connection without a cipher is refused
  std::string tlsCa;       // PEM file; empty = the system's certificates
  bool tlsVerify = true;   // certificate and host name, when useTls
  std::string tlsCert;     // our own certificate and key, PEM; empty = none
  std::string tlsKey;
  std::string tlsVersions;  // "TLSv1.2,TLSv1.3"; empty = what both sides can
  std::string timeZone = "+00:00";  // of the session; empty = the server's
  std::string collation;            // of the connection, utf8mb4_*; empty = the library's
  // The server ends a statement after this: below 0 = as readTimeoutMillis, 0 = never. MySQL knows
  // such a limit for SELECT only.
  int statementTimeoutMillis = -1;
  std::vector<std::pair<std::string, std::string>> sessionVariables;  // checked names, SQL values
  bool operator==(const ConnectionSettings&) const = default;
};

// Parses "jdbc:mysql://host:port/schema?k=v&..." (also several k=v, missing port or schema; host
// may be [IPv6]). Driver parameters that mean something here are applied (connectTimeout,
// socketTimeout, useSSL, ...), the rest is ignored. DB-0004 names what is wrong.
// `base`: what holds unless the URL says otherwise.
Result<ConnectionSettings> parseJdbcUrl(std::string_view url, const ConnectionSettings& base = {});
// One driver parameter, from a URL, dbconnector.yaml, readProperty.N or writeProperty.N (names in any
// case; "user" and "password" too). Unknown names are ignored, as the driver does.
Status applyDriverParameter(ConnectionSettings& settings, const std::string& name,
                            const std::string& value);

using Value = std::variant<std::monostate, std::int64_t, double, std::string>;  // monostate = NULL

class Row {
 public:
  explicit Row(std::vector<std::optional<std::string>> cells) : cells_(std::move(cells)) {}
  std::size_t size() const { return cells_.size(); }
  bool isNull(std::size_t i) const { return !cells_.at(i).has_value(); }
  std::string text(std::size_t i) const { return cells_.at(i).value_or(std::string()); }
  std::int64_t integer(std::size_t i) const;  // 0 for NULL or text that is no number
  bool boolean(std::size_t i) const { return integer(i) != 0; }

 private:
  std::vector<std::optional<std::string>> cells_;
};

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const ConnectionSettings& settings);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // '?' stand for the values in order.
  Result<std::vector<Row>> query(std::string_view sql, const std::vector<Value>& values = {});
  // Number of rows changed (matched but unchanged rows count: CLIENT_FOUND_ROWS is set).
  Result<std::uint64_t> execute(std::string_view sql, const std::vector<Value>& values = {});
  Status begin();
  Status commit();
  void rollback();  // errors are ignored: the connection is dropped if it is broken
  Status selectSchema(const std::string& name);  // name is checked: [A-Za-z0-9_$-]{1,64}
  bool ping();  // of a Galera node: it also has its cluster
  bool onGalera() const;  // as MariaDB said when the connection was opened
  std::uint64_t connectionId() const;
  std::uint64_t lastInsertId() const;
  int sqlError() const;   // server or client number of the last failure, 0 = none
  bool broken() const;
  std::uint64_t changes() const;  // rows changed by execute() since open(), for who must know if any
  bool inTransaction() const;  // as the server said with its last answer
  const std::string& schema() const;
  std::string tlsCipher() const;  // empty = clear text

 private:
  Connection();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Transaction scope: rolls back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Connection& connection);
  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  ~Transaction() { if (connection_) connection_->rollback(); }
  Status commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

class Pool;

// A borrowed connection; returned to its pool when destroyed (closed if broken).
class Lease {
 public:
  Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection);
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();
  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_.get(); }
  // Called once, just before the connection goes back (not when it is broken).
  void onReturn(std::function<void(Connection&)> hook) { hook_ = std::move(hook); }

 private:
  void giveBack() noexcept;
  std::shared_ptr<Pool> pool_;  // null = not pooled, closed at the end
  std::unique_ptr<Connection> connection_;
  std::function<void(Connection&)> hook_;
};

}  // namespace ox::db
