#include <introspection/builtin_handlers.hpp>

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <introspection/stats_json.hpp>
#include <wire/node_info.hpp>

namespace mesh::introspection {

namespace {

/// Gives what a function of no arguments returns, as JSON text.
class BuiltinHandler final : public detail::RequestHandler {
 public:
  explicit BuiltinHandler(std::function<std::string()> answer) : answer_(std::move(answer)) {}

  bool is_plain() const noexcept override { return true; }
  bool takes_context() const noexcept override { return false; }
  const void* payload_types() const noexcept override { return nullptr; }

  detail::asio::awaitable<void> handle(CallContext& /*call*/, std::string_view /*json*/,
                                       std::string& /*out*/) override {
    throw std::logic_error("a plain function cannot be called as a coroutine");
  }
  void handle_now(CallContext& call, std::string_view /*json*/, std::string& out) override {
    detail::note_begin(call);
    out += answer_();
  }

 private:
  std::function<std::string()> answer_;
};

/// The figures of many types take long to write. However many ask for them, that takes a small part
/// of the time.
class RecentFigures {
 public:
  explicit RecentFigures(std::function<MeshStats()> stats) : stats_(std::move(stats)) {}

  std::string text() {
    constexpr int part = 20;
    const std::lock_guard lock(mutex_);
    const auto begin = std::chrono::steady_clock::now();
    if (begin >= good_until_) {
      text_ = to_bounded_json(stats_());
      const auto end = std::chrono::steady_clock::now();
      good_until_ = end + part * (end - begin);
    }
    return text_;
  }

 private:
  std::function<MeshStats()> stats_;
  std::mutex mutex_;
  std::string text_;
  std::chrono::steady_clock::time_point good_until_{};
};

std::shared_ptr<detail::RequestHandler> answering(std::function<std::string()> answer) {
  return std::make_shared<BuiltinHandler>(std::move(answer));
}

}  // namespace

BuiltinHandlers make_builtin_handlers(const NodeFigures& node) {
  return {
      {"$mesh.ping", answering([id = node.instance_id] {
         return R"({"instanceId":)" + std::to_string(id()) + "}";
       })},
      {"$mesh.info", answering([info = node.info] { return wire::encode_node_info(info()); })},
      {"$mesh.stats", answering([figures = std::make_shared<RecentFigures>(node.stats)] {
         return figures->text();
       })},
  };
}

}  // namespace mesh::introspection
