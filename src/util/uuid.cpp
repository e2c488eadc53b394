#include <util/uuid.hpp>

#include <array>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>

namespace mesh {

namespace {

std::mt19937_64 make_seeded_engine() {
  std::random_device device;
  std::array<std::random_device::result_type, 8> seed{};
  for (auto& word : seed) word = device();
  std::seed_seq sequence(seed.begin(), seed.end());
  return std::mt19937_64(sequence);
}

}  // namespace

UuidGenerator::UuidGenerator() : random_(make_seeded_engine()) {}

std::string UuidGenerator::next() {
  return boost::uuids::to_string(boost::uuids::basic_random_generator<std::mt19937_64>(random_)());
}

}  // namespace mesh
