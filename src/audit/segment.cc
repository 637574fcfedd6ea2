#include "audit/segment.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/json.h"
#include "codec/text.h"
#include "crypto/hash.h"

namespace mitral::audit {
namespace {

using Record = ports::AuditStore::Record;
using Anchor = ports::AuditStore::Anchor;

constexpr std::string_view kFormat = "mitral-audit/1";
constexpr std::string_view kEventMark = ",\"event\":";
constexpr int kLevel = 3;
constexpr int kWindowLogMax = 23;  // 8 MiB: more than level 3 uses, and all the memory that a hostile file can ask for
constexpr codec::ParseOptions kLineJson{
    .max_depth = 5, .max_bytes = limits::kAuditSegmentLineMax, .max_nodes = 300, .allow_nul = true};

std::unexpected<Error> bad(std::string what) {
  return fail(ErrorCode::malformed, {}, "audit segment: " + std::move(what));
}

std::string text_of(const Hash256& hash) { return codec::base64url_encode(ByteSpan(hash)); }

std::string head_line(const SegmentHead& head) {
  return fmt::format(R"({{"segment":"{}","from":{},"to":{},"count":{},"previous":"{}","last":"{}"}})"
                     "\n",
                     kFormat, head.from, head.to, head.count(), text_of(head.previous), text_of(head.last));
}

Result<SegmentHead> parse_head(std::string_view line) {
  MITRAL_TRY(const auto json, codec::Json::parse_object(line, kLineJson));
  SegmentHead head;
  head.from = json["from"].int_or(0);
  head.to = json["to"].int_or(0);
  const bool hashes = codec::base64url_decode_into(json["previous"].string_or(), head.previous) &&
                      codec::base64url_decode_into(json["last"].string_or(), head.last);
  const bool range = head.from > 0 && head.to >= head.from &&
                     head.to - head.from < static_cast<std::int64_t>(limits::kAuditSegmentRecordsMax);
  // Unknown members, other versions and other spellings all show here.
  if (!hashes || !range || head_line(head) != fmt::format("{}\n", line)) return bad("its first line is not a head");
  return head;
}

std::string record_line(std::int64_t seq, const Hash256& hash, std::string_view checkpoint, std::string_view event) {
  std::string out = fmt::format(R"({{"seq":{},"hash":"{}")", seq, text_of(hash));
  if (!checkpoint.empty()) {
    out += ",\"checkpoint\":";
    codec::append_json_string(out, checkpoint);
  }
  out.append(kEventMark).append(event).append("}\n");
  return out;
}

struct Line {
  Record record;
  std::string_view canonical;
};

Result<Line> parse_record(std::string_view line) {
  // The event's own bytes are hashed, so they are taken as they stand; what is around them is written again and
  // compared.
  const auto mark = line.find(kEventMark);
  if (mark == std::string_view::npos || !line.ends_with('}')) return bad("a line is not a record");
  Line out;
  out.canonical = line.substr(mark + kEventMark.size(), line.size() - mark - kEventMark.size() - 1);
  MITRAL_TRY(out.record.event, parse_canonical(out.canonical));
  MITRAL_TRY(const auto json, codec::Json::parse_object(fmt::format("{}}}", line.substr(0, mark)), kLineJson));
  out.record.seq = json["seq"].int_or(0);
  out.record.checkpoint = std::string(json["checkpoint"].string_or());
  if (!codec::base64url_decode_into(json["hash"].string_or(), out.record.hash)) return bad("a record without its hash");
  if (record_line(out.record.seq, out.record.hash, out.record.checkpoint, out.canonical) != fmt::format("{}\n", line))
    return bad("a line is not a record");
  return out;
}

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

/// One frame of Zstandard, written piece by piece.
class Compressor {
 public:
  Compressor() : context_(ZSTD_createCCtx()) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  Result<void> write(std::string_view text, bool end) {
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    for (;;) {
      const std::size_t used = out_.size();
      const std::size_t room = std::max<std::size_t>(ZSTD_CStreamOutSize(), 1);
      out_.resize(used + room);
      ZSTD_outBuffer out{out_.data() + used, room, 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
      out_.resize(used + out.pos);
      if (ZSTD_isError(left) != 0) return fail(ErrorCode::internal, {}, ZSTD_getErrorName(left));
      if (end ? left == 0 : in.pos == in.size) return {};
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::unique_ptr<ZSTD_CCtx, FreeZstd> context_;
  std::string out_;
};

}  // namespace

std::string segment_name(std::int64_t from, std::int64_t to) {
  return fmt::format("audit-{:012}-{:012}.jsonl.zst", from, to);
}

std::optional<SegmentRange> parse_segment_name(std::string_view name) {
  constexpr std::string_view kBefore = "audit-";
  constexpr std::string_view kAfter = ".jsonl.zst";
  if (!name.starts_with(kBefore) || !name.ends_with(kAfter)) return std::nullopt;
  const auto parts = codec::split(name.substr(kBefore.size(), name.size() - kBefore.size() - kAfter.size()), '-');
  if (parts.size() != 2) return std::nullopt;
  const auto from = codec::parse_uint(parts[0]);
  const auto to = codec::parse_uint(parts[1]);
  constexpr std::uint64_t kMost = 1ULL << 62;
  if (!from || !to || *from == 0 || *to < *from || *to > kMost) return std::nullopt;
  const SegmentRange range{static_cast<std::int64_t>(*from), static_cast<std::int64_t>(*to)};
  if (segment_name(range.from, range.to) != name) return std::nullopt;
  return range;
}

// ---- writing

struct SegmentWriter::Impl {
  Anchor before;
  Anchor head;
  bool sealed = false;
  std::size_t size = 0;
  Compressor records;
};

SegmentWriter::SegmentWriter(const Anchor& before) : impl_(std::make_unique<Impl>()) {
  impl_->before = before;
  impl_->head = before;
}
SegmentWriter::~SegmentWriter() = default;
SegmentWriter::SegmentWriter(SegmentWriter&&) noexcept = default;
SegmentWriter& SegmentWriter::operator=(SegmentWriter&&) noexcept = default;

std::int64_t SegmentWriter::count() const noexcept { return impl_->head.seq - impl_->before.seq; }
std::size_t SegmentWriter::size() const noexcept { return impl_->size; }
const Anchor& SegmentWriter::head() const noexcept { return impl_->head; }

Result<void> SegmentWriter::add(const Record& record) {
  auto& head = impl_->head;
  const auto event = canonical(record.event);
  const bool follows = record.seq == head.seq + 1 && record.previous == head.hash &&
                       record.hash == chain_hash(head.hash, record.seq, event);
  if (!follows) return bad(fmt::format("record {} does not follow from the one before", record.seq));
  const auto line = record_line(record.seq, record.hash, record.checkpoint, event);
  if (line.size() > limits::kAuditSegmentLineMax) return fail(ErrorCode::too_large, {}, "audit segment: a long record");
  MITRAL_CHECK(impl_->records.write(line, false));
  head = {record.seq, record.hash};
  impl_->sealed = !record.checkpoint.empty();
  impl_->size += line.size();
  return {};
}

Result<Segment> SegmentWriter::finish() {
  if (count() <= 0 || !impl_->sealed) return bad("it does not end with a sealed record");
  if (count() > static_cast<std::int64_t>(limits::kAuditSegmentRecordsMax))
    return fail(ErrorCode::too_large, {}, "audit segment: too many records");
  Segment out;
  out.head = {
      .from = impl_->before.seq + 1, .to = impl_->head.seq, .previous = impl_->before.hash, .last = impl_->head.hash};
  Compressor first;
  MITRAL_CHECK(first.write(head_line(out.head), true));
  MITRAL_CHECK(impl_->records.write({}, true));
  out.bytes = first.take() + impl_->records.take();
  out.digest = crypto::sha256(out.bytes);
  return out;
}

// ---- reading

struct SegmentReader::Impl {
  explicit Impl(Source from) : source(std::move(from)), context(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  }

  Source source;
  std::unique_ptr<ZSTD_DCtx, FreeZstd> context;
  std::string packed;
  std::size_t at = 0;       // in packed
  std::string text;         // lines that are not read yet
  std::size_t read = 0;     // in text
  std::size_t total = 0;    // of text, ever
  bool frame_open = false;  // the file must not end inside a frame
  bool ended = false;
  SegmentHead head;
  Anchor last;
  bool sealed = false;

  /// More text, or the end.
  Result<void> fill() {
    text.erase(0, read);
    read = 0;
    const std::size_t before = text.size();
    while (text.size() == before && !ended) {
      if (at == packed.size()) {
        MITRAL_TRY(packed, source());
        at = 0;
        if (packed.empty()) {
          ended = true;
          if (frame_open) return bad("it is cut off");
          break;
        }
      }
      const std::size_t room = ZSTD_DStreamOutSize();
      text.resize(before + room);
      ZSTD_inBuffer in{packed.data(), packed.size(), at};
      ZSTD_outBuffer out{text.data() + before, room, 0};
      const std::size_t left = ZSTD_decompressStream(context.get(), &out, &in);
      text.resize(before + out.pos);
      if (ZSTD_isError(left) != 0) return bad("it can't be unpacked");
      frame_open = left != 0;
      at = in.pos;
      total += out.pos;
      if (total > limits::kAuditSegmentBytesMax) return fail(ErrorCode::too_large, {}, "audit segment: too long");
    }
    return {};
  }

  /// The next line without its end; nothing at the end of the file.
  Result<std::optional<std::string_view>> line() {
    for (;;) {
      const auto end = text.find('\n', read);
      if (end != std::string::npos) {
        const auto out = std::string_view(text).substr(read, end - read);
        read = end + 1;
        return out;
      }
      if (text.size() - read > limits::kAuditSegmentLineMax)
        return fail(ErrorCode::too_large, {}, "audit segment: a long line");
      MITRAL_CHECK(fill());
      if (ended && text.find('\n', read) == std::string::npos) {
        if (read != text.size()) return bad("its last line is cut off");
        return std::optional<std::string_view>();
      }
    }
  }
};

SegmentReader::SegmentReader(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
SegmentReader::~SegmentReader() = default;
SegmentReader::SegmentReader(SegmentReader&&) noexcept = default;
SegmentReader& SegmentReader::operator=(SegmentReader&&) noexcept = default;

Result<SegmentReader> SegmentReader::open(Source source) {
  auto impl = std::make_unique<Impl>(std::move(source));
  MITRAL_TRY(const auto line, impl->line());
  if (!line) return bad("it is empty");
  MITRAL_TRY(impl->head, parse_head(*line));
  impl->last = {impl->head.from - 1, impl->head.previous};
  return SegmentReader(std::move(impl));
}

Result<SegmentReader> SegmentReader::over(std::string_view bytes) {
  return open([bytes, done = false]() mutable -> Result<std::string> {
    if (std::exchange(done, true)) return std::string();
    return std::string(bytes);
  });
}

const SegmentHead& SegmentReader::head() const noexcept { return impl_->head; }

Result<std::optional<Record>> SegmentReader::next() {
  auto& in = *impl_;
  MITRAL_TRY(const auto line, in.line());
  if (!line) {
    if (in.last.seq != in.head.to || in.last.hash != in.head.last || !in.sealed)
      return bad("it does not end where its head says");
    return std::optional<Record>();
  }
  MITRAL_TRY(auto parsed, parse_record(*line));
  auto& record = parsed.record;
  record.previous = in.last.hash;
  const bool follows = record.seq == in.last.seq + 1 && record.seq <= in.head.to &&
                       record.hash == chain_hash(in.last.hash, record.seq, parsed.canonical);
  if (!follows) return bad(fmt::format("after record {} comes one that does not follow", in.last.seq));
  in.last = {record.seq, record.hash};
  in.sealed = !record.checkpoint.empty();
  return std::optional<Record>(std::move(record));
}

Result<SegmentHead> check_segment(SegmentReader::Source source) {
  MITRAL_TRY(auto reader, SegmentReader::open(std::move(source)));
  for (;;) {
    MITRAL_TRY(const auto record, reader.next());
    if (!record) return reader.head();
  }
}

}  // namespace mitral::audit
