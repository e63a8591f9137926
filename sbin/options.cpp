#include "options.h"

#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "base/error.h"

namespace ox::tool {
namespace {

constexpr int kColumnOfHelp = 36;

std::vector<std::string> splitNames(const std::string& names) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= names.size()) {
    const std::size_t comma = std::min(names.find(',', at), names.size());
    if (comma > at) out.push_back(names.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

bool isNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Asks on the terminal without echo; empty when there is none.
std::string promptForPassword() {
  if (isatty(STDIN_FILENO) == 0) return {};
  std::cerr << "Enter password: " << std::flush;
  termios before{};
  const bool silent = tcgetattr(STDIN_FILENO, &before) == 0;
  if (silent) {
    termios quiet = before;
    quiet.c_lflag &= static_cast<tcflag_t>(~static_cast<unsigned>(ECHO));
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  std::string line;
  std::getline(std::cin, line);
  if (silent) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::cerr << "\n";
  return line;
}

}  // namespace

Options::Options(const Invocation& call, std::string summary)
    : tool_(call.name), summary_(std::move(summary)), args_(call.args), raw_(call.rawArgs) {}

Options::Spec& Options::declare(const std::string& names, const std::string& help) {
  Spec spec;
  spec.names = splitNames(names);
  OX_CHECK(!spec.names.empty() && spec.longName().starts_with("--"));
  spec.help = help;
  return specs_.emplace_back(std::move(spec));
}

void Options::addNode(AdminOptions& admin, NodeOptions node) {
  constexpr std::int64_t kMaxPort = 65535;
  if (node == NodeOptions::kServer) {
    text("-s,--server", &admin.host, "<host>", "the node (default: localhost)");
    number("-p,--port", &admin.port, 1, kMaxPort, "its RMI port (default: 1099)");
  } else if (node == NodeOptions::kHost) {
    text("-H,--host", &admin.host, "<host>", "the node (default: localhost)");
    number("-p,--port", &admin.port, 1, kMaxPort, "its JMX port (default: 9999)");
  }
  text("--etc", &admin.etc, "<dir>", "configuration directory of the node to talk to");
}

void Options::add(AdminOptions& admin, NodeOptions node) {
  constexpr std::int64_t kMaxTimeoutSeconds = 7 * 24 * 3600;
  admin_ = &admin;
  text("-A,--adminuser", &admin.user, "<user>", "administrator");
  secret("-P,--adminpass", &admin.password, "<password>",
         "his password (better: environment variable ADMIN_PASSWORD)");
  number("--responsetimeout", &admin.responseTimeoutSeconds, 0, kMaxTimeoutSeconds,
         "seconds to wait for the answer, 0 = for ever (default)");
  flag("--csv", &admin.csv, "print comma separated values");
  addNode(admin, node);
}

void Options::flag(const std::string& names, bool* into, const std::string& help) {
  declare(names, help).flag = into;
}

void Options::text(const std::string& names, std::string* into, const std::string& placeholder,
                   const std::string& help, Need need) {
  Spec& spec = declare(names, help);
  spec.kind = Kind::kText;
  spec.text = into;
  spec.placeholder = placeholder;
  spec.required = need == Need::kRequired;
}

void Options::secret(const std::string& names, std::string* into, const std::string& placeholder,
                     const std::string& help, Need need) {
  text(names, into, placeholder, help, need);
  specs_.back().secretValue = true;
}

void Options::number(const std::string& names, std::int64_t* into, std::int64_t min,
                     std::int64_t max, const std::string& help, Need need) {
  Spec& spec = declare(names, help);
  spec.kind = Kind::kNumber;
  spec.number = into;
  spec.min = min;
  spec.max = max;
  spec.placeholder = "<number>";
  spec.required = need == Need::kRequired;
}

void Options::boolean(const std::string& names, std::optional<bool>* into, const std::string& help,
                      Need need) {
  Spec& spec = declare(names, help);
  spec.kind = Kind::kBoolean;
  spec.boolean = into;
  spec.placeholder = "<true/false>";
  spec.required = need == Need::kRequired;
}

void Options::sharedShort(const std::string& shortName, const std::string& withValue,
                          const std::string& asFlag) {
  shared_.push_back({shortName, withValue, asFlag});
}

void Options::positional(const std::string& name, std::vector<std::string>* into,
                         const std::string& help) {
  positionalName_ = name;
  positionalHelp_ = help;
  positional_ = into;
}

const Options::Spec* Options::find(const std::string& name) const {
  for (const Spec& spec : specs_)
    if (std::find(spec.names.begin(), spec.names.end(), name) != spec.names.end()) return &spec;
  return nullptr;
}

void Options::wipeSecrets() const {
  const auto wipe = [](char* from) { std::memset(from, '*', std::strlen(from)); };
  for (std::size_t i = 0; i < raw_.size(); ++i) {
    const std::string word = raw_[i];
    for (const Spec& spec : specs_) {
      if (!spec.secretValue) continue;
      for (const std::string& name : spec.names) {
        if (word == name && i + 1 < raw_.size()) wipe(raw_[i + 1]);
        else if (word.starts_with(name + "=")) wipe(raw_[i] + name.size() + 1);
        else if (name.size() == 2 && word.size() > 2 && word.starts_with(name))
          wipe(raw_[i] + name.size());
      }
    }
  }
}

// CLI11 knows neither "-xf" nor a letter with two meanings nor values that begin with a dash:
// every known option is given to it by its long name.
std::vector<std::string> Options::normalised() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < args_.size(); ++i) {
    std::string word = args_[i];
    for (const Shared& shared : shared_)
      if (word == shared.shortName)
        word = i + 1 < args_.size() && isNumber(args_[i + 1]) ? shared.withValue : shared.asFlag;
    const Spec* spec = find(word);
    if (spec == nullptr) {
      out.push_back(word);
      continue;
    }
    const bool takesValue = spec->kind != Kind::kFlag;
    if (!takesValue || i + 1 >= args_.size()) {
      out.push_back(spec->longName());
      continue;
    }
    const std::string& value = args_[++i];
    if (value.starts_with("-")) {
      out.push_back(spec->longName() + "=" + value);
    } else {
      out.push_back(spec->longName());
      out.push_back(value);
    }
  }
  return out;
}

std::optional<int> Options::parse() {
  wipeSecrets();
  CLI::App app(summary_, tool_);
  app.set_help_flag("-h,--help");
  std::vector<std::pair<const Spec*, CLI::Option*>> made;
  for (const Spec& spec : specs_) {
    std::string names;
    for (const std::string& name : spec.names) {
      const bool severalLetters = name.size() > 2 && name[1] != '-';
      const bool shared = std::any_of(shared_.begin(), shared_.end(),
                                      [&](const Shared& s) { return s.shortName == name; });
      if (severalLetters || shared) continue;
      names += (names.empty() ? "" : ",") + name;
    }
    CLI::Option* option = nullptr;
    switch (spec.kind) {
      case Kind::kFlag: option = app.add_flag(names, *spec.flag); break;
      case Kind::kText: option = app.add_option(names, *spec.text); break;
      case Kind::kNumber:
        option = app.add_option(names, *spec.number)->check(CLI::Range(spec.min, spec.max));
        break;
      case Kind::kBoolean:
        option = app.add_option_function<std::string>(
                        names, [&spec](const std::string& v) { *spec.boolean = v == "true"; })
                     ->check(CLI::IsMember({"true", "false"}));
        break;
    }
    if (spec.kind != Kind::kFlag) option->take_last();
    if (spec.required) option->required();
    made.emplace_back(&spec, option);
  }
  if (positional_ != nullptr) app.add_option(positionalName_, *positional_);

  try {
    auto words = normalised();
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    std::cout << usage();
    return 0;
  } catch (const CLI::RequiredError& e) {
    // CLI11 looks for missing options first; the original names a mistyped one first.
    if (const auto words = app.remaining(); !words.empty()) return refuseUnknown(words);
    return refuse(std::string("missing option: ") + e.what(),
                  codeInfo(Code::kAdmMissingOption).exit);
  } catch (const CLI::ExtrasError&) {
    return refuseUnknown(app.remaining());
  } catch (const CLI::ParseError& e) {
    return refuse(std::string("illegal option value: ") + e.what(),
                  codeInfo(Code::kAdmIllegalValue).exit);
  }
  for (const auto& [spec, option] : made)
    if (option->count() > 0) given_.push_back(spec->longName());

  if (admin_ != nullptr && admin_->password.empty()) {
    if (const char* fromEnvironment = std::getenv("ADMIN_PASSWORD"))
      admin_->password = fromEnvironment;
    else if (!admin_->user.empty())
      admin_->password = promptForPassword();
  }
  return std::nullopt;
}

bool Options::given(const std::string& longName) const {
  return std::find(given_.begin(), given_.end(), longName) != given_.end();
}

std::string Options::usage() const {
  std::string out = "Usage: " + tool_ + " <options>";
  if (positional_ != nullptr) out += " [" + positionalName_ + " ...]";
  out += "\n" + summary_ + "\n\n";
  const auto line = [&out](const std::string& left, const std::string& help) {
    out += left;
    out.append(left.size() < kColumnOfHelp ? kColumnOfHelp - left.size() : 1, ' ');
    out += help + "\n";
  };
  line(" -h,--help", "prints this text");
  for (const Spec& spec : specs_) {
    std::string left = " ";
    for (const std::string& name : spec.names) left += (left.size() > 1 ? "," : "") + name;
    if (!spec.placeholder.empty()) left += " " + spec.placeholder;
    line(left, spec.help + (spec.required ? " (mandatory)" : ""));
  }
  if (positional_ != nullptr) line(" " + positionalName_, positionalHelp_);
  return out;
}

// Names the option and not the word behind it, which may be a password.
int Options::refuseUnknown(const std::vector<std::string>& words) const {
  const auto option = std::find_if(words.begin(), words.end(),
                                   [](const std::string& word) { return word.starts_with("-"); });
  const std::string& named = option != words.end() ? *option : words.front();
  return refuse("unknown option: " + named.substr(0, named.find('=')),
                codeInfo(Code::kAdmUnknownOption).exit);
}

int Options::refuse(const std::string& text, int exit) const {
  std::cerr << "Error: " << text << "\n" << usage();
  return exit;
}

}  // namespace ox::tool
