#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>

#include <mesh/tracing.hpp>

#include <tracing/trace_state.hpp>
#include <wire/header_limits.hpp>

namespace mesh {

namespace {

constexpr std::string_view parent_header = "traceparent";
constexpr std::string_view state_header = "tracestate";

// 00-<trace id>-<span id>-<flags>
constexpr std::size_t trace_id_at = 3;
constexpr std::size_t span_id_at = 36;
constexpr std::size_t flags_at = 53;
constexpr std::size_t known_size = 55;

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 0x0FU];
  }
}

/// 16 if it is none; capital letters are not allowed.
unsigned value_of(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<unsigned>(digit - 'a') + 10U;
  return 16;
}

bool read_hex(std::string_view digits, std::span<std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned high = value_of(digits[2 * i]);
    const unsigned low = value_of(digits[2 * i + 1]);
    if (high > 15 || low > 15) return false;
    bytes[i] = static_cast<std::uint8_t>(high << 4U | low);
  }
  return true;
}

bool has_bits(std::span<const std::uint8_t> bytes) {
  return std::ranges::any_of(bytes, [](std::uint8_t byte) { return byte != 0; });
}

/// Fills it with random bytes, never all zeros. Unlike a generator with a state, the system makes
/// others in each process of those that are forked; unlike std::random_device it is fast.
void randomize(std::span<std::uint8_t> bytes) {
  do {
    if (getentropy(bytes.data(), bytes.size()) != 0) {
      throw std::system_error(errno, std::system_category(), "no random numbers");
    }
  } while (!has_bits(bytes));
}

bool has_room(const Headers& headers, std::string_view name) {
  return headers.size() < wire::most_headers || headers.contains(name);
}

}  // namespace

bool TraceContext::is_valid() const noexcept { return has_bits(trace_id) && has_bits(span_id); }

std::string TraceContext::traceparent() const {
  std::string text;
  text.reserve(known_size);
  text += "00-";
  append_hex(text, trace_id);
  text += '-';
  append_hex(text, span_id);
  text += is_sampled() ? "-01" : "-00";
  return text;
}

void TraceContext::put_into(Headers& headers) const {
  if (!is_valid() || !has_room(headers, parent_header)) return;
  headers.insert_or_assign(std::string(parent_header), traceparent());
  const bool has_state = state.size() <= wire::longest_header && tracing::is_trace_state(state);
  if (has_state && has_room(headers, state_header)) {
    headers.insert_or_assign(std::string(state_header), state);
  } else if (const auto other = headers.find(state_header); other != headers.end()) {
    headers.erase(other);
  }
}

std::optional<TraceContext> TraceContext::parse(std::string_view traceparent,
                                                std::string_view tracestate) {
  if (traceparent.size() < known_size) return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceContext context;
  const bool is_read = read_hex(traceparent.substr(0, 2), version) &&
                       read_hex(traceparent.substr(trace_id_at, 32), context.trace_id) &&
                       read_hex(traceparent.substr(span_id_at, 16), context.span_id) &&
                       read_hex(traceparent.substr(flags_at, 2), flags);
  const bool is_separated = traceparent[trace_id_at - 1] == '-' &&
                            traceparent[span_id_at - 1] == '-' && traceparent[flags_at - 1] == '-';
  if (!is_read || !is_separated || version[0] == 0xFF || !context.is_valid()) return std::nullopt;
  if (traceparent.size() > known_size) {
    // A later version may have more, set off by another dash.
    if (version[0] == 0 || traceparent[known_size] != '-') return std::nullopt;
  }
  context.flags = flags[0];
  if (tracing::is_trace_state(tracestate)) context.state = tracestate;
  return context;
}

std::optional<TraceContext> TraceContext::from(const Headers& headers) {
  const auto parent = headers.find(parent_header);
  if (parent == headers.end()) return std::nullopt;
  const auto state = headers.find(state_header);
  return parse(parent->second, state == headers.end() ? std::string_view() : state->second);
}

TraceContext TraceContext::make(const std::optional<TraceContext>& parent) {
  TraceContext context;
  if (parent && parent->is_valid()) {
    context = *parent;
  } else {
    randomize(context.trace_id);
    context.flags = 1;
  }
  randomize(context.span_id);
  return context;
}

std::string_view to_string(SpanKind kind) noexcept {
  return kind == SpanKind::client ? "client" : "server";
}

}  // namespace mesh
