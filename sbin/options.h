// Options of a tool, in the original's spellings.
//
//   Options options(call, "creates a context");
//   AdminOptions admin;
//   options.add(admin, NodeOptions::kNone);
//   options.text("-N,--contextname", &name, "<name>", "name of the context", Need::kRequired);
//   if (const auto exit = options.parse()) return *exit;
//
// Names:    "-x", "--long" and the original's "-xf" (several letters after one dash), comma
//           separated.
//           A value may follow as next word (also one that begins with '-') or after "=".
// Errors:   parse() prints one sentence and the usage on stderr and returns the exit code:
//           unknown option 111, missing option 104, illegal value 109; --help prints the usage on
//           stdout and returns 0. Nothing when the tool shall go on.
// Secrets:  a value declared with secret() is overwritten in the process's argument list first.
// Ownership: the pointers must live until parse() returns.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ox::tool {

struct Invocation {
  std::string name;                // as called, without path
  std::vector<std::string> args;   // without the name
  std::vector<char*> rawArgs;  // the same words in the process's memory (for wiping); may be empty
};

enum class Need : std::uint8_t { kOptional, kRequired };

// Which of the original's node options a tool has; `--etc DIR` exists with each of them.
enum class NodeOptions : std::uint8_t {
  kNone,    // RMI admin tools: only RMI_HOSTNAME and --etc
  kServer,  // update tools: -s,--server -p,--port
  kHost,    // JMX tools: -H,--host -p,--port
};

struct AdminOptions {
  std::string user;
  std::string password;  // resolved by parse(): option, ADMIN_PASSWORD, prompt (with `-A` on a tty)
  std::int64_t responseTimeoutSeconds = 0;  // 0 = wait for ever
  std::int64_t connectTimeoutSeconds = 15;
  bool csv = false;
  std::string host;       // empty = not given
  std::int64_t port = 0;  // 0 = not given
  std::string etc;        // empty = not given
};

class Options {
 public:
  Options(const Invocation& call, std::string summary);

  // -A -P --responsetimeout --csv and the node's place.
  void add(AdminOptions& admin, NodeOptions node);
  // Only the node's place and --etc, without administrator (JMX tools).
  void addNode(AdminOptions& admin, NodeOptions node);

  void flag(const std::string& names, bool* into, const std::string& help);
  void text(const std::string& names, std::string* into, const std::string& placeholder,
            const std::string& help, Need need = Need::kOptional);
  void secret(const std::string& names, std::string* into, const std::string& placeholder,
              const std::string& help, Need need = Need::kOptional);
  void number(const std::string& names, std::int64_t* into, std::int64_t min, std::int64_t max,
              const std::string& help, Need need = Need::kOptional);
  // Value true or false.
  void boolean(const std::string& names, std::optional<bool>* into, const std::string& help,
               Need need = Need::kOptional);
  // The original declares "-p" twice in one tool: with a number next it means `withValue`
  // (a long name), else `asFlag`.
  void sharedShort(const std::string& shortName, const std::string& withValue,
                   const std::string& asFlag);
  // Words that are no options go here instead of being an error.
  void positional(const std::string& name, std::vector<std::string>* into, const std::string& help);

  [[nodiscard]] std::optional<int> parse();
  // Was this option on the command line? By its long name, e.g. given("--port").
  bool given(const std::string& longName) const;
  std::string usage() const;
  // Prints `Error: text` and the usage on stderr, returns the code's exit number: for checks that
  // the declarations above cannot express (104, 109, ...; `exit` wins when it is not 0).
  int refuse(const std::string& text, int exit) const;

 private:
  int refuseUnknown(const std::vector<std::string>& words) const;
  enum class Kind : std::uint8_t { kFlag, kText, kNumber, kBoolean };
  struct Spec {
    Kind kind = Kind::kFlag;
    std::vector<std::string> names;
    std::string placeholder;
    std::string help;
    bool required = false;
    bool secretValue = false;
    std::int64_t min = 0;
    std::int64_t max = 0;
    bool* flag = nullptr;
    std::string* text = nullptr;
    std::int64_t* number = nullptr;
    std::optional<bool>* boolean = nullptr;
    const std::string& longName() const { return names.back(); }
  };
  struct Shared {
    std::string shortName, withValue, asFlag;
  };
  Spec& declare(const std::string& names, const std::string& help);
  const Spec* find(const std::string& name) const;
  std::vector<std::string> normalised() const;
  void wipeSecrets() const;

  std::string tool_;
  std::string summary_;
  std::vector<std::string> args_;
  std::vector<char*> raw_;
  std::vector<Spec> specs_;
  std::vector<Shared> shared_;
  std::string positionalName_;
  std::string positionalHelp_;
  std::vector<std::string>* positional_ = nullptr;
  std::vector<std::string> given_;
  AdminOptions* admin_ = nullptr;
};

}  // namespace ox::tool
