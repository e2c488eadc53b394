#include <mesh/detail/variant_complaint.hpp>

#include <algorithm>
#include <cstddef>

#include <codec/complaint.hpp>

namespace mesh::detail {

std::string describe_unfitting(const std::vector<std::string>& complaints) {
  constexpr std::size_t most_named = 8;
  constexpr std::size_t most_characters = 100;
  std::string text = "no alternative of the variant fits: ";
  const std::size_t named = std::min(complaints.size(), most_named);
  for (std::size_t i = 0; i < named; ++i) {
    if (i > 0) text += "; ";
    text += codec::shorten(codec::without_exception_tag(complaints[i]), most_characters);
  }
  if (complaints.size() > named) {
    text += "; and " + std::to_string(complaints.size() - named) + " more";
  }
  return text;
}

}  // namespace mesh::detail
