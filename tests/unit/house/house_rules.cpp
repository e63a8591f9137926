#include "house_rules.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <set>

namespace ox::house {
namespace {

// The order of the rooms, lowest first. hzclient/ is the native client of the grid's protocols.
const std::vector<std::string> kRooms = {"base",     "config",   "serialization", "net",
                                         "runtime",  "database", "services",      "hzclient",
                                         "management", "http",   "server"};
constexpr std::size_t kMaxLines = 500;

bool begins(const std::string& text, std::string_view prefix) { return text.rfind(prefix, 0) == 0; }

bool cpp(const std::string& path) {
  return path.ends_with(".cpp") || path.ends_with(".h") || path.ends_with(".def");
}

// "src/net/x.h" -> "net"
std::string roomOf(const std::string& path) {
  if (!begins(path, "src/")) return {};
  const std::size_t slash = path.find('/', 4);
  return slash == std::string::npos ? std::string() : path.substr(4, slash - 4);
}

std::string folderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

struct Include {
  std::string header;
  int line = 0;
};

std::vector<Include> includes(const SourceFile& file) {
  std::vector<Include> out;
  static const std::regex form(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::size_t at = 0;
  for (int line = 1; at < file.text.size(); ++line) {
    const std::size_t end = std::min(file.text.find('\n', at), file.text.size());
    const std::string text = file.text.substr(at, end - at);
    at = end + 1;
    std::smatch match;
    if (text.find("#") != std::string::npos && std::regex_search(text, match, form))
      out.push_back({match[1], line});
  }
  return out;
}

std::string place(const std::string& path, int line) { return path + ":" + std::to_string(line); }

bool excepted(const std::vector<Exception>& allowed, const std::string& path,
              const std::string& what) {
  return std::any_of(allowed.begin(), allowed.end(), [&](const Exception& e) {
    return e.path == path && (what.empty() || e.what == what) && !e.reason.empty();
  });
}

std::set<std::string> paths(const Files& files) {
  std::set<std::string> out;
  for (const auto& file : files) out.insert(file.path);
  return out;
}

const SourceFile* find(const Files& files, const std::string& path) {
  for (const auto& file : files)
    if (file.path == path) return &file;
  return nullptr;
}

// "FooBar": the last part of the name of a Java class.
bool className(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  return last.size() > 1 && std::isupper(static_cast<unsigned char>(last[0])) != 0 &&
         std::islower(static_cast<unsigned char>(last[1])) != 0;
}

std::string escaped(const std::string& name) {
  return std::regex_replace(name, std::regex(R"([.*+?^${}()|\[\]\\])"), R"(\$&)");
}

}  // namespace

std::vector<Literal> literals(std::string_view text) {
  std::vector<Literal> out;
  int line = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view two = text.substr(i, 2);
    if (c == '\n') {
      ++line;
    } else if (two == "//") {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (two == "/*") {
      const std::size_t end = std::min(text.find("*/", i + 2), text.size());
      line += static_cast<int>(std::count(text.begin() + static_cast<long>(i),
                                          text.begin() + static_cast<long>(end), '\n'));
      i = end + 1;
    } else if (c == '\'' && i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0) {
      for (++i; i < text.size() && text[i] != '\'' && text[i] != '\n'; ++i)
        if (text[i] == '\\') ++i;
    } else if (two == "R\"" &&
               (i == 0 || std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0)) {
      const std::size_t open = text.find('(', i);
      if (open == std::string_view::npos) continue;
      const std::string close = ")" + std::string(text.substr(i + 2, open - i - 2)) + "\"";
      const std::size_t end = std::min(text.find(close, open), text.size());
      out.push_back({std::string(text.substr(open + 1, end - open - 1)), line});
      line += static_cast<int>(std::count(out.back().text.begin(), out.back().text.end(), '\n'));
      i = end + close.size() - 1;
    } else if (c == '"') {
      Literal literal{{}, line};
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) literal.text += text[i++];
        literal.text += text[i];
      }
      out.push_back(std::move(literal));
    }
  }
  return out;
}

