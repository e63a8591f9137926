#include "guard.h"

#include <openssl/crypto.h>

#include "address_check.h"
#include "base/log.h"
#include "cookie_names.h"

namespace ox::login {
namespace {

bool sameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Error rejected(const char* reason, const http::Request& request) {
  log::info(std::string("session rejected: ") + reason + ", from " + request.remoteAddress);
  return Error(Code::kSesExpired);
}

}  // namespace

SessionGuard::SessionGuard(LoginSettings settings,
                           std::shared_ptr<services::SessionService> sessions,
                           std::shared_ptr<services::ContextService> contexts)
    : settings_(std::move(settings)), sessions_(std::move(sessions)),
      contexts_(std::move(contexts)) {}

Result<Guarded> SessionGuard::identify(const http::Request& request, bool anyAddress) {
  const std::string* id = request.parameter("session");
  if (!id || id->empty()) {
    ++counters_.noParameter;
    return Error(Code::kSesParameterMissing);
  }
  bool takenOver = false;
  auto found = sessions_->find(*id, &takenOver);
  if (!found) {
    if (found.error().code != Code::kSesExpired) {
      ++counters_.unavailable;
      return found.error();
    }
    ++counters_.unknown;
    return rejected("no such session", request);
  }
  auto out = verify(request, std::move(*found), anyAddress);
  if (out) out->takenOver = takenOver;
  return out;
}

Result<Guarded> SessionGuard::verify(const http::Request& request, services::SessionPtr session,
                                     bool anyAddress) {
  Guarded out;
  out.session = std::move(session);
  out.hash = cookieHash(request, *out.session, settings_);
  const std::string* secret = request.cookie(secretCookie(out.hash));
  if (!secret) {
    ++counters_.noSecret;
    return rejected("no expected secret cookie", request);
  }
  if (out.session->secret.empty() || !sameSecret(*secret, out.session->secret)) {
    ++counters_.wrongSecret;
    return rejected("secret mismatch", request);
  }
  if (anyAddress) return out;
  const std::string& address = request.remoteAddress;
  switch (checkAddress(settings_, *out.session, address)) {
    case AddressVerdict::kSame: break;
    case AddressVerdict::kRefused:
      ++counters_.address;
      return rejected("the address of the client has changed", request);
    case AddressVerdict::kMoved:
      auto moved = sessions_->update(out.session->sessionId, [&address](services::Session& s) {
        s.localIp = address;
      });
      // The old address costs another check at the next request and no more.
      if (moved) out.session = std::move(*moved);
      else log::warn("the new address of a session is not kept: " + moved.error().toString());
  }
  return out;
}

std::optional<Guarded> SessionGuard::admitAtOnce(const http::Request& request) {
  const std::string* id = request.parameter("session");
  Guarded out;
  if (id) out.session = sessions_->held(*id);
  if (!out.session || out.session->secret.empty()) return std::nullopt;
  const services::Session& s = *out.session;
  out.hash = cookieHash(request, s, settings_);
  const std::string* secret = request.cookie(secretCookie(out.hash));
  if (!secret || !sameSecret(*secret, s.secret) ||
      checkAddress(settings_, s, request.remoteAddress) != AddressVerdict::kSame ||
      !contexts_->usableAtOnce(s.contextId))
    return std::nullopt;
  return out;
}

Result<Guarded> SessionGuard::admit(const http::Request& request) {
  auto guarded = identify(request);
  if (!guarded) return guarded;
  if (const auto context = contexts_->usable(guarded->session->contextId); !context) {
    ++counters_.context;
    // Who has a session is told that it is of no use now; LGI-0015 is an answer to a login.
    if (context.error().code == Code::kLgiContextDisabled) return Error(Code::kSesContextLocked);
    return context.error();
  }
  return guarded;
}

}  // namespace ox::login
