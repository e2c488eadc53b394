#pragma once

#include <integration/fault_nodes.hpp>
#include <integration/support/mesh_test.hpp>

namespace mesh::test::faults {

/// A test of nodes with `patient_options()`, on the Redis that all tests of the process share.
class PatientNodesTest : public MeshTest {
 protected:
  MeshOptions patient() const { return patient_options(redis().options(), log()); }
};

}  // namespace mesh::test::faults
