// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// How many tokens each layer has sent to each of its experts, over all steps that have ended. Any thread
/// may read.
///
/// Layers count on the engine thread, in memory of its own, and whole steps are published: in what is read
/// the experts of every layer have had as many tokens together as went through it, times
/// `activeExpertCount`.
package final class RoutedTokens: Sendable {
    /// One layer that has experts.
    package struct Layer: Sendable, Equatable {
        /// Which block of the model it is, from 0.
        package let index: Int
        /// [E]
        package fileprivate(set) var tokenCounts: [Int]
    }

    /// Experts that a layer sends a token to; 0 where no layer has any.
    package let activeExpertCount: Int
    private let published: Mutex<[Layer]>

    init(_ shape: WorkspaceShape) {
        activeExpertCount = shape.activeExpertCount
        published = Mutex(
            shape.expertLayers.map {
                Layer(index: $0, tokenCounts: Array(repeating: 0, count: shape.expertCount))
            })
    }

    /// Layers that have experts, ascending; none of a dense model.
    package var layers: [Layer] { published.withLock { $0 } }

    /// Takes over what layers have counted.
    func publish(_ routing: Routing) {
        published.withLock { layers in
            for index in layers.indices {
                let counts = routing.tokenCounts(layer: layers[index].index)
                for expert in counts.indices { layers[index].tokenCounts[expert] = counts[expert] }
            }
        }
    }
}
