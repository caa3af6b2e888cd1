import Daemon
import EventLog
import Events
import Features
import Pipeline
import Profiles
import Sessions
import Snapshots
import Synchronization

/// A pipeline that answers from memory, notes what it was asked, and fails or waits when told to.
final class MockService: ProfileService {
    struct State {
        var calls: [String] = []
        var failure: PipelineError?
        var report = StatusReport()
        var request: SnapshotRequest?
        var drained: CheckedContinuation<Void, Never>?
        var isDrained = false
        /// Gates that answers of `checkpoint` wait for.
        var gates: [CheckedContinuation<Void, Never>] = []
        var isGated = false
        /// Whether it answers, but goes no further.
        var isHung = false
        var width = 3
        var refresh: RefreshCondition?
        var waitingWatches = 0
    }

    let state = Mutex(State())

    init() {
        state.withLock {
            $0.report.state = "live"
            $0.report.counters.read = 10
            $0.report.counters.applied = 9
            $0.report.counters.pending = 1
            $0.report.currentSnapshot = 2
            $0.report.generation = 1
            $0.report.space = 1
            $0.report.users = 4
        }
    }

    var calls: [String] { state.withLock { $0.calls } }

    func fail(with error: PipelineError?) { state.withLock { $0.failure = error } }

    func note(_ call: String) throws(PipelineError) {
        let failure = state.withLock {
            $0.calls.append(call)
            return $0.failure
        }
        if let failure { throw failure }
    }

    func status() async throws(PipelineError) -> StatusReport {
        try note("status")
        return state.withLock {
            if !$0.isHung { $0.report.rounds += 1 }
            return $0.report
        }
    }

    func profiles(
        of users: [UserID], asOf: Int64?, from selector: GenerationSelector
    ) async throws(PipelineError) -> ProfileReply {
        let asked = selector == .active ? "" : " \(selector)"
        try note("profiles \(users.map(\.rawValue)) \(asOf ?? -1)\(asked)")
        let width = state.withLock { $0.width }
        return ProfileReply(
            space: 1, generation: 2, trained: true, asOf: asOf ?? 100, offset: 10,
            stalenessSeconds: 0,
            parts: [.init(name: "a", start: 0, end: 1), .init(name: "b", start: 1, end: width)],
            rows: users.map { user in
                .init(
                    user: user, isKnown: user.rawValue != 404,
                    values: (0..<width).map { Float($0) + 0.1 }, rowCount: 5, eventCount: 6,
                    newestSeconds: 99, pendingCount: 1)
            })
    }

    func predictions(
        of users: [UserID], from selector: GenerationSelector
    ) async throws(PipelineError) -> PredictionReply {
        let asked = selector == .active ? "" : " \(selector)"
        try note("predictions \(users.map(\.rawValue))\(asked)")
        let prediction = Prediction(
            churn: 0.25,
            categories: [
                .init(id: 11, probability: 0.5, score: 2),
                .init(id: 12, probability: 0.75, score: nil),
            ],
            items: [
                .init(id: 8, probability: 0.1, score: 9), .init(id: 9, probability: 0.3, score: 1),
                .init(id: 7, probability: 0.1, score: 1),
            ])
        return PredictionReply(
            space: 1, generation: 2, trained: true, asOf: 1_700_000_000, offset: 10,
            rows: users.map { .init(user: $0, prediction: $0.rawValue == 404 ? nil : prediction) })
    }

    func watch(_ query: WatchQuery) async throws(PipelineError) -> WatchPage {
        let users = query.users.map { "\($0.map(\.rawValue))" } ?? "everybody"
        try note("watch \(users) \(query.after?.description ?? "now") \(query.limit)")
        var page = WatchPage(
            revision: Revision(epoch: 7, count: 100), changes: [], oldest: nil, space: 1,
            generation: 2, offset: 100)
        switch query.after?.count {
        case nil: break
        case 100:
            // Nothing happens until the peer is tired of waiting, or gone.
            state.withLock { $0.waitingWatches += 1 }
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
            state.withLock { $0.waitingWatches -= 1 }
        case 1: page.oldest = Revision(epoch: 7, count: 50)
        default:
            page.changes = [
                .init(
                    user: UserID(rawValue: 77), revision: Revision(epoch: 7, count: 99),
                    newestSeconds: 99, eventCount: 6, isForgotten: false),
                .init(
                    user: UserID(rawValue: 404), revision: Revision(epoch: 7, count: 100),
                    newestSeconds: nil, eventCount: 0, isForgotten: true),
            ]
        }
        return page
    }

