import EventLog
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

    /// Inputs that the state has not applied yet, ascending.
    let inputs: [LogInput]
    /// Whom the fold skips.
    let forgotten: ForgottenUsers

    init(
        host: Host, options: PipelineOptions, generation: LiveGeneration, registry: Registry
    ) throws(PipelineError) {
        let path = "\(generation.directory)/state.sqlite"
        func open() throws(PipelineError) -> (StateStore, RecoveredState, [LogInput]) {
            let store = try StateStore(path)
            let recovered = try RecoveredState(store, options: options, generation: generation)
            return (store, recovered, try Self.inputs(of: recovered, registry, path: path))
        }
        var reason = try Self.takeMark(path, host.disk)
        var opened: (StateStore, RecoveredState, [LogInput])?
        if reason == nil {
            do throws(PipelineError) {
                opened = try open()
            } catch .damagedState(_, let found) {
                reason = found
            }
        }
        if let opened {
            (store, recovered, inputs) = opened
            forgotten = try Self.forgotten(recovered, registry)
            degraded = []
            return
        }
        degraded = [try Self.setAside(path, reason: reason ?? "no reason was left", on: host)]
        (store, recovered, inputs) = try open()
        forgotten = try Self.forgotten(recovered, registry)
    }

    private static func forgotten(
        _ state: RecoveredState, _ registry: Registry
    ) throws(PipelineError) -> ForgottenUsers {
        do {
            return ForgottenUsers(try registry.forgets(), applied: state.appliedInput)
        } catch {
            throw .init(error)
        }
    }

    /// Inputs that are still to come; a state that has gone past one without it is no fold.
    ///
    /// That happens to a generation that was folded elsewhere while an input was accepted here.
    private static func inputs(
        of state: RecoveredState, _ registry: Registry, path: String
    ) throws(PipelineError) -> [LogInput] {
        let inputs: [LogInput]
        do { inputs = try registry.inputs(after: state.appliedInput) } catch { throw .init(error) }
        if let missed = inputs.first(where: { $0.place < state.standing }) {
            throw .damagedState(path: path, reason: missed.missedReason(at: state.standing))
        }
        return inputs
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

extension RecoveredState {
    /// The place of the record that is folded next.
    var standing: RecordPlace {
        RecordPlace(
            segment: segmentStart.segment, recordIndex: cursor.recordCount - segmentStart.offset)
    }
}

extension LogInput {
    /// Why a state that stands at `standing` and has not applied this cannot be gone on with.
    func missedReason(at standing: RecordPlace) -> String {
        "it stands at \(standing) and lacks input \(id), which took effect at \(place)"
    }
}
