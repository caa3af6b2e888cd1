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
        let fixture = try PipelineFixture(root: directory.path, seed: 4)
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let report = try await running.pipeline.createSnapshot(SnapshotRequest())
        try await running.drain()
        let judged = try await Child.run([
            "python3", goldenPath("independent_profile.py"), "--log-dir",
            fixture.options.logDirectory, "--state-dir", fixture.options.stateDirectory,
            "--snapshot", "\(report.version)", "--users", "100",
        ])
        #expect(judged.status == 0, "\(judged.output.prefix(2000))\(judged.error)")
        for part in ProfilePart.allCases {
            #expect(judged.output.contains("\(part.rawValue) "), "\(part)")
        }
        #expect(judged.output.contains("61 users"))
    }
}
