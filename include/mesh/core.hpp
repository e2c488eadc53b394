#pragma once

/// Everything the library offers but the codec for nlohmann_json types, and without including
/// nlohmann_json: for programs whose payloads have codecs of their own. What is optional, such as
/// <mesh/tracing.hpp>, is not included.

#include <mesh/bytes.hpp>
#include <mesh/call_context.hpp>
#include <mesh/codec.hpp>
#include <mesh/errors.hpp>
#include <mesh/headers.hpp>
#include <mesh/interceptor.hpp>
#include <mesh/leader_service.hpp>
#include <mesh/log.hpp>
#include <mesh/mesh_service.hpp>
#include <mesh/message_map.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>
#include <mesh/stats.hpp>
