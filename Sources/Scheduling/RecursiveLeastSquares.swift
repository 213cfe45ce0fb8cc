// SPDX-License-Identifier: Apache-2.0

/// A linear function learned from one sample after the other, the older counting less and less.
///
/// Recursive least squares with exponential forgetting (Haykin, Adaptive Filter Theory). A sample that is far
/// off, by the measure of those before it, pulls no more than one at the edge of the usual does (Huber's
/// weights); if many are off the same way, the usual grows and they are believed.
struct RecursiveLeastSquares: Sendable {
    private(set) var coefficients: [Double]
    /// The mean absolute error, over about the last twenty samples.
    private(set) var meanError = 0.0
    /// The inverse of the inputs' weighted correlation.
    private var covariance: [[Double]]
    private let forgetting: Double

    /// Without samples a coefficient is 0, give or take `uncertainty` times the error of one sample.
    init(inputCount: Int, uncertainty: Double, forgetting: Double) {
        coefficients = Array(repeating: 0, count: inputCount)
        covariance = (0..<inputCount).map { row in
            (0..<inputCount).map { $0 == row ? uncertainty * uncertainty : 0 }
        }
        self.forgetting = forgetting
        maxVariance = uncertainty * uncertainty
    }

    /// Inputs without samples for long are not forgotten beyond knowing nothing; the others go on being.
    private let maxVariance: Double

    /// Errors of up to so many mean ones are usual.
    private static let usualErrorCount = 4.0
    private static let errorMemory = 0.95

    /// What the function is taken to be at `input`.
    func value(_ input: [Double]) -> Double {
        zip(coefficients, input).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// Learns from the true `value` of the function at `input`. The first ones are believed as they are.
    mutating func learn(_ input: [Double], _ value: Double, isFirst: Bool) {
        let error = value - self.value(input)
        let usual = Self.usualErrorCount * meanError
        let isOutlier = !isFirst && abs(error) > usual
        let believed = isOutlier ? (error < 0 ? -usual : usual) : error
        if !isFirst {
            // Even an outlier widens what is usual, by no more than a twentieth of its bound.
            meanError =
                Self.errorMemory * meanError
                + (1 - Self.errorMemory) * min(abs(error), max(usual, value / 100))
        } else {
            meanError = max(meanError, value / 20)
        }
        let spread = covariance.map { row in zip(row, input).reduce(0) { $0 + $1.0 * $1.1 } }
        let scale = forgetting + zip(spread, input).reduce(0) { $0 + $1.0 * $1.1 }
        for row in coefficients.indices {
            coefficients[row] += spread[row] / scale * believed
            for column in coefficients.indices {
                covariance[row][column] -= spread[row] * spread[column] / scale
            }
        }
        forget()
    }

    private mutating func forget() {
        let factors = coefficients.indices.map { input in
            covariance[input][input] < maxVariance * forgetting ? 1 / forgetting.squareRoot() : 1
        }
        for row in coefficients.indices {
            for column in coefficients.indices {
                covariance[row][column] *= factors[row] * factors[column]
            }
        }
    }
}
