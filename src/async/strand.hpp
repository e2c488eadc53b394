#pragma once

#include <chrono>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

namespace mesh {

namespace asio = boost::asio;

using Strand = asio::strand<asio::any_io_executor>;
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

}  // namespace mesh