    func createSnapshot(_ request: SnapshotRequest) async throws(PipelineError) -> SnapshotReport {
        try note("create")
        state.withLock { $0.request = request }
        return snapshot(3)
    }

    func snapshots() async throws(PipelineError) -> [SnapshotReport] {
        try note("snapshots")
        return [snapshot(1), snapshot(2)]
    }

    func verifySnapshot(_ version: Int64) async throws(PipelineError) -> SnapshotReport {
        try note("verify \(version)")
        return snapshot(version)
    }

    func rollback(
        to version: Int64, reason: String, expecting: Int64?, dryRun: Bool
    ) async throws(PipelineError)
        -> RollbackReport
    {
        let counted = expecting.map { " expecting \($0)" } ?? ""
        try note("rollback \(version) \(reason) \(dryRun)\(counted)")
        return RollbackReport(
            previous: 2, current: version, hold: reason, seconds: 0.001, dryRun: dryRun)
    }

    func release(
        expecting: Int64?, dryRun: Bool
    ) async throws(PipelineError) -> RollbackReport {
        let counted = expecting.map { " expecting \($0)" } ?? ""
        try note("release \(dryRun)\(counted)")
        openGates()
        return RollbackReport(previous: 1, current: 2, hold: nil, seconds: 0.001, dryRun: dryRun)
    }

    func generations() async throws(PipelineError) -> [GenerationReport] {
        try note("generations")
        var first = GenerationReport(generation: 1, space: 1, trained: true, path: "/g/1")
        first.standing = GenerationStanding(
            generation: 1, space: 1, trained: true, role: "active", state: "live", offset: 10,
            lagBytes: 0, lagEvents: 0, etaSeconds: nil, until: nil)
        first.takeovers = [.init(offset: 0, place: nil, seconds: 1_700_000_000)]
        var second = GenerationReport(generation: 2, space: 2, trained: true, path: "/g/2")
        second.refusals = ["churn: worse by 0.2"]
        second.numbers = ["gate.churn": 0.5, "rows": 64]
        return [first, second]
    }

    func activate(
        _ generation: Int64, force: Bool, dryRun: Bool
    ) async throws(PipelineError) -> ActivationReport {
        try note("activate \(generation) \(force) \(dryRun)")
        if generation == 2, !force { throw .refusedGeneration(2, reasons: ["worse"]) }
        return ActivationReport(
            previous: 1, generation: generation, isActive: generation == 1, dryRun: dryRun)
    }

    func spaces() async throws(PipelineError) -> [SpaceReport] {
        try note("spaces")
        return [
            SpaceReport(
                space: 1, trained: true, path: "/s/1", fitFrom: 5, fitTo: 9, previous: nil,
                generations: [1], served: 1, until: 1_800_000_000)
        ]
    }

    func refresh() async throws(PipelineError) -> RefreshCondition? {
        try note("refresh")
        return state.withLock { $0.refresh }
    }

    func cancelRefresh(dryRun: Bool) async throws(PipelineError) -> RefreshCondition {
        try note("cancel \(dryRun)")
        guard let refresh = state.withLock({ $0.refresh }) else { throw .noRefresh }
        return refresh
    }

    func quarantine(_ query: QuarantineQuery) async throws(PipelineError) -> QuarantinePage {
        func word(_ value: (some CustomStringConvertible)?) -> String {
            value.map(\.description) ?? "nil"
        }
        try note(
            "quarantine \(word(query.after)) \(word(query.segment)) \(word(query.code)) "
                + "\(query.limit)")
        var condition = QuarantineCondition()
        condition.entryCount = 2
        condition.droppedCount = 7
        let items = query.after == nil ? [Self.quarantined] : []
        return QuarantinePage(
            items: items, next: items.first?.entry.key, condition: condition)
    }

    func quarantined(_ place: RecordPlace) async throws(PipelineError) -> QuarantineItem {
        try note("quarantined \(place)")
        guard place == Self.quarantined.entry.key else { throw .notQuarantined(place) }
        return Self.quarantined
    }

