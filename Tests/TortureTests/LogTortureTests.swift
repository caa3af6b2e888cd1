import Storage
import TestSupport
import Testing
import Torture

/// The small form of `make torture-log`, and proof that it can fail.
@Suite struct LogTortureTests {
    @Test func `random writers, lives and damages lose, double and invent nothing`() throws {
        let torture = LogTorture(seed: 1)
        for round in 0..<400 {
            let faults = try torture.faults(round: round)
            #expect(faults.isEmpty, "again: Torture log --seed 1 --first \(round) --rounds 1")
        }
    }

    @Test func `so they do on the real disk`() throws {
        let directory = try TemporaryDirectory()
        let torture = LogTorture(seed: 2, work: directory.path)
        for round in 0..<60 {
            let faults = try torture.faults(round: round)
            #expect(
                faults.isEmpty,
                "again: Torture log --real-disk --seed 2 --first \(round) --rounds 1")
        }
    }

    @Test(arguments: LogMutation.allCases)
    func `the oracle sees what a wrong reader would do`(mutation: LogMutation) throws {
        let torture = LogTorture(seed: 3)
        let verdicts = try (0..<300).compactMap { try torture.faults(round: $0, with: mutation) }
        #expect(verdicts.count >= (mutation == .forgetsDamage ? 3 : 60))
        #expect(verdicts.allSatisfy { !$0.isEmpty })
    }

    @Test func `a round is a function of its seed and number`() throws {
        let torture = LogTorture(seed: 4)
        for round in 0..<5 {
            let first = try torture.explanation(round: round, without: [])
            #expect(try torture.explanation(round: round, without: []) == first)
            #expect(first.count > 1)
        }
    }
}
