import Events
import Features
import Pipeline
import Profiles
import Snapshots

/// What is asked about one user beyond the profile: answered from memory, like the rest.
extension MockService {
    /// Two sessions of three rows: an addition, and a day later a visit with a purchase.
    private static let sessions: [RowSession] = {
        let reducer = Reducer(statistics: .empty, options: FoldOptions())
        var window = RowWindow(limit: 8)
        let row = [UInt16](repeating: 0, count: RowLayout.width)
        for (kind, seconds) in [
            (.addToCart, 1_699_900_000), (.productBuy, 1_699_990_000), (.pageVisit, 1_699_992_300),
        ] as [(EventKind, Int64)] {
            window.append(row.span, RowKey(kind: kind, seconds: seconds, key: 1, gap: 1))
        }
        return reducer.sessions(in: window, last: 8)
    }()

    func explanation(
        of user: UserID, asOf: Int64?, from selector: GenerationSelector
    ) async throws(PipelineError) -> ExplanationReply {
        let asked = selector == .active ? "" : " \(selector)"
        try note("explain \(user) \(asOf ?? -1)\(asked)")
        // Generation 0 has no networks.
        let isBare = selector == .generation(0)
        var reply = ExplanationReply(
            user: user, space: 1, generation: isBare ? 0 : 2, trained: !isBare,
            asOf: asOf ?? 1_700_000_000, offset: 10, explanation: nil)
        guard user.rawValue != 404 else { return reply }
        let prediction = Prediction(
            churn: isBare ? nil : 0.25,
            categories: isBare
                ? []
                : [
                    .init(id: 11, probability: 0.5, score: 2),
                    .init(id: 12, probability: 0.75, score: nil),
                ],
            items: isBare ? [] : [.init(id: 9, probability: 0.5, score: 1)])
        reply.explanation = Explanation(
            prediction: prediction, windowRowCount: 3, olderRowCount: isBare ? 0 : 7,
            sessions: Self.sessions.enumerated().map { place, session in
                isBare
                    ? .init(session: session, isWhole: true)
                    : .init(
                        session: session, isWhole: place > 0, churn: place == 0 ? 0.75 : 0.125,
                        categories: [0.25, 0.75], items: [0.625])
            })
        return reply
    }

    func history(
        of user: UserID, limit: Int, space: Int64?
    ) async throws(PipelineError) -> SnapshotHistory {
        try note("history \(user) \(limit) \(space ?? -1)")
        func entry(_ version: Int64) -> SnapshotHistory.Entry {
            SnapshotHistory.Entry(
                version: version, previous: version > 1 ? version - 1 : nil,
                isCurrent: version == 2, space: 1, generation: 2, trained: true,
                asOf: 1_700_000_000, createdSeconds: 1_700_000_000)
        }
        var (first, second, third) = (entry(1), entry(2), entry(3))
        first.incomparable = "there is none before it"
        if user.rawValue != 404 {
            (first.isKnown, second.isKnown) = (true, true)
            first.parts = [.init(name: "sra", start: 0, end: 2, norm: 5, cosine: nil)]
            second.parts = [.init(name: "sra", start: 0, end: 2, norm: 10, cosine: 0.96)]
            (first.values, second.values) = ([3, 4], [8, 6])
        }
        third.problem = "snapshots/3: missing"
        third.incomparable = "it cannot be read"
        return SnapshotHistory(entries: [first, second, third], olderCount: 4)
    }
}