    func replay(
        _ places: [RecordPlace], dryRun: Bool
    ) async throws(PipelineError) -> [ReplayOutcome] {
        try note("replay \(places.map(\.description).joined(separator: " ")) \(dryRun)")
        return places.map {
            ReplayOutcome(
                place: $0,
                refusal: $0 == Self.quarantined.entry.key
                    ? nil : Refusal(code: "replayed", reason: "it was replayed already"))
        }
    }

    private static let quarantined = QuarantineItem(
        entry: QuarantineEntry(
            key: RecordPlace(segment: 17, recordIndex: 4711), position: 100, byteCount: 5,
            reason: "not_json: byte 1: not a JSON object", bytes: Array("{oops".utf8),
            seconds: 1_700_000_000),
        isReplayed: false)

    func forget(_ request: ForgetRequest) async throws(PipelineError) -> ForgetReport {
        try note(
            "forget \(request.user) \(request.reason) \(request.allowsReturn) \(request.isDryRun)")
        var report = ForgetReport(
            user: request.user, place: RecordPlace(segment: 3, recordIndex: 4), offset: 10)
        report.isKnown = true
        report.events = 12
        report.rows = 7
        report.input = request.isDryRun ? nil : 5
        return report
    }

    func export(_ user: UserID) async throws(PipelineError) -> UserExport {
        try note("export \(user)")
        let profile = try await profiles(of: [user], asOf: nil, from: .active)
        var state = UserState(firstOffset: 0, options: FoldOptions())
        state.urls.add(4711, lane: 0, count: 2, weight: 0, limit: 8)
        let held = [EventKind.searchQuery, .addToCart].map { kind in
            PendingEvent(
                event: EnrichedEvent(Event(user: user, seconds: 1_700_000_000, kind: kind)),
                offset: 3)
        }
        let isKnown = user.rawValue != 404
        return UserExport(
            user: user, state: isKnown ? state : nil, held: isKnown ? held : [], profile: profile,
            prediction: nil, suppressions: Self.suppressed.filter { $0.user == user },
            isSuppressed: false)
    }

    func suppressions(
        after: Int64, limit: Int
    ) async throws(PipelineError) -> SuppressionPage {
        try note("suppressions \(after) \(limit)")
        return SuppressionPage(
            items: Self.suppressed.filter { $0.input > after }, next: nil, pendingCount: 1)
    }

    private static let suppressed = [
        Suppression(
            input: 5, user: UserID(rawValue: 77), place: RecordPlace(segment: 3, recordIndex: 4),
            offset: 10, allowsReturn: false, reason: "case 12", seconds: 1_700_000_000)
    ]

    func checkpoint() async throws(PipelineError) -> Cursor {
        try note("checkpoint")
        if state.withLock({ $0.isGated }) {
            await withCheckedContinuation { gate in state.withLock { $0.gates.append(gate) } }
        }
        var cursor = Cursor.start
        cursor.recordCount = 10
        return cursor
    }

    /// Lets everything that waits go on, and nothing wait from here on.
    func openGates() {
        let gates = state.withLock { state in
            state.isGated = false
            defer { state.gates = [] }
            return state.gates
        }
        for gate in gates { gate.resume() }
    }

    func drain() async throws(PipelineError) {
        try note("drain")
        let waiting = state.withLock { state in
            state.isDrained = true
            defer { state.drained = nil }
            return state.drained
        }
        waiting?.resume()
    }

    /// The pipeline's loop: does nothing until drained.
    func run() async {
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock {
                if !$0.isDrained { $0.drained = continuation }
                return $0.isDrained
            }
            if isDrained { continuation.resume() }
        }
    }

    private func snapshot(_ version: Int64) -> SnapshotReport {
        SnapshotReport(
            version: version, path: "/state/snapshots/\(version)", isCurrent: version == 2,
            users: 4, width: 3, space: 1, generation: 2, trained: true, asOf: 100, offset: 10,
            byteCount: 2048, createdSeconds: 1_700_000_000, parent: nil,
            hashes: ["embeddings.npy": "bb", "client_ids.npy": "aa"])
    }
}

/// Knows one user by text.
struct OneName: UserNames {
    func user(named text: String) -> UserID? { text == "85123A" ? UserID(rawValue: 77) : nil }
    func name(of user: UserID) -> String? { user.rawValue == 77 ? "85123A" : nil }
    func name(of id: Int64, _ kind: IDKind) -> String? {
        kind == .item && id == 9 ? "WHITE MUG" : nil
    }
}
