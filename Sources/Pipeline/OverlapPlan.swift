import Snapshots

/// Which generations of other spaces go on being served, and until when (DESIGN §6).
///
/// The last active generation of a space is kept for a number of days after another space took
/// over. Generation 0 is not: its columns are part of every other generation's profile.
package enum OverlapPlan {
    /// Decides who overlaps now.
    ///
    /// - Parameters:
    ///   - activations: in the order in which they happened; the last one's generation is active.
    ///   - spaces: the space of each generation.
    ///   - days: `space.overlap_days`.
    ///   - now: seconds since 1970.
    /// - Returns: generations by id, with the end of their overlap, seconds since 1970.
    package static func make(
        _ activations: [Activation], spaces: [Int64: Int64], days: Int64, now: Int64
    ) -> [Int64: Int64] {
        guard let last = activations.last, days > 0 else { return [:] }
        var seen: Set<Int64> = [spaces[last.generation] ?? 0, 0]
        var plan: [Int64: Int64] = [:]
        var successor = last
        for activation in activations.reversed() {
            defer { successor = activation }
            guard let space = spaces[activation.generation], seen.insert(space).inserted else {
                continue
            }
            let end = successor.activatedSeconds + days * 86_400
            if end > now { plan[activation.generation] = end }
        }
        return plan
    }
}
