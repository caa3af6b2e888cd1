/// Which times training reads as past and which as future, all event times in seconds since 1970.
///
/// Rows are read from before the cut T alone; labels count in `[T, T + horizon)`, half-open, as
/// the published split does (evaluation-protocol.md §1); rows of the future, for FIP, tell of what
/// began in `[T, T + future)`.
package struct LabelWindow: Sendable, Hashable {
    /// T: an event at T belongs to the future.
    package let cutSeconds: Int64
    /// Length of the label horizon, seconds > 0; two weeks as published.
    package let horizonSeconds: Int64
    /// Length of the future whose rows are kept, seconds in 0…2³²−1; four weeks as published.
    package let futureSeconds: Int64

    package init(
        cutSeconds: Int64, horizonSeconds: Int64 = 14 * 86_400, futureSeconds: Int64 = 28 * 86_400
    ) {
        precondition(
            horizonSeconds > 0 && (0...Int64(UInt32.max)).contains(futureSeconds),
            "LabelWindow: horizon \(horizonSeconds) s, future \(futureSeconds) s")
        self.cutSeconds = cutSeconds
        self.horizonSeconds = horizonSeconds
        self.futureSeconds = futureSeconds
    }

    /// Times whose purchases are labels.
    package var labels: Range<Int64> { cutSeconds..<cutSeconds + horizonSeconds }
    /// Times of which rows of the future tell.
    package var future: Range<Int64> { cutSeconds..<cutSeconds + futureSeconds }
}
