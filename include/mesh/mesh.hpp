#pragma once

/// Everything the library offers; finer headers exist for each part.

#include <mesh/errors.hpp>
#include <mesh/leader_service.hpp>
#include <mesh/log.hpp>
#include <mesh/mesh_service.hpp>
#include <mesh/message_map.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>
#include <mesh/stats.hpp>
