// SPDX-License-Identifier: Apache-2.0

/// How much one template may ask for.
package struct TemplateLimits: Sendable {
    /// UTF-8 bytes of a template's source.
    package var maxSourceBytes = 1 << 20
    /// Levels of blocks, brackets and operators within each other in the source. Published templates have
    /// about 20; the parser and the evaluator go down one level of the stack for each.
    package var maxSyntaxDepth = 100
    /// Nodes and elements that a rendering visits: about a second.
    package var maxStepCount = 5_000_000
    /// UTF-8 bytes of the result, and of any string on the way to it.
    package var maxTextBytes = 32 << 20
    /// Levels of statements and expressions that are evaluated within each other, over all calls of macros.
    package var maxCallDepth = 400
    /// Levels of lists, tuples and mappings within each other.
    package var maxValueDepth = 100
    /// Values inside one value, each counted as often as it is reached.
    package var maxValueWeight = 1_000_000

    /// The defaults.
    package init() {}
}
