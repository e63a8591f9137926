#include "hzclient/client.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace ox::hzclient {
namespace {
constexpr std::size_t kMaxReasons = 8;  // named when nobody could be reached

Error with(const Error& cause, const std::string& text) {
  Error e(cause.code, text);
  e.retryable = cause.retryable;
  return e;
}
}  // namespace

// One connect(): addresses that are left, and why the others did not do.
struct Client::Attempt {
  std::deque<Endpoint> names, addresses;
  Done<Connected> done;
  std::vector<std::string> reasons;
  std::size_t tried = 0;
  std::optional<Error> last;
};

std::shared_ptr<Client> Client::make(ClientSettings settings, ClientHost host) {
  return std::shared_ptr<Client>(new Client(std::move(settings), std::move(host)));
}

Client::Client(ClientSettings settings, ClientHost host)
    : settings_(std::move(settings)), host_(std::move(host)) {
  const std::uint64_t high = host_.random->next(), low = host_.random->next();
  dialect_ = Dialect::make(settings_.protocol, {settings_.group, settings_.password,
                                                settings_.identity, high, low});
}
Client::~Client() = default;

std::string Client::at() const {
  return std::string(nameOf(settings_.protocol)) + " client, " + address_ + ": ";
}
std::string Client::notSpoken() const {
  return "check that the older cluster is of the line that speaks " +
         std::string(nameOf(settings_.protocol)) +
         (settings_.tls ? ", and that it uses TLS" : ", and that it uses no encryption");
}

// --- connecting

void Client::connect(Done<Connected> done, OnLost lost) {
  if (closed_) return done(Error(Code::kShutdown));
  if (attempt_ || stream_)
    return done(Error(Code::kInvalid, "a client connects once at a time"));
  lost_ = std::move(lost);
  attempt_ = std::make_shared<Attempt>();
  attempt_->done = std::move(done);
  attempt_->names.assign(settings_.endpoints.begin(), settings_.endpoints.end());
  resolveNext(attempt_);
}

void Client::resolveNext(std::shared_ptr<Attempt> attempt) {
  if (attempt != attempt_) return;
  if (!attempt->addresses.empty()) return dialNext(attempt);
  if (attempt->names.empty()) {
    attempt_.reset();
    std::string text = std::string(nameOf(settings_.protocol)) + " client: " +
                       (attempt->tried == 0 && attempt->reasons.empty()
                            ? "no address of the older cluster is configured"
                            : "no member of the older cluster could be reached");
    for (const std::string& reason : attempt->reasons) text += "; " + reason;
    return attempt->done(attempt->last ? with(*attempt->last, text) : Error(Code::kConfig, text));
  }
  const Endpoint name = attempt->names.front();
  attempt->names.pop_front();
  const bool asked = host_.background([self = shared_from_this(), attempt, name] {
    auto found = std::make_shared<Result<std::vector<std::string>>>(self->host_.resolve(name.host));
    self->host_.shard->post([self, attempt, name, found] {
      if (!*found)
        return self->failedAttempt(attempt, with(found->error(), "resolving " + name.host + ": " +
                                                                     found->error().message));
      for (const std::string& host : found->value())
        if (attempt->tried + attempt->addresses.size() < kMaxAddresses)
          attempt->addresses.push_back({host, name.port});
      self->resolveNext(attempt);
    });
  });
  if (!asked)
    failedAttempt(attempt, Error(Code::kBusy, "resolving " + name.host +
                                                  ": too much waits in the background"));
}

void Client::failedAttempt(std::shared_ptr<Attempt> attempt, Error why) {
  if (attempt != attempt_) return;
  if (attempt->reasons.size() < kMaxReasons) attempt->reasons.push_back(why.message);
  attempt->last = std::move(why);
  resolveNext(attempt);
}

void Client::dialNext(std::shared_ptr<Attempt> attempt) {
  const Endpoint to = attempt->addresses.front();
  attempt->addresses.pop_front();
  ++attempt->tried;
  const LegacyMember named{to.host, to.port, {}};
  address_ = named.toString();
  net::Stream::Limits limits;
  limits.raw = true;
  net::Stream::connect(*host_.shard, to.host, to.port, settings_.from, settings_.connectMillis,
                       limits, [self = shared_from_this(), attempt](auto connected) {
                         if (attempt != self->attempt_) return;
                         if (connected) return self->opened(attempt, std::move(*connected));
                         self->failedAttempt(attempt,
                                             with(connected.error(), "connecting to " +
                                                                         connected.error().message));
                       });
}

