// SPDX-License-Identifier: Apache-2.0

import CKernels
import Testing

@Suite struct TeamTests {
    /// Ends teams whose workers are on their way into a phase: a worker that comes too late for the last one
    /// must see that there will be no other. One wrong order of two loads hangs once in some 2,000 teams.
    @Test func `a team ends at any moment after its last phase`() throws {
        for _ in 0..<5000 {
            let team = try #require(apus_team_create(2))
            for _ in 0..<20 { apus_team_run(team, 2, { _, _ in }, nil) }
            apus_team_destroy(team)
        }
    }
}
