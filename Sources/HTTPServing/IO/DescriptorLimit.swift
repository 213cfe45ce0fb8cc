// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How many descriptors the process may have open (`RLIMIT_NOFILE`).
enum DescriptorLimit {
    /// Raises the soft limit to the hard one; the limit after that.
    static func raise() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        let raised = setrlimit(resource, &limit) == 0
        return Int(clamping: raised ? limit.rlim_max : before)
    }
}
