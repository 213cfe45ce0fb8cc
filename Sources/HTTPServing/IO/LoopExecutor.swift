// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

/// Runs an actor on one serial Dispatch queue, so that Dispatch sources and the actor share a thread
/// of control. (Dispatch's own queues are not executors on Linux.)
package final class LoopExecutor: SerialExecutor {
    /// The queue; sources of the loop are made on it.
    let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label, qos: .userInteractive)
    }

    /// Runs an actor's job on the queue.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { @Sendable [self] in
            job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }

    /// Traps off the queue: what `assumeIsolated` asks inside a Dispatch callback.
    package func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}
