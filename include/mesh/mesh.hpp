#pragma once

/// Everything the library offers; finer headers exist for each part.

#include <mesh/codec/nlohmann.hpp>
#include <mesh/core.hpp>
