import Encoders
import EventLog
import Events
import Features
import Learning
import Pipeline
import Profiles
import Sessions
import Storage

/// One pass over a log for the gate: users of the hold-out as several models know them at the cut,
/// and what they bought after it.
struct GatePass {
    /// Whether the log clock has reached the cut.
    private(set) var isCut = false

    /// Rows that have left a user's window before they are stepped.
    private static let departedLimit = 256
    /// Users whose profiles are made together.
    private static let batchLimit = 256

    private let options: GateOptions
    private let window: LabelWindow
    private let models: [ProfileModel]
    /// Whose purchases are labels.
    private let targets: TargetLists
    private var replays: [RaggedReplay]
    private var scratch = FoldScratch()
    private var users: [UserID: GateUser] = [:]
    private var fitting: GateHalf
    private var judged: GateHalf
    private var byteCount: Int64 = 0
    /// Users without an event before the cut.
    private var leftOut: Set<UserID> = []
    /// Those who are not folded, or not any more.
    private var unfolded: UnfoldedUsers

    init(
        models: [ProfileModel], targets: TargetLists, window: LabelWindow, options: GateOptions
    ) {
        self.models = models
        self.targets = targets
        self.window = window
        self.options = options
        replays = models.map { RaggedReplay($0.bank) }
        unfolded = UnfoldedUsers(
            eventIDLimit: models.first?.reducer.options.order.eventIDLimit ?? 0)
        fitting = GateHalf(limit: options.userCount)
        judged = GateHalf(limit: options.userCount)
    }

    /// Takes an event that the intake lets through.
    mutating func take(_ event: EnrichedEvent, at offset: LogOffset) -> Reducer.Outcome {
        let user = event.event.user
        guard contains(user) else { return unfolded.pass(event.event) }
        let isAfter = isCut || event.event.seconds >= window.cutSeconds
        if users[user] == nil {
            // A clock that was wrong for a while: an event before the cut after one behind it.
            guard !isAfter, !leftOut.contains(user) else {
                leftOut.insert(user)
                return unfolded.pass(event.event)
            }
            let folds = models.map { GateUser.Fold(firstOffset: offset, $0) }
            users[user] = GateUser(folds: folds)
            byteCount += GateUser.estimate(folds)
            if note(user) { shrink() }
        }
        // Who has come lately may have had to go at once.
        guard let index = users.index(forKey: user) else { return unfolded.pass(event.event) }
        if isAfter, !users.values[index].isFrozen { freeze(index) }
        guard users.values[index].isFrozen else { return fold(event, at: offset, index) }
        let outcome = unfolded.pass(event.event)
        if case .duplicate = outcome.admission { return outcome }
        users.values[index].purchases.add(event, window, targets)
        return outcome
    }

    /// Notes the log clock; when it reaches the cut, nobody is folded any more.
    mutating func reach(_ seconds: Int64) {
        guard !isCut, seconds >= window.cutSeconds else { return }
        isCut = true
        var index = users.startIndex
        while index != users.endIndex {
            if !users.values[index].isFrozen { freeze(index) }
            users.formIndex(after: &index)
        }
    }

    /// What all models say at the cut; users leave the pass as they are looked at.
    mutating func views() -> GateUsers {
        let fit = order(.earlyStopping)
        let order = fit + order(.gate)
        var views = models.map { GateView($0, userCount: order.count) }
        var labels: [TaskLabels] = []
        var builders = models.map { ProfileBuilder(model: $0) }
        for start in stride(from: 0, to: order.count, by: Self.batchLimit) {
            let batch = order[start..<min(start + Self.batchLimit, order.count)]
                .compactMap { users.removeValue(forKey: $0) }
            for index in models.indices {
                let settled = builders[index].settle(
                    batch.map(\.folds[index].input), asOf: window.cutSeconds)
                views[index].append(settled, builders[index])
            }
            labels += batch.map(\.purchases.labels)
        }
        return GateUsers(users: order, fitCount: fit.count, labels: labels, views: views)
    }

    /// The users of a half, by rank.
    private func order(_ part: HoldOut.Part) -> [UserID] {
        users.keys.filter { options.holdOut.part(of: $0) == part }
            .sorted { UserRange.rank($0) < UserRange.rank($1) }
            .prefix(options.userCount).map(\.self)
    }

    private func contains(_ user: UserID) -> Bool {
        switch options.holdOut.part(of: user) {
        case .training: false
        case .earlyStopping: UserRange.rank(user) <= fitting.last
        case .gate: UserRange.rank(user) <= judged.last
        }
    }

