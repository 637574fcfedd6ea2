#include "codec/xml.h"

#include <expat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "base/limits.h"
#include "codec/message.h"
#include "codec/text.h"

namespace mitral::codec {
namespace {

// Between namespace and name in what libexpat hands out. No namespace can hold it: libexpat refuses those that do.
constexpr char kSeparator = '\n';

// For each attribute with a prefix libexpat writes the whole namespace once more before anybody is asked: a long name
// and many attributes in one tag would fill the memory. So it gets so much and no more; a parser lives and dies in one
// call.
constexpr std::size_t kParserMemory = 8 * limits::kFhirResourceMax;
constexpr std::size_t kHeader = alignof(std::max_align_t);  // before each block: its size
thread_local std::size_t parser_memory = 0;

void* take_memory(void* old, std::size_t size) {
  std::size_t before = 0;
  auto* start = old == nullptr ? nullptr : static_cast<char*>(old) - kHeader;
  if (start != nullptr) std::memcpy(&before, start, sizeof before);
  if (size > kParserMemory || parser_memory - before + size > kParserMemory) return nullptr;
  start = static_cast<char*>(std::realloc(start, size + kHeader));
  if (start == nullptr) return nullptr;
  parser_memory = parser_memory - before + size;
  std::memcpy(start, &size, sizeof size);
  return start + kHeader;
}
void* take_new(std::size_t size) { return take_memory(nullptr, size); }
void give_back(void* block) {
  if (block == nullptr) return;
  std::size_t size = 0;
  auto* const start = static_cast<char*>(block) - kHeader;
  std::memcpy(&size, start, sizeof size);
  parser_memory -= size;
  std::free(start);
}
constexpr XML_Memory_Handling_Suite kBoundedMemory{take_new, take_memory, give_back};

struct ParserDelete {
  void operator()(XML_Parser parser) const noexcept { XML_ParserFree(parser); }
};
using Parser = std::unique_ptr<XML_ParserStruct, ParserDelete>;

}  // namespace

/// Builds a document from libexpat's calls. The first refusal stops the parser and stays.
class XmlReader {
 public:
  explicit XmlReader(XmlDocument& out)
      : out_(out), parser_(XML_ParserCreate_MM("UTF-8", &kBoundedMemory, &kSeparator)) {}  // UTF-8 whatever is declared

  Result<void> read(std::string_view text) {
    auto* const parser = parser_.get();
    if (parser == nullptr) return fail(ErrorCode::internal, {}, "no memory for an XML parser");
    XML_SetUserData(parser, this);
    XML_SetXmlDeclHandler(parser, on_declaration);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    XML_SetEntityDeclHandler(parser, on_entity);
    XML_SetProcessingInstructionHandler(parser, on_instruction);
    XML_SetNamespaceDeclHandler(parser, on_binding, nullptr);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    const auto status = XML_Parse(parser, text.data(), static_cast<int>(text.size()), XML_TRUE);
    if (!failed_ && status == XML_STATUS_OK) return {};
    std::string detail = "line " + std::to_string(XML_GetCurrentLineNumber(parser)) + ": ";
    if (failed_) return fail(code_, client_, detail + std::string(client_.view()));
    if (XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY)
      return fail(ErrorCode::too_large, "The XML needs too much memory", detail + "parser memory");
    return fail(ErrorCode::malformed, "The body is not well-formed XML in UTF-8",
                detail + XML_ErrorString(XML_GetErrorCode(parser)));
  }

 private:
  static XmlReader& self(void* data) { return *static_cast<XmlReader*>(data); }

  void refuse(ErrorCode code, ClientText why) {
    if (failed_) return;
    failed_ = true;
    code_ = code;
    client_ = why;
    XML_StopParser(parser_.get(), XML_FALSE);
  }
  [[nodiscard]] bool count(std::size_t more) {
    nodes_ += more;
    if (nodes_ <= limits::kXmlNodesMax) return true;
    refuse(ErrorCode::too_large, "The XML has too many elements");
    return false;
  }

  std::string_view interned(std::string_view space) {
    if (space.empty()) return {};
    if (const auto found = known_.find(space); found != known_.end()) return *found;
    // Each name that has a prefix costs as much as its namespace is long.
    if (out_.spaces_.size() >= limits::kXmlAttributesMax || space.size() > limits::kFhirPathMax) {
      refuse(ErrorCode::too_large, "The XML has too many or too long namespaces");
      return {};
    }
    return *known_.insert(out_.spaces_.emplace_back(space)).first;
  }
  /// "namespace\nname", or "name".
  void split_name(const char* both, std::string_view& space, std::string& name) {
    const std::string_view text(both);
    const auto at = text.rfind(kSeparator);
    space = at == std::string_view::npos ? std::string_view{} : interned(text.substr(0, at));
    name = at == std::string_view::npos ? text : text.substr(at + 1);
  }

