#include "member.hpp"

#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "outcome_class.hpp"

namespace mesh::chaos {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr InstanceId never_taken = 5'000'000;  // ids start at 1 and grow by one per start
constexpr std::size_t most_in_flight = 300;

/// Says that a handler runs before it does, and that it ended however it ends.
class RunRecord {
 public:
  RunRecord(EventLog& log, std::string member, std::string call)
      : log_(log), member_(std::move(member)), call_(std::move(call)) {
    log_.write("begin", {{"n", member_}, {"c", call_}});
  }
  ~RunRecord() { log_.write("done", {{"n", member_}, {"c", call_}}); }
  RunRecord(const RunRecord&) = delete;
  RunRecord& operator=(const RunRecord&) = delete;

 private:
  EventLog& log_;
  std::string member_;
  std::string call_;
};

asio::awaitable<void> take_time(milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

Member::Member(asio::any_io_executor executor, const NodeOptions& options, std::size_t index,
               EventLog& log)
    : name_(options.name + "." + std::to_string(index)),
      options_(options),
      timing_(options.scale),
      log_(log),
      strand_(asio::make_strand(executor)),
      service_(executor, options.key, mesh_options(options)),
      timer_(strand_),
      random_(std::hash<std::string>{}(name_)) {
  register_handlers();
  report_events();
}

void Member::register_handlers() {
  service_.register_handler<"echo">([this](CallData data) {
    const RunRecord record(log_, name_, data.call);
    return data;
  });
  service_.register_handler<"slow">([this](CallData data) -> asio::awaitable<CallData> {
    const RunRecord record(log_, name_, data.call);
    co_await take_time(milliseconds(data.ms));
    co_return data;
  });
  service_.register_handler<"fail">([this](const CallData& data) -> CallData {
    const RunRecord record(log_, name_, data.call);
    throw std::runtime_error("failed: " + data.call);
  });
  service_.register_handler<"block">([this](CallData data) {
    const RunRecord record(log_, name_, data.call);
    std::this_thread::sleep_for(milliseconds(data.ms));
    return data;
  });
  service_.register_handler<"start_program">([this](CallData data) {
    const RunRecord record(log_, name_, data.call);
    start_program(data);
    return data;
  });
  service_.register_handler<"order">([this](const Order& order) {
    asio::post(strand_, [self = shared_from_this(), order] { self->obey(order); });
    return order.call;
  });
  service_.register_broadcast_handler<"news">([this](const CallData& data) {
    log_.write("news", {{"n", name_}, {"c", data.call}});
  });
}

void Member::start_program(const CallData& data) {
  std::string program = "sleep";
  std::string seconds = std::to_string(data.ms / 1000);
  char* arguments[] = {program.data(), seconds.data(), nullptr};
  pid_t pid = 0;
  if (posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments, environ) != 0) return;
  log_.write("started_program", {{"n", name_}, {"c", data.call}, {"pid", pid}});
}

void Member::report_events() {
  service_.set_reregistered_callback([this] {
    log_.write("reregistered", {{"n", name_}, {"id", service_.instance_id()}});
  });
  service_.set_node_cleaned_up_callback([this](InstanceId id) {
    log_.write("cleaned_up", {{"n", name_}, {"id", id}});
  });
  service_.leader().set_became_leader_callback([this] {
    log_.write("became_leader", {{"n", name_}, {"token", service_.leader().fencing_token()}});
  });
  service_.leader().set_lost_leader_callback([this] { log_.write("lost_leader", {{"n", name_}}); });
}

int Member::draw(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

void Member::ask(Wish wish) {
  asio::post(strand_, [self = shared_from_this(), wish] {
    if (self->wish_ != Wish::stop) self->wish_ = wish;
    self->timer_.cancel();
  });
}

asio::awaitable<void> Member::pause(milliseconds duration) {
  timer_.expires_after(duration);
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> Member::run() {
  const auto interval = milliseconds(static_cast<std::int64_t>(1000 / options_.rate));
  asio::co_spawn(
      strand_, [self = shared_from_this()] { return self->watch_executor(); }, asio::detached);
  for (;;) {
    co_await join();
    while (wish_ == Wish::none) {
      act();
      co_await pause(interval / 2 + milliseconds(draw(static_cast<int>(interval.count()) + 1)));
    }
    co_await leave();
    if (wish_ == Wish::stop) break;
    wish_ = Wish::none;
  }
  // Calls to the own handlers outlast stop(), and end by themselves.
  const auto deadline = std::chrono::steady_clock::now() + timing_.stretched(10'000);
  while (in_flight_ > 0 && std::chrono::steady_clock::now() < deadline) {
    co_await pause(milliseconds(5));
  }
  finished_ = true;
  log_stats();
}

asio::awaitable<void> Member::watch_executor() {
  constexpr milliseconds interval{20};
  constexpr Nanoseconds late = 150 * 1'000'000;
  Nanoseconds last = now_ns();
  while (!finished_) {
    co_await take_time(interval);
    const Nanoseconds now = now_ns();
    if (now - last > late) log_.write("stall", {{"n", name_}, {"from", last}, {"to", now}});
    last = now;
  }
}

asio::awaitable<void> Member::join() {
  while (wish_ != Wish::stop) {
    log_.write("starting", {{"n", name_}});
    std::string failure;
    try {
      co_await service_.start();
      log_.write("started", {{"n", name_}, {"id", service_.instance_id()}});
      co_return;
    } catch (const MeshError& error) {
      failure = error.what();
    }
    log_.write("start_failed", {{"n", name_}, {"what", failure}});
    co_await pause(timing_.stretched(50));
  }
}

asio::awaitable<void> Member::leave() {
  log_.write("stopping", {{"n", name_}});
  co_await service_.stop();
  log_.write("stopped", {{"n", name_}});
}

void Member::act() {
  if (in_flight_ >= most_in_flight) return;
  const int choice = draw(100);
  if (choice < 15 || nodes_.empty()) {
    spawn(refresh());
  } else if (choice < 18) {
    spawn(broadcast());
  }
  spawn(call(plan_call()));
}

void Member::obey(const Order& order) {
  Plan plan;
  plan.kind = order.kind;
  plan.target = order.to;
  plan.timeout = order.bytes > 0 ? timing_.longest_call() : timing_.shortest_call();
  plan.data.call = order.call;
  plan.data.ms = order.ms;
  plan.data.padding.assign(order.bytes, 'x');
  spawn(call(std::move(plan)));
}

void Member::spawn(asio::awaitable<void> task) {
  ++in_flight_;
  asio::co_spawn(strand_, std::move(task),
                 [self = shared_from_this()](const std::exception_ptr& error) {
                   --self->in_flight_;
                   if (error) std::rethrow_exception(error);
                 });
}

InstanceId Member::pick_other() {
  const InstanceId self = service_.instance_id();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const InstanceId id = nodes_[next_node_++ % nodes_.size()];
    if (id != self) return id;
  }
  return never_taken;
}

InstanceId Member::pick_gone() {
  std::vector<InstanceId> gone;
  std::set_difference(seen_.begin(), seen_.end(), nodes_.begin(), nodes_.end(),
                      std::back_inserter(gone));
  if (gone.empty()) return never_taken;
  return gone[static_cast<std::size_t>(draw(static_cast<int>(gone.size())))];
}

Member::Plan Member::plan_call() {
  const int choice = draw(100);
  Plan plan;
  plan.data.call = name_ + "#" + std::to_string(++calls_);
  const auto shortest = timing_.shortest_call().count();
  const auto longest = timing_.longest_call().count();
  plan.timeout = milliseconds(shortest + draw(static_cast<int>(longest - shortest)));
  plan.target = pick_other();
  if (choice < 50) {
    plan.kind = "echo";
  } else if (choice < 62) {
    plan.kind = "slow";
    plan.timeout = milliseconds(shortest);
    plan.data.ms = shortest + draw(static_cast<int>(shortest * 3 / 2));
  } else if (choice < 77) {
    plan.kind = "any";
    plan.target = 0;
  } else if (choice < 80) {
    plan.kind = "fail";
  } else if (choice < 84) {
    plan.kind = "missing";
  } else if (choice < 88) {
    plan.kind = "never";
    plan.target = never_taken;
  } else if (choice < 92) {
    plan.kind = "gone";
    plan.target = pick_gone();
  } else {
    plan.kind = "self";
    plan.target = service_.instance_id();
  }
  if (plan.kind != "self" && plan.target == never_taken) plan.kind = "never";
  return plan;
}

AnyOptions Member::to_any(const Plan& plan) {
  AnyOptions options;
  options.timeout = plan.timeout;
  // Few nodes are dead at a time, but some of them belong to one process.
  options.attempts = 8;
  switch (draw(3)) {
    case 0:
      options.route = Route::by_key(plan.data.call);
      break;
    case 1:
      options.route = Route::least_pending();
      break;
    default:
      break;
  }
  return options;
}

asio::awaitable<CallData> Member::invoke(const Plan& plan) {
  if (plan.kind == "any") {
    const AnyOptions any = to_any(plan);
    co_return co_await service_.invoke_any<"echo">(plan.data, any);
  }
  const InvokeOptions options{plan.timeout};
  if (plan.kind == "slow") {
    co_return co_await service_.invoke<"slow">(plan.target, plan.data, options);
  }
  if (plan.kind == "block") {
    co_return co_await service_.invoke<"block">(plan.target, plan.data, options);
  }
  if (plan.kind == "start_program") {
    co_return co_await service_.invoke<"start_program">(plan.target, plan.data, options);
  }
  if (plan.kind == "fail") {
    co_return co_await service_.invoke<"fail">(plan.target, plan.data, options);
  }
  if (plan.kind == "missing") {
    co_return co_await service_.invoke<"missing">(plan.target, plan.data, options);
  }
  co_return co_await service_.invoke<"echo">(plan.target, plan.data, options);
}

asio::awaitable<void> Member::call(Plan plan) {
  log_.write("call", {{"n", name_},
                      {"c", plan.data.call},
                      {"to", plan.target},
                      {"kind", plan.kind},
                      {"timeout", plan.timeout.count()}});
  std::string outcome = "ok";
  std::string text;
  std::string executed = "yes";
  try {
    const CallData answer = co_await invoke(plan);
    if (answer.call != plan.data.call) outcome = "wrong_answer";
    text = answer.call;
  } catch (...) {
    outcome = outcome_class(std::current_exception());
    text = error_text(std::current_exception());
    executed = executed_text(std::current_exception());
  }
  nlohmann::json fields{
      {"n", name_}, {"c", plan.data.call}, {"outcome", outcome}, {"executed", executed}};
  if (outcome != "ok") fields["text"] = text;
  log_.write("end", std::move(fields));
}

asio::awaitable<void> Member::refresh() {
  try {
    const std::vector<MeshNode> nodes = co_await service_.get_nodes();
    nodes_.clear();
    for (const MeshNode& node : nodes) nodes_.push_back(node.instance_id);
    seen_.insert(nodes_.begin(), nodes_.end());
    while (seen_.size() > 50) seen_.erase(seen_.begin());
  } catch (const MeshError&) {
    // Redis is away or the node is stopping: the old list has to do.
  }
}

asio::awaitable<void> Member::broadcast() {
  CallData news;
  news.call = name_ + "#" + std::to_string(++calls_);
  std::string outcome = "ok";
  try {
    co_await service_.broadcast<"news">(news);
  } catch (...) {
    outcome = outcome_class(std::current_exception());
  }
  log_.write("broadcast", {{"n", name_}, {"c", news.call}, {"outcome", outcome}});
}

void Member::log_stats() {
  const MeshStats stats = service_.stats();
  log_.write("stats", {{"n", name_},
                       {"in_flight", in_flight_},
                       {"sent", stats.calls_sent},
                       {"succeeded", stats.calls_succeeded},
                       {"failed", stats.calls_failed},
                       {"requests", stats.requests_received},
                       {"dropped", stats.messages_dropped},
                       {"reconnects", stats.reconnects},
                       {"rerouted", stats.calls_rerouted}});
}

}  // namespace mesh::chaos
