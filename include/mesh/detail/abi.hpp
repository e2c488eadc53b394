#pragma once

#include <boost/asio/detail/config.hpp>
#include <boost/version.hpp>

namespace mesh::detail {

template <int Major, int Minor>
struct Boost;

// The macros that change types or inline functions of Asio which a program and the library share.
template <typename... Macros>
struct AsioMacros;
struct custom_tracking;
struct disable_epoll;
struct disable_eventfd;
struct disable_small_block_recycling;
struct disable_std_atomic;
struct disable_threads;
struct disable_timerfd;
struct enable_handler_tracking;
struct has_io_uring;
struct has_io_uring_as_default;
struct no_ts_executors;
struct use_ts_executor_as_default;

struct none;  // ends each list

using MacrosOfThisFile = AsioMacros<
#ifdef BOOST_ASIO_CUSTOM_HANDLER_TRACKING
    custom_tracking,
#endif
#ifdef BOOST_ASIO_DISABLE_EPOLL
    disable_epoll,
#endif
#ifdef BOOST_ASIO_DISABLE_EVENTFD
    disable_eventfd,
#endif
#ifdef BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING
    disable_small_block_recycling,
#endif
#ifdef BOOST_ASIO_DISABLE_STD_ATOMIC
    disable_std_atomic,
#endif
#ifdef BOOST_ASIO_DISABLE_THREADS
    disable_threads,
#endif
#ifdef BOOST_ASIO_DISABLE_TIMERFD
    disable_timerfd,
#endif
#ifdef BOOST_ASIO_ENABLE_HANDLER_TRACKING
    enable_handler_tracking,
#endif
#ifdef BOOST_ASIO_HAS_IO_URING
    has_io_uring,
#endif
#ifdef BOOST_ASIO_HAS_IO_URING_AS_DEFAULT
    has_io_uring_as_default,
#endif
#ifdef BOOST_ASIO_NO_TS_EXECUTORS
    no_ts_executors,
#endif
#ifdef BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT
    use_ts_executor_as_default,
#endif
    none>;
using BoostOfThisFile = Boost<BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000>;

/// The library has this function for the Boost and the Asio macros it was compiled with, and for no
/// others: a program that was compiled differently does not link, and the linker's complaint names
/// what the program has.
template <typename Setting>
void program_and_library_are_compiled_with() noexcept;

/// To be called by whatever a program cannot do without.
template <typename MacrosOfProgram = MacrosOfThisFile, typename BoostOfProgram = BoostOfThisFile>
void require_the_librarys_settings() noexcept {
  program_and_library_are_compiled_with<MacrosOfProgram>();
  program_and_library_are_compiled_with<BoostOfProgram>();
}

}  // namespace mesh::detail
