import Learning

/// What the gate asks of a candidate.
package struct GateOptions: Sendable {
    /// Most users of each half of the hold-out, 1…65,535; those first in a mix of their ids.
    ///
    /// Their profiles by both models are in memory together: 16 D bytes for a user of each half.
    package var userCount = 20_000
    /// Estimated bytes of users' states; with more, fewer users are judged.
    package var memoryByteCount: Int64 = 2 << 30
    /// How much AUROC a candidate's heads may lose for sure, 0…1.
    package var tolerance = 0.005
    /// The same for linear probes, which are fitted to the small early-stopping half and so vary
    /// by more than the resamples of the other half show.
    package var probeTolerance = 0.02
    /// Users with the label, and without it, that a metric needs to be judged, ≥ 1.
    package var leastUserCount = 50
    /// Of the paired bootstrap.
    package var resampleCount = 1000
    package var seed: UInt64 = 0
    /// Must be that of the training.
    package var holdOut = HoldOut()

    package init() {}
}
