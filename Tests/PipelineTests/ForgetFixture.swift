import EventLog
import Events
import Foundation
import GRDB
import Pipeline
import Snapshots
import Storage
import TestSupport
import Testing

/// A shop's log that grows while users of it are forgotten, and what a fold from the beginning makes
/// of it.
extension PipelineFixture {
    /// The same log, in a directory of its own that grows, under the options of a state directory.
    func growing(_ name: String) -> PipelineOptions {
        var options = options(named: name)
        options.logDirectory = root + "/growing-log"
        return options
    }

    /// What a fold from the beginning makes of the log and of the inputs in `directory`.
    func refold(
        _ options: PipelineOptions, from directory: String
    ) async throws -> Outcome {
        try copyDurable(directory, to: options.stateDirectory)
        for suffix in ["", "-wal", "-shm"] {
            try RealDisk().remove(
                options.stateDirectory + "/generations/1/state.sqlite" + suffix)
        }
        return try await outcome(options)
    }

    func stored(_ options: PipelineOptions, generation: Int64 = 1) throws -> StoredState {
        try StoredState("\(options.stateDirectory)/generations/\(generation)/state.sqlite")
    }
}

extension RunningPipeline {
    @discardableResult
    func forget(
        _ user: Int64, allowsReturn: Bool = false
    ) async throws -> ForgetReport {
        let report = try await pipeline.forget(
            ForgetRequest(
                user: UserID(rawValue: user), reason: "case \(user)", allowsReturn: allowsReturn))
        let status = try await pipeline.status()
        #expect(status.counters.isBalanced, "\(status.counters)")
        return report
    }

    /// Returns when nothing is left to erase.
    func untilErased() async throws {
        for _ in 0..<30_000 {
            if try await pipeline.suppressions(after: 0, limit: 1).pendingCount == 0 { return }
            let status = try await pipeline.status()
            if status.state == "stopped" { return try await task.value }
            // Between two looks; the machine may have more to do than to answer this.
            try await Task.sleep(for: .milliseconds(1))
        }
        Issue.record("waited too long for an erasure: \(try await pipeline.status().degraded)")
    }
}

/// Users with a part of their own in `ShopLog`.
enum ShopUser {
    /// The one with the most events, whose rows leave the window.
    static let busy: Int64 = 9_007_199_254_740_993
    /// Ends the shop's pause.
    static let first: Int64 = -17 * 977
    /// First seen among the held events.
    static let paused: Int64 = ShopLog.pausedUser
    /// Whose clock is broken, so that its events are held and refused.
    static let broken: Int64 = -11 * 977
    /// Ordinary ones.
    static let some: Int64 = -15 * 977
    static let other: Int64 = -13 * 977
    static let unknown: Int64 = 5_000_000_001
}

/// Looks for planted values in all bytes below a directory; a line for each form that is found.
func planted(_ values: [String], below directory: String) async throws -> [String] {
    try await Child.run(["python3", "-B", goldenPath("planted_bytes.py"), directory] + values)
        .successful().output.split(separator: "\n").map(String.init)
}