Violations layerOrder(const Files& files, const std::vector<Exception>& allowed) {
  Violations out;
  const auto rank = [](const std::string& room) {
    return std::find(kRooms.begin(), kRooms.end(), room) - kRooms.begin();
  };
  for (const auto& file : files) {
    const std::string room = roomOf(file.path);
    if (room.empty() || !cpp(file.path)) continue;
    if (rank(room) == static_cast<long>(kRooms.size())) {
      out.push_back(file.path + ": the room src/" + room + " has no place in the layer order");
      continue;
    }
    for (const auto& include : includes(file)) {
      const std::string other = include.header.substr(0, include.header.find('/'));
      if (rank(other) == static_cast<long>(kRooms.size()) || rank(other) <= rank(room)) continue;
      if (excepted(allowed, file.path, include.header)) continue;
      out.push_back(place(file.path, include.line) + ": src/" + room + " includes the upper room \"" +
                    include.header + "\"; allowed: its own and lower rooms");
    }
  }
  return out;
}

Violations ownRoomsOnly(const Files& files) {
  Violations out;
  const auto known = paths(files);
  for (const auto& file : files) {
    if (!cpp(file.path)) continue;
    std::string own;
    if (begins(file.path, "bundles/")) own = file.path.substr(0, file.path.find('/', 8) + 1);
    else if (begins(file.path, "sbin/")) own = "sbin/";
    else if (begins(file.path, "src/")) own = "src/";
    else continue;
    for (const auto& include : includes(file)) {
      const auto beside = std::filesystem::path(folderOf(file.path) + "/" + include.header);
      const std::string resolved = beside.lexically_normal().generic_string();
      if (known.count("src/" + include.header) != 0 || known.count(own + include.header) != 0) continue;
      if (begins(resolved, own) && known.count(resolved) != 0) continue;
      out.push_back(place(file.path, include.line) + ": \"" + include.header + "\" is neither in src/ "
                    "nor in " + own + "; allowed: src/ and its own files (system headers in <>)");
    }
  }
  return out;
}

Violations fileLength(const Files& files, const std::vector<Exception>& allowed) {
  Violations out;
  std::set<std::string> tooLong;
  for (const auto& file : files) {
    if (!cpp(file.path)) continue;
    const auto lines = static_cast<std::size_t>(
        std::count(file.text.begin(), file.text.end(), '\n'));
    if (lines <= kMaxLines) continue;
    tooLong.insert(file.path);
    if (!excepted(allowed, file.path, {}))
      out.push_back(file.path + ": " + std::to_string(lines) + " lines; allowed: " +
                    std::to_string(kMaxLines) + ", or a reason in the allow-list");
  }
  for (const auto& exception : allowed)
    if (tooLong.count(exception.path) == 0)
      out.push_back(exception.path + ": is in the allow-list but not too long; remove it there");
  return out;
}

Violations keysInCatalog(const Files& files, const std::vector<std::string>& catalog,
                         const std::vector<Exception>& allowed) {
  Violations out;
  std::set<std::string> known(catalog.begin(), catalog.end());
  for (const auto& key : catalog)
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1))
      known.insert(key.substr(0, dot));
  static const std::regex form(R"(com\.openexchange\.[A-Za-z0-9_.-]+)");
  for (const auto& file : files) {
    if (!cpp(file.path)) continue;
    if (!begins(file.path, "src/") && !begins(file.path, "bundles/") && !begins(file.path, "sbin/"))
      continue;
    for (const auto& literal : literals(file.text)) {
      for (std::sregex_iterator it(literal.text.begin(), literal.text.end(), form), end; it != end;
           ++it) {
        std::string name = it->str();
        const auto after = static_cast<std::size_t>(it->position()) + name.size();
        const std::string_view rest = std::string_view(literal.text).substr(after);
        if (rest.starts_with(":") || rest.starts_with("*:")) continue;  // domain of MBeans
        while (name.back() == '.' || name.back() == '-') name.pop_back();
        if (known.count(name) != 0 || className(name)) continue;
        if (excepted(allowed, file.path, name)) continue;
        out.push_back(place(file.path, literal.line) + ": \"" + name +
                      "\" is not in the catalog; allowed: keys declared in src/config/keys_*.cpp");
      }
    }
  }
  return out;
}

