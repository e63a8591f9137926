#include "database/connection.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "base/log.h"
#include "database/statement.h"

namespace ox::db {
namespace {

constexpr std::size_t kMaxStatementBytes = 64u << 20;
constexpr std::size_t kMaxResultRows = 5'000'000;
constexpr std::size_t kMaxSchemaName = 64;
constexpr unsigned long kMaxExecutionTimeSince = 50708;  // MySQL
constexpr unsigned kConnectionKilled = 1927;  // MariaDB's ER_CONNECTION_KILLED
constexpr unsigned kLostAtCommit = 3101;      // MySQL's ER_TRANSACTION_ROLLBACK_DURING_COMMIT

// The library wants every thread announced and dismissed.
struct ThreadSlot {
  ThreadSlot() {
    static std::once_flag once;
    std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
    mysql_thread_init();
  }
  ~ThreadSlot() { mysql_thread_end(); }
};
void enterThread() {
  thread_local ThreadSlot slot;
  static_cast<void>(slot);
}

bool isConnectionLoss(unsigned number) {
  switch (number) {
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_COMMANDS_OUT_OF_SYNC:
    case CR_MALFORMED_PACKET:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case kConnectionKilled:
      return true;
    default:
      return false;
  }
}

Code codeFor(unsigned number) {
  if (isConnectionLoss(number)) return Code::kDbNoConnection;
  if (number == ER_DUP_ENTRY || number == ER_DUP_KEY) return Code::kDbDuplicate;
  if (number == ER_LOCK_WAIT_TIMEOUT || number == ER_LOCK_DEADLOCK || number == kLostAtCommit)
    return Code::kDbDeadlock;
  return Code::kDbSql;
}

std::string place(const ConnectionSettings& s) {
  if (!s.socketPath.empty()) return s.socketPath;
  return s.host + ":" + std::to_string(s.port);
}

unsigned secondsOf(int millis) { return millis <= 0 ? 0 : static_cast<unsigned>((millis + 999) / 1000); }

}  // namespace

struct Connection::Impl {
  MYSQL* handle = nullptr;
  std::string schema;
  std::string place;
  int lastError = 0;
  std::uint64_t changes = 0;
  bool broken = false;
  bool galera = false;
  bool asking = false;  // in ready()

  ~Impl() {
    enterThread();
    if (handle) mysql_close(handle);
  }

  Error fail() {
    const unsigned number = mysql_errno(handle);
    lastError = static_cast<int>(number);
    const std::string text =
        place + ": " + mysql_error(handle) + " (" + std::to_string(number) + ")";
    if (number == ER_UNKNOWN_COM_ERROR && std::strstr(mysql_error(handle), "WSREP") != nullptr)
      return outside(text);
    if (isConnectionLoss(number)) broken = true;
    return Error(codeFor(number), text);
  }

  // A Galera node without its cluster refuses every statement: as good as no server.
  Error outside(const std::string& text) {
    broken = true;
    return Error(Code::kDbNoConnection,
                 text + "; this Galera node is outside of the primary component");
  }

  // Whether this is a Galera node, and one that takes statements. Asked before the session waits for
  // what other nodes have written (wsrep_sync_wait), which fails outside of the cluster.
  Status enterCluster() {
    if (!mariadb_connection(handle)) return {};
    std::vector<Row> rows;
    if (auto sent = send("SELECT @@wsrep_on", {}); !sent)
      return lastError == ER_UNKNOWN_SYSTEM_VARIABLE ? Status() : sent;
    if (auto got = receive(&rows); !got) return got;
    galera = !rows.empty() && rows.front().boolean(0);
    return !galera || ready() ? Status() : Status(outside(place + ": wsrep_ready is not ON"));
  }

  bool ready() {
    std::vector<Row> rows;
    const int before = lastError;
    const bool answered = send("SHOW STATUS LIKE 'wsrep_ready'", {}) && receive(&rows);
    lastError = before;
    return answered && !rows.empty() && rows.front().text(1) == "ON";
  }

  // One round trip for all that a session is told.
  Status prepareSession(const ConnectionSettings& settings) {
    std::string sql = "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_TRANS_TABLES')";
    if (!settings.timeZone.empty()) sql += ", time_zone = '" + escape(settings.timeZone) + "'";
    if (!settings.collation.empty())
      sql += ", collation_connection = '" + escape(settings.collation) + "'";
    const int millis = settings.statementTimeoutMillis < 0 ? settings.readTimeoutMillis
                                                           : settings.statementTimeoutMillis;
    if (mariadb_connection(handle))
      sql += ", max_statement_time = " + std::to_string(millis / 1000) + "." +
             std::to_string(1000 + millis % 1000).substr(1);
    else if (mysql_get_server_version(handle) >= kMaxExecutionTimeSince)
      sql += ", max_execution_time = " + std::to_string(millis);
    for (const auto& [name, value] : settings.sessionVariables) sql += ", " + name + " = " + value;
    if (auto sent = send(sql, {}); !sent) return sent;
    return receive(nullptr);
  }

