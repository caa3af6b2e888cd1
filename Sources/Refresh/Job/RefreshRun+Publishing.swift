import Pipeline
import Snapshots
import Storage

/// The last step, and the only one that changes anything outside of the work directory.
extension RefreshRun {
    /// Seals the generation with the gate's word, then moves space and generation into place.
    ///
    /// Both moves are renames: killed in between, the next call finds what has moved.
    func publish(to aside: String) throws {
        let verdict = try directory.read(
            GateRecord.self, directory.output(.gate) + "/refusals.json")
        if try host.disk.status(made.path(ofGeneration: plan.generation)) != nil {
            let report = try host.disk.bytes(
                of: directory.output(.gate) + "/gate.json", limit: 1 << 26)
            // The space may have moved already.
            try made.amendGeneration(plan.generation, files: ["gate.json": report]) {
                $0.refusals = verdict.refusals
            }
        }
        if options.kind == .newSpace { _ = try store.takeSpace(plan.space, from: made) }
        _ = try store.takeGeneration(plan.generation, from: made)
    }
}
