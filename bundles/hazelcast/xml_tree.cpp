#include "xml_tree.h"

#include <Poco/SAX/Attributes.h>
#include <Poco/SAX/DefaultHandler.h>
#include <Poco/SAX/Locator.h>
#include <Poco/SAX/SAXException.h>
#include <Poco/SAX/SAXParser.h>

#include "config/value.h"

namespace ox::grid {
namespace {

// Never throws into the parser: what is too much is noted and skipped.
class Builder final : public Poco::XML::DefaultHandler {
 public:
  std::optional<XmlElement> root;
  std::optional<XmlError> tooMuch;

  void setDocumentLocator(const Poco::XML::Locator* locator) override { locator_ = locator; }

  void startElement(const Poco::XML::XMLString&, const Poco::XML::XMLString& local,
                    const Poco::XML::XMLString& qualified,
                    const Poco::XML::Attributes& attributes) override {
    if (skipped_ > 0 || depth_ >= kMaxXmlDepth || ++elements_ > kMaxXmlElements) {
      if (!tooMuch)
        tooMuch = XmlError{line(), "more than " + std::to_string(kMaxXmlDepth) + " levels or " +
                                       std::to_string(kMaxXmlElements) + " elements"};
      ++skipped_;
      return;
    }
    XmlElement* here = nullptr;
    if (depth_ == 0) here = &root.emplace();
    else here = &open_[depth_ - 1]->children.emplace_back();
    here->name = local.empty() ? qualified : local;
    here->line = line();
    for (int i = 0; i < attributes.getLength(); ++i) {
      const auto& name = attributes.getLocalName(i);
      here->attributes[name.empty() ? attributes.getQName(i) : name] = attributes.getValue(i);
    }
    open_[depth_++] = here;
  }
  void endElement(const Poco::XML::XMLString&, const Poco::XML::XMLString&,
                  const Poco::XML::XMLString&) override {
    if (skipped_ > 0) {
      --skipped_;
      return;
    }
    XmlElement& here = *open_[--depth_];
    here.text = std::string(config::trimmed(here.text));
  }
  void characters(const Poco::XML::XMLChar text[], int start, int length) override {
    if (skipped_ == 0 && depth_ > 0)
      open_[depth_ - 1]->text.append(text + start, static_cast<std::size_t>(length));
  }

 private:
  int line() const { return locator_ == nullptr ? 0 : locator_->getLineNumber(); }

  const Poco::XML::Locator* locator_ = nullptr;
  // An open element does not move: only the innermost open one gets children.
  XmlElement* open_[kMaxXmlDepth] = {};
  int depth_ = 0;
  std::size_t skipped_ = 0;
  std::size_t elements_ = 0;
};

int lineOf(std::string_view text, std::size_t at) {
  int line = 1;
  for (std::size_t i = 0; i < at; ++i) line += text[i] == '\n' ? 1 : 0;
  return line;
}

}  // namespace

std::optional<XmlElement> parseXml(std::string_view text, XmlError& error) {
  if (text.size() > kMaxXmlBytes) {
    error = {0, "is larger than " + std::to_string(kMaxXmlBytes) + " bytes"};
    return std::nullopt;
  }
  // In UTF-16 the next check would see nothing.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    error = {lineOf(text, nul), "is not encoded in UTF-8"};
    return std::nullopt;
  }
  if (const auto at = text.find("<!DOCTYPE"); at != std::string_view::npos) {
    error = {lineOf(text, at), "has a DOCTYPE; document types and entities are not accepted"};
    return std::nullopt;
  }
  Builder builder;
  try {
    Poco::XML::SAXParser parser;
    parser.setFeature(Poco::XML::XMLReader::FEATURE_NAMESPACES, true);
    parser.setFeature(Poco::XML::XMLReader::FEATURE_EXTERNAL_GENERAL_ENTITIES, false);
    parser.setFeature(Poco::XML::XMLReader::FEATURE_EXTERNAL_PARAMETER_ENTITIES, false);
    parser.setContentHandler(&builder);
    parser.parseMemoryNP(text.data(), text.size());
  } catch (const Poco::XML::SAXParseException& e) {
    error = {e.getLineNumber(), "is no XML: " + e.message()};
    return std::nullopt;
  } catch (const Poco::Exception& e) {
    error = {0, "is no XML: " + e.displayText()};
    return std::nullopt;
  }
  if (builder.tooMuch || !builder.root) {
    error = builder.tooMuch.value_or(XmlError{0, "has no element"});
    return std::nullopt;
  }
  return std::move(builder.root);
}

}  // namespace ox::grid
