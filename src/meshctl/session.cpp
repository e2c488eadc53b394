#include <meshctl/session.hpp>

#include <csignal>
#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <util/cancellation.hpp>

namespace mesh::ctl {

namespace {

asio::awaitable<ExitStatus> join_and_work(Session& session, const Work& work) {
  if (session.node != nullptr) co_await session.node->start();
  co_return co_await work(session);
}

/// Cancels what has its slot at the first signal.
class Interrupt {
 public:
  explicit Interrupt(const Strand& strand) : signals_(strand, SIGINT, SIGTERM, SIGHUP) {
    signals_.async_wait([this](const boost::system::error_code& error, int /*number*/) {
      if (error) return;
      has_come_ = true;
      boost::system::error_code ignored;
      signals_.clear(ignored);  // the next one ends the program
      cancel_.emit(asio::cancellation_type::terminal);
    });
  }
  asio::cancellation_slot slot() { return cancel_.slot(); }
  bool has_come() const { return has_come_; }
  void end() { signals_.cancel(); }

 private:
  asio::signal_set signals_;
  asio::cancellation_signal cancel_;
  bool has_come_ = false;
};

asio::awaitable<ExitStatus> supervise(Session& session, const Work& work) {
  Interrupt interrupt(session.strand);
  ExitStatus status = ExitStatus::other;
  std::exception_ptr failure;
  try {
    auto token = asio::bind_cancellation_slot(interrupt.slot(), asio::use_awaitable);
    auto task = join_and_work(session, work);
    auto ended = asio::co_spawn(session.strand, std::move(task), token);
    status = co_await std::move(ended);
  } catch (...) {
    failure = std::current_exception();
  }
  interrupt.end();
  if (session.node != nullptr) co_await session.node->stop();
  if (!failure) co_return status;
  if (!interrupt.has_come() || !is_cancellation(failure)) std::rethrow_exception(failure);
  co_return session.ends_by_interrupt ? ExitStatus::ok : ExitStatus::interrupted;
}

ExitStatus run(asio::io_context& context, Session& session, const Work& work) {
  std::optional<ExitStatus> status;
  std::exception_ptr failure;
  asio::co_spawn(session.strand, supervise(session, work),
                 [&](const std::exception_ptr& error, ExitStatus result) {
                   failure = error;
                   status = result;
                 });
  context.run();
  if (failure) std::rethrow_exception(failure);
  return status.value_or(ExitStatus::other);
}

}  // namespace

ExitStatus run_in_mesh(const Settings& settings, const Work& work) {
  asio::io_context context(1);
  Session session{Strand(context.get_executor()), settings, mesh_options(settings)};
  Node node(session.strand, settings.key, session.options);
  session.node = &node;
  return run(context, session, work);
}

ExitStatus run_beside_mesh(const Settings& settings, MeshOptions options, const Work& work) {
  asio::io_context context(1);
  Session session{Strand(context.get_executor()), settings, std::move(options)};
  return run(context, session, work);
}

}  // namespace mesh::ctl
