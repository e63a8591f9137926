// Guests: the share link, and the logins of guests who have a password.
#include "cookie_names.h"
#include "servlets.h"

namespace ox::login {
namespace {

using http::Request;
using http::Response;
using services::ShareToken;

constexpr std::string_view kShareSegment = "/share/";

// ".../share/<token>" and whatever the link says behind it of what is shared.
std::optional<ShareToken> tokenOf(const std::string& path) {
  const std::size_t at = path.find(kShareSegment);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t from = at + kShareSegment.size();
  return services::parseShareToken(path.substr(from, path.find('/', from) - from));
}

Response plain(int status, const char* text) {
  Response out;
  out.status = status;
  out.contentType = "text/plain; charset=UTF-8";
  out.body = std::string(text) + "\n";
  return out;
}

}  // namespace

Response Servlets::handleShare(const Request& request) {
  if (request.method != "GET") return plain(405, "only GET is allowed");
  const auto token = tokenOf(request.path);
  if (!token) return plain(404, "no such share");
  const auto guest = desk_.guestOf(request, *token);
  if (!guest) {
    Response refused = refuseBrowser(guest.error(), request);
    return guest.error().code == Code::kLgiInvalid ? plain(404, "no such share") : std::move(refused);
  }
  const services::User& user = guest->user;
  const std::string text = services::shareTokenText(*token);
  if (guest->hasPassword) {
    std::vector<std::pair<std::string, std::string>> parts = {
        {"login_type", user.anonymousGuest() ? "anonymous" : "guest"}, {"share", text}};
    if (!user.anonymousGuest()) parts.emplace_back("login_name", user.mail);
    return redirectTo(desk_.uiPath(request) + "#" + joined(parts));
  }
  const std::string given = textOf(request, "client");
  const std::string hash =
      desk_.guestHashFor(request, given.empty() ? desk_.settings().shareClient : given, *token);
  // Whoever follows the link again goes on in the same session.
  if (const auto here = known(request, hash);
      here && here->user.id == token->userId && here->user.contextId == token->contextId)
    return enter(request, *here);
  const auto admitted = desk_.logInGuest(request, *token, *guest, nullptr);
  if (!admitted) return refuseBrowser(admitted.error(), request);
  countLogin();
  Response response = enter(request, *admitted);
  response.cookies.push_back(desk_.shareCookieOf(request, text));
  return response;
}

// action=anonymous: the link and its password; action=guest: the link, the guest's name and password.
Response Servlets::guestLogin(const Request& request, bool named) {
  const auto link = neededText(request, "share", services::kShareTokenBytes);
  if (!link) return refuse(link.error(), request);
  const auto password = desk_.passwordOf(request);
  if (!password) return refuse(password.error(), request);
  const auto token = services::parseShareToken(*link);
  if (!token) return refuse(Error(Code::kSvlInvalidParameter, "parameter share is no share token"), request);
  const auto guest = desk_.guestOf(request, *token);
  if (!guest) return refuse(guest.error(), request);
  const services::User& user = guest->user;
  const std::string name = textOf(request, request.parameter("name") ? "name" : "login");
  const bool right = !named || name == user.mail || name == user.loginName;
  if (!guest->hasPassword || user.anonymousGuest() == named || !right)
    return refuse(Error(Code::kLgiInvalid), request);
  const auto admitted = desk_.logInGuest(request, *token, *guest, &*password);
  if (!admitted) return refuse(admitted.error(), request);
  Response response = welcome(request, *admitted);
  response.cookies.push_back(desk_.shareCookieOf(request, services::shareTokenText(*token)));
  return response;
}

}  // namespace ox::login
