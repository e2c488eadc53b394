#include <boost/asio/use_future.hpp>

#include "messages.hpp"

void run(Service& service, const Greeting& greeting) {
  const auto reply = service.invoke<"greet">(1, greeting, asio::use_future);
}
