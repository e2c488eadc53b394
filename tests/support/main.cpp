#include <gtest/gtest.h>

#include <support/environment.hpp>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  mesh::test::remove_redis_variables();
  return RUN_ALL_TESTS();
}