void Client::opened(std::shared_ptr<Attempt> attempt, std::shared_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  buffered_.clear();
  scanned_ = 0;
  anyByte_ = false;
  partitionCount_ = settings_.partitionCount;
  if (settings_.tls)
    stream_->secure(std::make_unique<net::TlsSession>(settings_.tls,
                                                      net::TlsSession::Side::kDialler));
  stream_->start([self = shared_from_this()](BytesView bytes) { self->received(bytes); },
                 [self = shared_from_this()](net::CloseReason why, const std::string& text) {
                   const bool tls = why >= net::CloseReason::kTls;
                   self->broken(Error(Code::kNetClosed,
                                      (tls ? "TLS was refused, " : "the connection was closed, ") +
                                          text));
                 });
  Request login;
  login.ask = Ask::kLogin;
  const std::int64_t id = ++nextCall_;
  Call& call = calls_[id];
  call.ask = Ask::kLogin;
  call.done = [self = shared_from_this(), attempt](Result<Incoming> r) {
    if (attempt != self->attempt_) return;
    const bool refused = r && r->refused;
    if (r && r->failure && !refused) r = *r->failure;
    if (!r || refused) {
      const std::string step = "login at " + self->address_ + " as group \"" +
                               self->settings_.group + "\": ";
      if (self->stream_) self->stream_->close();
      self->stream_.reset();
      return self->failedAttempt(
          attempt, refused ? Error(Code::kGridPassword, step + "refused, " + r->text +
                                                            "; check group name and password of "
                                                            "the older cluster")
                           : with(r.error(), step + r.error().message));
    }
    if (r->partitionCount > 0) self->partitionCount_ = r->partitionCount;
    self->attempt_.reset();
    self->loggedIn_ = true;
    self->readSince_ = self->wroteSince_ = true;
    self->silentMillis_ = 0;
    self->heartbeat();
    attempt->done(Connected{self->address_, r->version});
  };
  call.timer = host_.shard->runAfter(settings_.loginMillis, [self = shared_from_this(), id] {
    self->answer(id, Error(Code::kNetTimeout,
                           "no answer within " + std::to_string(self->settings_.loginMillis) +
                               " ms; " + self->notSpoken()));
  });
  // In one piece: a member of 3.x reads its first bytes at once or hangs up.
  const auto bytes = dialect_->encode(id, login);
  if (!bytes) return answer(id, bytes.error());
  send(dialect_->preamble() + *bytes);
}

// --- asking

void Client::send(Bytes bytes) {
  wroteSince_ = true;
  if (stream_) static_cast<void>(stream_->sendRaw(std::move(bytes)));  // a failure ends the stream
}

void Client::ask(Request request, Done<Incoming> done, OnMessage onMessage) {
  if (closed_) return done(Error(Code::kShutdown));
  const std::string step = at() + nameOf(request.ask) +
                           (request.name.empty() ? "" : " (" + request.name.substr(0, 80) + ")") +
                           ": ";
  if (!loggedIn_) return done(Error(Code::kNetClosed, step + "not connected"));
  if (calls_.size() >= kMaxCalls)
    return done(Error(Code::kBusy, step + "more than " + std::to_string(kMaxCalls) +
                                       " calls are under way"));
  request.partitionCount = partitionCount_;
  const std::int64_t id = ++nextCall_;
  const auto bytes = dialect_->encode(id, request);
  if (!bytes) return done(with(bytes.error(), step + bytes.error().message));
  if (bytes->size() > kMaxUnitBytes)
    return done(Error(Code::kNetTooLarge, step + std::to_string(bytes->size()) + " bytes, allowed are " +
                                              std::to_string(kMaxUnitBytes)));
  Call& call = calls_[id];
  call.ask = request.ask;
  call.onMessage = std::move(onMessage);
  call.done = [step, done = std::move(done)](Result<Incoming> r) {
    if (r && r->failure) return done(with(*r->failure, step + r->failure->message));
    if (!r) return done(with(r.error(), step + r.error().message));
    done(std::move(r));
  };
  call.timer = host_.shard->runAfter(settings_.callMillis, [self = shared_from_this(), id] {
    self->answer(id, Error(Code::kNetTimeout, "no answer within " +
                                                  std::to_string(self->settings_.callMillis) +
                                                  " ms; check whether the member is overloaded"));
  });
  send(std::move(*bytes));
}

