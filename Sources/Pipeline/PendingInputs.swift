import EventLog
import Snapshots

/// Inputs that are durable and that this fold of the log has not come to yet.
///
/// Their places ascend with their ids, because nothing is accepted while any waits. Holds no
/// payload: that is read from the registry when the input is applied.
struct PendingInputs: Sendable {
    private var waiting: ArraySlice<LogInput>
    /// Records that a waiting replay brings back: they are set aside where they stand, as they
    /// were when the replay was accepted, whatever the parser says of them today.
    private var setAside: Set<RecordPlace>

    init(_ inputs: [LogInput]) {
        waiting = inputs[...]
        setAside = Set(inputs.compactMap(\.replayedPlace))
    }

    /// Adds inputs that were accepted since, which stand behind those that wait.
    mutating func append(_ inputs: [LogInput]) {
        waiting += inputs
        setAside.formUnion(inputs.compactMap(\.replayedPlace))
    }

    var isEmpty: Bool { waiting.isEmpty }
    var count: Int { waiting.count }

    /// Whether the record at `place` is to be set aside.
    func setsAside(_ place: RecordPlace) -> Bool { setAside.contains(place) }

    /// Whether an input takes effect before the record at `place`.
    func isDue(at place: RecordPlace) -> Bool { waiting.first.map { $0.place <= place } ?? false }

    /// Takes out the next input that takes effect before the record at `place`.
    mutating func takeDue(at place: RecordPlace) -> LogInput? {
        guard isDue(at: place), let input = waiting.popFirst() else { return nil }
        if let place = input.replayedPlace { setAside.remove(place) }
        return input
    }
}

extension LogInput {
    /// The record that a replay gives to the fold again; nil for any other kind.
    var replayedPlace: RecordPlace? { kind == .replay ? subject.flatMap(RecordPlace.init) : nil }
}
