#include "csv_import.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

namespace ox::tool {
namespace {

const std::string kOption = "--csv-import";

// One value; `at` goes behind it. Nothing = an opening quote without an end, or text behind one.
std::optional<std::string> value(std::string_view text, std::size_t& at, int& line) {
  std::string out;
  if (at >= text.size() || text[at] != '"') {
    while (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') {
      if (text[at] == '"') return std::nullopt;
      out += text[at++];
    }
    return out;
  }
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\n') ++line;
    if (text[at] != '"') {
      out += text[at];
      continue;
    }
    if (++at < text.size() && text[at] == '"') {
      out += '"';
      continue;
    }
    const bool ends = at >= text.size() || text[at] == ',' || text[at] == '\n' || text[at] == '\r';
    return ends ? std::optional(out) : std::nullopt;
  }
  return std::nullopt;
}

Error wrong(int line, const std::string& text) {
  return Error(Code::kInvalid, "line " + std::to_string(line) + ": " + text);
}

Result<std::string> readAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error(Code::kInvalid, "cannot be read");
  std::string out(kMaxCsvBytes + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  if (out.size() > kMaxCsvBytes) return Error(Code::kInvalid, "is larger than 64 MiB");
  return out;
}

}  // namespace

Result<CsvFile> parseCsv(std::string_view text) {
  CsvFile out;
  int line = 1;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t at = 0; at < text.size();) {
    const int begins = line;
    std::vector<std::string> values;
    for (;;) {
      auto one = value(text, at, line);
      if (!one)
        return wrong(begins, "a value with a double quote must be in double quotes as a whole, a "
                             "quote inside is doubled");
      values.push_back(std::move(*one));
      if (values.size() > kMaxCsvColumns)
        return wrong(begins, "more than " + std::to_string(kMaxCsvColumns) + " values");
      if (at >= text.size() || text[at] != ',') break;
      ++at;
    }
    if (at < text.size() && text[at] == '\r') ++at;
    if (at < text.size() && text[at] != '\n') return wrong(begins, "a carriage return in a value");
    if (at < text.size()) ++at;
    ++line;
    if (values.size() == 1 && values.front().empty()) continue;  // an empty line
    if (out.columns.empty()) {
      out.columns = std::move(values);
      continue;
    }
    if (values.size() != out.columns.size())
      return wrong(begins, std::to_string(values.size()) + " values for " +
                               std::to_string(out.columns.size()) + " columns");
    out.lines.push_back({begins, std::move(values)});
  }
  if (out.columns.empty()) return wrong(1, "no column is named");
  return out;
}

std::optional<int> csvImport(const Invocation& call, Run run,
                             const std::vector<std::string>& columns) {
  Invocation row{call.name, {}, call.rawArgs};
  std::string path;
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (call.args[i] == "-h" || call.args[i] == "--help") return std::nullopt;
    if (call.args[i] == kOption && i + 1 < call.args.size()) path = call.args[++i];
    else if (call.args[i].starts_with(kOption + "=")) path = call.args[i].substr(kOption.size() + 1);
    else row.args.push_back(call.args[i]);
  }
  if (path.empty()) return std::nullopt;
  const auto refuse = [&](const std::string& text) {
    std::cerr << "Error: " << path << ": " << text << "\n";
    return codeInfo(Code::kAdmUnparsable).exit;
  };
  auto text = readAll(path);
  if (!text) return refuse(text.error().message);
  auto file = parseCsv(*text);
  if (!file) return refuse(file.error().message);
  std::string allowed;
  for (const std::string& one : columns) allowed += (allowed.empty() ? "" : ", ") + one;
  for (const std::string& one : file->columns) {
    if (std::find(columns.begin(), columns.end(), one) == columns.end())
      return refuse("line 1: there is no column '" + one.substr(0, 40) + "'; allowed are " + allowed);
    if (std::count(file->columns.begin(), file->columns.end(), one) > 1)
      return refuse("line 1: the column " + one + " is there twice");
  }
  int exit = 0;
  std::size_t taken = 0;
  const std::vector<std::string> common = row.args;
  for (const CsvFile::Line& one : file->lines) {
    row.args = common;
    for (std::size_t i = 0; i < one.values.size(); ++i)
      if (!one.values[i].empty()) row.args.push_back("--" + file->columns[i] + "=" + one.values[i]);
    const int code = run(row);
    if (code == 0) {
      ++taken;
      continue;
    }
    std::cerr << "line " << one.number << " of " << path << " was not taken (exit " << code << ")\n";
    if (exit == 0) exit = code;
  }
  std::cerr << taken << " of " << file->lines.size() << " rows taken\n";
  return exit;
}

}  // namespace ox::tool