void Client::answer(std::int64_t id, Result<Incoming> result) {
  const auto it = calls_.find(id);
  if (it == calls_.end() || it->second.answered) return;
  Call& call = it->second;
  if (call.timer != 0) host_.shard->cancelTimer(std::exchange(call.timer, 0));
  const auto done = std::exchange(call.done, nullptr);
  if (result) result->call = id;
  if (result && !result->members && call.members) result->members = std::move(call.members);
  call.answered = true;
  const bool listens = call.onMessage && result && !result->failure;
  if (!listens) calls_.erase(it);
  done(std::move(result));
}

void Client::publish(const std::string& topic, Bytes data, Done<bool> done) {
  Request r;
  r.ask = Ask::kPublish;
  r.name = topic;
  r.data = std::move(data);
  ask(std::move(r), [done = std::move(done)](Result<Incoming> answer) {
    if (answer) done(true);
    else done(answer.error());
  });
}

void Client::listen(const std::string& topic, OnMessage onMessage, Done<Registration> done) {
  const auto listeners = static_cast<std::size_t>(std::count_if(
      calls_.begin(), calls_.end(), [](const auto& c) { return c.second.onMessage != nullptr; }));
  if (listeners >= kMaxListeners)
    return done(Error(Code::kBusy, at() + "more than " + std::to_string(kMaxListeners) +
                                       " listeners"));
  Request r;
  r.ask = Ask::kListen;
  r.name = topic;
  ask(std::move(r),
      [topic, done = std::move(done)](Result<Incoming> answer) {
        if (!answer) return done(answer.error());
        done(Registration{topic, answer->registration, answer->call});
      },
      std::move(onMessage));
}

void Client::unlisten(const Registration& registration, Done<bool> done) {
  Request r;
  r.ask = Ask::kUnlisten;
  r.name = registration.topic;
  r.registration = registration.id;
  ask(std::move(r), [weak = weak_from_this(), call = registration.call,
                     done = std::move(done)](Result<Incoming> answer) {
    if (!answer) return done(answer.error());
    if (const auto self = weak.lock()) self->calls_.erase(call);
    done(answer->flag);
  });
}

void Client::members(Done<std::vector<LegacyMember>> done) {
  Request r;
  r.ask = Ask::kMembers;
  ask(std::move(r), [self = shared_from_this(), done = std::move(done)](Result<Incoming> answer) {
    if (!answer) return done(answer.error());
    if (!answer->members)
      return done(badMessage(self->at() + "an answer without the list of members"));
    done(std::move(*answer->members));
  });
}

void Client::value(Request request, Done<std::optional<Bytes>> done) {
  ask(std::move(request), [done = std::move(done)](Result<Incoming> answer) {
    if (!answer) return done(answer.error());
    done(std::move(answer->value));
  });
}

void Client::submit(const std::string& executor, const LegacyMember& member, Bytes callable,
                    Done<std::optional<Bytes>> done) {
  Request r;
  r.ask = Ask::kSubmit;
  r.name = executor;
  r.data = std::move(callable);
  r.member = member;
  r.taskHigh = host_.random->next();
  r.taskLow = host_.random->next();
  value(std::move(r), std::move(done));
}

void Client::submitToEach(const std::string& executor, Bytes callable,
                          Done<std::vector<MemberAnswer>> done) {
  members([self = shared_from_this(), executor, callable = std::move(callable),
           done = std::move(done)](Result<std::vector<LegacyMember>> list) {
    if (!list) return done(list.error());
    if (list->empty()) return done(std::vector<MemberAnswer>());
    struct All {
      std::vector<MemberAnswer> answers;
      std::size_t left = 0;
    };
    auto all = std::make_shared<All>();
    all->left = list->size();
    for (const LegacyMember& member : *list) {
      MemberAnswer one;
      one.member = member;
      all->answers.push_back(std::move(one));
    }
    for (std::size_t i = 0; i < list->size(); ++i)
      self->submit(executor, (*list)[i], callable, [all, i, done](auto result) {
        all->answers[i].result = std::move(result);
        if (--all->left == 0) done(std::move(all->answers));
      });
  });
}

void Client::mapGet(const std::string& map, Bytes key, Done<std::optional<Bytes>> done) {
  Request r;
  r.ask = Ask::kMapGet;
  r.name = map;
  r.key = std::move(key);
  value(std::move(r), std::move(done));
}
void Client::mapPut(const std::string& map, Bytes key, Bytes data,
                    Done<std::optional<Bytes>> done) {
  Request r;
  r.ask = Ask::kMapPut;
  r.name = map;
  r.key = std::move(key);
  r.data = std::move(data);
  value(std::move(r), std::move(done));
}
void Client::mapRemove(const std::string& map, Bytes key, Done<std::optional<Bytes>> done) {
  Request r;
  r.ask = Ask::kMapRemove;
  r.name = map;
  r.key = std::move(key);
  value(std::move(r), std::move(done));
}