  std::string escape(std::string_view text) {
    std::string out(text.size() * 2 + 1, '\0');
    const auto n = mysql_real_escape_string(handle, out.data(), text.data(), text.size());
    out.resize(n);
    return out;
  }

  Status send(std::string_view sql, const std::vector<Value>& values) {
    enterThread();
    lastError = 0;
    if (broken) return Error(Code::kDbNoConnection, place + ": the connection was lost before");
    auto text = bindValues(sql, values, [this](std::string_view v) { return escape(v); });
    if (!text) return text.error();
    if (text->size() > kMaxStatementBytes)
      return Error(Code::kDbSql, "statement of " + std::to_string(text->size()) +
                                     " bytes exceeds the limit of " +
                                     std::to_string(kMaxStatementBytes));
    if (mysql_real_query(handle, text->data(), text->size()) == 0) return {};
    const Error error = fail();
    // So ends waiting for what other nodes have written, too.
    if (galera && lastError == ER_LOCK_WAIT_TIMEOUT && !asking) {
      asking = true;
      const bool there = ready();
      asking = false;
      if (!there) return outside(error.message);
    }
    return error;
  }

  // Reads the answer of send(); rows may be null.
  Status receive(std::vector<Row>* rows) {
    MYSQL_RES* result = mysql_use_result(handle);
    if (!result) {
      if (mysql_field_count(handle) != 0) return fail();
      return {};
    }
    const unsigned columns = mysql_num_fields(result);
    std::size_t count = 0;
    while (MYSQL_ROW row = mysql_fetch_row(result)) {
      if (++count > kMaxResultRows) {
        broken = true;  // what is left on the wire is not worth reading
        mysql_free_result(result);
        return Error(Code::kDbSql, "result exceeds " + std::to_string(kMaxResultRows) + " rows");
      }
      if (!rows) continue;
      const unsigned long* lengths = mysql_fetch_lengths(result);
      std::vector<std::optional<std::string>> cells(columns);
      for (unsigned i = 0; i < columns; ++i)
        if (row[i]) cells[i].emplace(row[i], lengths[i]);
      rows->emplace_back(std::move(cells));
    }
    Status status;
    if (mysql_errno(handle) != 0) status = fail();
    mysql_free_result(result);
    return status;
  }
};

std::int64_t Row::integer(std::size_t i) const {
  const auto& cell = cells_.at(i);
  if (!cell) return 0;
  std::int64_t value = 0;
  const char* end = cell->data() + cell->size();
  auto [rest, problem] = std::from_chars(cell->data(), end, value);
  if (problem != std::errc()) return 0;
  return rest == end || *rest == '.' ? value : 0;
}

Connection::Connection() : impl_(std::make_unique<Impl>()) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionSettings& settings) {
  enterThread();
  std::unique_ptr<Connection> connection(new Connection());
  Impl& impl = *connection->impl_;
  impl.place = place(settings);
  impl.handle = mysql_init(nullptr);
  if (!impl.handle) return Error(Code::kDbNoConnection, "out of memory for a connection");
  MYSQL* h = impl.handle;
  const unsigned connectSeconds = secondsOf(settings.connectTimeoutMillis);
  const unsigned readSeconds = secondsOf(settings.readTimeoutMillis);
  if (connectSeconds > 0) mysql_options(h, MYSQL_OPT_CONNECT_TIMEOUT, &connectSeconds);
  if (readSeconds > 0) {
    mysql_options(h, MYSQL_OPT_READ_TIMEOUT, &readSeconds);
    mysql_options(h, MYSQL_OPT_WRITE_TIMEOUT, &readSeconds);
  }
  mysql_options(h, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const unsigned noInfile = 0;
  mysql_options(h, MYSQL_OPT_LOCAL_INFILE, &noInfile);
  const unsigned protocol =
      settings.socketPath.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  mysql_options(h, MYSQL_OPT_PROTOCOL, &protocol);
  const my_bool on = 1;
  const my_bool off = 0;
  if (settings.useTls) {
    mysql_options(h, MYSQL_OPT_SSL_ENFORCE, &on);
    if (!settings.tlsCa.empty()) mysql_options(h, MYSQL_OPT_SSL_CA, settings.tlsCa.c_str());
    if (!settings.tlsCert.empty()) mysql_options(h, MYSQL_OPT_SSL_CERT, settings.tlsCert.c_str());
    if (!settings.tlsKey.empty()) mysql_options(h, MYSQL_OPT_SSL_KEY, settings.tlsKey.c_str());
    if (!settings.tlsVersions.empty())
      mysql_options(h, MARIADB_OPT_TLS_VERSION, settings.tlsVersions.c_str());
    mysql_options(h, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, settings.tlsVerify ? &on : &off);
  }
  const bool socket = !settings.socketPath.empty();
  if (!mysql_real_connect(h, socket ? nullptr : settings.host.c_str(), settings.user.c_str(),
                          settings.password.c_str(),
                          settings.schema.empty() ? nullptr : settings.schema.c_str(),
                          socket ? 0 : settings.port,
                          socket ? settings.socketPath.c_str() : nullptr, CLIENT_FOUND_ROWS)) {
    Error error = impl.fail();
    return Error(Code::kDbNoConnection, "cannot connect as " + settings.user + " to " +
                                            error.message);
  }
  // The library falls back to clear text when the server has no TLS, even if TLS is enforced.
  if (settings.useTls && mysql_get_ssl_cipher(h) == nullptr)
    return Error(Code::kDbNoConnection,
                 impl.place + ": TLS is demanded, but the server offered a clear connection");
  impl.schema = settings.schema;
  if (auto entered = impl.enterCluster(); !entered) return entered.error();
  if (auto set = impl.prepareSession(settings); !set)
    return Error(set.error().code, "the settings of a new session were refused by " +
                                       set.error().message);
  return connection;
}

Result<std::vector<Row>> Connection::query(std::string_view sql, const std::vector<Value>& values) {
  if (auto sent = impl_->send(sql, values); !sent) return sent.error();
  std::vector<Row> rows;
  if (auto got = impl_->receive(&rows); !got) return got.error();
  return rows;
}

Result<std::uint64_t> Connection::execute(std::string_view sql, const std::vector<Value>& values) {
  if (auto sent = impl_->send(sql, values); !sent) return sent.error();
  const bool hasRows = mysql_field_count(impl_->handle) != 0;
  if (auto got = impl_->receive(nullptr); !got) return got.error();
  const auto changed = hasRows ? 0 : static_cast<std::uint64_t>(mysql_affected_rows(impl_->handle));
  impl_->changes += changed;
  return changed;
}

Status Connection::begin() {
  auto done = execute("START TRANSACTION");
  return done ? Status() : Status(done.error());
}

Status Connection::commit() {
  auto done = execute("COMMIT");
  return done ? Status() : Status(done.error());
}

void Connection::rollback() {
  if (!impl_->broken) static_cast<void>(execute("ROLLBACK"));
}

Status Connection::selectSchema(const std::string& name) {
  if (!isSchemaName(name) || name.size() > kMaxSchemaName)
    return Error(Code::kDbSql, "bad schema name; allowed are 1 to 64 of A-Z a-z 0-9 _ $ -");
  if (name == impl_->schema) return {};
  enterThread();
  impl_->lastError = 0;
  if (impl_->broken)
    return Error(Code::kDbNoConnection, impl_->place + ": the connection was lost before");
  if (mysql_select_db(impl_->handle, name.c_str()) != 0) return impl_->fail();
  impl_->schema = name;
  return {};
}

bool Connection::ping() {
  if (impl_->broken) return false;
  enterThread();
  if (impl_->galera) {
    if (impl_->ready()) return true;
    impl_->broken = true;
    return false;
  }
  if (mysql_ping(impl_->handle) == 0) return true;
  impl_->fail();
  impl_->broken = true;
  return false;
}

std::uint64_t Connection::connectionId() const { return mysql_thread_id(impl_->handle); }
std::uint64_t Connection::lastInsertId() const { return mysql_insert_id(impl_->handle); }
int Connection::sqlError() const { return impl_->lastError; }
std::uint64_t Connection::changes() const { return impl_->changes; }
bool Connection::broken() const { return impl_->broken; }
bool Connection::onGalera() const { return impl_->galera; }
const std::string& Connection::schema() const { return impl_->schema; }
bool Connection::inTransaction() const {
  return (impl_->handle->server_status & SERVER_STATUS_IN_TRANS) != 0;
}
std::string Connection::tlsCipher() const {
  const char* cipher = mysql_get_ssl_cipher(impl_->handle);
  return cipher ? cipher : "";
}

Result<Transaction> Transaction::begin(Connection& connection) {
  if (auto begun = connection.begin(); !begun) return begun.error();
  return Transaction(connection);
}

Status Transaction::commit() {
  OX_CHECK(connection_ != nullptr);
  auto done = connection_->commit();
  if (done) connection_ = nullptr;
  return done;
}

}  // namespace ox::db
