#pragma once

/// Everything the library offers but what is optional, such as <mesh/tracing.hpp>; finer headers
/// exist for each part.

#include <mesh/codec/nlohmann.hpp>
#include <mesh/core.hpp>
