// Names of the session cookies. The hash in a name ties a cookie to browser and client, so that
// several sessions live side by side in one browser.
//
// Threads: pure functions.
// Source:  the original's cookie names (open-xchange-secret-<hash> etc.) and HashCalculator's
//          inputs: user agent, client, further headers, salt. The digest is ours (SHA-256, 32 hex).
#pragma once

#include <string>

#include "http/servlet.h"
#include "services/sessions.h"
#include "settings.h"

namespace ox::login {

// For session and secret cookie.
std::string sessionHash(const http::Request& request, const std::string& client,
                        const LoginSettings& settings);
// The same for a guest: several guests may be logged in from one browser and client, so context and
// user go in as well.
std::string guestHash(const http::Request& request, const services::Session& session,
                      const LoginSettings& settings);
// Of a known session: which of the two it was made with shows in session.hash.
std::string cookieHash(const http::Request& request, const services::Session& session,
                       const LoginSettings& settings);
// For the public session cookie: of the user agent alone.
std::string agentHash(const http::Request& request, const LoginSettings& settings);

inline std::string secretCookie(const std::string& hash) { return "open-xchange-secret-" + hash; }
inline std::string sessionCookie(const std::string& hash) { return "open-xchange-session-" + hash; }
// Of the guest who came by a share link in this browser: one at a time.
inline std::string shareCookie(const std::string& hash) { return "open-xchange-share-" + hash; }
inline std::string publicCookie(const std::string& hash) {
  return "open-xchange-public-session-" + hash;
}

}  // namespace ox::login
