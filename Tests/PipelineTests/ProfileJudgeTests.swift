import Pipeline
import Profiles
import TestSupport
import Testing

/// Whole profiles, against another program's from the same files.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ProfileJudgeTests {
    @Test func `every part of a snapshot is what an independent program makes of the log`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(
            root: directory.path, seed: 4, count: 4000, userCount: 119)
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let report = try await running.pipeline.createSnapshot(SnapshotRequest())
        let known = try await running.pipeline.profiles(of: fixture.log.users, asOf: nil).rows
            .count { $0.isKnown }
        try await running.drain()
        let judged = try await Child.run([
            "python3", goldenPath("independent_profile.py"), "--log-dir",
            fixture.options.logDirectory, "--state-dir", fixture.options.stateDirectory,
            "--snapshot", "\(report.version)", "--users", "200",
        ])
        #expect(judged.status == 0, "\(judged.output.prefix(2000))\(judged.error)")
        for part in ProfilePart.allCases {
            #expect(judged.output.contains("\(part.rawValue) "), "\(part)")
        }
        // Everybody of whom the log has an event.
        #expect(known >= 100 && judged.output.contains("\(known) users"))
    }
}