Violations keysDelivered(const Files& files, const std::map<std::string, std::string>& catalog) {
  Violations out;
  const SourceFile* docs = find(files, "docs/properties.md");
  for (const auto& [name, stock] : catalog) {
    const SourceFile* file = find(files, "etc/" + stock);
    std::string pattern = escaped(name);
    if (name.ends_with(".N")) pattern = escaped(name.substr(0, name.size() - 1)) + "[0-9]+";
    const std::regex line("(^|\n)#? ?" + pattern + "[ ]*[=:]");
    if (file == nullptr || !std::regex_search(file->text, line))
      out.push_back("etc/" + stock + ": the key " + name + " of the catalog is missing");
    if (docs == nullptr || docs->text.find("`" + name + "`") == std::string::npos)
      out.push_back("docs/properties.md: the key " + name + " of the catalog is missing");
  }
  return out;
}

Violations toolPages(const Files& files) {
  Violations out;
  const auto known = paths(files);
  static const std::regex form(
      R"re(OX_TOOL\s*\(\s*[\w:]+\s*,\s*(?:"(?:[^"\\]|\\.)*"\s*)+,\s*"([^"]+)")re");
  for (const auto& file : files) {
    if (!begins(file.path, "sbin/") || !file.path.ends_with(".cpp")) continue;
    std::string code;  // without comment lines, which may show the macro
    std::size_t at = 0;
    while (at < file.text.size()) {
      const std::size_t end = std::min(file.text.find('\n', at), file.text.size());
      std::string line = file.text.substr(at, end - at);
      at = end + 1;
      if (line.find_first_not_of(' ') != line.find("//")) code += line + "\n";
    }
    bool found = false;
    for (std::sregex_iterator it(code.begin(), code.end(), form), end; it != end; ++it) {
      found = true;
      const std::string page = "docs/operating/tools/" + (*it)[1].str() + ".md";
      if (known.count(page) == 0)
        out.push_back(file.path + ": the tool has no page " + page);
    }
    if (!found && code.find("OX_TOOL(") != std::string::npos)
      out.push_back(file.path + ": OX_TOOL is not in the form OX_TOOL(run, \"summary\", \"name\")");
  }
  return out;
}

Violations readmes(const Files& files) {
  Violations out;
  const auto known = paths(files);
  std::set<std::string> folders;
  for (const auto& file : files)
    if (cpp(file.path) && (begins(file.path, "src/") || begins(file.path, "bundles/")))
      folders.insert(folderOf(file.path));
  for (const auto& folder : folders)
    if (known.count(folder + "/README.md") == 0)
      out.push_back(folder + ": has no README.md; allowed: about ten lines on what is where");
  return out;
}

Violations machinePaths(const Files& files, const std::string& root) {
  Violations out;
  static const std::regex home(R"((^|[^\w.])/(home|Users)/[A-Za-z][\w.-]*/)");
  for (const auto& file : files) {
    if (root.size() > 1 && file.text.find(root) != std::string::npos)
      out.push_back(file.path + ": names the directory of this checkout; allowed: relative paths");
    if (file.text.find("/home/") == std::string::npos &&
        file.text.find("/Users/") == std::string::npos)
      continue;
    std::smatch match;
    if (std::regex_search(file.text, match, home))
      out.push_back(file.path + ": names a home directory (" + match.str() +
                    "); allowed: relative paths");
  }
  return out;
}

}  // namespace ox::house
