// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// A fork-join team of threads; the thread that owns it is worker 0.
///
/// Not `Sendable`: phases are started by one thread only.
package final class ThreadTeam {
    private let team: OpaquePointer
    /// Threads in the team, the owner included.
    package let threadCount: Int

    /// Starts `threadCount − 1` workers.
    package init(threadCount: Int) throws(ModelError) {
        guard let team = apus_team_create(max(1, threadCount)) else {
            throw .outOfResources("\(threadCount) threads could not be started")
        }
        self.team = team
        self.threadCount = max(1, threadCount)
    }

    deinit {
        apus_team_destroy(team)
    }

    /// Whether threads that wait for others spin before they park, as they do at first.
    func setSpinning(_ spins: Bool) { apus_team_set_spinning(team, spins) }

    /// Runs `body(worker)`, which takes `count` items, on this thread and on every other that is free to come.
    private func run(_ count: Int, _ body: (_ worker: Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { context in
                apus_team_run(
                    team, count,
                    { context, worker in
                        context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(worker)
                    },
                    UnsafeMutableRawPointer(mutating: context))
            }
        }
    }

    /// Runs `body(item, worker)` for every item in 0..<count: a thread takes a run of consecutive ones, then
    /// what others have left.
    func forEach(_ count: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
        guard count > 1 else {
            if count == 1 { body(0, 0) }
            return
        }
        run(count) { worker in
            while case let item = apus_team_take(team, worker), item >= 0 {
                body(item, worker)
            }
        }
    }
}