// --- hearing

void Client::received(BytesView bytes) {
  const auto self = shared_from_this();
  readSince_ = true;
  anyByte_ = true;
  buffered_.append(bytes);
  const auto stream = stream_;  // an answer may close it, or dial anew
  std::size_t begin = 0;
  while (stream_ == stream && stream) {
    const BytesView rest = BytesView(buffered_).substr(begin);
    const auto length = unitLength(settings_.protocol, rest, scanned_);
    if (!length || *length == 0) {
      if (!length)
        return broken(with(length.error(),
                           rest.starts_with("ERROR")
                               ? "the member answered the text ERROR; " + notSpoken()
                               : length.error().message + "; " + notSpoken()));
      break;
    }
    const auto incoming = dialect_->decode(
        rest.substr(0, *length), [&](std::int64_t call) -> std::optional<Ask> {
          const auto it = calls_.find(call);
          return it == calls_.end() ? std::nullopt : std::optional(it->second.ask);
        });
    if (!incoming) return broken(incoming.error());
    begin += *length;
    scanned_ = 0;
    take(*incoming);
  }
  if (stream_ == stream && stream) buffered_.erase(0, begin);
}

void Client::take(const Incoming& incoming) {
  const auto it = calls_.find(incoming.call);
  if (it == calls_.end()) {
    ++unexpected_;
    return;
  }
  Call& call = it->second;
  if (incoming.event && incoming.members) call.members = incoming.members;
  if (call.ask == Ask::kMembers && dialect_->membersByEvent() && !incoming.failure) {
    // The list and the answer, in whichever order.
    call.acknowledged = call.acknowledged || !incoming.event;
    if (call.acknowledged && call.members) answer(incoming.call, Incoming());
    return;
  }
  if (!incoming.event) return answer(incoming.call, incoming);
  if (call.ask != Ask::kListen || !call.onMessage) return;
  const OnMessage tell = call.onMessage;  // it may end its own listener
  tell(incoming.message);
}

// The connection cannot be used any more.
void Client::broken(Error why) {
  if (closed_) return;
  if (attempt_ && stream_) {
    // Not logged in yet: the login's answer is this.
    Error e = std::move(why);
    if (!anyByte_ && e.code == Code::kNetClosed) e.message += " before any answer; " + notSpoken();
    const std::int64_t id = calls_.empty() ? 0 : calls_.begin()->first;
    return answer(id, std::move(e));
  }
  drop(why);
}

void Client::drop(const Error& why) {
  const auto self = shared_from_this();
  loggedIn_ = false;
  if (stream_) stream_->close();
  stream_.reset();
  if (beat_ != 0) host_.shard->cancelTimer(std::exchange(beat_, 0));
  std::vector<std::int64_t> waiting;
  for (const auto& [id, call] : calls_) waiting.push_back(id);
  for (const std::int64_t id : waiting) answer(id, why);
  calls_.clear();
  const auto lost = std::exchange(lost_, nullptr);
  if (lost && !closed_) lost(with(why, at() + why.message));
}

void Client::heartbeat() {
  beat_ = host_.shard->runAfter(settings_.heartbeatMillis, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || !self->loggedIn_) return;
    self->beat_ = 0;
    self->silentMillis_ = std::exchange(self->readSince_, false)
                              ? 0
                              : self->silentMillis_ + self->settings_.heartbeatMillis;
    if (self->dialect_->pings() && self->silentMillis_ >= self->settings_.silenceMillis)
      return self->drop(Error(Code::kNetTimeout, "the member has been silent for " +
                                                     std::to_string(self->silentMillis_) + " ms"));
    const bool idle = !std::exchange(self->wroteSince_, false);
    if (idle && self->dialect_->pings()) {
      ++self->pings_;
      Request ping;
      ping.ask = Ask::kPing;
      self->ask(std::move(ping), [](Result<Incoming>) {});
      self->wroteSince_ = false;
    }
    self->heartbeat();
  });
}

void Client::close() {
  if (closed_) return;
  const auto self = shared_from_this();
  closed_ = true;
  const auto attempt = std::exchange(attempt_, nullptr);
  if (stream_) {
    stream_->closeWhenWritten();
    stream_.reset();
  }
  drop(Error(Code::kShutdown));
  if (attempt) attempt->done(Error(Code::kShutdown));
}

}  // namespace ox::hzclient
