#include "output.h"

#include <algorithm>
#include <iostream>

#include "base/check.h"

namespace ox::tool {
namespace {

bool startsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::size_t widthOf(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), startsCharacter));
}

// The first `characters` characters of a UTF-8 text.
std::string leading(const std::string& text, std::size_t characters) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (startsCharacter(text[at]) && characters-- == 0) break;
    ++at;
  }
  return text.substr(0, at);
}

std::string fitted(std::string text, std::size_t width, Align align) {
  const std::size_t have = widthOf(text);
  if (have > width) return leading(text, width - 1) + "~";
  const std::string pad(width - have, ' ');
  return align == Align::kLeft ? text + pad : pad + text;
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<Cell> row) {
  OX_CHECK(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

void Table::sortBy(std::size_t column) {
  std::stable_sort(rows_.begin(), rows_.end(),
                   [column](const auto& a, const auto& b) { return a[column] < b[column]; });
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = static_cast<std::size_t>(columns_[c].width);
    if (width == 0) {
      width = widthOf(columns_[c].name);
      for (const auto& row : rows_) width = std::max(width, widthOf(row[c].value_or("")));
    }
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c)
      out += (c == 0 ? "" : " ") + fitted(cells[c], widths[c], columns_[c].align);
    out += "\n";
  };
  std::vector<std::string> header;
  for (const Column& column : columns_) header.push_back(column.name);
  line(header);
  for (const auto& row : rows_) {
    std::vector<std::string> cells;
    for (const Cell& cell : row) cells.push_back(cell.value_or(""));
    line(cells);
  }
  return out;
}

std::string Table::csv() const {
  std::string out;
  for (std::size_t c = 0; c < columns_.size(); ++c) out += (c == 0 ? "" : ",") + columns_[c].name;
  out += "\n";
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c != 0) out += ",";
      if (!row[c]) continue;
      out += '"';
      for (const char character : *row[c]) {
        if (character == '"') out += '"';
        out += character;
      }
      out += '"';
    }
    out += "\n";
  }
  return out;
}

void Table::print(bool asCsv) const { std::cout << (asCsv ? csv() : text()); }

void Table::printOrNothingFound() const {
  if (rows_.empty()) std::cout << "No entries found.\n";
  else std::cout << text();
}

namespace {
std::string subject(const std::string& object, const std::string& id,
                    const std::optional<std::int64_t>& contextId) {
  std::string out = object;
  if (!id.empty()) out += " " + id;
  if (contextId) out += " in context " + std::to_string(*contextId);
  return out;
}
}  // namespace

std::string successLine(const std::string& object, const std::string& id,
                        const std::optional<std::int64_t>& contextId, const std::string& verb) {
  return subject(object, id, contextId) + " " + verb;
}

std::string failureLine(const std::string& object, const std::string& id,
                        const std::optional<std::int64_t>& contextId, const std::string& verb) {
  return subject(object, id, contextId) + " could not be " + verb + ": ";
}

}  // namespace ox::tool
