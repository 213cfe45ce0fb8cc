// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Logging
import ServerApp

/// How every command that runs a model can be told where its weights are.
struct WeightOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "packed: in memory, as the kernels read them; mapped: left in the file, slower, for models larger "
                + "than memory; auto: packed where they fit."))
    var weights = WeightChoice.auto

    /// Loading by these options, shown on standard error; what is decided too, where it slows the command
    /// down.
    func loading() -> LoadingOptions {
        var loading = LoadingOptions()
        loading.weights = weights
        loading.planned = { plan in if plan.storage == .mapped { printError(plan.summary) } }
        loading.report = LoadingReporter().report
        return loading
    }
}

extension LoadingOptions {
    /// Loading that a log shows.
    init(_ weights: WeightChoice, _ logger: Logger) {
        self.init()
        self.weights = weights
        planned = { plan in
            logger.log(level: plan.storage == .packed ? .info : .warning, "\(plan.summary)")
        }
        report = LoadingReporter(logger: logger).report
    }
}

extension WeightChoice: ExpressibleByArgument {}
