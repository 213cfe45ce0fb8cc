// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// SIGHUP: files are read again. It ends nothing, even before `onSignal` is set.
final class ReloadSignal {
    private let source: any DispatchSourceSignal

    init() {
        signal(SIGHUP, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
    }

    /// Has `body` called for each signal from now on.
    func onSignal(_ body: @escaping @Sendable () -> Void) {
        source.setEventHandler(handler: body)
        source.activate()
    }

    deinit {
        // A source that was never activated must not be released as it is.
        source.activate()
        source.cancel()
    }
}
