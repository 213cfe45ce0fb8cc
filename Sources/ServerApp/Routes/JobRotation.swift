// SPDX-License-Identifier: Apache-2.0

/// Work that waits for one thread: owners take turns, and each one's jobs go in the order in which they came.
struct JobRotation<Job: Sendable>: Sendable {
    private var jobs: [String?: [Job]] = [:]
    /// Owners with jobs, the one whose turn is next first.
    private var owners: [String?] = []

    /// Puts a job behind the owner's others.
    mutating func append(_ job: Job, of owner: String?) {
        if jobs[owner] == nil { owners.append(owner) }
        jobs[owner, default: []].append(job)
    }

    /// Takes the first job of the owner whose turn it is; nil where none waits.
    mutating func popFirst() -> Job? {
        guard !owners.isEmpty else { return nil }
        let owner = owners.removeFirst()
        guard var waiting = jobs.removeValue(forKey: owner), !waiting.isEmpty else { return nil }
        let job = waiting.removeFirst()
        if !waiting.isEmpty {
            jobs[owner] = waiting
            owners.append(owner)
        }
        return job
    }
}
