import Events
import Features
import Foundation
import Pipeline
import Profiles
import Snapshots
import Storage
import TestSupport
import Testing

/// What is asked about one user beyond the profile, of a whole pipeline.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct InquiryTests {
    /// What the judge reads of an explanation; lists in the order of the space's.
    private struct Answer: Encodable {
        struct Session: Encodable {
            var rows: Int
            var ended: Int64
            var churn: Double?
            var category: [Double]
            var item: [Double]
        }
        var user: String
        var asOf: Int64?
        var churn: Double?
        var category: [Double]
        var item: [Double]
        var sessions: [Session]

        init(_ reply: ExplanationReply, _ explanation: Explanation) {
            user = reply.user.description
            asOf = reply.asOf
            churn = explanation.prediction.churn
            category = explanation.prediction.categories.map(\.probability)
            item = explanation.prediction.items.map(\.probability)
            sessions = explanation.sessions.map {
                Session(
                    rows: $0.session.rows.count, ended: $0.session.endSeconds, churn: $0.churn,
                    category: $0.categories, item: $0.items)
            }
        }
    }

    @Test func `effects are those that an independent program finds in the log`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(
            root: directory.path, seed: 4, count: 3000, userCount: 119)
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let before = try await running.profiles(of: fixture.log.users)
        var answers: [Answer] = []
        var (sessions, older) = (0, 0)
        for user in fixture.log.users {
            let asOf = answers.count % 3 == 0 ? ShopLog.start + 40 * 86_400 : nil
            let reply = try await running.pipeline.explanation(
                of: user, asOf: asOf, from: .active)
            guard let explanation = reply.explanation else { continue }
            #expect(reply.generation == 1 && reply.space == 1 && !reply.trained)
            sessions += explanation.sessions.count
            older += explanation.olderRowCount > 0 ? 1 : 0
            answers.append(Answer(reply, explanation))
        }
        #expect(answers.count > 90 && sessions > 400 && older > 5, "\(sessions) \(older)")
        // Nobody's profile knows that it was looked at.
        #expect(try await running.profiles(of: fixture.log.users) == before)
        let user = fixture.log.users[3]
        let foretold = try await running.pipeline.predictions(of: [user], from: .active).rows[0]
        let again = try await running.pipeline.explanation(of: user, asOf: nil, from: .active)
        #expect(again.explanation?.prediction == foretold.prediction)
        try await running.drain()
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let judged = try await Child.run(
            [
                "python3", "-B", goldenPath("independent_explanation.py"), "--log-dir",
                fixture.options.logDirectory, "--state-dir", fixture.options.stateDirectory,
            ],
            input: String(decoding: try encoder.encode(answers), as: UTF8.self))
        #expect(judged.status == 0, "\(judged.output.prefix(2000))\(judged.error.suffix(1000))")
        #expect(judged.output.contains("lists compared"))
        _ = consume directory
    }

    @Test func `a user who is unknown or forgotten is answered as other reads answer`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        try await fixture.life(fixture.options) { running in
            try await running.catchUp(to: fixture.log.records.count)
            let pipeline = running.pipeline
            let version = try await pipeline.createSnapshot(SnapshotRequest()).version
            let some = UserID(rawValue: ShopUser.some)
            let unknown = UserID(rawValue: ShopUser.unknown)
            func answers(_ user: UserID) async throws -> (Bool, [Bool]) {
                let explained = try await pipeline.explanation(of: user, asOf: nil, from: .active)
                let history = try await pipeline.history(of: user, limit: 10, space: nil)
                #expect(history.entries.map(\.version) == [version])
                return (explained.explanation != nil, history.entries.map(\.isKnown))
            }
            #expect(try await answers(some) == (true, [true]))
            #expect(try await answers(unknown) == (false, [false]))
            try await running.forget(ShopUser.some)
            // Whether the files are rewritten yet or not.
            #expect(try await answers(some) == (false, [false]))
            try await running.untilErased()
            #expect(try await answers(some) == (false, [false]))
            let other = UserID(rawValue: ShopUser.other)
            #expect(try await answers(other) == (true, [true]))
            await #expect(throws: PipelineError.self) {
                try await pipeline.explanation(of: other, asOf: nil, from: .generation(9))
            }
        }
        _ = consume directory
    }

    @Test func `a history holds the profiles that were served when the snapshots were cut`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1200)
        let options = fixture.growing("live")
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        let user = UserID(rawValue: ShopUser.busy)
        try await fixture.life(options) { running in
            var served: [[Float]] = []
            for _ in 0..<4 {
                try log.grow(by: 300)
                try await running.catchUp(to: log.written)
                _ = try await running.pipeline.createSnapshot(SnapshotRequest())
                let reply = try await running.pipeline.profiles(of: [user], asOf: nil)
                served.append(reply.rows[0].values.map { Float(Float16($0)) })
            }
            let found = try await running.pipeline.history(of: user, limit: 3, space: 1)
            #expect(found.entries.map(\.values) == Array(served.suffix(3)))
            #expect(found.olderCount == 1 && found.entries.map(\.previous) == [1, 2, 3])
            for entry in found.entries {
                let cosines = entry.parts.compactMap(\.cosine)
                #expect(cosines.count == ProfilePart.allCases.count)
                #expect(cosines.count { $0 > -1 && $0 <= 1 } == cosines.count)
            }
            let none = try await running.pipeline.history(of: user, limit: 3, space: 2)
            #expect(none.entries.isEmpty)
            try log.close()
        }
        _ = consume directory
    }
}
