import Events

/// Where a trainer's examples come from: a file, or memory in tests.
package protocol ExampleSource: Sendable {
    /// Examples there are.
    var count: Int { get }
    /// Tells contents apart: a checkpoint belongs to one.
    var fingerprint: UInt64 { get }
    /// Rows of an example before the cut, > 0.
    func rowCount(_ index: Int) -> Int
    /// Whose example it is, for messages; nil when nobody knows.
    func owner(_ index: Int) -> UserID?
    /// Reads examples, in the order asked; memory is theirs alone.
    func examples(_ indices: [Int]) throws(LearningError) -> [TrainingExample]
}

extension ExampleSource {
    /// Nobody knows.
    package func owner(_ index: Int) -> UserID? { nil }
}
