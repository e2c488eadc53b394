#include <boost/asio/detached.hpp>

#include "messages.hpp"

void run(Service& service, const Greeting& greeting) {
  service.broadcast<"news">(greeting, asio::detached);
}