  void start(const char* name, const char** attributes) {
    if (failed_) return;
    std::size_t many = 0;
    while (attributes[2 * many] != nullptr) ++many;
    if (many > limits::kXmlAttributesMax) return refuse(ErrorCode::too_large, "An XML element has too many attributes");
    if (open_.size() >= limits::kXmlDepthMax) return refuse(ErrorCode::too_large, "The XML is nested too deeply");
    if (!count(1 + many)) return;
    auto& element = open_.empty() ? out_.root_ : open_.back()->children.emplace_back();
    split_name(name, element.space, element.name);
    element.bindings = std::move(bindings_);
    bindings_.clear();
    element.attributes.resize(many);
    for (std::size_t i = 0; i < many; ++i) {
      split_name(attributes[2 * i], element.attributes[i].space, element.attributes[i].name);
      element.attributes[i].value = attributes[2 * i + 1];
    }
    open_.push_back(&element);
  }

  void bind(const char* prefix, const char* space) {
    if (failed_ || !count(1)) return;
    if (bindings_.size() >= limits::kXmlAttributesMax)
      return refuse(ErrorCode::too_large, "An XML element declares too many namespaces");
    bindings_.push_back(
        {prefix == nullptr ? "" : prefix, space == nullptr ? std::string_view{} : interned(std::string_view(space))});
  }

  void text(std::string_view piece) {
    if (failed_ || open_.empty()) return;
    auto& children = open_.back()->children;
    if (children.empty() || !children.back().is_text()) {
      if (!count(1)) return;
      children.emplace_back();
    }
    children.back().text.append(piece);
  }

  static void on_declaration(void* data, const char* version, const char* encoding, int) {
    const bool known = version == nullptr || std::string_view(version) == "1.0";
    if (!known || (encoding != nullptr && !iequals(encoding, "UTF-8")))
      self(data).refuse(ErrorCode::malformed, "XML must be version 1.0 in UTF-8");
  }
  static void on_doctype(void* data, const char*, const char*, const char*, int) {
    self(data).refuse(ErrorCode::malformed, "XML with a DOCTYPE is refused");
  }
  static void on_entity(void* data, const char*, int, const char*, int, const char*, const char*, const char*,
                        const char*) {
    self(data).refuse(ErrorCode::malformed, "XML that declares entities is refused");
  }
  static void on_instruction(void* data, const char*, const char*) {
    self(data).refuse(ErrorCode::malformed, "XML with processing instructions is refused");
  }
  static void on_binding(void* data, const char* prefix, const char* space) { self(data).bind(prefix, space); }
  static void on_start(void* data, const char* name, const char** attributes) { self(data).start(name, attributes); }
  static void on_end(void* data, const char*) {
    if (!self(data).failed_) self(data).open_.pop_back();
  }
  static void on_text(void* data, const char* piece, int length) {
    self(data).text({piece, static_cast<std::size_t>(length)});
  }

  XmlDocument& out_;
  Parser parser_;
  // An element's place moves only when a sibling is added, and then it is closed already.
  std::vector<XmlElement*> open_;
  std::vector<XmlBinding> bindings_;              // of the element that comes next
  std::unordered_set<std::string_view> known_{};  // namespaces
  std::size_t nodes_ = 0;
  bool failed_ = false;
  ErrorCode code_ = ErrorCode::malformed;
  ClientText client_;
};

const std::string* XmlElement::attribute(std::string_view wanted) const noexcept {
  for (const auto& item : attributes) {
    if (item.space.empty() && item.name == wanted) return &item.value;
  }
  return nullptr;
}

Result<XmlDocument> XmlDocument::parse(std::string_view text) {
  if (text.size() > limits::kFhirResourceMax) return fail(ErrorCode::too_large, "The XML is too large");
  if (!is_utf8(text)) return fail(ErrorCode::malformed, "The body is not well-formed XML in UTF-8", "not UTF-8");
  XmlDocument out;
  MITRAL_CHECK(XmlReader(out).read(text));
  return out;
}

bool is_xml_space(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
}

void append_xml_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\r': out += "&#13;"; break;  // a reader would make it a line feed
      default: out += c;
    }
  }
}

void append_xml_attribute(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"': out += "&quot;"; break;
      case '\t': out += "&#9;"; break;  // a reader would make them spaces
      case '\n': out += "&#10;"; break;
      default: append_xml_text(out, {&c, 1});
    }
  }
}

}  // namespace mitral::codec
