import Snapshots
import Storage

/// Opens the state of a generation, or begins anew when what is stored is damaged.
///
/// A damaged file must not make a crash loop (DESIGN §1, invariant 9): it is set aside, the log is
/// folded again from its start, and `status` says so. Damage that is met only later, in a user's
/// record, leaves a mark beside the file, which the next start reads.
struct StateRecovery {
    let store: StateStore
    let recovered: RecoveredState
    /// What was set aside and why.
    let degraded: [String]

    init(
        host: Host, options: PipelineOptions, generation: LiveGeneration
    ) throws(PipelineError) {
        let path = "\(generation.directory)/state.sqlite"
        func open() throws(PipelineError) -> (StateStore, RecoveredState) {
            let store = try StateStore(path)
            return (store, try RecoveredState(store, options: options, generation: generation))
        }
        var reason = try Self.takeMark(path, host.disk)
        var opened: (StateStore, RecoveredState)?
        if reason == nil {
            do throws(PipelineError) {
                opened = try open()
            } catch .damagedState(_, let found) {
                reason = found
            }
        }
        if let opened {
            (store, recovered) = opened
            degraded = []
            return
        }
        degraded = [try Self.setAside(path, reason: reason ?? "no reason was left", on: host)]
        (store, recovered) = try open()
    }

    private static func setAside(
        _ path: String, reason: String, on host: Host
    ) throws(PipelineError) -> String {
        do {
            let aside = try DamagedDatabase.setAside(path, on: host)
            return "\(aside): set aside, it was damaged (\(reason)); the log was folded again from "
                + "its start, or from where it begins now; remove the file when it is not needed"
        } catch {
            throw .storage("\(error)")
        }
    }

    /// Leaves word that the file is damaged, for the next start.
    static func mark(_ path: String, reason: String, on host: Host) {
        // Best effort: without the mark the damage is met again, and marked then.
        try? AtomicFile.write(Array(reason.utf8), to: path + ".is-damaged", on: host)
    }

    private static func takeMark(
        _ path: String, _ disk: any Disk
    ) throws(PipelineError) -> String? {
        let mark = path + ".is-damaged"
        do {
            guard try disk.status(mark) != nil else { return nil }
            let reason = try disk.text(of: mark, limit: 1 << 16)
            try disk.remove(mark)
            return reason
        } catch {
            throw .storage("\(error)")
        }
    }
}