    /// Counts a new user; true when there are too many.
    private mutating func note(_ user: UserID) -> Bool {
        if options.holdOut.part(of: user) == .gate {
            judged.count += 1
        } else {
            fitting.count += 1
        }
        return judged.isFull || fitting.isFull || byteCount > options.memoryByteCount
    }

    private mutating func fold(
        _ event: EnrichedEvent, at offset: LogOffset, _ index: Dictionary<UserID, GateUser>.Index
    ) -> Reducer.Outcome {
        var outcome = Reducer.Outcome.unfolded
        byteCount -= GateUser.estimate(users.values[index].folds)
        for (place, model) in models.enumerated() {
            scratch.removeRows()
            outcome = model.reducer.admit(
                event, at: offset, into: &users.values[index].folds[place].state, &scratch)
            users.values[index].folds[place].departed.append(scratch.departed)
            if users.values[index].folds[place].departed.count >= Self.departedLimit {
                users.values[index].folds[place].step(&replays[place])
            }
        }
        byteCount += GateUser.estimate(users.values[index].folds)
        if byteCount > options.memoryByteCount { shrink() }
        return outcome
    }

    /// Ends a user's past: later events only say what was bought.
    private mutating func freeze(_ index: Dictionary<UserID, GateUser>.Index) {
        users.values[index].isFrozen = true
        unfolded.add(
            users.keys[index], users.values[index].folds.first?.state.window.eventIDs ?? [])
    }

    /// Gives up the users who come last, of a half that is too large, or of both for memory.
    private mutating func shrink() {
        let isOverMemory = byteCount > options.memoryByteCount
        fitting.shrink(ranks(.earlyStopping), isHalved: isOverMemory)
        judged.shrink(ranks(.gate), isHalved: isOverMemory)
        for user in users.keys.filter({ !contains($0) }) {
            guard let gone = users.removeValue(forKey: user) else { continue }
            byteCount -= GateUser.estimate(gone.folds)
            if !gone.isFrozen {
                unfolded.add(user, gone.folds.first?.state.window.eventIDs ?? [])
            }
        }
        leftOut = leftOut.filter(contains)
    }

    /// Ascending.
    private func ranks(_ part: HoldOut.Part) -> [UInt64] {
        users.keys.filter { options.holdOut.part(of: $0) == part }.map(UserRange.rank).sorted()
    }
}

/// Which users of a half of the hold-out are looked at: those up to a rank, which only falls.
private struct GateHalf {
    let limit: Int
    var last = UInt64.max
    var count = 0

    init(limit: Int) { self.limit = limit }

    /// Whether a quarter more are there than will be looked at.
    var isFull: Bool { count > limit + limit / 4 + 16 }

    /// Gives up the users behind the limit, and half of the rest if need be; one always stays.
    mutating func shrink(_ ranks: [UInt64], isHalved: Bool) {
        let kept = min(limit, isHalved ? max(1, ranks.count / 2) : ranks.count)
        count = kept
        if kept < ranks.count { last = ranks[kept - 1] }
    }
}

/// A user of the hold-out.
struct GateUser {
    /// A user as one model knows it.
    struct Fold {
        var state: UserState
        /// `[S]` at `steppedCount`; empty when all is 0.
        var hidden: [Float] = []
        var steppedCount: Int64 = 0
        var departed = DepartedRows()

        init(firstOffset: LogOffset, _ model: ProfileModel) {
            state = UserState(firstOffset: firstOffset, options: model.reducer.options)
        }

        /// Brings the hidden states up to the last row, so that no departed row need be kept.
        mutating func step(_ replay: inout RaggedReplay) {
            replay.removeAll()
            replay.addUser(hidden, steppedCount: steppedCount, departed: departed, state.rows)
            replay.run()
            hidden = replay.state(0)
            steppedCount = state.rows.totalCount
            departed.removeAll()
        }

        var input: ProfileBuilder.Input {
            ProfileBuilder.Input(
                state: state, hidden: hidden, steppedCount: steppedCount, departed: departed)
        }
    }

    /// One a model.
    var folds: [Fold]
    var isFrozen = false
    var purchases = PurchaseRecord()

    init(folds: [Fold]) { self.folds = folds }

    /// Estimated bytes of a user.
    static func estimate(_ folds: [Fold]) -> Int64 {
        folds.reduce(0) { sum, fold in
            sum + FoldedUser(state: fold.state).byteCount + Int64(fold.hidden.count * 4)
                + Int64(fold.departed.count * (RowLayout.width * 2 + MemoryLayout<RowKey>.stride))
        }
    }
}
