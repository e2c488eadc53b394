#pragma once

#include <chrono>
#include <optional>

#include <gtest/gtest.h>
#include <boost/asio/awaitable.hpp>
#include <mesh/errors.hpp>

namespace mesh::test {

/// How a call ends whose time is up after it was sent. `call` begins one that has the given time.
/// How long a busy machine takes to send is not known: what was not sent is called again, with
/// twice the time.
template <typename Error, typename Call>
boost::asio::awaitable<std::optional<Error>> out_of_time(Call call) {
  for (std::chrono::milliseconds time(100);; time *= 2) {
    try {
      co_await call(time);
      ADD_FAILURE() << "it was answered";
      co_return std::nullopt;
    } catch (const MeshError& error) {
      if (error.executed() == Executed::no && time < std::chrono::minutes(1)) continue;
      if (const auto* expected = dynamic_cast<const Error*>(&error)) co_return *expected;
      ADD_FAILURE() << error.what();
      co_return std::nullopt;
    }
  }
}

}  // namespace mesh::test
