#pragma once

// Makes nlohmann_json as another version is, with other names and another layout of its documents.
// Nothing of that may matter to the library, which is the same.
#define JSON_DIAGNOSTICS 1
#define NLOHMANN_JSON_NAMESPACE nlohmann::json_of_another_version
#define NLOHMANN_JSON_NAMESPACE_BEGIN \
  namespace nlohmann {                \
  inline namespace json_of_another_version {
#define NLOHMANN_JSON_NAMESPACE_END \
  }                                 \
  }
